"""Sums over all pairs of loci as the quadratic forms that they are: no column of a product of two loci is ever made.

Letters: B batch, L loci, P pairs of loci, L (L - 1) / 2 in the order of the upper triangle.
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


def unpack(coefficients_P: Tensor, n_loci: int) -> Tensor:
    """(P,) coefficients as a matrix (L, L), above its diagonal; 0 elsewhere."""
    pairs_LL = coefficients_P.new_zeros(n_loci, n_loci)
    first, second = torch.triu_indices(n_loci, n_loci, 1, device=coefficients_P.device)
    pairs_LL[first, second] = coefficients_P
    return pairs_LL


def pack(pairs_LL: Tensor) -> Tensor:
    """(P,) what is above the diagonal of (L, L)."""
    first, second = torch.triu_indices(len(pairs_LL), len(pairs_LL), 1, device=pairs_LL.device)
    return pairs_LL[first, second]


def predict_pairs(genotype_BL: Tensor, pairs_LL: Tensor) -> Tensor:
    """(B,) x'Mx for coefficients M above the diagonal."""
    prediction_B = genotype_BL.new_zeros(len(genotype_BL))
    for start, end in column_blocks(genotype_BL.shape[1]):
        product_BL = genotype_BL[:, :end] @ pairs_LL[:end, start:end]
        prediction_B += (product_BL * genotype_BL[:, start:end]).sum(1)
    return prediction_B


def add_pair_sums(sums_LL: Tensor, genotype_BL: Tensor, value_B: Tensor) -> None:
    """Add sums over the batch of a value times the product of each pair, in place: the transpose of `predict_pairs`.

    They are above the diagonal; what the blocks leave below it means nothing.
    """
    weighted_BL = value_B[:, None] * genotype_BL
    for start, end in column_blocks(genotype_BL.shape[1]):
        sums_LL[:end, start:end].addmm_(genotype_BL[:, :end].T, weighted_BL[:, start:end])
