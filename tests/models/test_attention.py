import math

import numpy as np
import pytest
import torch

from gpattention.errors import InputError
from gpattention.models.attention import Attention


def slow_attention(model, genotype, environment=0, extra_zeros=(), environment_token=None):
    """One segregant's phenotype by explicit loops over tokens and features (Eqs. 3-8, 22-32, 38-45)."""
    n_loci = len(genotype)
    weights = {name: value.detach().numpy() for name, value in model.named_parameters()}
    tokens = []
    for locus in range(n_loci):
        one_hot = [genotype[locus] if other == locus else 0.0 for other in range(n_loci)]
        if "embedding" in weights:
            token = [
                sum(one_hot[k] * weights["embedding"][k][a] for k in range(n_loci))
                for a in range(weights["embedding"].shape[1])
            ]
        else:
            token = one_hot
        tokens.append([*token, *extra_zeros, 1.0] if model.constant_feature else [*token, *extra_zeros])
    if environment_token is not None:
        tokens.append(environment_token)
    width = len(tokens[0])
    divisor = 1.0 if model.softmax_attention.scale == 1.0 else math.sqrt(width)
    for layer in range(len(model.query_key_value)):
        side_by_side = weights[f"query_key_value.{layer}"]
        project = [
            [
                [sum(token[a] * side_by_side[a][part * width + b] for a in range(width)) for b in range(width)]
                for token in tokens
            ]
            for part in range(3)
        ]
        query, key, value = project
        attended = []
        for one in query:
            scores = [math.exp(sum(one[b] * other[b] for b in range(width)) / divisor) for other in key]
            total = sum(scores)
            attended.append([sum(s / total * v[b] for s, v in zip(scores, value, strict=True)) for b in range(width)])
        tokens = attended
    readout, offset = weights["readout.weight"], weights["readout.offset"][0]
    if "readout.deviation" in weights:
        readout = readout + weights["readout.deviation"][environment].reshape(readout.shape)
        offset = offset + weights["readout.offset_deviation"][environment]
    return sum(tokens[k][a] * readout[k][a] for k in range(len(tokens)) for a in range(width)) + offset


def draw_parameters(model):
    """Every parameter, those that start at 0 too, far from what it starts from."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return model.double()


@pytest.mark.parametrize("kernel", ["plain", "fused"])
@pytest.mark.parametrize(
    "options",
    [
        {"embedding_dim": 3},
        {"embedding_dim": 3, "score_scale": "sqrt_dim"},
        {"embedding_dim": 3, "constant_feature": False},
        {"embedding_dim": 2, "n_layers": 1},
        {"embedding_dim": "full", "n_layers": 2},
        {"embedding_dim": "full", "n_layers": 2, "constant_feature": False},
        {"embedding_dim": 3, "n_environments": 2, "environment": "joint"},
    ],
)
def test_forward_equals_loops(options, kernel):
    model = draw_parameters(Attention(n_loci=5, attention_kernel=kernel, **options))
    genotype = np.random.default_rng(0).choice([-1.0, 1.0, 0.3], (4, 5))
    given = model(torch.from_numpy(genotype)).detach().numpy()
    wanted = [[slow_attention(model, row, e) for e in range(options.get("n_environments", 1))] for row in genotype]
    np.testing.assert_allclose(given, wanted, rtol=1e-6)
    assert np.ptp(given[:, 0]) > 1e-3


@pytest.mark.parametrize("kernel", ["plain", "fused"])
@pytest.mark.parametrize(
    ("options", "extra_zeros", "tokens"),
    [
        ({}, [0, 0], [[0, 0, 0, 1, 0, 1], [0, 0, 0, 0, 1, 1]]),
        ({"constant_feature": False}, [0, 0], [[0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]),
        ({"environment_token": "shared"}, [], [[1, 0, 0, 1], [0, 1, 0, 1]]),
        ({"embedding_dim": "full"}, [0, 0], [[0, 0, 0, 0, 0, 1, 0, 1], [0, 0, 0, 0, 0, 0, 1, 1]]),
        ({"environment_token": "shared", "embedding_dim": "full"}, [], [[1, 0, 0, 0, 0, 1], [0, 1, 0, 0, 0, 1]]),
    ],
)
def test_environment_token_equals_loops(options, extra_zeros, tokens, kernel):
    options = {"embedding_dim": 3} | options
    model = draw_parameters(
        Attention(n_loci=5, n_environments=2, environment="token", attention_kernel=kernel, **options)
    )
    genotype = np.random.default_rng(0).choice([-1.0, 1.0, 0.3], (4, 5))
    environment = [0, 1, 1, 0]
    given = model(torch.from_numpy(genotype), torch.tensor(environment)).detach().numpy()
    wanted = [
        slow_attention(model, row, extra_zeros=extra_zeros, environment_token=tokens[e])
        for row, e in zip(genotype, environment, strict=True)
    ]
    np.testing.assert_allclose(given, wanted, rtol=1e-6)


def test_pooled_gives_all_environments_the_same():
    model = Attention(n_loci=5, n_environments=3, environment="pooled", init_std=0.5)
    given = model(torch.ones(2, 5))
    assert given.shape == (2, 3)
    assert torch.equal(given[:, 0], given[:, 2])


@pytest.mark.parametrize(
    ("n_loci", "dim", "constant", "count"),
    [(1000, 12, True, 26_522), (1000, 12, False, 1000 * 12 * 2 + 9 * 144 + 1), (1164, 12, True, 30_622)],
)
def test_parameter_counts(n_loci, dim, constant, count):
    model = Attention(n_loci=n_loci, embedding_dim=dim, constant_feature=constant)
    assert sum(p.numel() for p in model.parameters()) == count


def test_parameter_count_of_the_multi_environment_model():
    """The paper's yeast model: 1,164 loci, d = 12, 18 environments."""
    model = Attention(n_loci=1164, n_environments=18, environment="token")
    assert sum(p.numel() for p in model.parameters()) == 58_733
    shared = Attention(n_loci=100, n_environments=8, environment="token", environment_token="shared", embedding_dim=30)
    assert sum(p.numel() for p in shared.parameters()) == 100 * 30 + 9 * 31**2 + 101 * 31 + 1


def test_paper_count_leaves_the_constant_column_out():
    model = Attention(n_loci=1000, embedding_dim=12, constant_feature=False)
    assert sum(p.numel() for p in model.parameters()) == 25_297


def test_every_weight_starts_from_the_same_normal_distribution():
    torch.manual_seed(0)
    model = Attention(n_loci=400, embedding_dim=20, init_std=0.04)
    values = torch.cat([p.flatten() for p in model.parameters()])
    assert abs(values.std().item() / 0.04 - 1) < 0.03
    assert abs(values.mean().item()) < 0.002


def test_one_hot_is_never_built():
    """Peak memory of the largest tensor in a forward pass stays far below (B, L, L)."""
    n_loci, batch = 600, 2
    model = Attention(n_loci=n_loci, embedding_dim=4, attention_kernel="fused")
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            result = function(*args, **(kwargs or {}))
            for one in result if isinstance(result, tuple) else (result,):
                if isinstance(one, torch.Tensor):
                    largest = max(largest, one.numel())
            return result

    with Watch():
        model(torch.ones(batch, n_loci))
    assert 0 < largest < batch * n_loci * n_loci / 10


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"embedding_dim": 0}, "model.embedding_dim is 0"),
        ({"n_layers": 0}, "model.n_layers is 0"),
        ({"n_environments": 3}, "3 environments.*data.environments.*joint"),
    ],
)
def test_refusals(options, words):
    with pytest.raises(InputError, match=words):
        Attention(n_loci=4, **options)
