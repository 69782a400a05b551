"""What a run folder holds, and when it is complete."""

import json

import lightning as L
import pandas as pd
import pytest
from small_runs import small_run

from gpattention.errors import InputError
from gpattention.run_folder import files


def test_run_folder_holds_everything(finished):
    folder, metrics = finished
    assert {path.name for path in folder.iterdir()} == set(files.ALL) - set(files.OCCASIONAL)
    assert json.loads((folder / "metrics.json").read_text()) == metrics
    names = "val/r2 test/r2 test/r2/30C test/r2_pooled test/mse test/r2_ceiling n_parameters best_epoch fit_seconds segregants_per_second peak_memory_mib"
    assert set(names.split()) <= set(metrics)
    assert metrics["n_parameters"] == 6 * 3 + 9 * 16 + 6 * 4 + 1
    history = pd.read_csv(folder / "metrics.csv")
    assert history["epoch"].tolist() == [1, 2]
    assert not history[["train/loss", "val/r2", "learning_rate"]].isna().any(axis=None)
    assert "30C" in (folder / "run.log").read_text()


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
