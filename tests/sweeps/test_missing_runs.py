"""Runs that are missing are made, others not again."""

import sys

import pandas as pd
import pytest
from broken_sweeps import BROKEN
from conftest import SMALL

from gpattention.sweeps import command, sweep, sweep_file


def test_finished_runs_are_not_repeated_and_another_configuration_is_another_run(quickstart, monkeypatch):
    folder, first = quickstart
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/metrics.json")}
    again, _ = sweep.run_sweep("quickstart", SMALL, folder)
    pd.testing.assert_frame_equal(first, again)
    other, _ = sweep.run_sweep("quickstart", [*SMALL, "data.epsilon=1"], folder)
    assert not set(other["folder"]) & set(first["folder"])
    assert {path: path.stat().st_mtime_ns for path in before} == before


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
