"""The scores of a run are those of its best epoch, on individuals it was not fitted to."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score
from small_runs import small_run

from gpattention.config import compose_config
from gpattention.runs.run import run


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


def test_best_epoch_is_restored(tmp_path):
    """With a rate so high that training falls apart, the scores are those of the epoch kept, not of the last."""
    metrics = small_run(
        tmp_path, "model=attention", "training.learning_rate=0.3", "trainer.max_epochs=6", "data.epsilon=1"
    )
    history = pd.read_csv(tmp_path / "metrics.csv")
    assert metrics["val/r2"] == pytest.approx(history["val/r2"].max(), abs=1e-9)
    assert metrics["best_epoch"] == history["val/r2"].idxmax() + 1


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


MODES = ["model.environment=joint", "model.environment=token", "model.environment=pooled"]


TEMPERATURES = ["data.temperatures=[23,27,31,35]", "data.n_interactions=2", "data.n_segregants=800"]


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
