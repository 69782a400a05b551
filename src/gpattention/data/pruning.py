"""Loci no two of which are nearly copies of one another (Appendix A), from correlations that are computed only where needed.

Letters: N individuals, L loci, W loci of a window.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gpattention.errors import InputError
from gpattention.output.progress import progress_bar

Order = Literal["random", "ascending"]
Index = NDArray[np.int64]

WINDOW_BYTES = 2**29  # of standardised genotypes that are held at once
BLOCK_BYTES = 2**28  # of those that are read at once
LOCI_AT_ONCE = 256
MARGIN = 1e-5  # correlations in float32 are right to about 1e-6
ROUNDING = 1e-9  # keeps equal loci from being told apart at a threshold of 1


class Loci(NamedTuple):
    """Where the genotypes are, of which individuals, and mean and sd of each locus among these."""

    genotype: NDArray  # (individuals, L), perhaps a map of a file
    rows: Index  # (N,) rising
    mean: NDArray[np.float64]  # (L,)
    sd: NDArray[np.float64]

    def blocks(self, columns: Index, n_bytes: int) -> Iterator[tuple[int, NDArray]]:
        """Genotypes of the loci, a block of individuals after another, with the place of its first among the rows.

        n_bytes: of a value in what is made of them.
        """
        at_once = max(1, BLOCK_BYTES // (n_bytes * max(len(columns), 1)))
        for start in range(0, len(self.rows), at_once):
            rows = self.rows[start : start + at_once]
            if 8 * len(columns) < self.genotype.shape[1]:
                yield start, self.genotype[rows[:, None], columns]
            else:  # whole rows are read faster than many places in them
                yield start, self.genotype[rows][:, columns]

    def standardised(self, columns: Index) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """The same as blocks of (n, loci) genotypes of mean 0 and sd 1."""
        # Float32 holds whole numbers exactly, but too few digits of probabilities that hardly vary.
        exact: Any = np.float32 if self.genotype.dtype == np.int8 else np.float64
        mean, scale = self.mean[columns].astype(exact), (1 / self.sd[columns]).astype(exact)
        for start, block in self.blocks(columns, 8):
            values = block.astype(exact)
            values -= mean
            values *= scale
            yield start, values.astype(np.float32, copy=False)

    def correlate(self, first: Index, second: Index) -> NDArray[np.float64]:
        """(first, second) correlations in float64."""
        both = np.union1d(first, second)
        mean, place_first, place_second = self.mean[both], np.searchsorted(both, first), np.searchsorted(both, second)
        products = np.zeros((len(first), len(second)))
        for _, block in self.blocks(both, 16):
            centred = block.astype(np.float64) - mean
            products += centred[:, place_first].T @ centred[:, place_second]
        return products / (len(self.rows) * np.outer(self.sd[first], self.sd[second]))


def prune_loci(
    genotype: NDArray,
    max_correlation: float,
    order: Order,
    rng: np.random.Generator,
    *,
    rows: Index | None = None,
    chromosome: NDArray | None = None,
) -> Index:
    """Positions of loci no two of which correlate by more than `max_correlation` in absolute value (Eqs. 12, 13).

    Greedy: take a locus, drop every remaining one that correlates with it, repeat. The result is that of the full matrix of
    correlations in float64; of it only rows of loci taken are computed (and what tells which of a window are), in float32
    but where that is too close to the threshold to tell. Loci without variation are left out.

    Args:
        genotype: (individuals, L); may be a map of a file, of which blocks are read.
        order: take loci at random (the paper) or from the first to the last (the published code).
        rows: individuals that may be looked at; None for all.
        chromosome: (L,) of each locus, to drop loci only for others of their own chromosome; None for all alike.

    Raises:
        InputError: the threshold is out of range.
    """
    if not 0 < max_correlation <= 1:
        raise InputError(f"data.max_correlation is {max_correlation}: give a number above 0 and up to 1")
    rows = np.arange(len(genotype)) if rows is None else np.sort(rows)
    loci = measure(genotype, rows)
    remaining = np.flatnonzero(loci.sd > 0)
    if order == "random":
        remaining = rng.permutation(remaining)
    if max_correlation == 1:  # above which there is nothing
        return np.sort(remaining)
    kept: list[Index] = []
    with progress_bar() as bar:
        task = bar.add_task("pruning loci", total=len(remaining), note="")
        for part in by_chromosome(remaining, chromosome):
            while part.size:
                taken, part, n_done = prune_window(loci, part, max_correlation)
                kept.append(taken)
                bar.advance(task, n_done)
    return np.sort(np.concatenate(kept)) if kept else np.empty(0, np.int64)


def by_chromosome(columns: Index, chromosome: NDArray | None) -> list[Index]:
    """The loci of each chromosome, in the order given."""
    if chromosome is None:
        return [columns]
    return [columns[chromosome[columns] == name] for name in np.unique(chromosome)]


def measure(genotype: NDArray, rows: Index) -> Loci:
    """Mean and sd of every locus, 0 exactly where all values are equal."""
    n, n_loci = len(rows), genotype.shape[1]
    loci = Loci(genotype, rows, np.zeros(n_loci), np.zeros(n_loci))
    if not n:
        return loci
    first = genotype[rows[0]].astype(np.float64)  # differences from it keep the digits of loci that hardly vary
    total, squares = np.zeros(n_loci), np.zeros(n_loci)
    for _, block in loci.blocks(np.arange(n_loci), 8):
        difference = block - first
        total += difference.sum(axis=0)
        squares += np.einsum("nl,nl->l", difference, difference)
    variance = np.where(squares > 0, np.maximum(squares / n - (total / n) ** 2, np.finfo(np.float64).tiny), 0)
    return loci._replace(mean=first + total / n, sd=np.sqrt(variance))


def prune_window(loci: Loci, remaining: Index, max_correlation: float) -> tuple[Index, Index, int]:
    """Loci taken among the first of those that remain, those that remain then, and how many are done with."""
    size = max(LOCI_AT_ONCE, WINDOW_BYTES // (4 * len(loci.rows)))
    window, rest = remaining[:size], remaining[size:]
    held_NW = np.empty((len(loci.rows), len(window)), np.float32)
    for start, block in loci.standardised(window):
        held_NW[start : start + len(block)] = block
    dropped = np.zeros(len(window), dtype=bool)
    taken: list[int] = []
    for start in range(0, len(window), LOCI_AT_ONCE):
        tried = start + np.flatnonzero(~dropped[start : start + LOCI_AT_ONCE])
        among = redundant(loci, window[tried], window[tried], correlate_held(held_NW, tried, tried), max_correlation)
        new: list[int] = []
        for position, locus in enumerate(tried):
            if not dropped[locus]:
                new.append(position)
                dropped[tried[position + 1 :]] |= among[position, position + 1 :]
        later = start + LOCI_AT_ONCE + np.flatnonzero(~dropped[start + LOCI_AT_ONCE :])
        if new and later.size:
            correlation = correlate_held(held_NW, tried[new], later)
            dropped[later] |= redundant(loci, window[tried[new]], window[later], correlation, max_correlation).any(
                axis=0
            )
        taken += tried[new].tolist()
    kept = window[taken]
    if rest.size:
        products = np.zeros((len(kept), len(rest)))
        for start, block in loci.standardised(rest):
            products += held_NW[start : start + len(block), taken].T @ block
        rest = rest[~redundant(loci, kept, rest, products / len(loci.rows), max_correlation).any(axis=0)]
    return kept, rest, len(remaining) - len(rest)


def correlate_held(held_NW: NDArray[np.float32], first: Index, second: Index) -> NDArray[np.float64]:
    """(first, second) correlations of loci of a window."""
    products = np.zeros((len(first), len(second)))
    for start in range(0, len(held_NW), 8192):  # float32 adds up no more than that
        block = held_NW[start : start + 8192]
        products += block[:, first].T @ block[:, second]
    return products / len(held_NW)


def redundant(
    loci: Loci, first: Index, second: Index, correlation: NDArray[np.float64], max_correlation: float
) -> NDArray[np.bool_]:
    """(first, second) whether two loci correlate by too much; in float64 where float32 does not tell."""
    size = np.abs(correlation)
    one, other = np.nonzero(np.abs(size - max_correlation) < MARGIN)
    if one.size:
        ones, others = np.unique(one), np.unique(other)
        exact = np.abs(loci.correlate(first[ones], second[others]))
        size[one, other] = exact[np.searchsorted(ones, one), np.searchsorted(others, other)]
    return size > max_correlation + ROUNDING
