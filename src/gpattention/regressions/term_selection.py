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
JITTER = 1e-9  # of a mean square
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


def moments_of(terms: Callable[[slice], Tensor], weight_EN: Tensor, phenotype_EN: Tensor) -> Moments:
    """Sums over all individuals.

    Args:
        terms: makes the (T, n) terms of some of the individuals.
        weight_EN: 0 where not measured; those of an environment are scaled to mean 1 over its values, so that sums count them.
    """
    n_measured_E = (weight_EN > 0).sum(1).double()
    weight_EN = weight_EN.double() * (n_measured_E / weight_EN.double().sum(1).clamp_min(1e-300))[:, None]
    patterns, pattern = torch.unique(weight_EN, dim=0, return_inverse=True)
    n_terms = len(terms(slice(0, 1)))
    products = weight_EN.new_zeros(len(patterns), n_terms, n_terms)
    moments, means = (weight_EN.new_zeros(len(weight_EN), n_terms) for _ in range(2))
    for start in range(0, weight_EN.shape[1], INDIVIDUALS_AT_ONCE):
        part = slice(start, start + INDIVIDUALS_AT_ONCE)
        term_TN = terms(part).double()
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


def eliminated(moments: Moments, n_base: int) -> Moments:
    """Of the other terms, what the penalised base leaves: with V the covariance that it makes, sums of products by V^-1."""
    base, rest = slice(0, n_base), slice(n_base, None)
    factor = factor_of(moments.products[:, base, base])
    across = moments.products[:, base, rest]
    right = torch.cat([across, moments.with_phenotype[:, base, None]], dim=2)
    solved = torch.cholesky_solve(right, factor)
    return moments._replace(
        products=moments.products[:, rest, rest] - across.mT @ solved[..., :-1],
        with_phenotype=moments.with_phenotype[:, rest] - (across.mT @ solved[..., -1:])[..., 0],
        square=moments.square - (moments.with_phenotype[:, base] * solved[..., -1]).sum(1),
        mean=moments.mean[:, rest],
    )


def choose(moments: Moments, least: Callable[[int], float], most: int) -> Chosen:
    """Forward selection: always the term with the largest statistic, the squared z summed over environments.

    Args:
        moments: what the base leaves, see `eliminated`.
        least: statistic that the n-th term must reach, by n. All up to the last one that reaches its own are chosen.
        most: terms.
    """
    products, with_phenotype, square = (part.clone() for part in moments[:3])
    own = products.diagonal(dim1=1, dim2=2).clone()
    index: list[int] = []
    statistics: list[float] = []
    while len(index) < min(most, own.shape[1]):
        variance = products.diagonal(dim1=1, dim2=2)
        is_new = variance > LEAST_OWN * own
        noise = square / (moments.total - len(index)).clamp_min(1.0)
        gain = torch.where(is_new, with_phenotype**2 / (variance * noise[:, None]).clamp_min(1e-300), 0.0)
        gain[:, index] = 0.0
        total = gain.sum(0)
        best = int(total.argmax())
        statistic = float(total[best])
        if statistic < least(most):  # no later one can reach its own
            break
        index.append(best)
        statistics.append(statistic)
        size = torch.where(is_new[:, best], variance[:, best], torch.inf)[:, None]
        column = products[:, :, best].clone()
        share = with_phenotype[:, best, None] / size
        square = square - (with_phenotype[:, best, None] * share)[:, 0]
        with_phenotype = with_phenotype - column * share
        products = products - column[:, :, None] * (column / size)[:, None]
    n = max((number for number, value in enumerate(statistics, 1) if value >= least(number)), default=0)
    return Chosen(index[:n], statistics[:n])


def drop_weak(moments: Moments, least: Callable[[int], float]) -> list[int]:
    """Backward pass: without the weakest of all terms fitted together, until each reaches what the last must."""
    kept = list(range(moments.products.shape[1]))
    while kept:
        _, z, _ = least_squares(moments.of(torch.tensor(kept, device=moments.products.device)))
        statistic = (z**2).sum(0)
        if statistic.min() >= least(len(kept)):
            break
        del kept[int(statistic.argmin())]
    return kept


class Fit(NamedTuple):
    coefficient: Tensor  # (E, T)
    z: Tensor  # (E, T)
    standard_error: Tensor  # (E, T)


def least_squares(moments: Moments) -> Fit:
    """All terms together, with what the base leaves."""
    factor = factor_of(moments.products)
    coefficient = torch.cholesky_solve(moments.with_phenotype[..., None], factor)[..., 0]
    left = moments.square - (coefficient * moments.with_phenotype).sum(1)
    noise = left.clamp_min(0) / (moments.total - moments.products.shape[1]).clamp_min(1.0)
    variance = torch.cholesky_inverse(factor).diagonal(dim1=1, dim2=2)
    error = (variance * noise[:, None]).clamp_min(1e-300).sqrt()
    return Fit(coefficient, coefficient / error, error)


def solve(moments: Moments) -> tuple[Tensor, Tensor]:
    """(E, T) coefficients and (E,) intercepts of penalised moments."""
    factor = factor_of(moments.products)
    coefficient = torch.cholesky_solve(moments.with_phenotype[..., None], factor)[..., 0]
    return coefficient, moments.phenotype_mean - (coefficient * moments.mean).sum(1)


def factor_of(products: Tensor) -> Tensor:
    """Cholesky factor; terms that do not vary, or are one another's copies, get the least penalty that makes it exist."""
    jitter = JITTER * products.diagonal(dim1=1, dim2=2).mean(1).clamp_min(1.0) if products.shape[1] else 0.0
    size = torch.as_tensor(jitter, dtype=products.dtype, device=products.device).expand(len(products))
    return torch.linalg.cholesky(products + torch.diag_embed(size[:, None].expand(-1, products.shape[1])))
