"""Random walks between genotypes, along which a map is compared with itself.

Letters: G steps, N walks, L loci, U units (loci, or blocks of linked loci).
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gpattention.interpret.genome import lay_out

N_STEPS = 8


class Walks(NamedTuple):
    """Genotypes along N walks.

    Attributes:
        genotype: (G + 1, N, L).
        correlation: (G,) rho of a unit between points 1 to G steps apart.
        n_units: U.
    """

    genotype: NDArray
    correlation: NDArray[np.float64]
    n_units: int


def independent_walks(n_loci: int, n_walks: int, rng: np.random.Generator) -> Walks:
    """Walks from a genotype to its opposite, every locus flipped at a step of its own.

    All alleles are equally frequent and independent. Points k steps apart differ at each locus with probability k / G, as if it
    were resampled with probability 1 - rho, rho = 1 - 2 k / G; beyond half of the walk rho is negative, which tells odd orders
    from even ones.
    """
    start = rng.choice(np.array([-1, 1], dtype=np.int8), (n_walks, n_loci))
    step = rng.integers(0, N_STEPS, (n_walks, n_loci))
    genotype = np.stack([np.where(step < k, -start, start) for k in range(N_STEPS + 1)])
    return Walks(genotype, 1 - 2 * np.arange(1, N_STEPS + 1) / N_STEPS, n_loci)


def linked_walks(genotype: NDArray, block: NDArray[np.int64], n_walks: int, rng: np.random.Generator) -> Walks:
    """Walks from one mosaic of individuals to another, every block of loci replaced at a step of its own.

    Each block comes from an individual drawn for it, so that blocks are independent and linkage within them is the data's.
    Points k steps apart have each block resampled with probability 1 - rho, rho = 1 - k / G.

    Args:
        genotype: (M, L) of the individuals.
        block: (L,) number of the block of each locus.
    """
    n_blocks = int(block.max()) + 1
    start, end = (mosaics(genotype, block, n_walks, rng) for _ in range(2))
    step = rng.integers(0, N_STEPS, (n_walks, n_blocks))[:, block]
    points = np.stack([np.where(step < k, end, start) for k in range(N_STEPS + 1)])
    return Walks(points, 1 - np.arange(1, N_STEPS + 1) / N_STEPS, n_blocks)


def mosaics(genotype: NDArray, block: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray:
    """(n, L) genotypes, each block of which comes from an individual drawn for it."""
    individual = rng.integers(0, len(genotype), (n, int(block.max()) + 1))
    return genotype[individual[:, block], np.arange(genotype.shape[1])]


def linkage_blocks(genotype: NDArray, loci: pd.DataFrame, least_correlation: float) -> NDArray[np.int64]:
    """(L,) numbers of blocks: runs of neighbouring loci of a chromosome, each correlated with the one before it.

    Args:
        genotype: (M, L).
        loci: as `FittedMap` has it; without chromosomes all loci are in the order given on one.
        least_correlation: a block ends where the absolute correlation of two neighbours falls below it.
    """
    chromosome = lay_out(loci).chromosome
    centred = genotype - genotype.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    product = (centred[:, 1:] * centred[:, :-1]).sum(axis=0)
    with np.errstate(invalid="ignore"):  # a locus that does not vary among them begins a block
        linked = np.abs(product) >= least_correlation * length[1:] * length[:-1]
    linked &= (chromosome[1:] == chromosome[:-1]) & (length[1:] > 0)
    return np.concatenate([[0], np.cumsum(~linked)])
