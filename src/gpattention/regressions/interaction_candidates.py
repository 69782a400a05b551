"""Maps among which validation chooses: additive terms with the first of the sets found, at several ridge penalties.

Letters: B batch, L loci, S sets, E environments, C candidates, T terms.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gpattention.models.products import product_of
from gpattention.regressions.interaction_search import Search, penalised_base
from gpattention.regressions.term_selection import eliminated, factor_of, solve

MOST_STEPS = 24  # numbers of terms


class Block(NamedTuple):
    """Candidates of some environments that share their sets."""

    order: int
    sets: Tensor  # (S, 4)
    intercept: Tensor  # (C, E)
    additive: Tensor  # (L, C, E)
    coefficients: Tensor  # (S, C, E)
    penalty: Tensor | None  # (E,) of the additive terms; None where each candidate has its own

    def predict(self, genotype_BL: Tensor) -> Tensor:
        """(B, C, E)"""
        product_BS = product_of(genotype_BL.T, self.sets).T
        shape = self.intercept.shape
        both = genotype_BL @ self.additive.flatten(1) + product_BS @ self.coefficients.flatten(1)
        return self.intercept + both.unflatten(1, shape)


def additive_block(search: Search, penalties: list[float]) -> Block:
    """Additive terms alone, at each penalty per term."""
    moments = search.moments(search.none)
    solutions = []
    for penalty in penalties:
        each = torch.full_like(moments.total, penalty * search.n_loci)
        solutions.append(solve(penalised_base(moments, each, search.n_loci)))
    additive, intercept = (torch.stack(parts) for parts in zip(*solutions, strict=True))
    none = additive.new_empty(0, *intercept.shape)
    return Block(1, search.none, intercept, additive.permute(2, 0, 1), none, None)


def block_of(search: Search, order: int, sets: Tensor, penalties: list[float] | None) -> Block:
    """The first sets, at every number of them and each penalty per term; all of them at no penalty where there is none."""
    moments, n_loci, n = search.moments(sets), search.n_loci, len(sets)
    penalty_E = search.penalty_beside(moments)
    moments = penalised_base(moments, penalty_E, n_loci)
    left = eliminated(moments, n_loci)
    steps = sorted({0, n, *np.geomspace(1, max(n, 1), MOST_STEPS).round().astype(int).tolist()}) if penalties else [n]
    columns = []
    for step in (one for one in steps if one <= n):
        for penalty in penalties if penalties and step else [0.0]:
            some = left.of(torch.arange(step, device=sets.device))
            solution, _ = solve(some.penalised(torch.full_like(some.mean, penalty * step)))
            columns.append(torch.nn.functional.pad(solution, (0, n - step)))
    coefficient_ETC = torch.stack(columns, dim=2)
    base, rest = slice(0, n_loci), slice(n_loci, None)
    right = moments.with_phenotype[:, base, None] - moments.products[:, base, rest] @ coefficient_ETC
    additive_ELC = torch.cholesky_solve(right, factor_of(moments.products[:, base, base]))
    mean_E1T = moments.mean[:, None]
    fitted = mean_E1T[..., base] @ additive_ELC + mean_E1T[..., rest] @ coefficient_ETC
    intercept_CE = (moments.phenotype_mean[:, None] - fitted[:, 0]).T
    return Block(order, sets, intercept_CE, additive_ELC.permute(1, 2, 0), coefficient_ETC.permute(1, 2, 0), penalty_E)
