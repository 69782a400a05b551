import json
import shutil
from pathlib import Path

import lightning as L
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from conftest import SMALL
from sklearn.metrics import r2_score

from gpattention.config import check_config, compose_config
from gpattention.data.datamodule import GPMapDataModule
from gpattention.data.splits import split_individuals
from gpattention.errors import InputError
from gpattention.run_folder import files, loading
from gpattention.runs import build
from gpattention.runs import run as run_module
from gpattention.runs.build import build_data
from gpattention.runs.folder import LOCK, held, new_run, put_back
from gpattention.runs.run import run
from gpattention.training.by_gradients import GPMapModule
from gpattention.training.checkpoints import read_checkpoint

# Not compared between runs: what depends on the machine and the moment.
MEASURED_ON_THE_MACHINE = {"fit_seconds", "segregants_per_second", "peak_memory_mib"}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != LOCK}


def small_run(folder, *overrides):
    return run(compose_config([*SMALL, *overrides]), folder)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return folder, small_run(folder, "model=attention", "model.embedding_dim=3")


def test_run_folder_holds_everything(finished):
    folder, metrics = finished
    assert {path.name for path in folder.iterdir()} == set(files.ALL) - {*files.UNFINISHED, files.REPORT}
    assert json.loads((folder / "metrics.json").read_text()) == metrics
    names = "val/r2 test/r2 test/r2/30C test/r2_pooled test/mse test/r2_ceiling n_parameters best_epoch fit_seconds segregants_per_second peak_memory_mib"
    assert set(names.split()) <= set(metrics)
    assert metrics["n_parameters"] == 6 * 3 + 9 * 16 + 6 * 4 + 1
    history = pd.read_csv(folder / "metrics.csv")
    assert history["epoch"].tolist() == [1, 2]
    assert not history[["train/loss", "val/r2", "learning_rate"]].isna().any(axis=None)
    assert "30C" in (folder / "run.log").read_text()


def test_scores_equal_those_of_the_predictions_written(finished):
    folder, metrics = finished
    table = pd.read_csv(folder / "predictions_test.tsv", sep="\t")
    assert table.columns.tolist() == ["id", "environment", "measured", "predicted"]
    assert metrics["test/r2"] == pytest.approx(r2_score(table["measured"], table["predicted"]), abs=1e-5)
    splits = np.load(folder / "splits.npz")
    assert table["id"].tolist() == splits["individual_ids"][splits["test"]].tolist()
    assert np.sort(np.concatenate([splits["train"], splits["val"], splits["test"]])).tolist() == list(range(400))


def test_ceiling_is_the_r2_of_the_truth(finished):
    folder, metrics = finished
    test = np.load(folder / "splits.npz")["test"]
    measured = pd.read_csv(folder / "predictions_test.tsv", sep="\t")["measured"]
    truth = np.load(folder / "truth.npz")["noiseless"][test, 0]
    assert metrics["test/r2_ceiling"] == pytest.approx(r2_score(measured, truth), abs=1e-3)


@pytest.mark.parametrize("model", ["attention", "transformer", "pairwise"])
def test_same_seed_gives_the_same_metrics(model, tmp_path):
    first, second = (small_run(tmp_path / name, f"model={model}") for name in ("a", "b"))
    same = set(first) - MEASURED_ON_THE_MACHINE
    assert {name: first[name] for name in same} == {name: second[name] for name in same}
    # the seed decides the weights and the batches of a network; a regression has neither
    other = small_run(tmp_path / "c", f"model={model}", "seed=1")
    assert (other["val/mse"] == first["val/mse"]) == (model == "pairwise")


@pytest.mark.parametrize(
    ("model", "epsilon", "least"),
    [
        ("linear", 1, 0.85),
        ("pairwise", 1, 0.85),
        ("pairwise_iterative", 1, 0.85),
        ("kernel", 1, 0.85),
        ("kronecker", 1, 0.85),
        ("attention", 1, 0.8),
        ("multi_environment_attention", 1, 0.8),
        ("transformer", 0.3, 0.8),
        ("attention_bounded", 0.3, 0.8),
    ],
)
def test_every_model_recovers_a_simulated_map(model, epsilon, least, tmp_path):
    overrides = [
        "data.n_segregants=4000",
        "data.n_interactions=3",
        "trainer.max_epochs=15",
        "training.learning_rate=5e-3",
    ]
    metrics = small_run(tmp_path, f"model={model}", f"data.epsilon={epsilon}", *overrides)
    assert least < metrics["test/r2"] < metrics["test/r2_ceiling"] + 0.01


def test_best_epoch_is_restored(tmp_path):
    """With a rate so high that training falls apart, the scores are those of the epoch kept, not of the last."""
    metrics = small_run(
        tmp_path, "model=attention", "training.learning_rate=0.3", "trainer.max_epochs=6", "data.epsilon=1"
    )
    history = pd.read_csv(tmp_path / "metrics.csv")
    assert metrics["val/r2"] == pytest.approx(history["val/r2"].max(), abs=1e-9)
    assert metrics["best_epoch"] == history["val/r2"].idxmax() + 1


def test_several_environments_in_one_joint_map(tmp_path):
    metrics = small_run(tmp_path, "model=transformer", "model.environment=joint", "data.temperatures=[25,30,35]")
    each = [metrics[f"test/r2/{name}"] for name in ("25C", "30C", "35C")]
    assert metrics["test/r2"] == pytest.approx(np.mean(each))
    table = pd.read_csv(tmp_path / "predictions_test.tsv", sep="\t")
    for name, value in zip(("25C", "30C", "35C"), each, strict=True):
        part = table[table["environment"] == name]
        assert value == pytest.approx(r2_score(part["measured"], part["predicted"]), abs=1e-5)


def test_complete_run_is_not_overwritten_unless_asked(tmp_path):
    small_run(tmp_path, "model=linear")
    before = contents(tmp_path)
    with pytest.raises(InputError, match=r"holds a complete run: set overwrite=true"):
        small_run(tmp_path, "model=linear", "data.epsilon=1")
    assert contents(tmp_path) == before
    small_run(tmp_path, "model=linear", "data.epsilon=1", "overwrite=true")
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["data"]["epsilon"] == 1


@pytest.mark.parametrize(
    "bad",
    [
        ["data.n_segregants=5"],
        ["data.epsilon=2"],
        ["model=transformer", "model.n_heads=5"],
        ["data.temperatures=[25,30]", "model=attention"],
    ],
)
def test_refused_run_leaves_an_earlier_one_alone(bad, tmp_path):
    small_run(tmp_path, "model=linear")
    before = contents(tmp_path)
    with pytest.raises(InputError):
        small_run(tmp_path, "overwrite=true", *bad)
    assert contents(tmp_path) == before


def test_run_that_breaks_off_is_not_complete(tmp_path, monkeypatch):
    def break_off(*_, **__):
        raise RuntimeError("broken off")

    monkeypatch.setattr(L.Trainer, "test", break_off)
    with pytest.raises(RuntimeError, match="broken off"):
        small_run(tmp_path, "model=linear")
    assert (tmp_path / "config.yaml").exists()
    assert not files.is_complete(tmp_path)
    monkeypatch.undo()
    with pytest.raises(InputError, match="holds an unfinished run: set resume=auto .* overwrite=true"):
        small_run(tmp_path, "model=linear")
    small_run(tmp_path, "model=linear", "resume=auto")
    assert files.is_complete(tmp_path)


class BrokenOff(Exception):
    pass


@pytest.mark.parametrize("last_epoch", [1, 3, 6])
@pytest.mark.parametrize(
    "more",
    [["model=transformer", "model.environment=joint", "model.dropout=0.1"], ["model=multi_environment_attention"]],
)
def test_run_that_goes_on_comes_to_what_an_undisturbed_one_does(last_epoch, more, tmp_path):
    overrides = [*SMALL, *more, "data.temperatures=[25,30]", "trainer.max_epochs=6"]

    def break_off(epoch, n_epochs, score):
        if epoch == last_epoch:
            raise BrokenOff

    undisturbed = run(compose_config(overrides), tmp_path / "undisturbed")
    with pytest.raises(BrokenOff):
        run(compose_config(overrides), tmp_path / "broken", break_off)
    resumed = run(compose_config([*overrides, "resume=auto"]), tmp_path / "broken")
    changing = {"fit_seconds", "segregants_per_second", "peak_memory_mib"}
    assert {key: resumed[key] for key in resumed.keys() - changing} == {
        key: undisturbed[key] for key in undisturbed.keys() - changing
    }
    histories = [
        pd.read_csv(tmp_path / name / "metrics.csv").drop(columns="seconds") for name in ("undisturbed", "broken")
    ]
    pd.testing.assert_frame_equal(*histories)
    assert not (tmp_path / "broken" / "last.ckpt").exists()


def test_run_goes_on_in_a_folder_that_was_moved(tmp_path):
    """The best epoch is before the break, so that a forgotten score would show."""
    overrides = [*SMALL, "model=transformer", "trainer.max_epochs=12", "training.learning_rate=2e-2"]
    overrides += ["training.schedule=constant"]
    undisturbed = run(compose_config(overrides), tmp_path / "undisturbed")
    last_epoch = undisturbed["best_epoch"] + 2
    assert last_epoch <= 12

    def break_off(epoch, n_epochs, score):
        if epoch == last_epoch:
            raise BrokenOff

    with pytest.raises(BrokenOff):
        run(compose_config(overrides), tmp_path / "here", break_off)
    (tmp_path / "here").rename(tmp_path / "there")
    resumed = run(compose_config([*overrides, "resume=auto"]), tmp_path / "there")
    assert resumed["best_epoch"] == undisturbed["best_epoch"]
    assert resumed["test/r2"] == undisturbed["test/r2"]


def test_run_broken_off_after_its_last_epoch_has_its_history(tmp_path, monkeypatch):
    def break_off(*_, **__):
        raise BrokenOff

    with monkeypatch.context() as patched, pytest.raises(BrokenOff):
        patched.setattr(L.Trainer, "validate", break_off)
        small_run(tmp_path, "model=attention")
    resumed = small_run(tmp_path, "model=attention", "resume=auto")
    assert pd.read_csv(tmp_path / "metrics.csv")["epoch"].tolist() == [1, 2]
    assert resumed["n_epochs"] == 2
    assert resumed["train/passes"] > 0


def test_run_that_another_process_is_at_is_refused(tmp_path):
    small_run(tmp_path, "model=linear")
    before = contents(tmp_path)
    with held(tmp_path), pytest.raises(InputError, match="another process is at the run in .*: wait for it"):
        small_run(tmp_path, "model=linear", "overwrite=true")
    assert contents(tmp_path) == before


def test_early_stopped_run_that_is_broken_off_trains_no_further(tmp_path, monkeypatch):
    overrides = [*SMALL, "model=attention", "callbacks=early_stopping", "callbacks.early_stopping.patience=1"]
    overrides += ["trainer.max_epochs=50", "training.learning_rate=1e-9"]

    def break_off(*_, **__):
        raise BrokenOff

    with monkeypatch.context() as patched, pytest.raises(BrokenOff):
        patched.setattr(L.Trainer, "validate", break_off)
        run(compose_config(overrides), tmp_path)
    n_epochs = len(pd.read_csv(tmp_path / "metrics.csv"))
    resumed = run(compose_config([*overrides, "resume=auto"]), tmp_path)
    assert resumed["n_epochs"] == n_epochs < 50


def test_going_on_with_another_run_is_refused_and_names_the_keys(tmp_path, monkeypatch):
    small_run(tmp_path, "model=linear")
    before = (tmp_path / "metrics.json").read_bytes()
    with pytest.raises(InputError, match=r"it differs in data.epsilon 0.3 -> 0.5, seed 0 -> 2: set overwrite=true"):
        small_run(tmp_path, "model=linear", "seed=2", "data.epsilon=0.5", "resume=auto")
    monkeypatch.setattr(L.Trainer, "fit", lambda *_, **__: pytest.fail("it was fitted again"))
    assert small_run(tmp_path, "model=linear", "resume=auto", "logger=none") == json.loads(before)


def test_weights_that_run_away_stop_the_run(tmp_path):
    with pytest.raises(
        InputError, match=r"errors of 30C are no longer finite at epoch 1, batch \d+, with learning rate 1e\+30: lower"
    ):
        small_run(tmp_path, "model=attention", "training.learning_rate=1e30")


@pytest.fixture
def one_bad_value(monkeypatch):
    """A training value of the second environment that is not finite, though nothing said so before."""
    original = GPMapDataModule.batch_of

    def batch_of(self, rows, weight=None, with_genotype=True):
        batch = original(self, rows, weight, with_genotype)
        if weight is not None:
            batch.phenotype[5, 1] = torch.inf
        return batch

    monkeypatch.setattr(GPMapDataModule, "batch_of", batch_of)
    return ["model=transformer", "model.environment=joint", "data.temperatures=[25,30,35]", "trainer.max_epochs=3"]


def test_value_that_is_not_finite_is_told_with_its_environment(tmp_path, one_bad_value):
    with pytest.raises(InputError, match=r"errors of 30C are .* at epoch 1, batch \d.*on_non_finite=skip"):
        small_run(tmp_path, *one_bad_value)
    assert not files.is_complete(tmp_path)


def test_steps_that_are_not_finite_are_skipped_and_counted(tmp_path, one_bad_value):
    metrics = small_run(tmp_path, *one_bad_value, "training.on_non_finite=skip")
    assert metrics["train/skipped_steps"] == 3
    assert np.isfinite(metrics["train/loss"])
    assert metrics["test/r2"] > 0


def test_best_map_is_kept_where_numbers_go_wrong_later(tmp_path, monkeypatch):
    original = GPMapModule.training_step

    def training_step(self, batch, batch_idx):
        return original(self, batch, batch_idx) * (torch.nan if self.current_epoch == 1 else 1)

    monkeypatch.setattr(GPMapModule, "training_step", training_step)
    with pytest.raises(InputError, match=r"the gradients are no longer finite at epoch 2, batch 1"):
        small_run(tmp_path, "model=attention", "trainer.max_epochs=5")
    assert read_checkpoint(tmp_path / "best.ckpt")["epoch"] == 0
    assert all(value.isfinite().all() for value in read_checkpoint(tmp_path / "last.ckpt")["state_dict"].values())


def test_map_worse_than_the_mean_says_so(tmp_path, caplog):
    metrics = small_run(tmp_path, "model=attention", "data.epsilon=0", "training.learning_rate=0.5", "model.init_std=1")
    assert metrics["test/r2"] < 0
    assert "worse than predicting the mean" in caplog.text


def test_standard_errors_give_the_ceiling(own_files, tmp_path):
    genotype_file, phenotype_file = own_files
    table = pd.read_csv(phenotype_file, index_col=0)
    (table * 0 + 0.5).to_csv(tmp_path / "se.csv")
    files = [
        f"data.genotype_file={genotype_file}",
        f"data.phenotype_file={phenotype_file}",
        f"data.standard_error_file={tmp_path}/se.csv",
    ]
    metrics = run(
        compose_config(["data=table", "model=linear", "trainer=cpu", "data.environments=[A]", *files]), tmp_path / "run"
    )
    measured = pd.read_csv(tmp_path / "run" / "predictions_test.tsv", sep="\t")["measured"]
    assert metrics["test/r2_ceiling"] == pytest.approx(1 - 0.25 / measured.var(ddof=0), rel=1e-5)


def test_load_run_needs_only_the_folder(finished, tmp_path):
    folder, _metrics = finished
    loaded = loading.load_run(folder)
    table = pd.read_csv(folder / "predictions_test.tsv", sep="\t")
    config = compose_config([*SMALL, "model=attention"])
    data = build.build_data(run_module.check_config(config), type(loaded.module))
    with torch.inference_mode():
        prediction = loaded.module(torch.from_numpy(data.data.genotype[data.split.test]).float())
    restored = loaded.preprocessing.scaling.restore(prediction.numpy())[:, 0]
    np.testing.assert_allclose(restored, table["predicted"], rtol=1e-6)


@pytest.mark.parametrize("name", ["metrics.json", "best.ckpt"])
def test_load_run_names_what_is_missing(name, tmp_path):
    small_run(tmp_path, "model=linear")
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=name):
        loading.load_run(tmp_path)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("monitor=nonsense", r"monitor=nonsense: validation has val/r2, val/r2/30C, val/r2_pooled"),
        ("monitor=val/mse", r"monitor=val/mse: did you mean"),
        ("trainer=gpu", r"there is no GPU"),
        ("trainer.precision=16-mixed", r"needs a GPU"),
        ("trainer.gradient_clip_val=-1", r"trainer.gradient_clip_val=-1"),
        ("model.init_std=-1", r"model.init_std is -1"),
        ("data.fold=1", r"data.split_scheme=fractions takes no data.fold"),
        ("training.learning_rate=1e30", r"no longer finite"),
    ],
)
def test_complete_run_outlives_whatever_stops_the_one_that_would_replace_it(bad, words, finished, tmp_path):
    folder, _ = finished
    shutil.copytree(folder, tmp_path / "run")
    before = contents(tmp_path / "run")
    with pytest.raises(InputError, match=words):
        small_run(tmp_path / "run", "model=attention", "overwrite=true", bad)
    assert contents(tmp_path / "run") == before


def test_complete_run_survives_a_kill_at_any_moment_of_its_replacement(finished, tmp_path, monkeypatch):
    """Break off at the first rename, the second, ... while it is set aside and while it is put back."""
    folder, _ = finished
    rename, steps = Path.rename, len(files.ALL)

    def break_off_after(n):
        done = []

        def limited(path, target):
            if len(done) == n:
                raise SystemExit
            done.append(path)
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", limited)

    for kill_aside, kill_back in [(k, 99) for k in range(steps)] + [(steps, k) for k in range(steps)]:
        copy = tmp_path / f"{kill_aside}-{kill_back}"
        shutil.copytree(folder, copy)
        break_off_after(kill_aside)
        with pytest.raises(SystemExit), new_run(copy):
            (copy / "config.yaml").write_text("half a run")
            break_off_after(kill_back)
            raise SystemExit
        monkeypatch.undo()
        put_back(copy)
        assert contents(copy) == contents(folder), (kill_aside, kill_back)


@pytest.mark.parametrize(("rows", "part"), [("test", "test"), ("val", "val")])
def test_phenotype_constant_in_a_part_is_refused(rows, part, own_files, tmp_path):
    genotype_file, phenotype_file = own_files
    table = pd.read_csv(phenotype_file, index_col=0)
    split = split_individuals(tuple(table.index))
    table.iloc[getattr(split, rows), 0] = 1.0
    table.to_csv(phenotype_file)
    files = [f"data.genotype_file={genotype_file}", f"data.phenotype_file={phenotype_file}", "data.environments=[A]"]
    with pytest.raises(InputError, match=f"environment A has no two measured values that differ in the {part} part"):
        run(compose_config(["data=table", "model=linear", "trainer=cpu", *files]), tmp_path / "run")


def test_regressions_take_neither_clipping_nor_precision(tmp_path):
    assert (
        small_run(tmp_path, "model=linear", "trainer.gradient_clip_val=1", "trainer.precision=bf16-mixed")["test/r2"]
        > -1
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("best.ckpt", b""),
        ("best.ckpt", b"PK\x03\x04 cut off"),
        ("preprocessing.json", b"{}"),
        ("preprocessing.json", b"[1"),
        ("config.yaml", b""),
        ("config.yaml", b"a: [b"),
    ],
)
def test_damaged_run_is_named(name, content, finished, tmp_path):
    folder, _ = finished
    shutil.copytree(folder, tmp_path / "run")
    (tmp_path / "run" / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name} is not what the run wrote .*overwrite=true"):
        loading.load_run(tmp_path / "run")
    (tmp_path / "run" / "checksums.txt").unlink()
    with pytest.raises(InputError, match=r"run is damaged \(.*overwrite=true"):
        loading.load_run(tmp_path / "run")


MODES = ["model.environment=joint", "model.environment=token", "model.environment=pooled"]
TEMPERATURES = ["data.temperatures=[23,27,31,35]", "data.n_interactions=2", "data.n_segregants=800"]


@pytest.mark.parametrize("missing", ["own", "target"])
@pytest.mark.parametrize(
    "model",
    [
        *(["model=transformer", mode] for mode in MODES),
        ["model=transformer", MODES[0], "model.environment_encoding=covariate"],
        ["model=transformer", MODES[1], "model.environment_encoding=covariate", "model.covariate_encoder=mlp"],
        ["model=multi_environment_attention", "model.environment_token=shared", "data.balance=resample"],
        ["model=kronecker", "model.genotype_kernel=gaussian", "model.refit=true"],
        ["model=pairwise", "model.environment=pooled"],
        ["model=pairwise_iterative"],
        ["model=kernel", "model.reml_individuals=200"],
        ["model=kernel", "model.genotype_kernel=exponential", "model.exact_up_to=10", "model.refit=true"],
        ["model=linear"],
    ],
    ids=lambda model: " ".join(part.partition("=")[2] for part in model),
)
def test_every_way_of_taking_environments_runs_predicts_and_loads(model, missing, tmp_path):
    """Predictions of the finished run, loaded from its folder, are those of its test."""
    target = ["data.target_environment=27C", "data.target_values=30", "data.target_scaling=shrinkage"]
    options = [*TEMPERATURES, "data.epsilon=1", *(target if missing == "target" else [])]
    metrics = small_run(tmp_path, *model, *options, "training.learning_rate=5e-3")
    test = pd.read_csv(tmp_path / "predictions_test.tsv", sep="\t").pivot(index="id", columns="environment")
    assert test["predicted"].shape == (120, 4)
    finished = loading.load_run(tmp_path)
    truth = np.load(tmp_path / "splits.npz")
    cfg = compose_config([*SMALL, *model, *options])
    config = check_config(cfg)
    data = build_data(config, loading.module_class(config["model"]))
    rows = torch.from_numpy(data.data.genotype[truth["test"]]).float()
    with torch.inference_mode():
        again = finished.preprocessing.scaling.restore(finished.module(rows).numpy())
    order = [f"segregant_{row}" for row in truth["test"]]
    given = test["predicted"].loc[order, list(data.data.environment_names)].to_numpy()
    np.testing.assert_allclose(again, given, rtol=1e-6, atol=1e-8)
    assert metrics["train/passes"] > 0
    assert ("n_train_target" in metrics) == (missing == "target")


def test_passes_count_the_measured_values_seen(tmp_path):
    """2 epochs of joint outputs are two passes, by token two quarters of one; a regression passes once."""
    options = [*TEMPERATURES, "data.drop_last=false", "data.batch_size=8"]
    joint = small_run(tmp_path / "joint", "model=transformer", MODES[0], *options)
    token = small_run(tmp_path / "token", "model=transformer", MODES[1], *options)
    linear = small_run(tmp_path / "linear", "model=linear", *options)
    assert joint["train/passes"] == 2
    assert token["train/passes"] == pytest.approx(0.5, abs=0.01)
    assert linear["train/passes"] == 1


def test_target_is_scored_by_the_others_where_it_has_no_validation_value(tmp_path):
    options = [*TEMPERATURES, "data.target_environment=27C", "data.target_scaling=shrinkage", "monitor=val/r2_target"]
    few = small_run(tmp_path / "few", "model=linear", *options, "data.target_values=20")
    others = [few[f"val/r2/{name}"] for name in ("23C", "31C", "35C")]
    assert few["val/r2_target"] == few["val/r2"] == pytest.approx(np.mean(others))
    assert "val/r2/27C" not in few
    assert few["test/r2_target"] == few["test/r2/27C"]
    more = small_run(tmp_path / "more", "model=linear", *options, "data.target_values=100")
    assert more["val/r2_target"] == more["val/r2/27C"]
    assert (more["n_train_target"], more["n_val_target"]) == (100, 18)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model=transformer"], "data have 4 environments and model.environment=none maps one"),
        (["model=transformer", MODES[1], "data.batch_size=100000"], "a balanced batch takes"),
        (
            ["model=transformer", MODES[1], "model.environment_token=shared", "model.embedding_dim=3"],
            "raise model.embedding",
        ),
        (["model=transformer", MODES[0], "trainer.devices=3", "data.batch_size=2"], "3 processes share batches of 2"),
        (["model=linear", "data.target_environment=99C", "data.target_values=3"], "99C is no environment of the data"),
        (["model=linear", "data.target_environment=27C", "data.target_values=9999"], "target_values=9999"),
        (["model=linear", "data.temperatures=[23,23,30]"], "environment 23C occurs more than once"),
        (["model=linear", "monitor=val/r2_target"], "monitor=val/r2_target"),
        (
            ["model=linear", "data.target_environment=27C", "data.target_values=9", "monitor=val/r2/27C"],
            "monitor=val/r2/27C",
        ),
        (
            ["model=transformer", MODES[2], "model.environment_encoding=covariate"],
            "environment=pooled takes no model.env",
        ),
        (
            ["model=transformer", MODES[0], "model.environment_encoding=covariate", "data.environments=[27C]"],
            "covariate temperature is the same in all environments",
        ),
    ],
)
def test_what_environments_cannot_give_is_refused_before_the_folder_is_made(overrides, words, tmp_path):
    with pytest.raises(InputError, match=words):
        small_run(tmp_path / "run", *TEMPERATURES, *overrides)
    assert not (tmp_path / "run").exists()


def test_covariates_are_asked_for_where_a_table_has_none(own_files, tmp_path):
    genotype_file, phenotype_file = own_files
    files = [
        "data=table",
        f"data.genotype_file={genotype_file}",
        f"data.phenotype_file={phenotype_file}",
        "trainer=cpu",
    ]
    model = ["model=transformer", MODES[0], "model.environment_encoding=covariate"]
    with pytest.raises(InputError, match="needs numbers that describe each environment: give data.environment_file"):
        run(compose_config([*files, *model]), tmp_path / "run")
