"""Genotypes are brought to the loci of a run by name, else by position."""

import numpy as np
import pandas as pd
import pytest
from predicting import predict_to

from gpattention.errors import InputError


def test_missing_loci_are_named(named, tmp_path):
    folder, genotype = named
    genotype[["v", "z"]].to_csv(tmp_path / "few.csv")
    with pytest.raises(InputError, match=r"lack 2 of the run's 4 loci: w, y"):
        predict_to(folder / "run", tmp_path / "few.csv", tmp_path / "out.tsv")


def test_array_without_names_goes_by_position(named, tmp_path):
    folder, genotype = named
    np.save(tmp_path / "new.npy", genotype.to_numpy())
    predict_to(folder / "run", tmp_path / "new.npy", tmp_path / "out.tsv")
    table = pd.read_csv(folder / "run" / "predictions_test.tsv", sep="\t").set_index("id")["predicted"]
    given = pd.read_csv(tmp_path / "out.tsv", sep="\t")["predicted"]
    rows = [genotype.index.get_loc(name) for name in table.index]
    np.testing.assert_allclose(given.iloc[rows], table, rtol=1e-6)
    np.save(tmp_path / "short.npy", genotype.to_numpy()[:, :4])
    with pytest.raises(InputError, match=r"have 4 columns and the run was trained on 5"):
        predict_to(folder / "run", tmp_path / "short.npy", tmp_path / "short.tsv")


def test_array_named_by_a_loci_file_goes_by_name(named, tmp_path):
    folder, genotype = named
    np.save(tmp_path / "new.npy", genotype[["z", "w", "v", "y"]].to_numpy())
    pd.DataFrame({"number": range(4), "name": list("zwvy")}).to_csv(tmp_path / "loci.tsv", sep="\t", index=False)
    more = {"loci_file": str(tmp_path / "loci.tsv"), "locus_name_column": "name"}
    predict_to(folder / "run", tmp_path / "new.npy", tmp_path / "out.tsv", **more)
    table = pd.read_csv(folder / "run" / "predictions_test.tsv", sep="\t").set_index("id")["predicted"]
    given = pd.read_csv(tmp_path / "out.tsv", sep="\t")["predicted"]
    np.testing.assert_allclose(given.iloc[[genotype.index.get_loc(name) for name in table.index]], table, rtol=1e-6)
