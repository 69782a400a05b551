"""Maps of L loci with two alleles as sums over sets of loci (Walsh-Hadamard), and how much variance each order has.

Every function of alleles -1/+1 is f(g) = sum over sets S of c_S times the product of the alleles in S. With all 2^L
genotypes equally frequent the products are uncorrelated, so that the variance of f is the sum of c_S^2 over all sets but the
empty one, and that of order k is the part of the sets of k loci.
"""

from math import comb

import numpy as np
from numpy.typing import NDArray

from gpattention.errors import InputError


def all_genotypes(n_loci: int) -> NDArray[np.int8]:
    """(2^L, L) genotypes; the first locus is the most significant binary digit of the row, 0 for -1 and 1 for +1."""
    row = np.arange(2**n_loci)[:, None]
    return ((row >> np.arange(n_loci)[::-1] & 1) * 2 - 1).astype(np.int8)


def order_rows(genotype: NDArray, names: tuple[str, ...] | None = None) -> NDArray[np.int64]:
    """(2^L,) rows of a complete landscape in the order of `all_genotypes`.

    Raises:
        InputError: a genotype is missing, occurs twice or has other alleles than -1 and +1.
    """
    n, n_loci = genotype.shape
    if not np.isin(genotype, (-1, 1)).all():
        raise InputError(
            "the landscape has genotypes other than -1 and +1 (heterozygotes or probabilities): give calls"
        )
    number = ((genotype > 0) @ (1 << np.arange(n_loci)[::-1])) if n_loci < 30 else np.arange(n)
    found, count = np.unique(number, return_counts=True)
    if n_loci >= 30 or len(found) < 2**n_loci:
        example = ""
        if n_loci < 30:
            first = int(np.flatnonzero(np.isin(np.arange(2**n_loci), found, invert=True))[0])
            example = f"; the first that is missing is {first:0{n_loci}b} (1 for +1)"
        raise InputError(
            f"the landscape is not complete: it has {len(found):,} of the {2**n_loci:,} genotypes of {n_loci} loci{example}; an "
            "exact spectrum needs all of them (what=[orders] needs none)"
        )
    if (count > 1).any():
        row = int(np.flatnonzero(number == found[count.argmax()])[1])
        raise InputError(
            f"the landscape has {int((count > 1).sum()):,} genotypes more than once, such as that of individual "
            f"{names[row] if names else row}: give each one row"
        )
    return np.argsort(number)


def walsh_hadamard(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2^L,) values in the order of `all_genotypes` to the (2^L,) coefficients c_S; the binary digits of a row say which
    loci are in S, the first locus the most significant."""
    coefficient = np.asarray(value, dtype=np.float64)
    for _ in range(len(coefficient).bit_length() - 1):
        # One locus a time; the digits are rotated, and are in their places again after all of them.
        low, high = coefficient.reshape(2, -1)
        coefficient = np.stack([(high + low) / 2, (high - low) / 2], axis=1).ravel()
    return coefficient


def variance_by_order(coefficient: NDArray[np.float64]) -> NDArray[np.float64]:
    """(L + 1,) sums of squared coefficients over the sets of each size."""
    order = np.bitwise_count(np.arange(len(coefficient)))
    return np.bincount(order, coefficient**2).astype(np.float64)


def krawtchouk(n_loci: int, max_order: int) -> NDArray[np.float64]:
    """(max_order + 1, L + 1): for two genotypes that differ at so many loci, the sum over all sets of k loci of the
    product of their alleles in the set."""
    table = np.zeros((max_order + 1, n_loci + 1))
    for order in range(max_order + 1):
        for n_differ in range(n_loci + 1):
            table[order, n_differ] = sum(
                (-1) ** i * comb(n_differ, i) * comb(n_loci - n_differ, order - i) for i in range(order + 1)
            )
    return table
