"""Predictions of several runs are averaged over what all of them have."""

import shutil

import pandas as pd
import pytest
from predicting import predict_to, read

from gpattention.config import compose_config
from gpattention.errors import InputError
from gpattention.runs.run import run


def test_ensemble_over_splits_is_calibrated_on_individuals_that_no_run_was_trained_on(
    named, ensemble, tmp_path, caplog
):
    folder, _ = named
    predict_to(None, folder / "geno.tsv", tmp_path / "out.tsv", ensemble=[str(ensemble[0]), str(ensemble[2])])
    shared = set(read(ensemble[0] / "predictions_val.tsv")["id"]) & set(read(ensemble[2] / "predictions_val.tsv")["id"])
    assert len(shared) < 9  # too few for 90 %
    assert read(tmp_path / "out.tsv")["lower"].isna().all()
    assert "A: too few validation values for intervals at level 0.9" in caplog.text


def test_ensembles_of_different_data_are_refused(named, ensemble, tmp_path):
    folder, _ = named
    phenotype = pd.read_csv(folder / "pheno.tsv", sep="\t", index_col=0)
    (phenotype + 1).to_csv(tmp_path / "other.tsv", sep="\t")
    phenotype.rename(columns={"A": "B"}).to_csv(tmp_path / "renamed.tsv", sep="\t")
    files = ["data=table", f"data.genotype_file={folder}/geno.tsv", "model=linear", "trainer=cpu"]
    for name, words in (("other", "give runs of the same data"), ("renamed", r"environment_names \['B'\]")):
        run(compose_config([*files, f"data.phenotype_file={tmp_path}/{name}.tsv"]), tmp_path / name)
        with pytest.raises(InputError, match=words):
            two = [str(folder / "run"), str(tmp_path / name)]
            predict_to(None, folder / "geno.tsv", tmp_path / "out.tsv", ensemble=two)
    assert not (tmp_path / "out.tsv").exists()


def test_run_of_an_earlier_version_without_validation_predictions(named, tmp_path):
    folder, _ = named
    shutil.copytree(folder / "run", tmp_path / "old")
    (tmp_path / "old" / "predictions_val.tsv").unlink()
    with pytest.raises(InputError, match="predictions_val.tsv is not there: .* is no complete run of this version"):
        predict_to(tmp_path / "old", folder / "geno.tsv", tmp_path / "out.tsv")
