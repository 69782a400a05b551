import pytest
import torch

from gpattention.errors import InputError
from gpattention.models.environment import EnvironmentToken, Readout


def make_token(**options):
    settings = {
        "n_environments": 3,
        "embedding_dim": 4,
        "place": "shared",
        "constant_feature": True,
        "encoding": "onehot",
        "covariates": None,
        "covariate_encoder": "mlp",
        "covariate_width": 2,
    }
    return EnvironmentToken(**settings | options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_environments": 5}, "environment_token=shared .* 5 numbers .*embedding_dim=4.* to 5 or more"),
        ({"encoding": "covariate"}, "needs numbers that describe each environment: give data.environment_file"),
        ({"encoding": "covariate", "covariates": [[0.0]] * 3, "covariate_width": 0}, "covariate_width is 0"),
        ({"encoding": "covariate", "covariates": [[0.0]] * 3, "covariate_width": 9}, "environment_token=shared"),
    ],
)
def test_refusals(options, words):
    with pytest.raises(InputError, match=words):
        make_token(**options)


def test_equal_covariates_have_equal_tokens_and_near_ones_near_tokens():
    token = make_token(encoding="covariate", covariates=[[0.0], [0.0], [0.01]], covariate_encoder="fourier")
    first, same, near = token(torch.arange(3))
    assert torch.equal(first, same)
    assert 0 < (first - near).abs().max() < 0.05


def test_environments_of_a_joint_readout_start_equal_and_learn_apart():
    readout = Readout("joint", 2, 3, 4)
    readout.reset(0.5)
    token = torch.randn(5, 3, 4)
    first, second = readout(token).T
    assert torch.equal(first, second)
    first.sum().backward()
    assert readout.deviation.grad[0].any()
    assert not readout.deviation.grad[1].any()
