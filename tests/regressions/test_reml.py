import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from gpattention.regressions.reml import LEAST, estimate_variances, evaluate


def simulate(n=300, variances=(0.5, 0.2, 0.3), seed=0):
    """Phenotypes whose covariance is that of two random kernels and noise of unequal variance."""
    rng = np.random.default_rng(seed)
    roots = [rng.standard_normal((n, rank)) / rank**0.5 for rank in (20, 60)]
    noise = rng.uniform(0.5, 2, n)
    parts = [v**0.5 * root @ rng.standard_normal(root.shape[1]) for v, root in zip(variances, roots, strict=False)]
    phenotype = 3 + sum(parts) + (variances[-1] * noise) ** 0.5 * rng.standard_normal(n)
    return [torch.from_numpy(root @ root.T) for root in roots], torch.from_numpy(phenotype), torch.from_numpy(noise)


def log_likelihood(kernels, phenotype, noise, variances):
    """Of n - 1 contrasts that do not hold the mean, up to a constant."""
    n = len(phenotype)
    contrasts = np.linalg.qr(np.column_stack([np.ones(n), np.eye(n)[:, 1:]]))[0][:, 1:]
    covariance = np.diag(variances[-1] * noise.numpy())
    for variance, kernel in zip(variances, kernels, strict=False):
        covariance += variance * kernel.numpy()
    density = multivariate_normal(np.zeros(n - 1), contrasts.T @ covariance @ contrasts)
    return density.logpdf(contrasts.T @ phenotype.numpy())


def test_likelihood_and_gradient_are_those_of_contrasts():
    data = simulate(80)
    first, second = (
        evaluate(*data, torch.tensor(one, dtype=torch.float64)) for one in ([4.0, 7.0, 2.0], [1.0, 0.1, 1.0])
    )
    wanted = log_likelihood(*data, first.variances.numpy()) - log_likelihood(*data, second.variances.numpy())
    assert first.logarithm - second.logarithm == pytest.approx(wanted, rel=1e-8)
    for component in range(3):
        moved = [first.variances.numpy() * np.exp(step * np.eye(3)[component]) for step in (-1e-4, 1e-4)]
        low, high = (log_likelihood(*data, one) for one in moved)
        assert first.gradient[component].item() == pytest.approx((high - low) / 2e-4, rel=1e-5)
    assert first.gradient.sum().item() == pytest.approx(0, abs=1e-8)  # the scale of all is where it is best
    assert (torch.linalg.eigvalsh(first.information) > 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_estimates_are_where_the_likelihood_is_highest(seed):
    data = simulate(150, seed=seed)
    given = log_likelihood(*data, estimate_variances(*data).numpy())
    wanted = minimize(
        lambda logarithms: -log_likelihood(*data, np.exp(logarithms)), np.log([0.3, 0.3, 0.3]), method="Nelder-Mead"
    )
    assert given >= -wanted.fun - 0.05


def test_kernels_that_are_hardly_told_from_noise_are_settled():
    """Interactions of high order among few individuals: their kernels are nearly the identity."""
    kernels, phenotype, noise = simulate(200)
    almost = torch.eye(200, dtype=torch.float64) + 0.02 * kernels[0]
    data = [*kernels, almost, almost + 0.01 * kernels[1]], phenotype, torch.ones_like(noise)
    given = estimate_variances(*data)
    best = max(
        log_likelihood(*data, (given * torch.tensor(factors, dtype=torch.float64)).numpy())
        for factors in np.exp(np.random.default_rng(0).normal(0, 0.3, (100, 5)))
    )
    assert log_likelihood(*data, given.numpy()) >= best - 0.1


def test_estimates_are_near_the_truth():
    estimates = torch.stack([estimate_variances(*simulate(300, seed=seed)) for seed in range(12)])
    torch.testing.assert_close(estimates.mean(0), torch.tensor([0.5, 0.2, 0.3]).double(), rtol=0.25, atol=0)


def test_component_without_variance_ends_at_the_least():
    kernels, phenotype, noise = simulate(200, variances=(0.7, 0.0, 0.3), seed=4)
    given = estimate_variances(kernels, phenotype, noise)
    assert LEAST * phenotype.var() * 0.5 <= given[1] < 0.05
