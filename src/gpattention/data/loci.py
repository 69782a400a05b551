"""Which loci to keep: those that vary, those not redundant with another (Appendix A), those chosen as causal."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gpattention.errors import InputError
from gpattention.progress import progress_bar

ROWS_AT_ONCE = 4096
LOCI_AT_ONCE = 64


def variable_loci(genotype: NDArray) -> NDArray[np.int64]:
    """Positions of the columns of (N, L) genotypes that take more than one value."""
    return np.flatnonzero((genotype != genotype[0]).any(axis=0))


def prune_loci(
    genotype: NDArray, max_correlation: float, order: Literal["random", "ascending"], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Positions of loci no two of which correlate by more than `max_correlation` in absolute value (Eqs. 12, 13).

    Greedy: take a locus, drop every remaining one that correlates with it, repeat. Only rows of the correlation matrix
    that belong to loci taken (and to the few tried beside them) are computed. Columns without variation are left out.
    For calls (int8) the sums of products are exact in float32 below 16 million individuals.

    Args:
        genotype: (N, L), of the individuals that may be looked at.
        order: take loci at random (the paper) or from the first to the last (the published code).
    """
    if not 0 < max_correlation <= 1:
        raise InputError(f"data.max_correlation is {max_correlation}: give a number above 0 and up to 1")
    n = len(genotype)
    remaining = variable_loci(genotype)
    if order == "random":
        remaining = rng.permutation(remaining)
    # Whole numbers add up exactly in float32; probabilities need more digits where a locus varies little.
    exact: Any = np.float32 if genotype.dtype == np.int8 else np.float64
    kept: list[int] = []
    with progress_bar() as bar:
        task = bar.add_task("pruning loci", total=len(remaining), note="")
        while remaining.size:
            tried = remaining[:LOCI_AT_ONCE]
            products = np.zeros((len(tried), len(remaining)))
            total, squares = np.zeros(len(remaining)), np.zeros(len(remaining))
            for start in range(0, n, ROWS_AT_ONCE):
                block = genotype[start : start + ROWS_AT_ONCE][:, remaining].astype(exact)
                products += block[:, : len(tried)].T @ block
                total += block.sum(axis=0, dtype=np.float64)
                squares += np.einsum("nl,nl->l", block, block)
            mean, deviation = total / n, np.sqrt(np.maximum(squares / n - (total / n) ** 2, 0))
            covariance = products / n - np.outer(mean[: len(tried)], mean)
            # The small number keeps rounding from telling equal loci apart at a threshold of 1.
            redundant = np.abs(covariance) > (max_correlation + 1e-9) * np.outer(deviation[: len(tried)], deviation)
            dropped = np.zeros(len(remaining), dtype=bool)
            for position in range(len(tried)):
                if not dropped[position]:
                    kept.append(int(tried[position]))
                    dropped |= redundant[position]
                    dropped[position] = True
            bar.advance(task, int(dropped.sum()))
            remaining = remaining[~dropped]
    return np.sort(np.array(kept, dtype=np.int64))


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
