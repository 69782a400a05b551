"""Which loci to keep: those that vary, those chosen as causal in a simulation."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.data.mapped import forget_pages
from gpattention.errors import InputError

ROWS_AT_ONCE = 1024
CHROMOSOME = ("chromosome", "chrom", "chr")
# Columns of a table of loci that say where they lie, those first that are taken where several are there.
CHROMOSOME_COLUMNS = (*CHROMOSOME, "CHROM", "#CHROM")
POSITION_COLUMNS = ("position_bp", "position", "bp", "pos", "POS", "position_cM", "cM")


def chromosome_and_position(loci: pd.DataFrame) -> tuple[pd.Series | None, pd.Series | None]:
    """The columns of a table of loci that have them for every locus; None where there is none."""
    chromosome, position = (
        next((loci[name] for name in names if name in loci and loci[name].notna().all()), None)
        for names in (CHROMOSOME_COLUMNS, POSITION_COLUMNS)
    )
    return chromosome, position


def name_loci(names: Sequence[str] | None, index: Sequence[int]) -> list[str]:
    """Names of the loci used; without any they are numbered from 1, by the columns of the data set."""
    return [str(column + 1) for column in index] if names is None else list(names)


def variable_loci(genotype: NDArray, rows: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """Positions of the columns of (N, L) genotypes that take more than one value among the rows; None for all of them."""
    rows = np.arange(len(genotype)) if rows is None else np.sort(rows)
    varies = np.zeros(genotype.shape[1], dtype=bool)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        varies |= (genotype[rows[start : start + ROWS_AT_ONCE]] != genotype[rows[0]]).any(axis=0)
        if varies.all():
            break
    return np.flatnonzero(varies)


def mean_alleles(genotype: NDArray) -> NDArray[np.float64]:
    """(L,) mean of each column of (N, L) genotypes, which may lie in a file."""
    total = np.zeros(genotype.shape[1])
    for start in range(0, len(genotype), ROWS_AT_ONCE):
        total += genotype[start : start + ROWS_AT_ONCE].sum(axis=0, dtype=np.float64)
        forget_pages(genotype)
    return total / len(genotype)


def chromosomes(data: GenotypePhenotypeData) -> NDArray[np.str_]:
    """(L,) chromosome of each locus, from the table of loci.

    Raises:
        InputError: there is no table with a column of chromosomes.
    """
    columns = [] if data.loci is None else [name for name in data.loci if str(name).lower() in CHROMOSOME]
    if data.loci is None or not columns:
        raise InputError(
            "data.prune_within_chromosomes=true needs the chromosome of each locus: give data.loci_file with a column "
            f"named {' or '.join(CHROMOSOME)}, or set it to false"
        )
    return data.loci[columns[0]].astype(str).to_numpy(dtype=np.str_)


def choose_loci(
    genotype: NDArray,
    candidates: NDArray[np.int64],
    n_loci: int,
    how: Literal["first", "random"],
    max_mean_allele: float | None,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """`n_loci` of the candidate columns, in genome order: the first, or some at random.

    `max_mean_allele` leaves out loci whose mean allele differs from 0 by as much (the published code: 0.05).
    """
    if max_mean_allele is not None:
        mean = np.array([genotype[:, locus].mean() for locus in candidates])
        candidates = candidates[np.abs(mean) < max_mean_allele]
    if n_loci > len(candidates):
        raise InputError(
            f"data.n_loci is {n_loci}, but the cross has {len(candidates)} loci to choose from: ask for fewer, or for a "
            "smaller data.locus_spacing_cM, more data.n_snps, or a higher data.max_snp_correlation or data.max_mean_allele"
        )
    return candidates[:n_loci] if how == "first" else np.sort(rng.choice(candidates, n_loci, replace=False))
