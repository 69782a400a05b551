import numpy as np
import pytest
import torch

from gpattention.errors import InputError
from gpattention.models.transformer import Transformer


def numpy_transformer(model, genotype, environment_token=None):
    """The same map written with numpy, one segregant and one head at a time."""
    weights = {name: value.detach().numpy() for name, value in model.named_parameters()}
    extra = np.zeros((len(genotype), model.extra_width))
    token = np.column_stack([genotype[:, None] * weights["embedding"], extra, np.ones(len(genotype))])
    if environment_token is not None:
        token = np.vstack([token, environment_token])
    width = token.shape[1]
    for number, block in enumerate(model.blocks):
        query, key, value = np.split(token @ weights[f"blocks.{number}.query_key_value"], 3, axis=1)
        size = width // block.n_heads
        heads = []
        for head in range(block.n_heads):
            part = slice(head * size, (head + 1) * size)
            score = query[:, part] @ key[:, part].T * (1 if block.softmax_attention.scale == 1 else size**-0.5)
            weight = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
            heads.append(weight @ value[:, part])
        token = token + float(torch.as_tensor(block.attention_gate).detach()) * np.concatenate(heads, axis=1)
        if block.feedforward is not None:
            name = f"blocks.{number}.feedforward"
            hidden = token @ weights[f"{name}.1.weight"].T + weights[f"{name}.1.bias"]
            hidden = torch.nn.functional.gelu(torch.from_numpy(hidden)).numpy()
            token = token + float(torch.as_tensor(block.feedforward_gate).detach()) * (
                hidden @ weights[f"{name}.4.weight"].T + weights[f"{name}.4.bias"]
            )
    by_traits = 0
    if model.latent_readout is not None:  # tests/models/test_latent_readout.py has it in numpy
        arrays = (torch.from_numpy(part)[None] for part in (genotype, token))
        by_traits = model.latent_readout(*arrays).detach().numpy()[0]
    if model.readout is None:
        return by_traits
    readout, offset = weights["readout.weight"][None], weights["readout.offset"]
    if "readout.deviation" in weights:
        readout = readout + weights["readout.deviation"].reshape(-1, *readout.shape[1:])
        offset = offset + weights["readout.offset_deviation"]
    return (readout * token).sum(axis=(1, 2)) + offset + by_traits


PLAIN = {"gated": False, "readout": "linear", "feedforward_factor": 2}


def make_model(**options):
    """Every parameter, those that start at 0 too, drawn anew."""
    model = Transformer(n_loci=7, embedding_dim=5, n_layers=2, **(PLAIN | options))
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return model.double()


@pytest.mark.parametrize("kernel", ["plain", "fused"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_heads": 3},
        {"feedforward_factor": 0},
        {"score_scale": "sqrt_dim"},
        {"n_environments": 2, "environment": "joint"},
        {"gated": True},
        {"gated": True, "readout": "both"},
        {"gated": True, "readout": "latent", "n_environments": 2, "environment": "joint"},
    ],
)
def test_forward_equals_numpy(options, kernel):
    model = make_model(attention_kernel=kernel, **options)
    genotype = np.random.default_rng(0).choice([-1.0, 1.0], (3, 7))
    wanted = np.array([numpy_transformer(model, row) for row in genotype])
    np.testing.assert_allclose(model(torch.from_numpy(genotype)).detach().numpy(), wanted, rtol=1e-8)


@pytest.mark.parametrize("place", ["appended", "shared"])
@pytest.mark.parametrize("encoder", ["quadratic", "mlp", "fourier", None])
def test_environment_token_equals_numpy(place, encoder):
    options = {"environment": "token", "environment_token": place, "n_environments": 3}
    if encoder:
        options |= {
            "environment_encoding": "covariate",
            "covariate_encoder": encoder,
            "covariate_width": 2,
            "environment_covariates": [[-1.0, 0.3], [0.5, 0.0], [2.0, -0.3]],
        }
    model = make_model(**options)
    genotype, environment = np.random.default_rng(0).choice([-1.0, 1.0], (3, 7)), torch.tensor([2, 0, 1])
    tokens = model.environment_token(environment).detach().numpy()
    if encoder is None:
        code = np.eye(3)[environment]
        zeros = np.zeros((3, 5)) if place == "appended" else np.zeros((3, 2))
        parts = [zeros, code] if place == "appended" else [code, zeros]
        np.testing.assert_array_equal(tokens, np.column_stack([*parts, np.ones(3)]))
    wanted = [numpy_transformer(model, row, token)[0] for row, token in zip(genotype, tokens, strict=True)]
    given = model(torch.from_numpy(genotype), environment).detach().numpy()
    np.testing.assert_allclose(given, wanted, rtol=1e-8)
    assert np.ptp(tokens[:, :-1]) > 0


@pytest.mark.parametrize("readout", ["both", "latent"])
def test_gates_that_are_closed_leave_latent_traits_alone(readout):
    model = Transformer(n_loci=7, readout=readout)
    genotype = torch.from_numpy(np.random.default_rng(0).choice([-1.0, 1.0], (3, 7))).float()
    nothing = torch.zeros(3, 7, 16)
    torch.testing.assert_close(model(genotype), model.latent_readout(genotype, nothing))


def test_layer_norm_makes_tokens_of_unit_variance():
    model = Transformer(n_loci=4, embedding_dim=5, layer_norm=True)
    normalised = model.blocks[0].attention_norm(10 + 3 * torch.randn(2, 4, 6))
    torch.testing.assert_close(normalised.std(dim=-1, correction=0), torch.ones(2, 4), rtol=1e-3, atol=1e-3)


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    model = Transformer(n_loci=9, dropout=0.5, init_std=0.3, **PLAIN)
    genotype = torch.ones(2, 9)
    assert not torch.equal(model(genotype), model(genotype))
    model.eval()
    assert torch.equal(model(genotype), model(genotype))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_heads": 5}, "n_heads=5 does not divide the token width 16"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"embedding_dim": 0}, "embedding_dim=0"),
        ({"n_environments": 2}, "model.environment=joint"),
        ({"environment": "token", "n_environments": 4, "n_heads": 6}, "token width 20 .* and 4 for the environment"),
    ],
)
def test_refusals(options, words):
    with pytest.raises(InputError, match=words):
        Transformer(n_loci=4, **options)
