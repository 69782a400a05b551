from itertools import combinations

import numpy as np
import pytest
import torch

from gpattention.errors import InputError
from gpattention.interpret.expansion import closed_form, coefficients, layer_weights
from gpattention.interpret.walsh import all_genotypes, variance_by_order, walsh_hadamard
from gpattention.models.attention import Attention
from gpattention.models.transformer import Transformer

L = 7


def make_layer(std=0.8, **options):
    model = Attention(n_loci=L, embedding_dim="full", n_layers=1, **options)
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=std)
    return model.double()


def output(model):
    with torch.no_grad():
        return model(torch.from_numpy(all_genotypes(L)).double())[:, 0].numpy()


@pytest.mark.parametrize("constant_feature", [True, False])
@pytest.mark.parametrize("score_scale", ["none", "sqrt_dim"])
def test_closed_form_equals_the_layer(constant_feature, score_scale):
    model = make_layer(constant_feature=constant_feature, score_scale=score_scale)
    np.testing.assert_allclose(
        closed_form(layer_weights(model), all_genotypes(L)), output(model), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("constant_feature", [True, False])
@pytest.mark.parametrize("std", [0.05, 0.5, 1.5])
def test_coefficients_are_those_of_all_genotypes(constant_feature, std):
    """Order 0 to 3 against the transform of the layer's outputs for all 2^7 genotypes; scores up to tens."""
    model = make_layer(std, constant_feature=constant_feature)
    exact = walsh_hadamard(output(model))
    found = coefficients(layer_weights(model))
    scale = np.abs(exact).max()
    assert found.mean == pytest.approx(exact[0], abs=1e-9 * scale)
    for order, values in ((1, found.first), (2, found.second), (3, found.third)):
        for members in combinations(range(L), order):
            row = sum(2 ** (L - 1 - locus) for locus in members)
            assert values[members] == pytest.approx(exact[row], abs=1e-9 * scale)
            assert values[members[::-1]] == values[members] or values[members[::-1]] == pytest.approx(values[members])
    assert np.abs(found.second.diagonal()).max() == 0
    assert np.abs(np.einsum("iij->ij", found.third)).max() == 0


def test_without_the_constant_there_are_no_pairs():
    """Only odd orders; with the constant feature pairs appear (the paper's reason for it)."""
    without, with_it = (make_layer(constant_feature=constant) for constant in (False, True))
    spectrum = variance_by_order(walsh_hadamard(output(without)))
    assert spectrum[2::2].sum() < 1e-25 * spectrum[1:].sum()
    assert np.abs(coefficients(layer_weights(without)).second).max() < 1e-12
    assert np.abs(coefficients(layer_weights(with_it)).second).max() > 1e-3


def test_third_order_may_be_left_out():
    found = coefficients(layer_weights(make_layer()), max_order=2)
    assert found.third is None
    np.testing.assert_allclose(found.second, coefficients(layer_weights(make_layer())).second)


@pytest.mark.parametrize(
    "network",
    [
        Attention(n_loci=4, n_layers=1),
        Attention(n_loci=4, embedding_dim="full", n_layers=2),
        Transformer(n_loci=4),
    ],
)
def test_other_maps_are_refused(network):
    with pytest.raises(InputError, match=r"fit model=attention model.embedding_dim=full model.n_layers=1"):
        layer_weights(network)


def test_maps_of_several_environments_are_refused():
    with pytest.raises(InputError, match="fit one with model.environment=none"):
        layer_weights(Attention(n_loci=4, embedding_dim="full", n_layers=1, n_environments=2, environment="joint"))
