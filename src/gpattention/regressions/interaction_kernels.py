"""Kernels over genotypes that hold all interactions of given orders, and products with them block by block.

Letters: B, N individuals, L loci, K components of a kernel, X vectors.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

GenotypeKernel = Literal["orders", "exponential"]

BLOCK_VALUES = 2**21  # of a component that are in memory at once
COLUMNS_AT_ONCE = 4096


class InteractionKernels(NamedTuple):
    """Components (K, B, N), each of mean diagonal 1 over the individuals that it was made for.

    `orders`: of order k, the sum over all sets of k loci of the products of both individuals' alleles, which is what a ridge
    penalty on all terms of that order gives. It is the elementary symmetric polynomial e_k of the L products x_l x'_l, from
    their power sums p_m by Newton's identities, k e_k = sum_m (-1)^(m-1) e_(k-m) p_m.

    `exponential`: exp(rate (x x' / s - 1)) with s the mean of x x, for each of K rates. For alleles -1/+1 this is a sum of the
    kernels of all orders, where that of order k weighs tanh(rate / L)^k.

    Attributes:
        kind: which of the two.
        rates: of `exponential`; for `orders` as many numbers as orders.
        scale: (K,) mean diagonals.
        is_binary: all alleles are -1 or +1, whose even powers are 1.
    """

    kind: GenotypeKernel
    rates: list[float]
    scale: Tensor
    is_binary: bool

    @classmethod
    def of(cls, genotype_NL: Tensor, kind: GenotypeKernel, rates: list[float]) -> "InteractionKernels":
        """The components for these individuals."""
        squares_NL = genotype_NL.double() ** 2
        if kind == "orders":
            sums = [(squares_NL**power).sum(1) for power in range(1, len(rates) + 1)]
            scale = torch.stack([polynomial.mean() for polynomial in elementary(sums)])
        else:
            scale = squares_NL.sum(1).mean().expand(len(rates))
        return cls(kind, rates, scale, bool((squares_NL == 1).all()))

    def components(self, first_BL: Tensor, second_NL: Tensor) -> Tensor:
        """(K, B, N)."""
        if self.kind == "exponential":
            product_BN = first_BL @ second_NL.T / float(self.scale[0])
            return torch.stack([torch.exp(rate * (product_BN - 1)) for rate in self.rates])
        sums = [first_BL @ second_NL.T]
        for power in range(2, len(self.rates) + 1):
            if not self.is_binary:
                sums.append(first_BL**power @ second_NL.T**power)
            else:
                sums.append(sums[0] if power % 2 else torch.full_like(sums[0], first_BL.shape[1]))
        return torch.stack([e_BN / float(scale) for e_BN, scale in zip(elementary(sums), self.scale, strict=True)])

    def times(self, first_BL: Tensor, second_NL: Tensor, vectors_KNX: Tensor) -> Tensor:
        """(B, X) sums over components and individuals of the kernel times vectors of each component."""
        result_BX = vectors_KNX.new_zeros(len(first_BL), vectors_KNX.shape[2])
        kind = vectors_KNX.dtype
        n_rows = max(1, BLOCK_VALUES // max(1, min(len(second_NL), COLUMNS_AT_ONCE)))
        for rows in torch.arange(len(first_BL)).split(n_rows):
            first = first_BL[rows[0] : rows[-1] + 1].to(kind)
            for columns in torch.arange(len(second_NL)).split(COLUMNS_AT_ONCE):
                part = slice(int(columns[0]), int(columns[-1]) + 1)
                blocks = self.components(first, second_NL[part].to(kind))
                for block_BN, vectors_NX in zip(blocks, vectors_KNX[:, part], strict=True):
                    result_BX[rows[0] : rows[-1] + 1].addmm_(block_BN, vectors_NX)
        return result_BX

    def weighted(self, genotype_NL: Tensor, weights_K: Tensor) -> Tensor:
        """(N, N) float64 sum of the components times a weight each."""
        matrix_NN = torch.zeros(len(genotype_NL), len(genotype_NL), dtype=torch.float64, device=genotype_NL.device)
        genotype_NL = genotype_NL.double()
        n_rows = max(1, BLOCK_VALUES // max(1, len(genotype_NL)))
        for start in range(0, len(genotype_NL), n_rows):
            components = self.components(genotype_NL[start : start + n_rows], genotype_NL)
            matrix_NN[start : start + n_rows] = torch.einsum("kbn,k->bn", components, weights_K)
        return matrix_NN


def elementary(sums: list[Tensor]) -> list[Tensor]:
    """Elementary symmetric polynomials of orders 1, 2, ... from the power sums of the same orders (Newton's identities)."""
    polynomials = [torch.ones_like(sums[0])]
    for order in range(1, len(sums) + 1):
        total = torch.zeros_like(sums[0])
        for power in range(1, order + 1):
            total += (-1) ** (power - 1) * polynomials[order - power] * sums[power - 1]
        polynomials.append(total / order)
    return polynomials[1:]
