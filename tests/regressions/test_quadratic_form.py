import pytest
import torch

from gpattention.regressions import quadratic_form
from gpattention.regressions.quadratic_form import add_pair_sums, n_pairs, pack, predict_pairs, unpack


def pair_columns(genotype):
    """The columns of the pairs, made one by one."""
    size = genotype.shape[1]
    return torch.stack([genotype[:, i] * genotype[:, j] for i in range(size) for j in range(i + 1, size)], dim=1)


@pytest.fixture(params=[3, 4, 256])
def blocks(request, monkeypatch):
    monkeypatch.setattr(quadratic_form, "LOCI_AT_ONCE", request.param)


@pytest.mark.parametrize("n_loci", [2, 7, 12])
def test_equals_the_columns_of_all_pairs(n_loci, blocks):
    generator = torch.Generator().manual_seed(n_loci)
    genotype = torch.rand(20, n_loci, dtype=torch.float64, generator=generator) * 2 - 1
    coefficients = torch.randn(n_pairs(n_loci), dtype=torch.float64, generator=generator)
    value = torch.randn(20, dtype=torch.float64, generator=generator)
    matrix = unpack(coefficients, n_loci)
    assert torch.equal(pack(matrix), coefficients)
    torch.testing.assert_close(predict_pairs(genotype, matrix), pair_columns(genotype) @ coefficients)
    sums = torch.zeros(n_loci, n_loci, dtype=torch.float64)
    for rows in (slice(0, 13), slice(13, 20)):
        add_pair_sums(sums, genotype[rows], value[rows])
    torch.testing.assert_close(pack(sums), pair_columns(genotype).T @ value)
