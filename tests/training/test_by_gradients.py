from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_data import make_data

from gpattention.data.batching import Batch
from gpattention.errors import InputError
from gpattention.training.by_gradients import GPMapModule, decay_for, weighted_mean
from gpattention.training.trainer import make_trainer

ATTENTION = {"_target_": "gpattention.models.Attention", "embedding_dim": 3}


def test_loss_is_the_weighted_mean_and_ignores_what_has_no_weight():
    rng = np.random.default_rng(0)
    prediction, phenotype, weight = rng.normal(size=(3, 5, 2))
    weight = np.where(rng.random((5, 2)) < 0.5, 0, abs(weight))
    wanted = (
        sum(w * (p - y) ** 2 for w, p, y in zip(weight.flat, prediction.flat, phenotype.flat, strict=True))
        / weight.sum()
    )
    given = weighted_mean(*(torch.from_numpy(a) for a in ((prediction - phenotype) ** 2, weight)))
    assert given.item() == pytest.approx(wanted, rel=1e-12)


def test_batch_without_a_measured_value_has_no_loss_and_no_gradient():
    prediction = torch.randn(4, 1, requires_grad=True)
    loss = weighted_mean(prediction**2, torch.zeros(4, 1))
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


def make_module(environment, loss):
    torch.manual_seed(0)
    model = ATTENTION | {"environment": environment, "init_std": 0.5}
    return GPMapModule(model=model, n_loci=4, environment_names=["A", "B", "C"], loss=loss).double()


def make_batch(pattern, environment=None, weights="equal"):
    """Six individuals; where nothing was measured the batch holds a 0 of weight 0."""
    rng = np.random.default_rng(0)
    genotype, phenotype = rng.choice([-1.0, 1.0], (6, 4)), rng.normal(size=pattern.shape)
    weight = pattern * (rng.uniform(0.2, 3, pattern.shape) if weights == "unequal" else 1.0)
    values = (torch.from_numpy(a) for a in (genotype, np.where(pattern, phenotype, 0.0), weight))
    return Batch(*values, environment)


def loop_loss(module, batch, loss):
    """Value after value, and only those that were measured (Eqs. 37, 47)."""
    by_environment = {}
    for i in range(6):
        for e in range(3):
            if batch.environment is not None and int(batch.environment[i]) != e:
                continue
            value = batch.phenotype[i] if batch.environment is not None else batch.phenotype[i, e]
            weight = batch.weight[i] if batch.environment is not None else batch.weight[i, e]
            if weight > 0:
                predicted = module(batch.genotype[i : i + 1])[0, e]
                by_environment.setdefault(e, []).append((weight, (predicted - value) ** 2))
    if loss == "pooled":
        by_environment = {0: [pair for pairs in by_environment.values() for pair in pairs]}
    means = [sum(w * s for w, s in pairs) / sum(w for w, _ in pairs) for pairs in by_environment.values()]
    return sum(means) / len(means)


def joint_patterns():
    """Complete; each environment missing; each individual missing; single values; random ones."""
    yield np.ones((6, 3), dtype=bool)
    for e in range(3):
        yield np.arange(3) != np.full((6, 1), e)
        yield np.arange(3) == np.full((6, 1), e)
    for i in range(6):
        yield np.arange(6)[:, None] != np.full((1, 3), i)
    rng = np.random.default_rng(1)
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        pattern = rng.random((6, 3)) < share
        pattern[0, 0] = True
        yield pattern


def assert_equals_loop(module, batch, loss):
    given = module.training_step(batch, 0)
    given_gradients = torch.autograd.grad(given, module.parameters(), materialize_grads=True)
    wanted = loop_loss(module, batch, loss)
    wanted_gradients = torch.autograd.grad(wanted, module.parameters(), materialize_grads=True)
    torch.testing.assert_close(given, wanted, rtol=1e-6, atol=0)
    for one, other in zip(given_gradients, wanted_gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("weights", ["equal", "unequal"])
@pytest.mark.parametrize("loss", ["pooled", "per_environment"])
@pytest.mark.parametrize("environment", ["joint", "pooled"])
def test_every_missing_pattern_has_loss_and_gradients_of_a_loop(environment, loss, weights):
    module = make_module(environment, loss)
    for pattern in joint_patterns():
        assert_equals_loop(module, make_batch(pattern, weights=weights), loss)


@pytest.mark.parametrize("weights", ["equal", "unequal"])
@pytest.mark.parametrize("loss", ["pooled", "per_environment"])
def test_every_missing_pattern_by_token_has_loss_and_gradients_of_a_loop(loss, weights):
    module = make_module("token", loss)
    environment = torch.tensor([0, 0, 1, 1, 2, 2])
    for number in range(1, 2**6):  # all patterns there are
        pattern = np.array([bool(number >> bit & 1) for bit in range(6)])
        assert_equals_loop(module, make_batch(pattern, environment, weights), loss)


def test_balanced_batch_without_a_measured_value_makes_no_step():
    module = make_module("token", "per_environment")
    module.trainer = make_trainer(accelerator="cpu", devices=1, max_epochs=1)
    optimizer = torch.optim.Adam(module.parameters())
    batch = make_batch(np.zeros(6, dtype=bool), torch.tensor([0, 0, 1, 1, 2, 2]))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    for pattern, makes_step in ((batch, False), (make_batch(np.ones(6, dtype=bool), batch.environment), True)):
        loss = module.training_step(pattern, 0)
        loss.backward()
        module.on_before_optimizer_step(optimizer)
        optimizer.step()
        assert (loss.item() > 0) == makes_step
        changed = [name for name, value in module.state_dict().items() if not torch.equal(value, before[name])]
        assert bool(changed) == makes_step
    assert module.values_seen == 6


def test_frozen_parts_are_not_trained():
    module = GPMapModule(model=ATTENTION, n_loci=4, environment_names=["A"], freeze=["embedding", "query_key_value.1"])
    trained = {name for name, parameter in module.network.named_parameters() if parameter.requires_grad}
    assert trained == {"query_key_value.0", "query_key_value.2", "readout.weight", "readout.offset"}


@pytest.mark.parametrize(
    ("freeze", "words"),
    [
        (["embeding"], "freeze: the network has no embeding: it has embedding, query_key_value, readout"),
        (["embedding", "query_key_value", "readout"], "leaves nothing to train"),
    ],
)
def test_bad_freezes_are_refused(freeze, words):
    with pytest.raises(InputError, match=words):
        GPMapModule(model=ATTENTION, n_loci=4, environment_names=["A"], freeze=freeze)


@pytest.mark.parametrize("environment", ["joint", "token"])
def test_members_are_trained_each_on_its_own_error(environment):
    torch.manual_seed(0)
    settings = {
        "model": ATTENTION | {"environment": environment, "init_std": 0.5},
        "n_loci": 4,
        "environment_names": ["A", "B"],
    }
    several = GPMapModule(**settings, n_members=3).double()
    pattern = np.ones(6, bool) if environment == "token" else np.ones((6, 2), bool)
    batch = make_batch(pattern, torch.tensor([0, 0, 0, 1, 1, 1]) if environment == "token" else None)
    ((several.each(batch) - batch.phenotype) ** 2).mean(tuple(range(1, pattern.ndim + 1))).sum().backward()
    alone = GPMapModule(**settings).double()
    alone.network.load_state_dict(several.network.members[1].state_dict())
    ((alone.each(batch) - batch.phenotype) ** 2).mean().backward()
    for one, other in zip(alone.network.parameters(), several.network.members[1].parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)
    wanted = torch.stack(
        [
            several.network.members[k](batch.genotype, *([batch.environment] if environment == "token" else []))
            for k in range(3)
        ]
    )
    torch.testing.assert_close(several.each(batch), wanted)
    assert several.n_fitted() == 3 * alone.n_fitted()


def test_no_member_is_refused():
    with pytest.raises(InputError, match="n_members"):
        GPMapModule(model=ATTENTION, n_loci=4, environment_names=["A"], n_members=0)


@pytest.mark.parametrize(("n", "decay"), [(200, 1.0), (1700, 1.0), (6800, 0.125), (170_000, 0.001)])
def test_decay_falls_with_the_number_of_individuals(n, decay):
    assert decay_for(n) == pytest.approx(decay)


@pytest.mark.parametrize(("optimizer", "decay"), [("adamw", 1), ({"_target_": "torch.optim.SGD"}, 0)])
def test_decay_of_adamw_follows_the_training_part(optimizer, decay):
    data = make_data(n=2000)
    module = GPMapModule(model=ATTENTION, n_loci=6, environment_names=["A"], weight_decay="auto", optimizer=optimizer)
    module.trainer = SimpleNamespace(datamodule=data, estimated_stepping_batches=10)
    (group,) = module.configure_optimizers().param_groups
    assert group["weight_decay"] == decay
