import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from gpattention.reml import LEAST, estimate_variances, log_likelihood, score


def simulate(n=300, variances=(0.5, 0.2, 0.3), seed=0):
    """Phenotypes whose covariance is that of two random kernels and noise of unequal variance."""
    rng = np.random.default_rng(seed)
    roots = [rng.standard_normal((n, rank)) / rank**0.5 for rank in (20, 60)]
    noise = rng.uniform(0.5, 2, n)
    parts = [v**0.5 * root @ rng.standard_normal(root.shape[1]) for v, root in zip(variances, roots, strict=False)]
    phenotype = 3 + sum(parts) + (variances[-1] * noise) ** 0.5 * rng.standard_normal(n)
    return [torch.from_numpy(root @ root.T) for root in roots], torch.from_numpy(phenotype), torch.from_numpy(noise)


def test_gradient_is_that_of_the_likelihood():
    kernels, phenotype, noise = simulate(80)
    variances = torch.tensor([0.4, 0.7, 0.2], dtype=torch.float64)
    gradient, information = score(kernels, phenotype, noise, variances)
    for component in range(3):
        moved = [variances * torch.exp(step * torch.eye(3)[component].double()) for step in (-1e-4, 1e-4)]
        low, high = (log_likelihood(kernels, phenotype, noise, one) for one in moved)
        assert gradient[component].item() == pytest.approx((high - low) / 2e-4, rel=1e-5)
    assert (torch.linalg.eigvalsh(information) > 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_estimates_are_where_the_likelihood_is_highest(seed):
    kernels, phenotype, noise = simulate(200, seed=seed)
    given = estimate_variances(kernels, phenotype, noise)

    def cost(logarithms):
        return -log_likelihood(kernels, phenotype, noise, torch.from_numpy(np.exp(logarithms)))

    wanted = minimize(cost, np.log([0.3, 0.3, 0.3]), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-6})
    assert log_likelihood(kernels, phenotype, noise, given) >= -wanted.fun - 1e-3


def test_estimates_are_near_the_truth():
    estimates = torch.stack([estimate_variances(*simulate(300, seed=seed)) for seed in range(12)])
    torch.testing.assert_close(estimates.mean(0), torch.tensor([0.5, 0.2, 0.3]).double(), rtol=0.25, atol=0)


def test_component_without_variance_ends_at_the_least():
    kernels, phenotype, noise = simulate(200, variances=(0.7, 0.0, 0.3), seed=4)
    given = estimate_variances(kernels, phenotype, noise)
    assert given[1] < 0.05
    assert (given >= LEAST * phenotype.var()).all()
