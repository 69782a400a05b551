"""Which loci interact: sets found by testing all, chosen together, fitted beside the additive terms.

Letters: N individuals of the training part, B batch, L loci, E environments, S sets, T terms, C candidates.
"""

from typing import Any, Literal

import pandas as pd
import psutil
import torch
from torch import Tensor

from gpattention.data.training_data import TrainingData
from gpattention.errors import InputError
from gpattention.models.products import product_of
from gpattention.output.progress import progress_bar
from gpattention.regressions import interaction_table
from gpattention.regressions.interaction_candidates import additive_block, block_of
from gpattention.regressions.interaction_plan import ORDER_WORDS, Heredity, plan
from gpattention.regressions.interaction_screen import (
    LARGEST_ORDER,
    Factors,
    least_statistic,
    n_tests,
)
from gpattention.regressions.interaction_search import Search
from gpattention.training.closed_form import ClosedFormMap

LEAST_INDIVIDUALS = 50


class Interactions(ClosedFormMap):
    """Additive terms and products of alleles of two, three or four loci, which are searched for.

    An epoch is a round: all sets up to an order are tested against what the map leaves, those that pass join the ones from before
    by stepwise selection, and the map is fitted again. When a round changes nothing, the next order begins anew. In the end
    validation chooses, for each environment, the order, the number of terms and their ridge penalty.

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
        heredity: Heredity = "weak",
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
        genotype_LN = batch.genotype.T.float().contiguous()
        weight_EN, phenotype_EN = batch.weight.T.contiguous(), batch.phenotype.T.contiguous()
        self.searches = [Search(genotype_LN, weight_EN[group], phenotype_EN[group]) for group in self.groups]
        self.chosen = {order: [s.to(self.device) for s in groups] for order, groups in self.chosen.items()}
        self.factors: dict[int, list[Factors]] = {}

    def solve(self) -> None:
        """One round, and the candidates of which validation chooses."""
        for search, group in zip(self.searches, self.groups, strict=True):
            search.first_penalty_E = self.first_penalty[group]
        if self.next_order == 1:
            self.candidates = [[additive_block(search, self.penalties)] for search in self.searches]
            self.next_order = 2
            self.chosen[2] = [self.sets.new_empty(0, LARGEST_ORDER) for _ in self.groups]
        else:
            order = self.next_order
            self.search()
            orders = range(1, self.max_order + 1) if self.is_done else [order]
            penalties = self.interaction_penalties if self.is_done else None
            self.candidates = [
                [block_of(search, order, self.chosen[order][number], penalties) for order in orders]
                for number, search in enumerate(self.searches)
            ]
        self.scores["train/passes"] = self.current_epoch + 1.0
        self.scores["train/interactions"] = float(sum(len(blocks[-1].sets) for blocks in self.candidates))

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
        factors = [self.factors_of(one) for one in range(2, order + 1)]
        before, after = self.chosen[order], []
        with progress_bar() as bar:
            task = bar.add_task(f"testing {ORDER_WORDS[order]}", total=float(len(self.groups) * (order - 1)), note="")
            for number, search in enumerate(self.searches):
                tested = [of_groups[number] for of_groups in factors]
                least = self.least(order, len(self.groups[number]))
                limits = self.most_terms, self.most_candidates
                after.append(
                    search.grow(before[number], tested, least, *limits, lambda share: bar.advance(task, share))
                )
        self.round += 1
        if self.round >= self.max_rounds or all(map(same_sets, before, after)):
            after = [search.in_order(sets) for search, sets in zip(self.searches, after, strict=True)]
            self.next_order, self.round = order + 1, 0
            if not self.is_done:
                self.chosen[order + 1] = [sets[:0] for sets in before]
        self.chosen[order] = after

    def factors_of(self, order: int) -> list[Factors]:
        if order not in self.factors:
            lower = self.factors_of(order - 1) if order > 2 else []
            settings = self.heredity, self.most_candidates, self.max_seconds
            self.factors[order] = plan(self.searches, order, self.chosen[order - 1], lower, *settings)
        return self.factors[order]

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
                penalty_E = self.first_penalty[group] if block.penalty is None else block.penalty
                self.penalty[environment] = penalty_E[within]
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


def same_sets(one: Tensor, other: Tensor) -> bool:
    return sorted(one.tolist()) == sorted(other.tolist())
