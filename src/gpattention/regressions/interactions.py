"""Which loci interact: sets found by testing all, chosen together, fitted beside the additive terms.

Letters: N individuals of the training part, B batch, L loci, E environments, S sets, T terms, C candidates.
"""

import logging
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import psutil
import torch
from torch import Tensor

from gpattention import ranks
from gpattention.data.batching import Batch
from gpattention.data.training_data import TrainingData
from gpattention.errors import InputError
from gpattention.models.products import product_of
from gpattention.output.progress import progress_bar
from gpattention.regressions import interaction_table
from gpattention.regressions.interaction_screen import (
    LARGEST_ORDER,
    Factors,
    Screen,
    all_sets,
    extensions,
    least_statistic,
    measured_rate,
    n_sets,
    n_tests,
)
from gpattention.regressions.term_selection import Moments, choose, eliminated, factor_of, in_order, moments_of, solve
from gpattention.training.closed_form import ClosedFormMap

log = logging.getLogger(__name__)

LEAST_INDIVIDUALS = 50
N_NEAREST = 3  # loci that a locus of a chosen set may be exchanged for
PENALTY_STEPS = 3
MOST_STEPS = 24  # numbers of terms among which validation chooses
ORDER_WORDS = {2: "pairs", 3: "sets of three", 4: "sets of four"}


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


class Interactions(ClosedFormMap):
    """Additive terms and products of alleles of two, three or four loci, which are searched for.

    An epoch is a round: all sets up to an order are tested against what the map leaves, those that pass join the ones from before
    by stepwise selection, and the map is fitted again. When a round changes nothing, the next order begins anew. In the end validation chooses, for each environment, the
    order, the number of terms and their ridge penalty.

    Args:
        n_loci: L.
        environment_names: E names, in the order of the phenotype columns.
        max_order: most loci of a set, 1 to 4.
        environment: `separate` searches each environment on its own; `shared` finds sets for all by the sum of their squared
            z, and gives each environment its own coefficients.
        level: probability that any set passes where none interacts (Bonferroni).
        false_discovery: in its place, the share of false sets among the chosen (Benjamini and Hochberg's bounds in forward
            selection, Abramovich et al. 2006); None uses `level`.
        additive_penalties, interaction_penalties: candidates, per term, as for `Ridge`.
        heredity: what is tested of an order whose sets take longer than `max_seconds`: `weak`, the strongest sets of one
            locus less, each with any locus; `strong`, all sets of the strongest loci; `none`, nothing.
        most_terms: interactions of an environment.
        most_candidates: sets that a round hands to the selection.
        max_rounds: of an order.
        max_seconds: that testing all sets of an order may take.

    Raises:
        InputError: a value is out of range.
    """

    additive: Tensor
    intercept: Tensor
    penalty: Tensor  # (E,) of the additive terms, as it is added to their sums of squares
    first_penalty: Tensor  # (E,) the same, of the additive terms alone
    order: Tensor  # (E,) up to which sets were searched, as validation chose
    sets: Tensor  # (S, 4) positions of loci, -1 after the last
    coefficients: Tensor  # (S, E), 0 where a set is not of an environment

    def __init__(
        self,
        *,
        n_loci: int,
        environment_names: list[str],
        max_order: int = 4,
        environment: Literal["separate", "shared"] = "separate",
        level: float = 0.05,
        false_discovery: float | None = None,
        additive_penalties: list[float],
        interaction_penalties: list[float],
        heredity: Literal["weak", "strong", "none"] = "weak",
        most_terms: int = 200,
        most_candidates: int = 1000,
        max_rounds: int = 20,
        max_seconds: float = 3600,
    ) -> None:
        super().__init__(environment_names)
        self.save_hyperparameters(logger=False)
        if not 1 <= max_order <= LARGEST_ORDER:
            raise InputError(f"model.max_order={max_order}: give 1 to {LARGEST_ORDER}")
        probability = level if false_discovery is None else false_discovery
        if not 0 < probability < 1:
            raise InputError(f"model.level={level}, false_discovery={false_discovery}: give a number between 0 and 1")
        if min(most_terms, most_candidates, max_rounds) < 1 or max_seconds <= 0:
            raise InputError(
                f"model.most_terms={most_terms}, most_candidates={most_candidates}, max_rounds={max_rounds}, "
                f"max_seconds={max_seconds:g}: give numbers from 1 on, and seconds above 0"
            )
        if not additive_penalties or not interaction_penalties or min(*additive_penalties, *interaction_penalties) < 0:
            raise InputError(
                f"model.additive_penalties={additive_penalties}, interaction_penalties={interaction_penalties}: give at least "
                "one of each, from 0 on"
            )
        n_environments = len(environment_names)
        self.n_loci, self.max_order = n_loci, min(max_order, n_loci)
        self.probability, self.counts_discoveries = probability, false_discovery is not None
        self.penalties, self.interaction_penalties = additive_penalties, interaction_penalties
        self.heredity, self.most_terms, self.most_candidates = heredity, most_terms, most_candidates
        self.max_rounds, self.max_seconds = max_rounds, max_seconds
        self.max_epochs = 1 + (self.max_order - 1) * (max_rounds + 1)
        every = list(range(n_environments))
        self.groups = [every] if environment == "shared" else [[column] for column in every]
        options: dict[str, Any] = {"dtype": torch.float64}
        self.register_buffer("additive", torch.zeros(n_loci, n_environments, **options))
        self.register_buffer("intercept", torch.zeros(n_environments, **options))
        self.register_buffer("penalty", torch.zeros(n_environments, **options))
        self.register_buffer("first_penalty", torch.zeros(n_environments, **options))
        self.register_buffer("order", torch.ones(n_environments, dtype=torch.long))
        self.register_buffer("sets", torch.empty(0, LARGEST_ORDER, dtype=torch.long))
        self.register_buffer("coefficients", torch.empty(0, n_environments, **options))
        # Where the search is: the order that the next round tests, the round, and of each order and group the sets chosen.
        self.next_order, self.round = 1, 0
        self.chosen: dict[int, list[Tensor]] = {1: [self.sets for _ in self.groups]}

    def n_fitted(self) -> int:
        return self.additive.numel() + self.intercept.numel() + int(torch.count_nonzero(self.coefficients))

    def forward(self, genotype_BL: Tensor) -> Tensor:
        """(B, L) genotypes to (B, E) standardised phenotypes."""
        genotype_BL = genotype_BL.double()
        return self.intercept + genotype_BL @ self.additive + product_of(genotype_BL.T, self.sets).T @ self.coefficients

    def training_step(self, batch: Batch, _index: int) -> None:
        return None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["search"] = {
            "order": self.next_order,
            "round": self.round,
            "chosen": self.chosen,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        state = checkpoint["state_dict"]
        for name in ("sets", "coefficients"):  # as many as were found
            setattr(self, name, torch.empty_like(state[name], device=self.device))
        if (search := checkpoint.get("search")) is not None:
            self.next_order, self.round = search["order"], search["round"]
            self.chosen = {
                order: [sets.to(self.device) for sets in groups] for order, groups in search["chosen"].items()
            }

    @property
    def is_done(self) -> bool:
        return self.next_order > self.max_order

    def on_fit_start(self) -> None:
        """The training part, as the search takes it."""
        batch = self.trainer.datamodule.train  # type: ignore[attr-defined]
        n_measured = (batch.weight > 0).sum(0)
        if int(n_measured.min()) < LEAST_INDIVIDUALS:
            name = self.environment_names[int(n_measured.argmin())]
            raise InputError(
                f"model=interactions needs {LEAST_INDIVIDUALS} training individuals with a value in each environment, and {name} "
                f"has {int(n_measured.min())}: leave it out of data.environments, or use model=linear"
            )
        needed, free = 8 * batch.genotype.numel(), psutil.virtual_memory().available
        if needed > free:
            raise InputError(
                f"model=interactions needs {needed / 2**30:,.1f} GiB for the genotypes and {free / 2**30:,.1f} GiB are free: prune "
                "loci (data.max_correlation)"
            )
        self.genotype_LN = batch.genotype.T.float().contiguous()
        self.weight_EN, self.phenotype_EN = batch.weight.T.contiguous(), batch.phenotype.T.contiguous()
        self.screens = [Screen(self.genotype_LN, self.weight_EN[group]) for group in self.groups]
        self.chosen = {order: [s.to(self.device) for s in groups] for order, groups in self.chosen.items()}
        self.nearest_LM = nearest_loci(self.genotype_LN, N_NEAREST)
        self.factors: dict[int, list[Factors]] = {}

    def solve(self) -> None:
        """One round, and the candidates of which validation chooses."""
        if self.next_order == 1:
            self.candidates = [[self.block_of_additive(group)] for group in self.groups]
            self.next_order = 2
            self.chosen[2] = [self.sets.new_empty(0, LARGEST_ORDER) for _ in self.groups]
        else:
            self.search()
            orders = range(1, self.max_order + 1) if self.is_done else [max(self.chosen)]
            self.candidates = [
                [self.block_of(number, order, every=self.is_done) for order in orders]
                for number in range(len(self.groups))
            ]
        self.scores["train/passes"] = self.current_epoch + 1.0
        self.scores["train/interactions"] = float(sum(map(len, self.chosen[max(self.chosen)])))

    def on_train_epoch_end(self) -> None:
        if self.is_done:
            self.trainer.should_stop = True

    def least(self, order: int, n_environments: int) -> Any:
        """The statistic that the n-th set must reach, by n."""
        tests = n_tests(self.n_loci, order)
        if not self.counts_discoveries:
            value = least_statistic(self.probability / tests, n_environments)
            return lambda n: value
        return lambda n: least_statistic(min(self.probability * n / tests, 0.5), n_environments)

    def search(self) -> None:
        """A round of the present order; where it changes nothing, the end of that order."""
        order = self.next_order
        if order not in self.factors:
            self.factors[order] = self.what_is_tested(order)
        before = self.chosen[order]
        with progress_bar() as bar:
            task = bar.add_task(f"testing {ORDER_WORDS[order]}", total=float(len(self.groups) * (order - 1)), note="")
            self.chosen[order] = [
                self.grow(number, order, lambda share: bar.advance(task, share)) for number in range(len(before))
            ]
        self.round += 1
        same = all(as_set(old) == as_set(new) for old, new in zip(before, self.chosen[order], strict=True))
        log.debug("order %d, round %d: %d interactions", order, self.round, sum(map(len, self.chosen[order])))
        if same or self.round >= self.max_rounds:
            self.chosen[order] = [self.in_order(number, order) for number in range(len(before))]
            self.next_order, self.round = order + 1, 0
            if not self.is_done:
                self.chosen[order + 1] = [sets[:0] for sets in before]

    def what_is_tested(self, order: int) -> list[Factors]:
        """Of each group of environments: all sets, or where they take too long what `heredity` says."""
        n, n_groups = n_sets(self.n_loci, order), len(self.groups)
        rate = ranks.from_first(measured_rate(self.genotype_LN))
        seconds = sum(screen.seconds_of(n, rate) for screen in self.screens)
        cure = "prune loci (data.max_correlation), or lower model.max_seconds or model.max_order"
        if seconds <= self.max_seconds:
            self.screens[0].refuse_too_large(self.n_loci, order, cure)
            loci = torch.arange(self.n_loci, device=self.device)
            log.info("%s: all %s are tested, about %s a round", ORDER_WORDS[order], f"{n:,}", in_words(seconds))
            return [all_sets(loci, order)] * n_groups
        too_long = (
            f"{ORDER_WORDS[order]}: all {n:.3g} would take about {in_words(seconds)} a round, model.max_seconds allows "
            f"{in_words(self.max_seconds)};"
        )
        if self.heredity == "none":
            log.warning("%s none is tested (model.heredity=none)", too_long)
            empty = torch.empty(0, 1, dtype=torch.long, device=self.device)
            return [Factors(empty, empty, False)] * n_groups
        most = max(2, int(n * self.max_seconds / seconds))
        if self.heredity == "strong":
            n_strong = max(order, next(m for m in range(self.n_loci, 0, -1) if n_sets(m, order) <= most or m == order))
            log.warning("%s all of the %d strongest loci are tested (model.heredity=strong)", too_long, n_strong)
            strong = [self.strongest_loci(number, order)[:n_strong].sort().values for number in range(n_groups)]
            return [all_sets(loci, order) for loci in strong]
        n_strong = max(1, min(self.most_candidates, most // self.n_loci))
        log.warning(
            "%s the %s strongest sets of %d, with each locus, are tested (model.heredity=weak)",
            too_long,
            f"{n_strong:,}",
            order - 1,
        )
        return [extensions(self.strongest_sets(number, order, n_strong), self.n_loci) for number in range(n_groups)]

    def strongest_loci(self, number: int, order: int) -> Tensor:
        """All loci, by the largest statistic of an additive term or of a set chosen at a lower order that they are in."""
        screen, group = self.screens[number], self.groups[number]
        single = torch.arange(self.n_loci, device=self.device)[:, None]
        none = self.genotype_LN.new_zeros(len(group), self.n_loci)
        strength = (screen.z_of(single, self.residual(group, self.sets[:0], none)) ** 2).sum(1)
        chosen, (residual, _) = self.chosen[order - 1][number], self.fit(group, self.sets[:0])
        for loci, statistic in zip(chosen, (screen.z_of(chosen, residual) ** 2).sum(1), strict=True):
            held = loci[loci >= 0]
            strength[held] = torch.maximum(strength[held], statistic)
        return torch.argsort(strength, descending=True, stable=True)

    def strongest_sets(self, number: int, order: int, most: int) -> Tensor:
        """Sets of one locus less: those chosen, and those with the largest statistic beside the additive terms."""
        chosen = self.chosen[order - 1][number]
        chosen = chosen[(chosen >= 0).sum(1) == order - 1]
        residual, _ = self.fit(self.groups[number], self.sets[:0])
        if order == 2:
            return self.strongest_loci(number, 2)[:most, None]
        found = self.screens[number].strongest(self.factors_of(order - 1)[number], residual, 0.0, most)
        return without_repeats(torch.cat([chosen, found.sets]))[:most, : order - 1]

    def factors_of(self, order: int) -> list[Factors]:
        if order not in self.factors:
            self.factors[order] = self.what_is_tested(order)
        return self.factors[order]

    def moments(self, group: list[int], sets: Tensor) -> Moments:
        """Of the additive terms and the products of the sets."""

        def terms(part: slice) -> Tensor:
            genotype = self.genotype_LN[:, part]
            return torch.cat([genotype, product_of(genotype, sets)])

        return moments_of(terms, self.weight_EN[group], self.phenotype_EN[group])

    def penalty_beside(self, group: list[int], moments: Moments) -> Tensor:
        """(E,) penalty of the additive terms beside sets.

        It is the ratio of what is left to their own variance, so that it falls with what the sets explain.
        """
        first_E = penalty_E = self.first_penalty[group]
        alone_E = left_of(moments.of(torch.arange(self.n_loci, device=self.device)), first_E, self.n_loci)
        for _ in range(PENALTY_STEPS):
            share_E = left_of(moments, penalty_E, self.n_loci) / alone_E.clamp_min(1e-300)
            penalty_E = first_E * share_E.clamp(0, 1)
        return penalty_E

    def fit(self, group: list[int], sets: Tensor) -> tuple[Tensor, Tensor]:
        """(E, N) what additive terms and sets leave of the phenotypes, 0 where not measured; (E,) the penalty."""
        moments = self.moments(group, sets)
        penalty_E = self.penalty_beside(group, moments)
        coefficient, _ = solve(penalised_base(moments, penalty_E, self.n_loci))
        return self.residual(group, sets, coefficient.float()), penalty_E

    def residual(self, group: list[int], sets: Tensor, coefficient_ET: Tensor) -> Tensor:
        """(E, N) phenotypes without what these coefficients explain; 0 where not measured, of mean 0."""
        weight, phenotype = self.weight_EN[group], self.phenotype_EN[group]
        fitted = coefficient_ET[:, : self.n_loci] @ self.genotype_LN
        for coefficients, some in zip(
            coefficient_ET[:, self.n_loci :].split(256, dim=1), sets.split(256), strict=False
        ):
            fitted += coefficients @ product_of(self.genotype_LN, some)
        rest = phenotype - fitted
        mean = (weight * rest).sum(1, keepdim=True) / weight.sum(1, keepdim=True)
        return torch.where(weight > 0, rest - mean, 0.0)

    def grow(self, number: int, order: int, advance: Any) -> Tensor:
        """The sets of a group after one more round."""
        group, current = self.groups[number], self.chosen[order][number]
        (residual, penalty_E), least = self.fit(group, current), self.least(order, len(group))
        found = [
            self.screens[number].strongest(
                self.factors_of(one)[number], residual, least(self.most_terms), self.most_candidates, advance
            )
            for one in range(2, order + 1)
        ]
        best = torch.cat([one.statistic for one in found]).argsort(descending=True, stable=True)[: self.most_candidates]
        fresh = torch.cat([one.sets for one in found])[best]
        # A chosen set may stand for one of its neighbours, which no longer passes.
        near = self.neighbours(current)[: self.most_candidates]
        pool = without_repeats(torch.cat([current, fresh, near]))
        if not len(pool):
            return pool
        left = eliminated(penalised_base(self.moments(group, pool), penalty_E, self.n_loci), self.n_loci)
        return pool[choose(left, least, self.most_terms, list(range(len(current))))]

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

    def in_order(self, number: int, order: int) -> Tensor:
        """The chosen sets by what each adds to those before it."""
        group, sets = self.groups[number], self.chosen[order][number]
        moments = self.moments(group, sets)
        penalised = penalised_base(moments, self.penalty_beside(group, moments), self.n_loci)
        return sets[in_order(eliminated(penalised, self.n_loci))]

    def block_of_additive(self, group: list[int]) -> Block:
        moments = self.moments(group, self.sets[:0])
        solutions = []
        for penalty in self.penalties:
            each = torch.full_like(moments.total, penalty * self.n_loci)
            solutions.append(solve(penalised_base(moments, each, self.n_loci)))
        additive, intercept = (torch.stack(parts) for parts in zip(*solutions, strict=True))
        none = additive.new_empty(0, *intercept.shape)
        return Block(1, self.sets[:0], intercept, additive.permute(2, 0, 1), none, None)

    def block_of(self, number: int, order: int, every: bool) -> Block:
        """Candidates with the first sets of an order: at every number and penalty, or with all of them at none."""
        group, sets = self.groups[number], self.chosen[order][number]
        moments, n_loci, n = self.moments(group, sets), self.n_loci, len(sets)
        penalty_E = self.penalty_beside(group, moments)
        moments = penalised_base(moments, penalty_E, n_loci)
        left = eliminated(moments, n_loci)
        steps = sorted({0, n, *np.geomspace(1, max(n, 1), MOST_STEPS).round().astype(int).tolist()}) if every else [n]
        columns = []
        for step in (one for one in steps if one <= n):
            for penalty in self.interaction_penalties if every and step else [0.0]:
                some = left.of(torch.arange(step, device=self.device))
                solution, _ = solve(some.penalised(torch.full_like(some.mean, penalty * step)))
                columns.append(torch.nn.functional.pad(solution, (0, n - step)))
        coefficient_ETC = torch.stack(columns, dim=2)
        base, rest = slice(0, n_loci), slice(n_loci, None)
        right = moments.with_phenotype[:, base, None] - moments.products[:, base, rest] @ coefficient_ETC
        additive_ELC = torch.cholesky_solve(right, factor_of(moments.products[:, base, base]))
        mean_E1T = moments.mean[:, None]
        fitted = mean_E1T[..., base] @ additive_ELC + mean_E1T[..., rest] @ coefficient_ETC
        intercept_CE = (moments.phenotype_mean[:, None] - fitted[:, 0]).T
        return Block(
            order, sets, intercept_CE, additive_ELC.permute(1, 2, 0), coefficient_ETC.permute(1, 2, 0), penalty_E
        )

    def predict_candidates(self, genotype_BL: Tensor) -> Tensor:
        genotype_BL = genotype_BL.double()
        groups = [torch.cat([block.predict(genotype_BL) for block in blocks], dim=1) for blocks in self.candidates]
        most = max(part.shape[1] for part in groups)
        # An environment with fewer candidates has its first one several times.
        padded = [torch.cat([part, part[:, :1].expand(-1, most - part.shape[1], -1)], dim=1) for part in groups]
        return torch.cat(padded, dim=2)

    def keep(self, best_E: Tensor) -> None:
        """The chosen candidate of each environment; the sets are those of all."""
        rows: dict[tuple[int, ...], dict[int, float]] = {}
        for group, blocks in zip(self.groups, self.candidates, strict=True):
            owner = [(block, column) for block in blocks for column in range(len(block.intercept))]
            for within, environment in enumerate(group):
                number = int(best_E[environment])
                block, column = owner[number if number < len(owner) else 0]
                self.intercept[environment] = block.intercept[column, within]
                self.additive[:, environment] = block.additive[:, column, within]
                self.order[environment] = block.order
                if block.penalty is None:
                    self.first_penalty[environment] = self.penalties[column] * self.n_loci
                self.penalty[environment] = (self.first_penalty[group] if block.penalty is None else block.penalty)[
                    within
                ]
                values = block.coefficients[:, column, within]
                for loci, value in zip(block.sets[values != 0].tolist(), values[values != 0].tolist(), strict=True):
                    rows.setdefault(tuple(loci), {})[environment] = value
        self.sets = self.additive.new_tensor([*rows], dtype=torch.long).reshape(-1, LARGEST_ORDER)
        self.coefficients = self.additive.new_zeros(len(rows), len(self.environment_names))
        for row, by_environment in enumerate(rows.values()):
            for environment, value in by_environment.items():
                self.coefficients[row, environment] = value
        del self.candidates

    def tables(self, data: TrainingData) -> dict[str, pd.DataFrame]:
        """`interactions`, see `tabulate`."""
        return {
            "interactions": interaction_table.tabulate(self.sets, self.coefficients, self.penalty, self.order, data)
        }


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


def nearest_loci(genotype_LN: Tensor, n: int) -> Tensor:
    """(L, n) of each locus, those that correlate most with it."""
    centred_LN = genotype_LN - genotype_LN.mean(1, keepdim=True)
    correlation_LL = centred_LN @ centred_LN.T / centred_LN.norm(dim=1).clamp_min(1e-30)
    correlation_LL = correlation_LL.abs().fill_diagonal_(-1.0)
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


def as_set(sets: Tensor) -> set[tuple[int, ...]]:
    return {tuple(loci) for loci in sets.tolist()}


def in_words(seconds: float) -> str:
    for size, unit in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 else "1 s"
