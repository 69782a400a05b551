import numpy as np
import pytest
import torch

from gpattention.errors import InputError
from gpattention.models.environment import make_code
from gpattention.models.latent_readout import LatentReadout


def make(environment="none", n_environments=1, n_latents=3, **decays):
    code = make_code(environment, n_environments, None, "onehot", "quadratic", 4)
    decays = {"loading_decay": 0.3, "function_decay": 0.1} | decays
    torch.manual_seed(0)
    readout = LatentReadout(environment, n_environments, code, 5, 12, n_latents, **decays)
    for parameter in readout.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return readout.double()


@pytest.mark.parametrize(("environment", "n_environments"), [("none", 1), ("joint", 3), ("pooled", 2)])
def test_forward_equals_numpy(environment, n_environments):
    readout, rng = make(environment, n_environments), np.random.default_rng(0)
    genotype, token = rng.choice([-1.0, 1.0], (6, 5)), rng.normal(size=(6, 4, 3))
    values = {name: parameter.detach().numpy() for name, parameter in readout.named_parameters()}
    trait = genotype @ values["loading"] * np.sqrt(100 / 5) + token.reshape(6, -1) @ values["token_loading"]
    hidden = trait
    for layer in (0, 2):
        hidden = np.tanh(hidden @ values[f"hidden.{layer}.weight"].T + values[f"hidden.{layer}.bias"])
    features = np.concatenate([trait, hidden], axis=1)
    weight, offset = values["readout.weight"].ravel()[None], values["readout.offset"]
    if environment == "joint":
        weight = weight + values["readout.deviation"]
        offset = offset + values["readout.offset_deviation"]
    wanted = np.broadcast_to(features @ weight.T + offset, (6, n_environments))
    np.testing.assert_allclose(
        readout(torch.from_numpy(genotype), torch.from_numpy(token)).detach(), wanted, atol=1e-12
    )


def test_tokens_are_not_read_at_the_start():
    readout = LatentReadout("none", 1, None, 5, 12, 3, 0.3, 0.1)
    genotype = torch.ones(2, 5)
    torch.testing.assert_close(readout(genotype, torch.randn(2, 4, 3)), readout(genotype, torch.zeros(2, 4, 3)))


def test_decay_shrinks_loadings_and_function_by_their_own_rates_and_leaves_the_offset():
    readout = make()
    before = {name: parameter.detach().clone() for name, parameter in readout.named_parameters()}
    readout.decay(0.01)
    for name, parameter in readout.named_parameters():
        rate = 0 if name == "readout.offset" else 0.3 if "loading" in name else 0.1
        torch.testing.assert_close(parameter, before[name] * (1 - 0.01 * rate))


def test_what_is_frozen_does_not_decay():
    readout = make()
    readout.loading.requires_grad_(False)
    before = readout.loading.clone()
    readout.decay(0.1)
    torch.testing.assert_close(readout.loading, before)


@pytest.mark.parametrize("bad", [{"n_latents": 0}, {"loading_decay": -1.0}, {"function_decay": -0.1}])
def test_refusals(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        make(**bad)
