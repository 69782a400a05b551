"""Least squares of a map's predictions on loci and pairs of loci, and the variances that these make with linked loci.

Letters: N genotypes, L loci, T terms (L, or L + L (L - 1) / 2 with pairs), E environments, B blocks of loci.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

MOST_TERMS = 4000  # their equations take half a minute and 130 MB
RIDGE = 1e-9  # of the diagonal, so that there is a solution where terms are the same
ROWS_AT_ONCE = 2048


@dataclass(frozen=True)
class Polynomial:
    """constant + g' linear + g' pairs g / 2.

    Attributes:
        constant: (E,).
        linear: (L, E).
        pairs: (E, L, L), symmetric, 0 on the diagonal.
        n_terms: T.
    """

    constant: NDArray[np.float64]
    linear: NDArray[np.float64]
    pairs: NDArray[np.float64]
    n_terms: int

    def __call__(self, genotype: NDArray) -> NDArray[np.float64]:
        """(N, L) genotypes to (N, E) values."""
        g = genotype.astype(np.float64)
        return self.constant + g @ self.linear + 0.5 * np.stack([((g @ m) * g).sum(axis=1) for m in self.pairs], axis=1)

    def order_1(self, genotype: NDArray, individuals: NDArray, block: NDArray[np.int64]) -> NDArray[np.float64]:
        """(B, N, E) parts of each block alone, of mean 0: what is left where all other blocks are averaged over.

        Every block comes from an individual drawn for it.

        Args:
            genotype: (N, L) where to evaluate the parts.
            individuals: (M, L) whose blocks are drawn.
            block: (L,) numbers from 0 to B - 1.
        """
        g, mean = genotype.astype(np.float64), individuals.mean(axis=0, dtype=np.float64)
        parts = []
        for number in range(block.max() + 1):
            inside = block == number
            own, among = g[:, inside], individuals[:, inside].astype(np.float64)
            slope = self.linear[inside] + (self.pairs[:, inside][:, :, ~inside] @ mean[~inside]).T

            def part(values: NDArray, inside: NDArray = inside, slope: NDArray = slope) -> NDArray:
                within = [((values @ pairs[np.ix_(inside, inside)]) * values).sum(axis=1) for pairs in self.pairs]
                return values @ slope + 0.5 * np.stack(within, axis=1)

            parts.append(part(own) - part(among).mean(axis=0))
        return np.stack(parts)

    def variance_by_order(self, individuals: NDArray, block: NDArray[np.int64]) -> NDArray[np.float64]:
        """(2, E) exact variances of order 1 and 2 in blocks.

        The part of two blocks is the sum of a_lm (g_l - mean_l) (g_m - mean_m) over l in one and m in the other.
        """
        g = individuals.astype(np.float64)
        members = [np.flatnonzero(block == number) for number in range(block.max() + 1)]
        covariance = [np.atleast_2d(np.cov(g[:, loci].T, bias=True)) for loci in members]
        first = self.order_1(individuals, individuals, block).var(axis=1).sum(axis=0)
        second = np.zeros_like(first)
        for environment, pairs in enumerate(self.pairs):
            for number, loci in enumerate(members):
                for other in range(number):
                    across = pairs[np.ix_(loci, members[other])]
                    second[environment] += ((across @ covariance[other]) * (covariance[number] @ across)).sum()
        return np.stack([first, second])


def n_pairwise_terms(n_loci: int) -> int:
    return n_loci + n_loci * (n_loci - 1) // 2


def fit_polynomial(genotype: NDArray, value: NDArray[np.float64], pairwise: bool) -> Polynomial:
    """Least squares of (N, E) values on the alleles of (N, L) genotypes and, if asked for, their products in pairs.

    Terms that depend on one another share their effect.
    """
    n, n_loci = genotype.shape
    first, second = np.triu_indices(n_loci, 1)
    n_terms = n_pairwise_terms(n_loci) if pairwise else n_loci
    products, moments = np.zeros((n_terms + 1, n_terms + 1)), np.zeros((n_terms + 1, value.shape[1]))
    for start in range(0, n, ROWS_AT_ONCE):
        g = genotype[start : start + ROWS_AT_ONCE].astype(np.float64)
        parts = [np.ones((len(g), 1)), g, g[:, first] * g[:, second]]
        terms = np.hstack(parts if pairwise else parts[:2])
        products += terms.T @ terms
        moments += terms.T @ value[start : start + ROWS_AT_ONCE]
    products[np.diag_indices_from(products)] *= 1 + RIDGE
    coefficient = cho_solve(cho_factor(products), moments)
    pairs = np.zeros((value.shape[1], n_loci, n_loci))
    if pairwise:
        pairs[:, first, second] = pairs[:, second, first] = coefficient[n_loci + 1 :].T
    return Polynomial(coefficient[0], coefficient[1 : n_loci + 1], pairs, n_terms)
