import logging

import lightning as L
import numpy as np
import pytest
import torch
from conftest import SHARED_DATA
from small_data import make_data

from gpattention.config import compose_config
from gpattention.errors import InputError
from gpattention.regressions import kernel_ridge
from gpattention.regressions.kernel_ridge import KernelRidge
from gpattention.regressions.ridge import Ridge
from gpattention.runs.run import run

SETTINGS = {
    "genotype_kernel": "orders",
    "max_order": 3,
    "rates": [0.5, 2.0],
    "noise_factors": [1.0],
    "reml_individuals": 500,
    "exact_up_to": 20_000,
}


def train(module, data):
    trainer = L.Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        max_epochs=1,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, datamodule=data)
    return module


def fit(data, **options):
    names = list(data.training_data.data.environment_names)
    return train(
        KernelRidge(n_loci=data.training_data.data.n_loci, environment_names=names, **(SETTINGS | options)), data
    )


def fix_variances(monkeypatch, *variances):
    monkeypatch.setattr(kernel_ridge, "estimate_variances", lambda *_: torch.tensor(variances, dtype=torch.float64))


def alleles(data, part):
    return torch.from_numpy(data.training_data.data.genotype[getattr(data.training_data.split, part)])


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("exact_up_to", [20_000, 10])
def test_orders_one_and_two_are_the_pairwise_ridge(exact_up_to, missing, monkeypatch):
    """A variance of an order is the noise over the ridge penalty per term."""
    data = make_data(n_environments=2, missing=missing)
    fix_variances(monkeypatch, 0.8, 0.25, 0.4)
    given = fit(data, max_order=2, exact_up_to=exact_up_to)
    penalties = {"additive_penalties": [0.4 / 0.8], "pairwise_penalties": [0.4 / 0.25]}
    wanted = train(Ridge(n_loci=6, environment_names=["A", "B"], terms="pairwise", **penalties), data)
    test = alleles(data, "test")
    torch.testing.assert_close(given(test), wanted(test), rtol=0, atol=1e-6 if exact_up_to > 1000 else 1e-4)
    assert given.scores["val/r2"] == pytest.approx(wanted.scores["val/r2"], abs=1e-4)


@pytest.mark.parametrize("kind", ["orders", "exponential"])
def test_iteration_gives_the_exact_solution(kind):
    data = make_data(n_environments=2, missing=0.2)
    options = {"genotype_kernel": kind, "noise_factors": [0.3, 1.0]}
    exact, iterated = fit(data, **options), fit(data, **options, exact_up_to=10)
    test = alleles(data, "test")
    torch.testing.assert_close(iterated(test), exact(test), rtol=0, atol=1e-4)
    torch.testing.assert_close(iterated.variances, exact.variances)
    assert iterated.scores["val/r2"] == pytest.approx(exact.scores["val/r2"], abs=1e-4)


def test_equals_the_mean_of_the_gaussian_process():
    data = make_data(n=120)
    module = fit(data, genotype_kernel="exponential", rates=[2.0])
    variance, noise = module.variances[:, 0].tolist()
    train_part, test = (alleles(data, part).double().numpy() for part in ("train", "test"))
    phenotype = data.train.phenotype[:, 0].double().numpy()

    def kernel(first, second):
        return variance * np.exp(2.0 * (first @ second.T / 6 - 1))

    inverse = np.linalg.inv(kernel(train_part, train_part) + noise * np.eye(len(train_part)))
    mean = inverse.sum(axis=0) @ phenotype / inverse.sum()
    wanted = mean + kernel(test, train_part) @ inverse @ (phenotype - mean)
    np.testing.assert_allclose(module(torch.from_numpy(test))[:, 0], wanted, atol=1e-8)
    assert module.n_fitted() == len(train_part)


def test_order_of_the_interaction_is_found(caplog):
    """Triples only: the third order takes the variance, and the map that lacks it is no better than the mean."""
    rng = np.random.default_rng(1)
    data = make_data(n=1200, n_loci=8)
    genotype = data.training_data.data.genotype.astype(float)
    triples = genotype[:, [0, 1, 2, 3]] * genotype[:, [2, 3, 4, 5]] * genotype[:, [4, 5, 6, 7]]
    data.training_data.data.phenotype[:, 0] = triples @ [1.0, -1.0, 0.8, 1.2] + 0.5 * rng.standard_normal(1200)
    data.training_data.scaling = data.training_data.fit_scaling(data.training_data.data, "own")
    data.__dict__.pop("train", None)
    with caplog.at_level(logging.INFO):
        module = fit(data)
    first, second, third, noise = module.variances[:, 0].tolist()
    assert third > 0.6 > 0.2 > noise > first + second
    assert module.scores["val/r2"] > 0.7 > 0.3 > fit(data, max_order=2).scores["val/r2"]
    assert "A: variances of orders 1, 2, 3 are 0.0" in caplog.text


def test_validation_chooses_rate_and_noise_for_each_environment():
    data = make_data(n=200, n_environments=2, missing=0.1)
    options = {"genotype_kernel": "exponential"}
    both = fit(data, **options, rates=[0.5, 8.0], noise_factors=[0.2, 5.0])
    for e, name in enumerate("AB"):
        scores = {
            (rate, factor): fit(data, **options, rates=[rate], noise_factors=[factor]).scores[f"val/r2/{name}"]
            for rate in (0.5, 8.0)
            for factor in (0.2, 5.0)
        }
        assert both.scores[f"val/r2/{name}"] == pytest.approx(max(scores.values()), abs=1e-9)
        rate, _ = max(scores, key=scores.get)
        assert (both.variances[:2, e] > 0).tolist() == [rate == 0.5, rate == 8.0]


def test_refit_takes_the_validation_part_too(monkeypatch):
    data = make_data()
    fix_variances(monkeypatch, 0.8, 0.25, 0.1, 0.4)
    module, plain = fit(data, refit=True), fit(data)
    assert len(module.coefficients) == len(data.training_data.split.train) + len(data.training_data.split.val)
    assert module.scores["val/r2"] == plain.scores["val/r2"]
    torch.testing.assert_close(module.variances, plain.variances)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_order": 0}, r"max_order=0: give an order from 1 to the number of loci, 6"),
        ({"max_order": 7}, r"max_order=7"),
        ({"noise_factors": []}, r"noise_factors=\[\]"),
        ({"rates": [0.0]}, r"rates=\[0.0\]"),
        ({"reml_individuals": 1}, r"reml_individuals=1"),
    ],
)
def test_values_out_of_range_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        KernelRidge(n_loci=6, environment_names=["A"], **(SETTINGS | options))


def test_kernel_too_large_for_memory_names_the_cure(monkeypatch):
    monkeypatch.setattr(kernel_ridge.psutil, "virtual_memory", lambda: type("M", (), {"available": 2**20}))
    with pytest.raises(InputError, match=r"kernel of 800 individuals needs 0.0 GiB .* lower model.exact_up_to"):
        kernel_ridge.refuse_too_large(800, 10, 1000, 1)


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED_DATA / "bbq_li83").is_dir(), reason="bbq_li83 is not here")
def test_lithium_from_two_thousand_segregants(tmp_path):
    """Above the published Gaussian process of all orders, .724 at 1,989 of them."""
    options = ["experiment=yeast_lithium", f"data.root={SHARED_DATA}", "trainer=cpu", "model=kernel"]
    sizes = ["data.test_fraction=0.882", "model.refit=true", "model.reml_individuals=2000"]
    metrics = run(compose_config([*options, *sizes]), tmp_path)
    assert metrics["n_train"] + metrics["n_val"] < 2400
    assert metrics["test/correlation"] ** 2 > 0.724
