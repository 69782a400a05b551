import os
from functools import partial

import numpy as np
import pytest
import torch
from processes import share
from small_data import data_module

from gpattention import ranks
from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.errors import InputError
from gpattention.regressions.kernel_ridge import KernelRidge
from gpattention.regressions.kronecker import Kronecker
from gpattention.regressions.ridge import Ridge
from gpattention.training.by_gradients import GPMapModule
from gpattention.training.trainer import make_trainer

NAMES = tuple("ABCDE")


def make_data(batching, missing=0.2, **settings):
    """401 individuals, 6 loci, 5 environments with missing values: numbers that no number of processes divides."""
    rng = np.random.default_rng(0)
    genotype = rng.choice([-1, 1], (401, 6)).astype(np.int8)
    phenotype = genotype @ rng.normal(size=(6, 5)) + (genotype[:, :1] * genotype[:, 1:2]) + rng.normal(size=(401, 5))
    phenotype[rng.random(phenotype.shape) < missing] = np.nan
    data = GenotypePhenotypeData(
        genotype=genotype,
        phenotype=phenotype,
        individual_ids=tuple(map(str, range(401))),
        environment_names=NAMES,
        coding="signed",
    )
    return data_module(data, batching=batching, **settings)


def make_network(environment, loss="pooled", **options):
    torch.manual_seed(0)
    model = {
        "_target_": "gpattention.models.Transformer",
        "embedding_dim": 4,
        "environment": environment,
        "init_std": 0.3,
    }
    return GPMapModule(model=model, n_loci=6, environment_names=list(NAMES), loss=loss, **options)


def trainer(n, by_gradients=True, **options):
    settings = {"max_epochs": 1, "precision": "64-true"} | options
    return make_trainer(accelerator="cpu", devices=n, num_nodes=1, by_gradients=by_gradients, callbacks=[], **settings)


def evaluate(n, state):
    """Scores, predictions for test and validation, and how often each test individual was looked at."""
    data, module = make_data("shuffled"), make_network("joint")
    module.load_state_dict(state)
    seen = []
    module.test_step = partial(note_and_test, module.test_step, seen)
    trainer(n, precision="32-true").test(module, datamodule=data, verbose=False)
    trainer(n, precision="32-true").validate(module, datamodule=data, verbose=False)
    return module.scores, torch.cat([module.predictions["test"], module.predictions["val"]]), torch.cat(seen)


def note_and_test(test_step, seen, batch, batch_idx):
    seen.append(batch.genotype)
    test_step(batch, batch_idx)


def test_evaluation_is_the_same_on_one_two_and_three_processes():
    state = make_network("joint").state_dict()
    scores, predictions, genotype = evaluate(1, state)
    for n in (2, 3):
        shared = share(n, evaluate, n, state)
        for its_scores, its_predictions, _ in shared:
            assert its_scores == pytest.approx(scores, abs=1e-6)
            torch.testing.assert_close(its_predictions, predictions, rtol=0, atol=1e-6)
        # Side by side, the shares are the test part: each individual once.
        torch.testing.assert_close(torch.cat([its_genotype for *_, its_genotype in shared]), genotype)


def train(n, environment, loss, schedule="constant"):
    batching = "balanced" if environment == "token" else "shuffled"
    data = make_data(batching, batch_size=35)
    module = make_network(environment, loss, schedule=schedule, learning_rate=3e-3)
    trainer(n, max_epochs=50 // len(data.sampler) + 1).fit(module, datamodule=data)
    assert module.trainer.global_step >= 50
    return {name: value.double() for name, value in module.network.state_dict().items()}, module.scores


@pytest.mark.parametrize(
    ("environment", "loss"), [("joint", "pooled"), ("joint", "per_environment"), ("token", "per_environment")]
)
def test_fifty_steps_on_two_processes_are_those_on_one(environment, loss):
    wanted, scores = train(1, environment, loss)
    for given, its_scores in share(2, train, 2, environment, loss):
        for name, value in wanted.items():
            assert (given[name] - value).abs().max() < 1e-8 * value.abs().max()
        assert its_scores == pytest.approx(scores, rel=1e-6)


def solve(n, kind, missing):
    names = list(NAMES)
    penalties = {"additive_penalties": [0.1, 1.0], "pairwise_penalties": [1.0, 10.0]}
    if kind == "kronecker":
        module = Kronecker(
            n_loci=6,
            environment_names=names,
            genotype_kernel="linear",
            bandwidths=[1.0],
            covariance_shares=[0.0, 1.0],
            noise_factors=[0.5, 1.0],
        )
    elif kind == "kernel":
        module = KernelRidge(
            n_loci=6,
            environment_names=names,
            genotype_kernel="orders",
            max_order=2,
            rates=[1.0],
            noise_factors=[0.5, 1.0],
            reml_individuals=100,
            exact_up_to=1000,
        )
    else:
        module = Ridge(n_loci=6, environment_names=names, terms=kind, **penalties)
    data = make_data("one_pass", missing)
    trainer(n, by_gradients=False).fit(module, datamodule=data)
    return module.coefficients, module.intercept, module.scores


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("kind", ["linear", "pairwise", "kronecker", "kernel"])
def test_regressions_on_two_processes_are_those_on_one(kind, missing):
    coefficients, intercept, scores = solve(1, kind, missing)
    for given, its_intercept, its_scores in share(2, solve, 2, kind, missing):
        torch.testing.assert_close(given, coefficients, rtol=1e-8, atol=1e-10)
        torch.testing.assert_close(its_intercept, intercept, rtol=1e-8, atol=1e-10)
        assert its_scores == pytest.approx(scores, rel=1e-8)


def agree():
    total, largest = torch.tensor([1.0 + ranks.rank()]), torch.tensor([ranks.rank()])
    ranks.sum_over_ranks(total)
    ranks.max_over_ranks(largest)
    ends = ranks.share_of(10)
    return ranks.from_first(f"of {ranks.rank()}"), ranks.from_all(ranks.rank()), total.item(), largest.item(), ends


def test_what_processes_agree_on():
    given = share(3, agree)
    assert [one[:4] for one in given] == 3 * [("of 0", [0, 1, 2], 6.0, 2)]
    assert [one[4] for one in given] == [slice(0, 3), slice(3, 6), slice(6, 10)]
    assert agree() == ("of 0", [0], 1.0, 0, slice(0, 10))


def test_another_number_of_processes_than_devices_is_refused(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(InputError, match=r"devices=2 on trainer.num_nodes=1 make 2 processes, and 4 were started"):
        ranks.join({"devices": 2, "num_nodes": 1, "accelerator": "cpu"})


def test_processes_of_slurm_are_named_as_those_of_torchrun(monkeypatch):
    before = dict(os.environ)
    slurm = {
        "PROCID": 3,
        "LOCALID": 1,
        "NTASKS": 4,
        "NTASKS_PER_NODE": 2,
        "NODEID": 1,
        "JOB_ID": 1234,
        "NODELIST": "n[7-8]",
    }
    for name, value in slurm.items():
        monkeypatch.setenv(f"SLURM_{name}", str(value))
    ranks.take_from_slurm(2)
    wanted = {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "GROUP_RANK": "1", "MASTER_ADDR": "n7"}
    given = {name: os.environ[name] for name in wanted}
    for name in os.environ.keys() - before.keys():
        if not name.startswith("SLURM_"):
            monkeypatch.setenv(name, "")
            monkeypatch.delenv(name)
            os.environ.pop(name, None)
    assert given == wanted
