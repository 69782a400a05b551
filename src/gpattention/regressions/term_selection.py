"""Terms chosen one after another by what they add to a fit, from the sums of their products alone.

The terms that are always there, the base, have a ridge penalty: what is left of the phenotype then is that of a mixed model in
which they have random effects, and so are its tests. The intercept is taken out of all by centring.

Letters: N individuals, E environments, P patterns of weights, T terms, of which the first M are the base.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

INDIVIDUALS_AT_ONCE = 8192
LEAST_OWN = 1e-3  # of a term's variance that the terms before it leave: below, it is one of them


class Moments(NamedTuple):
    """Weighted sums of squares and products around the means, float64, by environment."""

    products: Tensor  # (E, T, T)
    with_phenotype: Tensor  # (E, T)
    square: Tensor  # (E,) of the phenotype
    mean: Tensor  # (E, T) of the terms
    phenotype_mean: Tensor  # (E,)
    total: Tensor  # (E,) values

    def of(self, index: Tensor) -> "Moments":
        """Those of some of the terms."""
        products = self.products[:, index][:, :, index]
        return self._replace(products=products, with_phenotype=self.with_phenotype[:, index], mean=self.mean[:, index])

    def penalised(self, penalty_ET: Tensor) -> "Moments":
        """With a penalty on each term."""
        return self._replace(products=self.products + torch.diag_embed(penalty_ET))


class Chosen(NamedTuple):
    """Terms in the order in which they were chosen, and each one's statistic at that moment."""

    index: list[int]
    statistic: list[float]


def moments_of(
    terms: Callable[[slice], Tensor], weight_EN: Tensor, phenotype_EN: Tensor, weigh_as: Tensor | None = None
) -> Moments:
    """Sums over all individuals.

    Args:
        terms: makes the (T, n) terms of some of the individuals.
        weight_EN: 0 where not measured; of mean 1 over the others once they are scaled, so that sums count values.
        weigh_as: unused weights of the same shape, for sums over other individuals than those that scale the weights.
    """
    n_measured_E = (weight_EN > 0).sum(1).double()
    weight_EN = weight_EN.double() * (n_measured_E / weight_EN.double().sum(1).clamp_min(1e-300))[:, None]
    patterns, pattern = torch.unique(weight_EN, dim=0, return_inverse=True)
    products = moments = means = None
    for start in range(0, weight_EN.shape[1], INDIVIDUALS_AT_ONCE):
        part = slice(start, start + INDIVIDUALS_AT_ONCE)
        term_TN = terms(part).double()
        if products is None:
            n_terms = len(term_TN)
            products = term_TN.new_zeros(len(patterns), n_terms, n_terms)
            moments, means = (term_TN.new_zeros(len(weight_EN), n_terms) for _ in range(2))
        for weight, into in zip(patterns[:, part], products, strict=True):
            into.addmm_(term_TN * weight, term_TN.T)
        moments.addmm_(weight_EN[:, part] * phenotype_EN[:, part].double(), term_TN.T)
        means.addmm_(weight_EN[:, part], term_TN.T)
    count = n_measured_E.clamp_min(1.0)[:, None]
    means /= count
    phenotype_mean = (weight_EN * phenotype_EN.double()).sum(1) / count[:, 0]
    centred = products[pattern] - n_measured_E[:, None, None] * means[:, :, None] * means[:, None]
    square = (weight_EN * (phenotype_EN.double() - phenotype_mean[:, None]) ** 2).sum(1)
    with_phenotype = moments - n_measured_E[:, None] * means * phenotype_mean[:, None]
    return Moments(centred, with_phenotype, square, means, phenotype_mean, n_measured_E)
