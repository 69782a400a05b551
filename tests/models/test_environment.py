import numpy as np
import pytest
import torch

from gpattention.errors import InputError
from gpattention.models.environment import EnvironmentCode, EnvironmentToken, Readout


def make_token(n_environments=3, encoding="onehot", covariates=None, encoder="mlp", width=2, place="shared"):
    code = EnvironmentCode(n_environments, encoding, covariates, encoder, width)
    return EnvironmentToken(code, 4, place, constant_feature=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_environments": 5}, "environment_token=shared .* 5 numbers .*embedding_dim=4.* to 5 or more"),
        ({"encoding": "covariate"}, "needs numbers that describe each environment: give data.environment_file"),
        ({"encoding": "covariate", "covariates": [[0.0]] * 3, "width": 0}, "covariate_width is 0"),
        ({"encoding": "covariate", "covariates": [[0.0]] * 3, "width": 9}, "environment_token=shared"),
    ],
)
def test_refusals(options, words):
    with pytest.raises(InputError, match=words):
        make_token(**options)


def test_equal_covariates_have_equal_tokens_and_near_ones_near_tokens():
    token = make_token(encoding="covariate", covariates=[[0.0], [0.0], [0.01]], encoder="fourier")
    first, same, near = token(torch.arange(3))
    assert torch.equal(first, same)
    assert 0 < (first - near).abs().max() < 0.05


def test_environments_of_a_joint_readout_start_equal_and_learn_apart():
    readout = Readout("joint", 2, EnvironmentCode(2, "onehot", None, "mlp", 4), 3, 4)
    readout.reset(0.5)
    token = torch.randn(5, 3, 4)
    first, second = readout(token).T
    assert torch.equal(first, second)
    first.sum().backward()
    assert readout.deviation.grad[0].any()
    assert not readout.deviation.grad[1].any()


def test_joint_readout_of_a_covariate_is_a_quadratic_reaction_norm_in_original_units():
    """Standardised phenotypes times the sd are quadratic in the covariate."""
    c, sd = np.array([-1.0, -0.2, 0.5, 2.0, 1.1]), np.array([3.0, 1.0, 0.5, 2.0, 0.8])
    code = EnvironmentCode(5, "covariate", np.column_stack([c, np.log(sd)]).tolist(), "quadratic", 4)
    readout = Readout("joint", 5, code, 3, 4).double()
    assert code.width == 3
    np.testing.assert_allclose(code().T @ code() / 5, np.eye(3), atol=1e-6)
    torch.manual_seed(0)
    for parameter in readout.parameters():
        torch.nn.init.normal_(parameter)
    for row in readout(torch.randn(6, 3, 4, dtype=torch.float64)).detach().numpy() * sd:
        fitted = np.polyfit(c[:3], row[:3], 2)
        np.testing.assert_allclose(np.polyval(fitted, c[3:]), row[3:], rtol=1e-4)
        assert np.ptp(row) > 0.1


def test_quadratic_code_of_few_environments_has_no_more_numbers_than_these():
    code = EnvironmentCode(2, "covariate", [[-1.0, 0.0], [1.0, 0.0]], "quadratic", 4)
    assert code.width == 2
    assert torch.isfinite(code()).all()
