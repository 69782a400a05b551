import numpy as np
import pandas as pd
import pytest

from gpattention.config import compose_config
from gpattention.errors import InputError
from gpattention.interpret import landscape, orders
from gpattention.interpret.fitted_map import open_map
from gpattention.interpret.walsh import all_genotypes
from gpattention.runs.run import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pairwise regression on a complete landscape of 8 loci with effects of order 1, 2 and 3, and on one that lacks a row."""
    folder = tmp_path_factory.mktemp("landscape")
    rng = np.random.default_rng(0)
    genotype = all_genotypes(8)[rng.permutation(256)]
    g = genotype.astype(float)
    y = g[:, 0] + g[:, 1] + g[:, 2] * g[:, 3] + g[:, 4] * g[:, 5] * g[:, 6]
    for name, rows in (("whole", slice(None)), ("broken", slice(1, None))):
        ids = pd.Index([f"variant{k}" for k in range(256)], name="id")[rows]
        np.save(folder / f"{name}.npy", genotype[rows])
        pd.DataFrame({"A": y[rows]}, index=ids).to_csv(folder / f"{name}.tsv", sep="\t")
        files = [f"data.genotype_file={folder}/{name}.npy", f"data.phenotype_file={folder}/{name}.tsv"]
        run(compose_config(["data=table", "model=pairwise", "trainer=cpu", *files]), folder / f"run_{name}")
    return folder


def test_spectra_of_the_data_and_of_the_map(folder):
    fitted = open_map(folder / "run_whole")
    table = landscape.read(fitted).tables["landscape"].set_index("order")
    np.testing.assert_allclose(table["measured_share"], [0.5, 0.25, 0.25, 0, 0, 0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(table["map_share"][3:], 0, atol=1e-9)  # a pairwise map has nothing above order 2
    assert table["map_share"].sum() == pytest.approx(1)
    estimated = orders.read(fitted, n_walks=1000).tables["orders"]
    independent = estimated[estimated["distribution"] == "independent"].set_index("order")["share"]
    np.testing.assert_allclose(independent, table["map_share"], atol=0.02)


def test_incomplete_landscape_is_refused(folder):
    with pytest.raises(InputError, match="not complete: it has 255 of the 256"):
        landscape.read(open_map(folder / "run_broken"))
    with pytest.raises(InputError, match="leave genotype_file out"):
        landscape.read(open_map(folder / "run_broken", genotype_file=str(folder / "whole.npy")))
