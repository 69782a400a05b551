"""Data modules of a few individuals and loci."""

import numpy as np

from gpattention.data.datamodule import GPMapDataModule
from gpattention.data.genotype_phenotype import GenotypePhenotypeData


def make_data(n=300, n_loci=6, n_environments=1, missing=0.0, seed=0):
    rng = np.random.default_rng(seed)
    genotype = rng.choice([-1, 1], (n, n_loci)).astype(np.int8)
    pairs = genotype[:, :-1] * genotype[:, 1:]
    phenotype = genotype @ rng.normal(size=(n_loci, n_environments)) + pairs @ rng.normal(
        size=(n_loci - 1, n_environments)
    )
    phenotype = 5 + phenotype + rng.normal(size=phenotype.shape)
    phenotype[rng.random(phenotype.shape) < missing] = np.nan
    data = GenotypePhenotypeData(
        genotype=genotype,
        phenotype=phenotype,
        individual_ids=tuple(map(str, range(n))),
        environment_names=tuple("ABCDEFG"[:n_environments]),
        coding="signed",
    )
    return GPMapDataModule(data, batching="one_pass")
