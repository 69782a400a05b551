"""Variance components by restricted maximum likelihood (REML).

Letters: n individuals, K components beside the noise.
"""

from typing import NamedTuple

import torch
from torch import Tensor

MAX_STEPS = 30
ENOUGH = 0.05  # gain of the log-likelihood that a step promises
LEAST = 1e-4  # of the variance of the phenotype
LONGEST_STEP = 2.0  # of the logarithm of a variance


class Likelihood(NamedTuple):
    """At given ratios of the variances, and the scale of them all at which it is highest.

    Attributes:
        variances: (K + 1,), the noise last.
        logarithm: of the restricted likelihood, up to a constant.
        gradient: (K + 1,) of it by the logarithms of the variances.
        information: (K + 1, K + 1) average information, by the same.
    """

    variances: Tensor
    logarithm: float
    gradient: Tensor
    information: Tensor


def estimate_variances(kernels: list[Tensor], phenotype: Tensor, noise: Tensor) -> Tensor:
    """(K + 1,) variances of the components, the noise last, of y = mean + g_1 + ... + g_K + e.

    Average-information REML (Gilmour, Thompson, Cullis 1995) in the logarithms of the variances, which keeps them above 0,
    with steps that are shortened until the likelihood rises (Levenberg-Marquardt).

    Args:
        kernels: K covariances (n, n) of g_k, up to its variance.
        phenotype: (n,).
        noise: (n,) variances of e, up to a factor.
    """
    least = LEAST * phenotype.var()
    start = phenotype.new_tensor([1 / len(kernels)] * len(kernels) + [1.0])
    best, damping = evaluate(kernels, phenotype, noise, start), 1e-2
    for _ in range(MAX_STEPS):
        # A variance at the least stays there unless the likelihood rises with it.
        free = (best.variances > 1.01 * least) | (best.gradient > 0)
        gradient, information = best.gradient * free, best.information * torch.outer(free, free)
        information.diagonal().mul_(1 + damping).add_(1e-6)
        step = torch.linalg.solve(information, gradient).clamp(-LONGEST_STEP, LONGEST_STEP)
        if step @ gradient < ENOUGH:
            break
        tried = evaluate(kernels, phenotype, noise, (best.variances * step.exp()).clamp_min(least))
        is_better = tried.logarithm > best.logarithm
        best, damping = (tried, damping / 10) if is_better else (best, damping * 10)
    return best.variances


def evaluate(kernels: list[Tensor], phenotype: Tensor, noise: Tensor, variances: Tensor) -> Likelihood:
    """The restricted likelihood at variances with these ratios."""
    covariance = torch.diag(variances[-1] * noise)
    for variance, kernel in zip(variances, kernels, strict=False):
        covariance.add_(kernel, alpha=variance.item())
    factor = torch.linalg.cholesky(covariance)
    del covariance
    projection = torch.cholesky_inverse(factor)
    row_sums = projection.sum(1)
    weight = row_sums.sum()
    projection.addr_(row_sums, row_sums, alpha=-1 / weight.item())  # takes the mean out
    n = len(phenotype) - 1
    scale = phenotype @ projection @ phenotype / n
    logarithm = -(2 * factor.diagonal().log().sum() + weight.log() + n * scale.log() + n) / 2

    variances, projected = variances * scale, projection @ phenotype / scale
    images = torch.stack([*(kernel @ projected for kernel in kernels), noise * projected])
    traces = [torch.einsum("ij,ij->", projection, kernel) for kernel in kernels]
    traces.append(projection.diagonal() @ noise)
    gradient = variances * (images @ projected - torch.stack(traces) / scale) / 2
    information = torch.outer(variances, variances) * (images @ projection @ images.T) / (2 * scale)
    return Likelihood(variances, logarithm.item(), gradient, information)
