import numpy as np
import pytest
import torch

from gpattention.errors import InputError
from gpattention.models.latent_traits import LatentTraits

DECAYS = {"loading_decays": [0.5, 2.0], "function_decays": [0.1]}


def make(**options):
    torch.manual_seed(0)
    return LatentTraits(**({"n_loci": 5, "n_environments": 2} | DECAYS | options)).double()


def genotypes(n=6):
    return torch.from_numpy(np.random.default_rng(0).choice([-1.0, 1.0], (n, 5)))


def by_hand(network, genotype, member, n_latents):
    """One member, written with numpy."""
    values = {name: parameter.detach().numpy() for name, parameter in network.named_parameters()}
    start = sum(setting.n_latents for setting in network.settings for _ in range(network.n_starts))
    first = [s.n_latents for s in network.settings for _ in range(network.n_starts)][:member]
    assert values["loading"].shape == (5, start)
    loading = values["loading"][:, sum(first) : sum(first) + n_latents] * np.sqrt(100 / 5)
    trait = genotype.numpy() @ loading
    hidden = np.tanh(trait @ values["hidden"][member, :n_latents] + values["hidden_offset"][member])
    second = np.tanh(hidden @ values["second"][member] + values["second_offset"][member])
    linear = trait @ values["linear"][member, :n_latents]
    return linear + second @ values["output"][member] + values["offset"][member]


def test_every_member_equals_numpy_and_the_map_is_the_mean_of_the_starts_chosen():
    network, genotype = make(n_latents="auto", n_starts=2), genotypes()
    torch.nn.init.normal_(network.offset)
    sizes = [setting.n_latents for setting in network.settings for _ in range(2)]
    wanted = np.stack([by_hand(network, genotype, member, size) for member, size in enumerate(sizes)])
    np.testing.assert_allclose(network.each(genotype).detach(), wanted, atol=1e-12)
    for chosen in (0, 3, len(network.settings) - 1):
        network.averaged.fill_(chosen)
        mean = wanted[2 * chosen : 2 * chosen + 2].mean(0)
        np.testing.assert_allclose(network(genotype).detach(), mean, atol=1e-12)


def test_members_do_not_touch_one_another():
    network, genotype = make(n_latents="auto"), genotypes()
    (network.each(genotype)[4] ** 2).sum().backward()
    assert network.hidden.grad[4].any() and not network.hidden.grad[[0, 3, 5]].any()
    mine = network.slot[4, : network.settings[4 // network.n_starts].n_latents]
    others = [column for column in range(network.loading.shape[1]) if column not in mine.tolist()]
    assert network.loading.grad[:, mine].all() and not network.loading.grad[:, others].any()


def test_decay_is_that_of_adamw_with_the_decays_of_each_member():
    network = make(n_latents=2, n_starts=1)
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    network.decay(0.01)
    torch.testing.assert_close(network.loading[:, :2], before["loading"][:, :2] * (1 - 0.01 * 0.5))
    torch.testing.assert_close(network.loading[:, 2:], before["loading"][:, 2:] * (1 - 0.01 * 2))
    torch.testing.assert_close(network.second, before["second"] * (1 - 0.01 * 0.1))
    torch.testing.assert_close(network.offset, before["offset"])


def test_counts_the_parameters_of_the_setting_chosen():
    network = make(n_latents="auto", n_starts=1, n_averaged=1, hidden_width=4)
    assert network.n_fitted() == 0
    network.chosen.fill_(2)
    network.averaged.fill_(
        2
    )  # two traits: 2 x 5 loadings; linear 2 x 2, hidden 2 x 4 + 4, second 4 x 4 + 4, output 4 x 2, offset 2
    assert network.settings[2].n_latents == 2
    assert network.n_fitted() == 10 + 4 + 12 + 20 + 8 + 2


def test_a_single_setting_has_all_its_parameters():
    network = make(n_latents=3, loading_decays=[1.0])
    network.chosen.fill_(0)
    assert network.n_fitted() == sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    "bad",
    [
        {"n_latents": 0},
        {"n_latents": 65},
        {"n_starts": 0},
        {"hidden_width": 0},
        {"loading_decays": []},
        {"function_decays": [-1.0]},
    ],
)
def test_refusals(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        make(**bad)
