import numpy as np
import pytest
import torch

from gpattention.regressions.genetic_covariance import genetic_covariance, nearest_correlation, shrink
from gpattention.regressions.kronecker import decompose

CORRELATION = np.array([[1.0, 0.8, -0.4], [0.8, 1.0, 0.0], [-0.4, 0.0, 1.0]])
SHARES = np.array([0.7, 0.5, 0.3])


def simulate(n=3000, n_loci=40, missing=0.0, seed=0):
    """Phenotypes of unit variance, correlated through genetic values alone."""
    rng = np.random.default_rng(seed)
    genotype = torch.from_numpy(rng.choice([-1.0, 1.0], (n, n_loci)))
    features = decompose(genotype, is_kernel=False).features
    effects = rng.normal(size=(features.shape[1], 3)) @ np.linalg.cholesky(CORRELATION + 1e-9 * np.eye(3)).T
    genetic = features.numpy() @ effects
    genetic *= np.sqrt(SHARES) / genetic.std(axis=0)
    phenotype = genetic + rng.normal(size=(n, 3)) * np.sqrt(1 - SHARES)
    measured = rng.random((n, 3)) >= missing
    return (
        features,
        torch.from_numpy(np.where(measured, phenotype, 0)),
        torch.from_numpy(measured.astype(float)),
        genetic,
    )


@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_shares_and_correlations_are_those_of_the_genetic_values(missing):
    features, phenotype, weight, genetic = simulate(missing=missing)
    given = genetic_covariance(features, phenotype, weight)
    np.testing.assert_allclose(given.share, SHARES, atol=0.06)
    np.testing.assert_allclose(given.correlation, np.corrcoef(genetic.T), atol=0.12)
    np.testing.assert_allclose(given.correlation.diagonal(), 1)
    assert torch.linalg.eigvalsh(given.correlation).min() > 0


def test_equals_the_regression_over_all_pairs_of_individuals():
    features, phenotype, weight, _ = simulate(n=60, n_loci=30)
    kernel = (features @ features.T).numpy()
    first, second = np.where(~np.eye(60, dtype=bool))
    k = kernel[first, second]
    wanted = [(k * phenotype[first, e].numpy() * phenotype[second, e].numpy()).sum() / (k**2).sum() for e in range(3)]
    single = [genetic_covariance(features, phenotype[:, [e]], weight[:, [e]]).share.item() for e in range(3)]
    np.testing.assert_allclose(single, np.clip(wanted, 0.02, 0.98), rtol=1e-9)


def test_environment_without_a_value_takes_the_average_of_the_others():
    features, phenotype, weight, _ = simulate()
    weight[:, 1] = 0
    given = genetic_covariance(features, phenotype, weight)
    assert given.share[1] == pytest.approx(float(given.share[[0, 2]].mean()), abs=0.02)
    assert torch.isfinite(given.correlation).all()


def test_shrinking_leaves_sure_estimates_and_pools_unsure_ones():
    estimate = torch.tensor([0.1, 0.5, 0.9, 5.0], dtype=torch.float64)
    sure = shrink(estimate, torch.full((4,), 1e-9, dtype=torch.float64))
    torch.testing.assert_close(sure, estimate, rtol=1e-6, atol=0)
    unsure = shrink(estimate, torch.full((4,), 1e9, dtype=torch.float64))
    torch.testing.assert_close(unsure, torch.full((4,), 1.625, dtype=torch.float64))


def test_nearest_correlation_is_positive_with_unit_diagonal():
    matrix = torch.tensor([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]], dtype=torch.float64)
    given = nearest_correlation(matrix)
    assert torch.linalg.eigvalsh(given).min() > 0
    torch.testing.assert_close(given.diagonal(), torch.ones(3, dtype=torch.float64))
