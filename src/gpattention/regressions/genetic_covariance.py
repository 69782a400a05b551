"""Genetic covariance between environments, from phenotypes and the kernel of the genotypes.

Letters: N individuals, R features, E environments.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

LEAST_SHARE, MOST_SHARE = 0.02, 0.98  # of the variance that the kernel explains


class GeneticCovariance(NamedTuple):
    """In units of the standardised phenotypes, whose variance is 1."""

    correlation: Tensor  # (E, E) of genetic values between environments
    share: Tensor  # (E,) of the variance that the kernel explains; the rest is noise

    def with_shares(self, shares: list[float]) -> Iterator[tuple[Tensor, Tensor]]:
        """K_E and the noise of each environment, with only a share of the correlations kept."""
        identity = torch.eye(len(self.share), dtype=self.share.dtype, device=self.share.device)
        scale = torch.outer(self.share.sqrt(), self.share.sqrt())
        for share in shares:
            yield scale * (share * self.correlation + (1 - share) * identity), 1 - self.share


def genetic_covariance(features_NR: Tensor, phenotype_NE: Tensor, weight_NE: Tensor) -> GeneticCovariance:
    """Haseman-Elston regression: products of the phenotypes of two individuals, on their kernel value.

    For environments a and b, sum_ij K_ij y_ia y_jb / sum_ij K_ij^2 over individuals i != j, which noise that is
    independent among individuals does not bias. The sums of squares are those of all individuals times the shares that
    were measured. Estimates are drawn towards their mean, the more the fewer values they come from (empirical Bayes), and
    made a correlation matrix by taking out negative eigenvalues.
    """
    measured_NE = (weight_NE > 0).double()
    phenotype_NE = measured_NE * phenotype_NE
    own_N = (features_NR**2).sum(1)  # the diagonal of the kernel
    projected_RE = features_NR.T @ phenotype_NE
    products_EE = projected_RE.T @ projected_RE - phenotype_NE.T @ (own_N[:, None] * phenotype_NE)
    squares = ((features_NR.T @ features_NR) ** 2).sum() - (own_N**2).sum()
    measured_E = measured_NE.mean(0)
    squares_EE = squares * torch.outer(measured_E, measured_E)
    estimate_EE = torch.where(squares_EE > 0, products_EE / squares_EE, 0.0)
    # Of the noise, and of who was measured: n values tell a correlation to 1 / n at best. Infinite where nothing was.
    n_E = measured_NE.sum(0)
    variance_EE = 1 / squares_EE + 1 / torch.minimum(n_E[:, None], n_E)

    share_E = shrink(estimate_EE.diagonal(), 2 * variance_EE.diagonal()).clamp(LEAST_SHARE, MOST_SHARE)
    n_environments = len(share_E)
    correlation_EE = torch.eye(n_environments, dtype=share_E.dtype, device=share_E.device)
    if n_environments > 1:
        first, second = torch.triu_indices(n_environments, n_environments, 1, device=share_E.device)
        scale = (share_E[first] * share_E[second]).sqrt()
        pairs = shrink(estimate_EE[first, second] / scale, variance_EE[first, second] / scale**2).clamp(-1, 1)
        correlation_EE[first, second] = correlation_EE[second, first] = pairs
        correlation_EE = nearest_correlation(correlation_EE)
    return GeneticCovariance(correlation_EE, share_E)


def shrink(estimate: Tensor, variance: Tensor) -> Tensor:
    """Estimates drawn towards their weighted mean by the share of their variance that is due to error.

    0 where no estimate is known at all.
    """
    if not variance.isfinite().any():
        return torch.zeros_like(estimate)
    precision = 1 / variance
    precision = precision / precision.sum()
    mean = (precision * estimate).sum()
    known = variance.isfinite()
    between = ((precision * (estimate - mean) ** 2).sum() - (precision * variance)[known].sum()).clamp_min(0)
    return mean + between / (between + variance) * (estimate - mean)


def nearest_correlation(matrix: Tensor) -> Tensor:
    """Without its negative eigenvalues, scaled to a diagonal of 1."""
    eigenvalues, vectors = torch.linalg.eigh(matrix)
    positive = (vectors * eigenvalues.clamp_min(1e-6)) @ vectors.T
    scale = positive.diagonal().rsqrt()
    return positive * torch.outer(scale, scale)
