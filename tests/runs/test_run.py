import json

import lightning as L
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import SMALL
from small_runs import MEASURED_ON_THE_MACHINE, contents, small_run

from gpattention.config import compose_config
from gpattention.data.datamodule import GPMapDataModule
from gpattention.errors import InputError
from gpattention.run_folder import files
from gpattention.runs.run import run
from gpattention.training.by_gradients import GPMapModule
from gpattention.training.checkpoints import read_checkpoint


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
        ("interactions", 0.3, 0.94),
        ("latent", 1, 0.85),
        ("sparse", 1, 0.85),
        ("boosted", 1, 0.8),
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
