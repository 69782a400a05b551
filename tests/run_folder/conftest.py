import numpy as np
import pandas as pd
import pytest

from gpattention.config import compose_config
from gpattention.runs.run import run


@pytest.fixture(scope="session")
def named(tmp_path_factory):
    """A run on a table of named loci, one of which does not vary, and its genotype table."""
    folder = tmp_path_factory.mktemp("named")
    rng = np.random.default_rng(0)
    ids = pd.Index([f"line{i}" for i in range(80)], name="id")
    genotype = pd.DataFrame(rng.integers(0, 2, (80, 5)), index=ids, columns=list("vwxyz"))
    genotype["x"] = 1
    phenotype = pd.DataFrame({"A": genotype @ [1.0, 2, 0, -1, 3] + 100 + 0.1 * rng.standard_normal(80)}, index=ids)
    genotype.to_csv(folder / "geno.tsv", sep="\t")
    phenotype.to_csv(folder / "pheno.tsv", sep="\t")
    files = [f"data.genotype_file={folder}/geno.tsv", f"data.phenotype_file={folder}/pheno.tsv"]
    run(compose_config(["data=table", "model=linear", "trainer=cpu", *files]), folder / "run")
    return folder, genotype


@pytest.fixture(scope="session")
def ensemble(named):
    """Two more runs on the data of `named`: another penalty, and another split."""
    folder, _ = named
    files = ["data=table", f"data.genotype_file={folder}/geno.tsv", f"data.phenotype_file={folder}/pheno.tsv"]
    options = {"penalty": ["model.additive_penalties=[3]"], "split": ["data.split_seed=1"]}
    for name, own in options.items():
        run(compose_config([*files, "model=linear", "trainer=cpu", *own]), folder / name)
    return [folder / name for name in ("run", "penalty", "split")]
