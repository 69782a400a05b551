from dataclasses import replace

import lightning as L
import numpy as np
import pytest
import torch
from small_data import data_module, make_data

from gpattention.errors import InputError
from gpattention.regressions import conjugate_gradients, kronecker
from gpattention.regressions.genetic_covariance import genetic_covariance
from gpattention.regressions.kronecker import Kronecker, decompose, solve_kronecker

SETTINGS = {
    "genotype_kernel": "linear",
    "bandwidths": [1.0],
    "covariance_shares": [1.0],
    "noise_factors": [1.0],
}


def fit(data, **options):
    names = list(data.training_data.data.environment_names)
    module = Kronecker(n_loci=data.training_data.data.n_loci, environment_names=names, **SETTINGS | options)
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
    return module, trainer


def dense_prediction(kernel, cross, phenotype, weight, covariance, noise):
    """Best linear prediction from the covariance matrix of all measured values, written out."""
    individual, environment = np.nonzero(weight)
    among = covariance[np.ix_(environment, environment)] * kernel[np.ix_(individual, individual)]
    total = among + np.diag(noise[environment] / weight[individual, environment])
    value, mean_of = phenotype[individual, environment], np.eye(len(covariance))[environment]
    inverse = np.linalg.inv(total)
    mean = np.linalg.solve(mean_of.T @ inverse @ mean_of, mean_of.T @ inverse @ value)  # generalised least squares
    solved = inverse @ (value - mean_of @ mean)
    genetic = [(covariance[e, environment] * cross[:, individual]) @ solved for e in range(len(covariance))]
    return np.stack(genetic, axis=1) + mean


def gaussian_kernel(a, b, mean_distance, bandwidth):
    return np.exp(-((a[:, None] - b[None]) ** 2).sum(-1) / (bandwidth * mean_distance))


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("kind", ["linear", "gaussian"])
@pytest.mark.parametrize("n_loci", [6, 150])
def test_equals_the_dense_solution(kind, missing, n_loci):
    """More loci than individuals, and fewer; two noise factors at once."""
    data = make_data(n=120, n_loci=n_loci, n_environments=3, missing=missing)
    module, _ = fit(data, genotype_kernel=kind, bandwidths=[0.7], noise_factors=[0.5])
    batch, new = data.train, data.batch_of(data.training_data.split.test).genotype.double().numpy()
    genotype = batch.genotype.double().numpy()
    if kind == "linear":
        mean = genotype.mean(0)
        kernel, cross = (genotype - mean) @ (genotype - mean).T, (new - mean) @ (genotype - mean).T
    else:
        distances = ((genotype[:, None] - genotype[None]) ** 2).sum(-1)
        mean_distance = distances.sum() / (len(genotype) * (len(genotype) - 1))
        raw, raw_cross = (gaussian_kernel(part, genotype, mean_distance, 0.7) for part in (genotype, new))
        kernel = raw - raw.mean(0) - raw.mean(1)[:, None] + raw.mean()
        # the rows of a new individual are centred about the same point; its own mean drops out of the differences
        cross = raw_cross - raw.mean(0) - (raw_cross - raw.mean(0)).mean(1)[:, None]
    scale = np.trace(kernel) / len(kernel)
    phenotype, weight = batch.phenotype.double(), batch.weight.double()
    features = decompose(module.base(batch.genotype, 0.7), kind == "gaussian").features
    np.testing.assert_allclose(features @ features.T, kernel / scale, atol=1e-9)
    ((covariance, noise),) = genetic_covariance(features, phenotype, weight).with_shares([1.0])
    wanted = dense_prediction(
        kernel / scale, cross / scale, phenotype.numpy(), weight.numpy(), covariance.numpy(), 0.5 * noise.numpy()
    )
    given = module(torch.from_numpy(new)).numpy()
    np.testing.assert_allclose(given, wanted, atol=1e-5 * abs(wanted).max())
    assert np.ptp(given) > 0.1


def test_weights_count_as_precision():
    rng = np.random.default_rng(0)
    kernel = decompose(torch.from_numpy(rng.choice([-1.0, 1.0], (40, 5))), False)
    phenotype, weight = rng.normal(size=(40, 2)), rng.uniform(0, 2, (40, 2)) * (rng.random((40, 2)) < 0.8)
    covariance, noise = np.array([[0.6, 0.3], [0.3, 0.5]]), np.array([0.4, 0.5])
    tensors = (torch.from_numpy(a) for a in (phenotype, weight, covariance, noise))
    factors = torch.tensor([1.0, 4.0], dtype=torch.float64)
    coefficients, mean = solve_kronecker(kernel.features, kernel.variances, *tensors, factors)
    given = kernel.features @ coefficients + mean[:, None]
    dense = (kernel.features @ kernel.features.T).numpy()
    for f, factor in enumerate(factors.numpy()):
        wanted = dense_prediction(dense, dense, phenotype, weight, covariance, factor * noise)
        np.testing.assert_allclose(given[f], wanted, atol=1e-6)


def test_complete_data_are_solved_in_one_step(monkeypatch):
    monkeypatch.setattr(conjugate_gradients, "MAX_ITERATIONS", 2)
    fit(make_data(n=100, n_environments=4), covariance_shares=[0.5, 1.0], noise_factors=[0.1, 10.0])
    with pytest.raises(InputError, match="not solved after 2 steps"):
        fit(make_data(n=100, n_environments=4, missing=0.4))


def test_each_environment_takes_the_candidate_best_on_validation():
    data = make_data(n=200, n_loci=8, n_environments=3, missing=0.1)
    options = {"genotype_kernel": "gaussian", "bandwidths": [0.3, 3.0], "covariance_shares": [0.0, 1.0]}
    module, _ = fit(data, noise_factors=[0.1, 1.0], **options)
    singles = []
    for bandwidth in (0.3, 3.0):
        for share in (0.0, 1.0):
            for factor in (0.1, 1.0):
                one = {"bandwidths": [bandwidth], "covariance_shares": [share], "noise_factors": [factor]}
                singles.append(fit(data, genotype_kernel="gaussian", **one)[0].scores)
    for name in "ABC":
        best = max(scores[f"val/r2/{name}"] for scores in singles)
        assert module.scores[f"val/r2/{name}"] == pytest.approx(best, abs=1e-6)


def test_refit_learns_from_validation_and_keeps_its_scores():
    data = make_data(n=150, n_environments=2)
    first, _ = fit(data)
    module, trainer = fit(data, refit=True)
    assert not torch.allclose(first.coefficients, module.coefficients)
    before = dict(module.scores)
    assert before["val/r2"] == pytest.approx(first.scores["val/r2"])
    trainer.validate(module, datamodule=data, verbose=False)
    assert module.scores == before


def test_sparse_environment_is_helped_by_the_others():
    """Two environments with the same map; one has 12 values."""
    data = make_data(n=400, n_loci=20)
    phenotype = np.repeat(data.training_data.data.phenotype, 3, axis=1) + np.random.default_rng(1).normal(size=(400, 3))
    phenotype[data.training_data.split.train[12:], 0] = np.nan
    several = replace(data.training_data.data, phenotype=phenotype, environment_names=("A", "B", "C"))
    module = data_module(several, batching="one_pass")
    together, alone = (fit(module, covariance_shares=[share])[0].scores["val/correlation/A"] for share in (1.0, 0.0))
    assert together > alone + 0.2


def test_one_environment_trained_on_among_several_is_fitted_alone():
    data = make_data(n=150, n_environments=3)
    one = data_module(data.training_data.data, batching="one_pass", train_environments=["A"])
    module, _ = fit(one)
    assert module.scores["val/r2/A"] > 0.2
    assert torch.isfinite(module.coefficients).all()


def test_refit_trains_on_no_other_environments(monkeypatch):
    data = make_data(n=150, n_environments=3, missing=0.1)
    seen = []
    solve = Kronecker.solve_on
    monkeypatch.setattr(Kronecker, "solve_on", lambda self, batch: (seen.append(batch), solve(self, batch)))
    fit(data_module(data.training_data.data, batching="one_pass", train_environments=["A", "C"]), refit=True)
    first, second = (batch.weight.sum(0) for batch in seen)
    assert first[1] == second[1] == 0
    assert (second[[0, 2]] > first[[0, 2]]).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bandwidths": []}, "bandwidths=.., noise_factors"),
        ({"noise_factors": [0.0]}, "noise_factors=.0.0.: give at least one of each, above 0"),
        ({"covariance_shares": [1.5]}, "covariance_shares=.1.5."),
    ],
)
def test_refusals(options, words):
    with pytest.raises(InputError, match=words):
        Kronecker(n_loci=3, environment_names=["A"], **SETTINGS | options)


def test_kernel_larger_than_memory_is_refused():
    with pytest.raises(InputError, match="1,000,000 individuals and 50 loci needs .* GiB .*genotype_kernel=linear"):
        kronecker.refuse_too_large(1_000_000, 50, gaussian=True)
    kronecker.refuse_too_large(1000, 50, gaussian=False)
