import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"

# A run of a second: few segregants, few loci, few epochs.
SMALL = [
    "trainer=cpu",
    "data.n_segregants=400",
    "data.n_loci=6",
    "trainer.max_epochs=2",
]


def pytest_make_parametrize_id(config, val, argname):
    """Bytes do not name a test: those of a packed file hold the time, and each worker would collect other names."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture
def own_files(tmp_path):
    """A genotype table and a phenotype table of 60 individuals, 5 loci and environments A and B; A is additive."""
    rng = np.random.default_rng(0)
    ids = [f"line{i}" for i in range(60)]
    genotype = rng.integers(0, 2, (60, 5))
    effects = np.array([1.0, -2.0, 0.5, 0.0, 3.0])
    phenotype = np.stack([genotype @ effects + 0.1 * rng.standard_normal(60), rng.standard_normal(60)], axis=1)
    genotype_file, phenotype_file = tmp_path / "geno.tsv", tmp_path / "pheno.csv"
    pd.DataFrame(genotype, index=pd.Index(ids, name="id"), columns=[f"m{k}" for k in range(5)]).to_csv(
        genotype_file, sep="\t"
    )
    pd.DataFrame(phenotype, index=pd.Index(ids, name="id"), columns=["A", "B"]).to_csv(phenotype_file)
    return genotype_file, phenotype_file


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """Prepared data of the tests stay with the tests."""
    os.environ["GPATTENTION_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True, scope="session")
def quiet():
    from gpattention.output.silenced_warnings import quiet_libraries

    quiet_libraries()


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder of a finished run, which nobody changes, and its metrics."""
    from small_runs import small_run

    folder = tmp_path_factory.mktemp("finished") / "run"
    return folder, small_run(folder, "model=attention", "model.embedding_dim=3")
