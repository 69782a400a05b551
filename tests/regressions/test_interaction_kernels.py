from itertools import combinations

import pytest
import torch

from gpattention.regressions import interaction_kernels
from gpattention.regressions.interaction_kernels import InteractionKernels, elementary


def genotypes(n, n_loci, binary, seed=0):
    generator = torch.Generator().manual_seed(seed)
    if binary:
        return torch.randint(0, 2, (n, n_loci), generator=generator, dtype=torch.int8) * 2 - 1
    return torch.rand(n, n_loci, generator=generator, dtype=torch.float64) * 2 - 1


def sums_over_sets(first, second, order):
    """Of the products of both individuals' alleles, set after set of loci."""
    total = torch.zeros(len(first), len(second), dtype=torch.float64)
    for loci in combinations(range(first.shape[1]), order):
        total += first[:, loci].double().prod(1)[:, None] * second[:, loci].double().prod(1)
    return total


@pytest.mark.parametrize("binary", [True, False])
def test_each_order_is_the_sum_over_all_sets_of_loci(binary):
    first, second = genotypes(9, 7, binary), genotypes(5, 7, binary, seed=1)
    kernels = InteractionKernels.of(first, "orders", [1.0, 2.0, 3.0, 4.0])
    assert kernels.is_binary == binary
    given = kernels.components(first.double(), second.double())
    for order in range(1, 5):
        scale = sums_over_sets(first, first, order).diagonal().mean()
        torch.testing.assert_close(given[order - 1], sums_over_sets(first, second, order) / scale)
    own = kernels.components(first.double(), first.double())
    torch.testing.assert_close(own.diagonal(dim1=1, dim2=2).mean(1), torch.ones(4, dtype=torch.float64))


def test_exponential_of_signed_alleles_is_a_sum_of_all_orders():
    genotype = genotypes(6, 5, binary=True)
    kernels = InteractionKernels.of(genotype, "exponential", [0.7, 3.0])
    for rate, given in zip([0.7, 3.0], kernels.components(genotype.double(), genotype.double()), strict=True):
        share = torch.tanh(torch.tensor(rate / 5, dtype=torch.float64))
        wanted = sum(share**order * sums_over_sets(genotype, genotype, order) for order in range(1, 6)) + 1
        torch.testing.assert_close(given, wanted / wanted[0, 0])


def test_newton_equals_the_coefficients_of_a_polynomial():
    values = torch.tensor([0.5, -2.0, 3.0, 1.5, 0.25], dtype=torch.float64)
    wanted = torch.tensor([1.0], dtype=torch.float64)  # of (1 + v_1 z) (1 + v_2 z) ...
    for value in values:
        wanted = torch.cat([wanted, wanted.new_zeros(1)]) + value * torch.cat([wanted.new_zeros(1), wanted])
    given = elementary([(values**power).sum() for power in range(1, 6)])
    torch.testing.assert_close(torch.stack(given), wanted[1:])


@pytest.mark.parametrize("values", [7, 2**22])
def test_products_and_sums_by_blocks_are_those_of_whole_matrices(values, monkeypatch):
    monkeypatch.setattr(interaction_kernels, "BLOCK_VALUES", values)
    monkeypatch.setattr(interaction_kernels, "COLUMNS_AT_ONCE", 4)
    first, second = genotypes(11, 6, binary=True), genotypes(10, 6, binary=True, seed=1)
    kernels = InteractionKernels.of(second, "orders", [1.0, 2.0, 3.0])
    vectors = torch.randn(3, 10, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    whole = kernels.components(first.double(), second.double())
    torch.testing.assert_close(kernels.times(first, second, vectors), torch.einsum("kbn,knx->bx", whole, vectors))
    weights = torch.tensor([0.5, 2.0, 0.1], dtype=torch.float64)
    whole = torch.einsum("kbn,k->bn", kernels.components(second.double(), second.double()), weights)
    torch.testing.assert_close(kernels.weighted(second, weights), whole)
