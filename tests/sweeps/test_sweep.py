import json
import sys
from pathlib import Path

import pandas as pd
import pytest
from conftest import SMALL
from wandb_files import read_offline_run

from gpattention.errors import InputError
from gpattention.sweeps import command, sweep, sweep_file
from gpattention.sweeps.sweep_file import Sweep


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quickstart")
    results, failed = sweep.run_sweep("quickstart", SMALL, folder)
    assert not failed
    return folder, results


def test_quickstart_leaves_a_table_a_figure_and_run_folders(quickstart):
    folder, _ = quickstart
    table = pd.read_csv(folder / "results.csv")
    assert table["block"].tolist() == ["linear", "pairwise", "attention", "transformer"]
    assert not table[["test/r2", "test/r2_ceiling", "n_parameters", "fit_seconds"]].isna().any(axis=None)
    assert (folder / "results.png").stat().st_size > 1000
    for block, run_folder in zip(table["block"], table["folder"], strict=True):
        metrics = json.loads((Path(run_folder) / "metrics.json").read_text())
        assert Path(run_folder).name.startswith(f"{block}-")
        assert metrics["test/r2"] == table.set_index("block").loc[block, "test/r2"]
    assert pd.read_csv(folder / "summary.csv")["block"].tolist() == table["block"].tolist()
    assert not any((folder / "logs").iterdir())


def test_finished_runs_are_not_repeated_and_another_configuration_is_another_run(quickstart, monkeypatch):
    folder, first = quickstart
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/metrics.json")}
    again, _ = sweep.run_sweep("quickstart", SMALL, folder)
    pd.testing.assert_frame_equal(first, again)
    other, _ = sweep.run_sweep("quickstart", [*SMALL, "data.epsilon=1"], folder)
    assert not set(other["folder"]) & set(first["folder"])
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.fixture
def no_runs(monkeypatch):
    monkeypatch.setattr(sweep, "make", lambda *_: pytest.fail("a run was started"))


def test_bad_override_is_refused_before_any_run(tmp_path, no_runs):
    with pytest.raises(InputError, match="data.epsilon=high"):
        sweep.run_sweep("quickstart", ["data.epsilon=high"], tmp_path)


def test_wrong_type_within_a_grid_is_refused_before_any_run(tmp_path, no_runs):
    with pytest.raises(InputError, match="data.epsilon=high: give a valid number"):
        sweep.run_sweep("quickstart", ["data.epsilon=0,high"], tmp_path)


BROKEN = Sweep(
    title="t",
    folder="f",
    common=["data=simulated", *SMALL],
    blocks={
        "good": ["model=linear"],
        "bad": ["model=attention", "training.learning_rate=1e30"],
        "good again": ["model=linear", "trainer.accelerator=auto"],
    },
)


def test_failed_run_is_told_and_the_others_are_made(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(sweep, "read_sweep", lambda *_: BROKEN)
    caplog.set_level("INFO")
    monkeypatch.setattr(sys, "argv", ["sweep.py", "sweep=quickstart", f"folder={tmp_path}", "workers=2"])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    assert stopped.value.code == 1
    results = pd.read_csv(tmp_path / "results.csv")
    assert results["block"].tolist() == ["good", "good again"]
    assert results["folder"].nunique() == 1
    assert "good_again is the same run as good-" in caplog.text
    assert caplog.messages[-1].startswith("failed: bad-")
    assert "no longer finite" in caplog.messages[-1]
    (printed,) = (tmp_path / "logs").iterdir()
    assert printed.name in caplog.messages[-1]
    assert "attention" in printed.read_text()


def test_sweep_is_tracked_as_a_group_and_a_run_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    only = BROKEN._replace(blocks={"one": ["model=linear"], "two": ["model=pairwise"]})
    monkeypatch.setattr(sweep, "read_sweep", lambda *_: only)
    results, _ = sweep.run_sweep("mine", ["logger=wandb"], tmp_path)
    for block, folder in zip(results["block"], results["folder"], strict=True):
        _, summary, config, about, exit_code = read_offline_run(Path(folder))
        assert (about.run_group, about.display_name, exit_code) == ("mine", block, 0)
        assert config["data"]["n_loci"] == 6
        assert summary["test/r2"] == pytest.approx(results.set_index("block").loc[block, "test/r2"])
    _, summary, _, about, _ = read_offline_run(tmp_path)
    assert (about.run_group, about.display_name) == ("mine", "mine (sweep)")
    assert summary["n_runs"] == 2
    sweep.run_sweep("mine", ["logger=wandb"], tmp_path)  # nothing new: no second run of the sweep
    assert len(list(tmp_path.glob("wandb/offline-run-*"))) == 1
    assert {"results", "figure"} <= {name.split("/")[0] for name in summary}


def test_other_formats_and_other_sweeps_at_work_are_refused(tmp_path, no_runs):
    with sweep.held(tmp_path, {"sweep": "quickstart"}), pytest.raises(InputError, match="another sweep is running"):
        sweep.run_sweep("quickstart", SMALL, tmp_path)
    (tmp_path / "sweep.json").write_text('{"results_format": 0, "sweep": "quickstart"}')
    with pytest.raises(InputError, match="results of format 0, by another version"):
        sweep.run_sweep("quickstart", SMALL, tmp_path)


def test_unknown_analysis_is_refused(tmp_path, monkeypatch, no_runs):
    content = sweep_file.read_sweep("quickstart")._replace(analysis="transfr")
    monkeypatch.setattr(sweep, "read_sweep", lambda *_: content)
    with pytest.raises(InputError, match="analysis=transfr: did you mean transfer"):
        sweep.run_sweep("quickstart", [], tmp_path)


def test_override_of_what_varies_is_refused(tmp_path):
    with pytest.raises(InputError, match="model=linear: the models are those of the sweep"):
        sweep.run_sweep("quickstart", ["model=linear"], tmp_path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sweep=quickstrt"], "unknown sweep quickstrt: did you mean quickstart"),
        (["folder=x"], "no sweep is named"),
        (["sweep=quickstart", "workers=0"], "workers=0: give a whole number from 1 on"),
        (["sweep=quickstart", "launcher=slrum"], "launcher=slrum: did you mean slurm"),
        (["sweep=quickstart", "n_trials=3"], "n_trials=3: sweep=quickstart is no search"),
        (["sweep=search_transformer", "launcher=joblib"], "launcher=joblib does not go with search"),
        (["sweep=quickstart", "launcher=joblib", "workers=2"], "launcher=joblib does not go with workers=2"),
        (["sweep=quickstart", "hydra.launcher.n_jobs=2"], "there is no launcher to set"),
        (["sweep=quickstart", "~data.noise"], "a sweep takes no deletions"),
        (["sweep=quickstart", "scale=paper"], "sweep=quickstart has no such scale"),
    ],
)
def test_command_line_refusals(arguments, words, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["sweep.py", *arguments])
    with pytest.raises(InputError, match=words):
        command.main()


def test_help_names_the_sweeps(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sweep.py", "--help"])
    command.main()
    assert "quickstart" in capsys.readouterr().out


TINY = ["data.n_segregants=500", "data.n_loci=5", "trainer.max_epochs=1", "data.batch_size=32", "logger=none"]


@pytest.mark.slow
def test_transfer_curve_and_fine_tuning_from_the_sweeps_own_run(tmp_path, monkeypatch):
    content = sweep_file.read_sweep("transfer_simulated")
    kept = {
        label: content.blocks[label] for label in ("linear alone", "transformer others only", "transformer fine-tuned")
    }
    monkeypatch.setattr(sweep, "read_sweep", lambda *_: content._replace(blocks=kept))
    _, failed = sweep.run_sweep("transfer", [*TINY, "data.target_values=10,80", "data.target_seed=0,1"], tmp_path)
    assert not failed
    summary = pd.read_csv(tmp_path / "summary.csv").set_index(["block", "n_train_target"])
    assert set(summary.index.get_level_values("block")) == set(kept)
    assert (summary["n_runs"].drop("transformer others only", level="block") == 2).all()
    assert summary.loc[("linear alone", 80), "n_val_target"] == 14
    runs = pd.read_csv(tmp_path / "results.csv")
    one = runs[(runs["block"] == "linear alone") & (runs["n_train_target"] == 10)]
    assert summary.loc[("linear alone", 10), "r2"] == pytest.approx(one["test/r2_target"].mean(), rel=1e-4)
    assert summary["r2"].notna().all()


def test_unseen_environment_is_compared_with_what_the_others_say(tmp_path):
    sweep.run_sweep("unseen_temperature", [*TINY, "seed=0", "data.target_environment=29C"], tmp_path)
    summary = pd.read_csv(tmp_path / "summary.csv")
    assert len(summary) == 4 * len(sweep_file.read_sweep("unseen_temperature").blocks)
    assert set(summary["target"]) == {"29C"}
    assert summary["squared_correlation"].between(0, 1).all()


@pytest.mark.parametrize(
    ("name", "overrides", "words"),
    [
        ("byxrm_46", ["seed=7"], "seed=7: the blocks joint 0 and joint 1 become the same"),
        (
            "transfer_simulated",
            ["data.split_seed=0,1"],
            "starts from transformer others only, which stands for 2 runs before it",
        ),
    ],
)
def test_overrides_that_break_a_sweep_are_refused_before_any_run(name, overrides, words, tmp_path, no_runs):
    with pytest.raises(InputError, match=words):
        sweep.run_sweep(name, overrides, tmp_path)


def test_quotes_in_a_folder_name(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "read_sweep", lambda *_: BROKEN._replace(blocks={"one": ["model=linear"]}))
    results, failed = sweep.run_sweep("mine", ["logger=wandb"], tmp_path / "it's")
    assert not failed
    assert len(results) == 1
