"""Variance components by restricted maximum likelihood (REML).

Letters: n individuals, K components beside the noise.
"""

import torch
from torch import Tensor

MAX_ITERATIONS = 30
ENOUGH = 0.01  # of the gradient of the log-likelihood, by the logarithm of a variance
LEAST = 1e-6  # of the variance of the phenotype
LONGEST_STEP = 1.5  # of the logarithm of a variance


def estimate_variances(kernels: list[Tensor], phenotype: Tensor, noise: Tensor) -> Tensor:
    """(K + 1,) variances of the components, the noise last, of y = mean + g_1 + ... + g_K + e.

    Average-information REML (Gilmour, Thompson, Cullis 1995) in the logarithms of the variances, which keeps them above 0.

    Args:
        kernels: K covariances (n, n) of g_k, up to its variance.
        phenotype: (n,).
        noise: (n,) variances of e, up to a factor.
    """
    total = phenotype.var()
    n_components = len(kernels)
    variances = phenotype.new_full((n_components + 1,), 0.5 * total.item())
    variances[:-1] /= n_components
    for _ in range(MAX_ITERATIONS):
        gradient, information = score(kernels, phenotype, noise, variances)
        free = (variances > LEAST * total) | (gradient > 0)
        if (gradient[free].abs() < ENOUGH).all():
            break
        information.diagonal().add_(1e-3 * information.diagonal() + 1e-6)
        step = torch.linalg.solve(information, gradient).clamp(-LONGEST_STEP, LONGEST_STEP)
        variances = (variances * step.exp()).clamp_min(LEAST * total)
    return variances


def score(kernels: list[Tensor], phenotype: Tensor, noise: Tensor, variances: Tensor) -> tuple[Tensor, Tensor]:
    """(K + 1,) gradient of the restricted log-likelihood and (K + 1, K + 1) average information, by logarithms."""
    covariance = torch.diag(variances[-1] * noise)
    for variance, kernel in zip(variances, kernels, strict=False):
        covariance.add_(kernel, alpha=variance.item())
    projection = torch.cholesky_inverse(torch.linalg.cholesky(covariance))
    del covariance
    row_sums = projection.sum(1)
    projection.addr_(row_sums, row_sums, alpha=-1 / row_sums.sum().item())  # takes the mean out
    projected = projection @ phenotype
    images = torch.stack([*(kernel @ projected for kernel in kernels), noise * projected])
    traces = [torch.einsum("ij,ij->", projection, kernel) for kernel in kernels]
    traces.append(projection.diagonal() @ noise)
    gradient = variances * (images @ projected - torch.stack(traces)) / 2
    information = torch.outer(variances, variances) * (images @ projection @ images.T) / 2
    return gradient, information


def log_likelihood(kernels: list[Tensor], phenotype: Tensor, noise: Tensor, variances: Tensor) -> float:
    """Restricted log-likelihood up to a constant."""
    covariance = torch.diag(variances[-1] * noise)
    for variance, kernel in zip(variances, kernels, strict=False):
        covariance = covariance + variance * kernel
    factor = torch.linalg.cholesky(covariance)
    ones = torch.ones_like(phenotype)
    both = torch.cholesky_solve(torch.stack([ones, phenotype], dim=1), factor)
    weight = ones @ both[:, 0]
    rest = phenotype @ both[:, 1] - (ones @ both[:, 1]) ** 2 / weight
    return -(2 * factor.diagonal().log().sum() + weight.log() + rest).item() / 2
