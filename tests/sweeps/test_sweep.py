import json
from pathlib import Path

import pandas as pd
import pytest
from broken_sweeps import BROKEN
from conftest import SMALL
from wandb_files import read_offline_run

from gpattention.errors import InputError
from gpattention.sweeps import sweep, sweep_file


def test_quickstart_leaves_a_table_a_figure_and_run_folders(quickstart):
    folder, _ = quickstart
    table = pd.read_csv(folder / "results.csv")
    assert table["block"].tolist() == ["linear", "pairwise", "attention", "transformer", "interactions"]
    assert not table[["test/r2", "test/r2_ceiling", "n_parameters", "fit_seconds"]].isna().any(axis=None)
    assert (folder / "results.png").stat().st_size > 1000
    for block, run_folder in zip(table["block"], table["folder"], strict=True):
        metrics = json.loads((Path(run_folder) / "metrics.json").read_text())
        assert Path(run_folder).name.startswith(f"{block}-")
        assert metrics["test/r2"] == table.set_index("block").loc[block, "test/r2"]
    assert pd.read_csv(folder / "summary.csv")["block"].tolist() == table["block"].tolist()
    assert not any((folder / "logs").iterdir())


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


TINY = ["data.n_segregants=500", "data.n_loci=5", "trainer.max_epochs=1", "data.batch_size=32", "logger=none"]


def test_unseen_environment_is_compared_with_what_the_others_say(tmp_path):
    sweep.run_sweep("unseen_temperature", [*TINY, "seed=0", "data.target_environment=29C"], tmp_path)
    summary = pd.read_csv(tmp_path / "summary.csv")
    assert len(summary) == 4 * len(sweep_file.read_sweep("unseen_temperature").blocks)
    assert set(summary["target"]) == {"29C"}
    assert summary["squared_correlation"].between(0, 1).all()


def test_quotes_in_a_folder_name(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "read_sweep", lambda *_: BROKEN._replace(blocks={"one": ["model=linear"]}))
    results, failed = sweep.run_sweep("mine", ["logger=wandb"], tmp_path / "it's")
    assert not failed
    assert len(results) == 1
