import numpy as np
import pytest
import torch

from gpattention.errors import InputError
from gpattention.interpret.walsh import all_genotypes, variance_by_order, walsh_hadamard
from gpattention.models.bounded_attention import BoundedAttention

L = 10


def make_model(**options):
    """Every parameter, those that start at 0 too, drawn anew."""
    model = BoundedAttention(n_loci=L, embedding_dim=4, **options)
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model.double()


@pytest.mark.parametrize("n_layers", [0, 1, 2, 3])
@pytest.mark.parametrize(
    "options", [{}, {"n_environments": 2, "environment": "joint"}, {"n_environments": 2, "environment": "token"}]
)
def test_no_interaction_is_above_the_bound(n_layers, options):
    """All coefficients of all 2^10 genotypes: exactly none above order 2^n, and some at it."""
    model = make_model(n_layers=n_layers, **options)
    genotype = torch.from_numpy(all_genotypes(L)).double()
    environment = [torch.ones(2**L, dtype=torch.long)] if options.get("environment") == "token" else []
    with torch.no_grad():
        value = model(genotype, *environment).reshape(2**L, -1)[:, -1].numpy()
    spectrum = variance_by_order(walsh_hadamard(value))
    bound = 2**n_layers
    assert spectrum[bound] > 1e-14 * spectrum[1:].sum()
    assert spectrum[bound + 1 :].sum() < 1e-28 * spectrum[1:].sum()


def test_forward_equals_a_loop_over_tokens():
    model = make_model(n_layers=2)
    weights = {name: value.detach().numpy() for name, value in model.named_parameters()}
    genotype = np.random.default_rng(0).choice([-1.0, 1.0], L)
    raw = [np.append(x * row, 1.0) for x, row in zip(genotype, weights["embedding"], strict=True)]
    token = raw
    for number in range(2):
        query, key = np.split(weights[f"query_key.{number}"], 2, axis=1)
        value = weights[f"value.{number}"]
        token = [
            one
            + sum(((one @ query) @ (other @ key)) * (plain @ value) for other, plain in zip(token, raw, strict=True))
            / L
            for one in token
        ]
    expected = sum((row * one).sum() for row, one in zip(weights["readout.weight"], token, strict=True))
    got = model(torch.from_numpy(genotype)[None]).item()
    assert got == pytest.approx(expected + weights["readout.offset"][0], rel=1e-10)


def test_bad_sizes_are_refused():
    with pytest.raises(InputError, match=r"n_layers=-1: give a dimension from 1 on and layers from 0 on"):
        BoundedAttention(n_loci=3, n_layers=-1)
    with pytest.raises(InputError, match=r"takes no model.environment_encoding=covariate"):
        BoundedAttention(n_loci=3, environment_encoding="covariate")
