"""The split arrays of the published yeast cross."""

import re

import numpy as np
import pytest
from preparing import genotypes, prepared, refusal, table

from gpattention.prepare.yeast_bbq import ENVIRONMENTS


@pytest.fixture
def split_arrays(tmp_path):
    rng = np.random.default_rng(0)
    sizes = {"train": 50, "val": 12, "test": 20}
    for part, n in sizes.items():
        np.save(tmp_path / f"geno_{part}.npy", rng.random((n, 7)))
        np.save(tmp_path / f"pheno_{part}.npy", rng.standard_normal((n, 18)))
    return sizes


@pytest.mark.parametrize("signed", [False, True])
def test_split_arrays_are_taken_as_they_are(split_arrays, tmp_path, signed):
    if signed:
        for part in split_arrays:
            np.save(tmp_path / f"geno_{part}.npy", 2 * np.load(tmp_path / f"geno_{part}.npy") - 1)
    folder = prepared(tmp_path, "prepare=yeast_split")
    arrays = [np.load(tmp_path / f"geno_{part}.npy") for part in split_arrays]
    expected = np.concatenate(arrays) if signed else 2 * np.concatenate(arrays) - 1
    np.testing.assert_allclose(genotypes(folder), expected, atol=5e-4)
    phenotype = np.concatenate([np.load(tmp_path / f"pheno_{part}.npy") for part in split_arrays])
    np.testing.assert_allclose(table(folder, "phenotypes"), phenotype, rtol=1e-12)
    assert list(table(folder, "phenotypes")) == ENVIRONMENTS
    split = table(folder, "split")["split"]
    assert split.value_counts().to_dict() == split_arrays
    assert list(split.index) == list(table(folder, "phenotypes").index)


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("geno_val", np.zeros((12, 6)), r"different numbers of loci \(geno_train.npy 7, geno_val.npy 6"),
        ("geno_test", np.full((20, 7), 1.5), "geno_test.npy, row 1, column 1: the genotype is outside"),
        ("geno_test", np.full((20, 7), 3e38, np.float32), "geno_test.npy, row 1, column 1: the genotype is outside"),
        ("geno_test", np.full((20, 7), 1e300), "geno_test.npy, row 1, column 1: the genotype is outside"),
        ("pheno_val", np.zeros((11, 18)), "geno_val.npy has 12 rows"),
        ("pheno_val", np.zeros((12, 17)), "there are 18 environments"),
    ],
)
def test_split_arrays_that_do_not_fit_are_refused(split_arrays, tmp_path, name, array, words):
    np.save(tmp_path / f"{name}.npy", array)
    assert re.search(words, refusal(tmp_path, "prepare=yeast_split"))
