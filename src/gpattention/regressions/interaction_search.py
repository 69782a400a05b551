"""The search for interactions in environments that share it: what is left of the phenotypes, and sets that grow round by round.

Letters: N individuals of the training part, L loci, E environments, S sets, T terms, M near loci.
"""

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from gpattention.models.products import product_of
from gpattention.regressions.interaction_screen import LARGEST_ORDER, Factors, Screen
from gpattention.regressions.term_selection import Moments, choose, eliminated, in_order, moments_of, solve

N_NEAREST = 3  # loci that a locus of a chosen set may be exchanged for
PENALTY_STEPS = 3
SETS_AT_ONCE = 256


class Search:
    """Training data of environments with sets in common, and one round of their search.

    Args:
        genotype_LN: float32.
        weight_EN, phenotype_EN: 0 where not measured.

    Attributes:
        first_penalty_E: of the additive terms alone, as it is added to their sums of squares; 0 before validation has chosen it.
    """

    def __init__(self, genotype_LN: Tensor, weight_EN: Tensor, phenotype_EN: Tensor) -> None:
        self.genotype_LN, self.weight_EN, self.phenotype_EN = genotype_LN, weight_EN, phenotype_EN
        self.first_penalty_E = weight_EN.new_zeros(len(weight_EN), dtype=torch.float64)
        self.screen = Screen(genotype_LN, weight_EN)
        self.n_loci = len(genotype_LN)
        self.none = torch.empty(0, LARGEST_ORDER, dtype=torch.long, device=genotype_LN.device)

    @cached_property
    def nearest_LM(self) -> Tensor:
        return nearest_loci(self.genotype_LN, N_NEAREST)

    def moments(self, sets: Tensor) -> Moments:
        """Of the additive terms and the products of the sets."""

        def terms(part: slice) -> Tensor:
            genotype = self.genotype_LN[:, part]
            return torch.cat([genotype, product_of(genotype, sets)])

        return moments_of(terms, self.weight_EN, self.phenotype_EN)

    def penalty_beside(self, moments: Moments) -> Tensor:
        """(E,) penalty of the additive terms beside sets.

        It is the ratio of what is left to their own variance, so that it falls with what the sets explain.
        """
        first_E = penalty_E = self.first_penalty_E
        alone_E = left_of(moments.of(torch.arange(self.n_loci, device=self.genotype_LN.device)), first_E, self.n_loci)
        for _ in range(PENALTY_STEPS):
            share_E = left_of(moments, penalty_E, self.n_loci) / alone_E.clamp_min(1e-300)
            penalty_E = first_E * share_E.clamp(0, 1)
        return penalty_E

    def fit(self, sets: Tensor) -> tuple[Tensor, Tensor]:
        """(E, N) what additive terms and sets leave of the phenotypes, 0 where not measured; (E,) the penalty."""
        moments = self.moments(sets)
        penalty_E = self.penalty_beside(moments)
        coefficient, _ = solve(penalised_base(moments, penalty_E, self.n_loci))
        return self.residual(sets, coefficient.float()), penalty_E

    def residual(self, sets: Tensor, coefficient_ET: Tensor) -> Tensor:
        """(E, N) phenotypes without what these coefficients explain; 0 where not measured, of mean 0."""
        weight, phenotype = self.weight_EN, self.phenotype_EN
        fitted = coefficient_ET[:, : self.n_loci] @ self.genotype_LN
        for coefficients, some in zip(
            coefficient_ET[:, self.n_loci :].split(SETS_AT_ONCE, dim=1), sets.split(SETS_AT_ONCE), strict=False
        ):
            fitted += coefficients @ product_of(self.genotype_LN, some)
        rest = phenotype - fitted
        mean = (weight * rest).sum(1, keepdim=True) / weight.sum(1, keepdim=True)
        return torch.where(weight > 0, rest - mean, 0.0)

    def grow(
        self,
        current: Tensor,
        factors: list[Factors],
        least: Callable[[int], float],
        most_terms: int,
        most_candidates: int,
        advance: Callable[[float], None],
    ) -> Tensor:
        """The chosen sets after one more round.

        Args:
            factors: all that is tested.
            least: statistic that the n-th set must reach, by n.
        """
        residual_EN, penalty_E = self.fit(current)
        found = [
            self.screen.strongest(one, residual_EN, least(most_terms), most_candidates, advance) for one in factors
        ]
        best = torch.cat([one.statistic for one in found]).argsort(descending=True, stable=True)[:most_candidates]
        fresh = torch.cat([one.sets for one in found])[best]
        # A chosen set may stand for one of its neighbours, which no longer passes.
        pool = without_repeats(torch.cat([current, fresh, self.neighbours(current)[:most_candidates]]))
        if not len(pool):
            return pool
        left = eliminated(penalised_base(self.moments(pool), penalty_E, self.n_loci), self.n_loci)
        return pool[choose(left, least, most_terms, list(range(len(current))))]

    def neighbours(self, sets: Tensor) -> Tensor:
        """Sets with one locus replaced by one near it."""
        found = []
        for column in range(LARGEST_ORDER):
            some = sets[sets[:, column] >= 0]
            for nearest in self.nearest_LM.T:
                other = some.clone()
                other[:, column] = nearest[some[:, column]]
                found.append(in_rising_order(other))
        both = torch.cat(found)
        repeated = ((both[:, 1:] == both[:, :-1]) & (both[:, 1:] >= 0)).any(1)
        return both[~repeated]

    def in_order(self, sets: Tensor) -> Tensor:
        """Sets by what each adds to those before it."""
        moments = self.moments(sets)
        return sets[
            in_order(eliminated(penalised_base(moments, self.penalty_beside(moments), self.n_loci), self.n_loci))
        ]

    def strongest_loci(self, chosen: Tensor) -> Tensor:
        """All loci, by the largest statistic of an additive term or of a chosen set that they are in."""
        single = torch.arange(self.n_loci, device=self.genotype_LN.device)[:, None]
        nothing = self.genotype_LN.new_zeros(len(self.weight_EN), self.n_loci)
        strength = (self.screen.z_of(single, self.residual(self.none, nothing)) ** 2).sum(1)
        residual_EN, _ = self.fit(self.none)
        for loci, statistic in zip(chosen, (self.screen.z_of(chosen, residual_EN) ** 2).sum(1), strict=True):
            held = loci[loci >= 0]
            strength[held] = torch.maximum(strength[held], statistic)
        return torch.argsort(strength, descending=True, stable=True)

    def strongest_sets(self, order: int, chosen: Tensor, factors: Factors, most: int) -> Tensor:
        """(S, order) those chosen, and those of what is tested with the largest statistic beside the additive terms."""
        residual_EN, _ = self.fit(self.none)
        found = self.screen.strongest(factors, residual_EN, 0.0, most)
        chosen = chosen[(chosen >= 0).sum(1) == order]
        return without_repeats(torch.cat([chosen, found.sets]))[:most, :order]


def penalised_base(moments: Moments, penalty_E: Tensor, n_loci: int) -> Moments:
    """With a penalty on the additive terms."""
    penalty = torch.zeros_like(moments.mean)
    penalty[:, :n_loci] = penalty_E[:, None]
    return moments.penalised(penalty)


def left_of(moments: Moments, penalty_E: Tensor, n_loci: int) -> Tensor:
    """(E,) sum of squares that the fit with this penalty leaves."""
    coefficient, _ = solve(penalised_base(moments, penalty_E, n_loci))
    explained = torch.einsum("et,ets,es->e", coefficient, moments.products, coefficient)
    return moments.square - 2 * (coefficient * moments.with_phenotype).sum(1) + explained


def locus_correlation(genotype_LN: Tensor) -> Tensor:
    """(L, L) absolute correlations of loci; 0 with one that does not vary."""
    centred_LN = genotype_LN - genotype_LN.mean(1, keepdim=True)
    centred_LN /= centred_LN.norm(dim=1, keepdim=True).clamp_min(1e-30)
    return (centred_LN @ centred_LN.T).abs()


def nearest_loci(genotype_LN: Tensor, n: int) -> Tensor:
    """(L, n) of each locus, those that correlate most with it."""
    correlation_LL = locus_correlation(genotype_LN).fill_diagonal_(-1.0)
    return correlation_LL.argsort(dim=1, descending=True, stable=True)[:, : min(n, max(1, len(genotype_LN) - 1))]


def in_rising_order(sets: Tensor) -> Tensor:
    """Loci sorted within each set, -1 last."""
    last = torch.iinfo(sets.dtype).max
    ordered = torch.where(sets < 0, last, sets).sort(dim=1).values
    return torch.where(ordered == last, -1, ordered)


def without_repeats(sets: Tensor) -> Tensor:
    """Each set where it comes first."""
    first: dict[tuple[int, ...], int] = {}
    for row, loci in enumerate(sets.tolist()):
        first.setdefault(tuple(loci), row)
    return sets[list(first.values())]
