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
MOST_EXCHANGES = 10  # of all terms
JITTER = 1e-9  # of a mean square
LEAST_OWN = 1e-2  # of a term's variance that the terms before it leave: below, it is one of them


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
        term_TN = terms(part)
        for weight, into in zip(patterns[:, part], products, strict=True):
            whole = bool((weight == weight.round()).all() and (term_TN == term_TN.round()).all())
            # Of whole numbers sums in float32 are exact, and faster.
            few = term_TN.float() if whole else term_TN.double()
            into += (few * weight.to(few.dtype)) @ few.T
        term_TN = term_TN.double()
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


class Sweep:
    """Terms go into a fit and out of it, one at a time, by sweeping the matrix of their sums (Goodnight 1979).

    Of a term outside, the diagonal is the variance that the others leave of it, and the last column its sum of products with what
    they leave of the phenotype; of one inside, minus the inverse's diagonal, and its coefficient. In an environment where the
    others leave nearly nothing of a term it stays out.
    """

    def __init__(self, moments: Moments) -> None:
        with_phenotype = moments.with_phenotype[..., None]
        top = torch.cat([moments.products, with_phenotype], dim=2)
        bottom = torch.cat([with_phenotype.mT, moments.square[:, None, None]], dim=2)
        self.matrix = torch.cat([top, bottom], dim=1)
        self.own, self.total = moments.products.diagonal(dim1=1, dim2=2).clone(), moments.total
        self.is_inside = torch.zeros_like(self.own, dtype=torch.bool)
        self.terms: list[int] = []

    def statistic(self) -> Tensor:
        """(T,) squared z, summed over environments: that a term outside would have, and that one inside has."""
        diagonal, value = self.matrix.diagonal(dim1=1, dim2=2)[:, :-1], self.matrix[:, :-1, -1]
        noise = self.matrix[:, -1, -1].clamp_min(0) / (self.total - len(self.terms)).clamp_min(1.0)
        usable = self.is_inside | (diagonal > LEAST_OWN * self.own)
        size = (diagonal.abs() * noise[:, None]).clamp_min(1e-300)
        return torch.where(usable, value**2 / size, 0.0).sum(0)

    def outside(self) -> Tensor:
        """The same, 0 for all terms inside."""
        statistic = self.statistic()
        statistic[self.terms] = 0.0
        return statistic

    def add(self, term: int) -> None:
        usable = self.matrix[:, term, term] > LEAST_OWN * self.own[:, term]
        self.is_inside[:, term] = usable
        self.sweep(term, usable, 1.0)
        self.terms.append(term)

    def remove(self, term: int) -> None:
        self.sweep(term, self.is_inside[:, term].clone(), -1.0)
        self.is_inside[:, term] = False
        self.terms.remove(term)

    def sweep(self, term: int, where: Tensor, sign: float) -> None:
        pivot = torch.where(where, self.matrix[:, term, term], torch.inf)[:, None]
        column = self.matrix[:, :, term].clone()
        self.matrix -= column[:, :, None] * (column / pivot)[:, None]
        swept = torch.where(where[:, None], sign * column / pivot, column)
        self.matrix[:, term, :] = self.matrix[:, :, term] = swept
        self.matrix[:, term, term] = torch.where(where, -1 / pivot[:, 0], column[:, term])


def choose(moments: Moments, least: Callable[[int], float], most: int, start: list[int] | None = None) -> list[int]:
    """Terms by stepwise selection: forward, each exchanged for a better one, backward.

    Args:
        moments: what the base leaves, see `eliminated`.
        least: statistic, the squared z summed over environments, that the n-th term must reach, by n. Forward, all up to the last
            one that reaches its own are chosen; backward, the weakest of n must reach the n-th.
        most: terms.
        start: terms to begin with.
    """
    sweep = Sweep(moments)
    for term in start or []:
        sweep.add(term)
    statistics: list[float] = []
    while len(sweep.terms) < min(most, sweep.own.shape[1]):
        outside = sweep.outside()
        best = int(outside.argmax())
        if not outside[best] >= max(least(most), 1e-9):  # no later one can reach its own
            break
        sweep.add(best)
        statistics.append(float(outside[best]))
    n_start = len(start or [])
    n = max((i for i, value in enumerate(statistics, 1) if value >= least(n_start + i)), default=0)
    for term in sweep.terms[n_start + n :][::-1]:
        sweep.remove(term)
    for _ in range(MOST_EXCHANGES):
        if not exchange(sweep):
            break
    while sweep.terms:
        inside = sweep.statistic()[sweep.terms]
        if inside.min() >= least(len(sweep.terms)):
            break
        sweep.remove(sweep.terms[int(inside.argmin())])
    return sweep.terms


def exchange(sweep: Sweep) -> bool:
    """Each term in turn for the one that explains more beside all others; whether any was exchanged.

    Forward selection takes a product between two that count, where loci are linked, and needs several more to mend it.
    """
    is_changed = False
    for term in list(sweep.terms):
        sweep.remove(term)
        outside = sweep.outside()
        best = int(outside.argmax())
        is_better = best != term and bool(outside[best] > outside[term] * (1 + 1e-6))
        sweep.add(best if is_better else term)
        is_changed |= is_better
    return is_changed


def in_order(moments: Moments) -> list[int]:
    """All terms, in the order in which forward selection takes them."""
    sweep = Sweep(moments)
    n = sweep.own.shape[1]
    for _ in range(n):
        outside = sweep.outside()
        outside[sweep.terms] = -1.0
        sweep.add(int(outside.argmax()))
    return sweep.terms


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
