import torch

from gpattention.models.products import product_of


def test_product_of_skips_what_is_no_locus():
    genotype = torch.tensor([[1.0, 2.0], [3.0, 5.0], [7.0, 11.0]])
    sets = torch.tensor([[0, 1, 2, -1], [1, 2, -1, -1], [2, -1, -1, -1]])
    assert product_of(genotype, sets).tolist() == [[21.0, 110.0], [21.0, 55.0], [7.0, 11.0]]
    assert product_of(genotype, sets[:0]).shape == (0, 2)
