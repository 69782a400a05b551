"""A linear and pairwise map as the quadratic form that it is: no column of a product of two loci is ever made.

Letters: B batch, L loci, P pairs of loci, L (L - 1) / 2 in the order of the upper triangle, T = L + P terms.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

LOCI_AT_ONCE = 256


def n_pairs(n_loci: int) -> int:
    return n_loci * (n_loci - 1) // 2


def column_blocks(n_loci: int) -> Iterator[tuple[int, int]]:
    """First and last column of blocks of a triangle, so that little of the empty half is multiplied."""
    for start in range(0, n_loci, LOCI_AT_ONCE):
        yield start, min(start + LOCI_AT_ONCE, n_loci)


def unpack(coefficients_T: Tensor, n_loci: int) -> tuple[Tensor, Tensor]:
    """(T,) coefficients as (L,) of single loci and (L, L) of pairs, in the upper triangle of a matrix else 0."""
    pairs_LL = coefficients_T.new_zeros(n_loci, n_loci)
    first, second = torch.triu_indices(n_loci, n_loci, 1, device=coefficients_T.device)
    pairs_LL[first, second] = coefficients_T[n_loci:]
    return coefficients_T[:n_loci], pairs_LL


def pack(additive_L: Tensor, pairs_LL: Tensor) -> Tensor:
    """(T,) from (L,) values of single loci and the upper triangle of (L, L) values of pairs."""
    first, second = torch.triu_indices(len(pairs_LL), len(pairs_LL), 1, device=pairs_LL.device)
    return torch.cat([additive_L, pairs_LL[first, second]])


def predict_quadratic(genotype_BL: Tensor, additive_L: Tensor, pairs_LL: Tensor) -> Tensor:
    """(B,) x'a + x'Mx with the pairs' coefficients M above the diagonal."""
    prediction_B = genotype_BL @ additive_L
    for start, end in column_blocks(genotype_BL.shape[1]):
        product_BL = genotype_BL[:, :end] @ pairs_LL[:end, start:end]
        prediction_B += (product_BL * genotype_BL[:, start:end]).sum(1)
    return prediction_B


def add_moments(additive_L: Tensor, pairs_LL: Tensor, genotype_BL: Tensor, value_B: Tensor) -> None:
    """Add sums over the batch of a value times each term, in place: the transpose of `predict_quadratic`.

    Only the upper triangle of `pairs_LL` holds sums; what the blocks leave below it means nothing.
    """
    weighted_BL = value_B[:, None] * genotype_BL
    additive_L += weighted_BL.sum(0)
    for start, end in column_blocks(genotype_BL.shape[1]):
        pairs_LL[:end, start:end].addmm_(genotype_BL[:, :end].T, weighted_BL[:, start:end])
