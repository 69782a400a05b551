import numpy as np
import pytest
import torch

from gpattention.errors import InputError
from gpattention.module import GPMapModule, weighted_squared_error

ATTENTION = {"_target_": "gpattention.models.attention.Attention", "embedding_dim": 3}


def test_loss_is_the_weighted_mean_and_ignores_what_has_no_weight():
    rng = np.random.default_rng(0)
    prediction, phenotype, weight = rng.normal(size=(3, 5, 2))
    weight = np.where(rng.random((5, 2)) < 0.5, 0, abs(weight))
    wanted = (
        sum(w * (p - y) ** 2 for w, p, y in zip(weight.flat, prediction.flat, phenotype.flat, strict=True))
        / weight.sum()
    )
    given = weighted_squared_error(*(torch.from_numpy(a) for a in (prediction, phenotype, weight)))
    assert given.item() == pytest.approx(wanted, rel=1e-12)


def test_batch_without_a_measured_value_has_no_loss_and_no_gradient():
    prediction = torch.randn(4, 1, requires_grad=True)
    loss = weighted_squared_error(prediction, torch.zeros(4, 1), torch.zeros(4, 1))
    loss.backward()
    assert loss.item() == 0
    assert not prediction.grad.any()


def test_checkpoint_values_are_plain():
    module = GPMapModule(model=ATTENTION, n_loci=4, environment_names=["A"])
    assert module.hparams["model"] == ATTENTION
    assert all(type(value) in (dict, int, float, str, list, type(None)) for value in module.hparams.values())
    assert module.n_fitted() == 4 * 3 + 3 * 3 * 16 + 4 * 4 + 1


@pytest.mark.parametrize("options", [{"learning_rate": 0.0}, {"weight_decay": -1.0}, {"warmup_fraction": 1.0}])
def test_refusals(options):
    with pytest.raises(InputError, match=next(iter(options))):
        GPMapModule(model=ATTENTION, n_loci=4, environment_names=["A"], **options)
