"""Linear + pairwise maps on any number of loci: ridge regression by conjugate gradients, without the matrix of the terms.

Letters: B batch, L loci, T terms (L + L (L - 1) / 2), E environments, R ratios of the penalties, S pairwise penalties,
C = R S candidates, K = R E systems of equations.
"""

import logging
from typing import Any, Literal

import psutil
import torch
from torch import Tensor

from gpattention.closed_form import ClosedFormMap
from gpattention.conjugate_gradients import ConjugateGradients
from gpattention.data.batching import Batch
from gpattention.errors import InputError
from gpattention.quadratic_form import add_moments, n_pairs, pack, predict_quadratic, unpack
from gpattention.ranks import sum_over_ranks

log = logging.getLogger(__name__)


class AllPairsModule(ClosedFormMap):
    """The least squares of `RidgeModule` with pairs (Eq. 2), solved by iteration: an epoch is one step.

    A prediction is intercept + x'a + x'Mx, so that a step is two products of matrices of the size of the genotypes. The
    first epoch takes the sums that the equations start from. The equations for all pairwise penalties at one ratio of the
    penalties are solved together, for the price of one. In each epoch validation chooses, for each environment, among the
    candidates as they are then; the fit ends once all are solved.

    Args:
        n_loci: L.
        environment_names: E names, in the order of the phenotype columns.
        pairwise_penalties: candidates, per term as for `RidgeModule`: times the number of pairs they are added to the
            diagonal. The smaller the smallest is, the more steps it takes.
        penalty_ratios: candidates, additive penalty over pairwise penalty, both per term. Each costs as much as the first.
        tolerance: norm of the residual of the equations, relative to that of their right-hand side, at which they are solved.
        max_iterations: steps after which the fit ends in any case.
        arithmetic: of products and coefficients. float64 takes twice the time and memory.

    Raises:
        InputError: a value is out of range, or the solutions do not fit into memory.
    """

    coefficients: Tensor
    intercept: Tensor
    penalty: Tensor

    def __init__(
        self,
        *,
        n_loci: int,
        environment_names: list[str],
        pairwise_penalties: list[float],
        penalty_ratios: list[float],
        tolerance: float = 1e-4,
        max_iterations: int = 500,
        arithmetic: Literal["float32", "float64"] = "float32",
    ) -> None:
        super().__init__(environment_names)
        self.save_hyperparameters(logger=False)
        if not pairwise_penalties or not penalty_ratios or min(*pairwise_penalties, *penalty_ratios) <= 0:
            raise InputError(
                f"model.pairwise_penalties={pairwise_penalties}, penalty_ratios={penalty_ratios}: give at least one of each, "
                "above 0"
            )
        if not 0 < tolerance < 1 or max_iterations < 1:
            raise InputError(
                f"model.tolerance={tolerance}, max_iterations={max_iterations}: give a tolerance between 0 and 1, and "
                "iterations from 1 on"
            )
        if n_loci < 2:
            raise InputError(f"pairs need at least 2 loci and there is {n_loci}: use model=linear")
        self.n_loci, self.n_terms = n_loci, n_loci + n_pairs(n_loci)
        self.pairwise_penalties, self.ratios = sorted(pairwise_penalties), penalty_ratios
        self.tolerance = tolerance
        self.max_epochs = max_iterations + 1
        self.arithmetic = getattr(torch, arithmetic)
        n_environments = len(environment_names)
        self.n_systems = len(penalty_ratios) * n_environments
        refuse_too_many_solutions(self.n_terms, self.n_systems, len(pairwise_penalties), self.arithmetic.itemsize)
        self.register_buffer("coefficients", torch.zeros(self.n_terms, n_environments, dtype=self.arithmetic))
        self.register_buffer("intercept", torch.zeros(n_environments, dtype=torch.float64))
        self.register_buffer("penalty", torch.zeros(2, n_environments, dtype=torch.float64))

    def n_fitted(self) -> int:
        return self.coefficients.numel() + self.intercept.numel()

    def forward(self, genotype_BL: Tensor) -> Tensor:
        """(B, L) genotypes to (B, E) standardised phenotypes."""
        genotype_BL = genotype_BL.to(self.arithmetic)
        parts = (unpack(coefficients_T, self.n_loci) for coefficients_T in self.coefficients.T)
        return torch.stack([predict_quadratic(genotype_BL, *part) for part in parts], dim=1) + self.intercept

    def configure_optimizers(self) -> ConjugateGradients:  # type: ignore[override]
        image = torch.zeros(self.n_systems, self.n_terms, dtype=self.arithmetic, device=self.device)
        shifts = [penalty * (self.n_terms - self.n_loci) for penalty in self.pairwise_penalties]
        self.solver = ConjugateGradients(image, shifts, self.tolerance)
        # Additive terms in a unit in which their penalty is that of the pairs: then a penalty is a shift.
        n_environments = len(self.environment_names)
        pairs_per_locus = (self.n_terms - self.n_loci) / self.n_loci
        units = [(pairs_per_locus / ratio) ** 0.5 for ratio in self.ratios]
        self.unit_K = torch.tensor(units, dtype=self.arithmetic, device=self.device).repeat_interleave(n_environments)
        return self.solver

    def on_train_epoch_start(self) -> None:
        """What is multiplied in this epoch, and empty sums for it."""
        size = self.n_loci
        options: dict[str, Any] = {"dtype": self.arithmetic, "device": self.device}
        kept, n_environments = self.solver.kept, len(self.environment_names)
        n_sums = self.n_systems if kept else 2 * n_environments  # at first weights and weighted phenotypes
        self.additive = torch.zeros(n_sums, size, **options)
        self.pairs = torch.zeros(n_sums, size, size, **options)
        if not kept:
            self.total = torch.zeros(2, n_environments, dtype=torch.float64, device=self.device)
            return
        direction_KT = self.in_own_units(self.solver.direction)
        self.factors = [unpack(direction_T, size) for direction_T in direction_KT]
        means_KT = kept["term_mean"].repeat(len(self.ratios), 1)
        self.offset_K = (direction_KT * means_KT).sum(1, dtype=torch.float64).to(self.arithmetic)

    def in_own_units(self, terms_KT: Tensor) -> Tensor:
        """Coefficients of the equations as those of the terms, or sums over the terms as those of the equations."""
        own_KT = terms_KT.clone()
        own_KT[..., : self.n_loci] *= self.unit_K[:, None]
        return own_KT

    def training_step(self, batch: Batch, index: int) -> None:
        genotype_BL, weight_BE = batch.genotype.to(self.arithmetic), batch.weight.to(self.arithmetic)
        if self.solver.kept:
            n_environments = len(self.environment_names)
            for system, factors in enumerate(self.factors):
                prediction_B = predict_quadratic(genotype_BL, *factors) - self.offset_K[system]
                weighted_B = weight_BE[:, system % n_environments] * prediction_B
                add_moments(self.additive[system], self.pairs[system], genotype_BL, weighted_B)
        else:
            weighted_BE = weight_BE * batch.phenotype.to(self.arithmetic)
            self.total += torch.stack([weight_BE.double().sum(0), weighted_BE.double().sum(0)])
            for number, value_B in enumerate(torch.cat([weight_BE, weighted_BE], dim=1).T):
                add_moments(self.additive[number], self.pairs[number], genotype_BL, value_B)
        if index + 1 == self.trainer.num_training_batches:
            self.take_step()

    def take_step(self) -> None:
        """Start the equations, or take one step of all of them, from the sums of all processes."""
        sums_T = torch.stack([pack(*parts) for parts in zip(self.additive, self.pairs, strict=True)])
        sum_over_ranks(sums_T)
        if self.solver.kept:
            self.solver.image.copy_(self.in_own_units(sums_T))
            self.optimizers().step()  # type: ignore[union-attr]
        else:
            sum_over_ranks(self.total)
            count_E, phenotype_E = self.total[0].clamp_min(torch.finfo(torch.float64).tiny), self.total[1]
            mean_ET, moments_ET = (sums_T / count_E[:, None].repeat(2, 1)).to(self.arithmetic).chunk(2)
            right_ET = count_E[:, None] * (moments_ET - (phenotype_E / count_E)[:, None] * mean_ET)
            self.solver.image.copy_(self.in_own_units(right_ET.to(self.arithmetic).repeat(len(self.ratios), 1)))
            self.optimizers().step()  # type: ignore[union-attr]
            self.solver.kept.update(term_mean=mean_ET, phenotype_mean=phenotype_E / count_E)
        del self.additive, self.pairs

    def solve(self) -> None:
        """Candidates as they are after the last step."""
        kept, n_environments = self.solver.kept, len(self.environment_names)
        coefficients = self.in_own_units(self.solver.solutions)
        self.candidates = coefficients.unflatten(1, (-1, n_environments)).flatten(0, 1)  # (C, E, T)
        offset_CE = torch.einsum("cet,et->ce", self.candidates, kept["term_mean"]).double()
        self.candidate_intercepts = kept["phenotype_mean"] - offset_CE
        self.scores["train/passes"] = self.current_epoch + 1.0
        self.scores["train/residual"] = self.solver.relative_residual.max().item()

    def predict_candidates(self, genotype_BL: Tensor) -> Tensor:
        genotype_BL = genotype_BL.to(self.arithmetic)
        parts = (unpack(coefficients_T, self.n_loci) for coefficients_T in self.candidates.flatten(0, 1))
        prediction = torch.stack([predict_quadratic(genotype_BL, *part) for part in parts], dim=1)
        return prediction.unflatten(1, self.candidate_intercepts.shape) + self.candidate_intercepts

    def keep(self, best_E: Tensor) -> None:
        environment = torch.arange(len(best_E), device=best_E.device)
        self.coefficients.copy_(self.candidates[best_E, environment].T)
        self.intercept.copy_(self.candidate_intercepts[best_E, environment])
        pairwise = torch.tensor(self.pairwise_penalties, dtype=torch.float64, device=best_E.device)[
            best_E // len(self.ratios)
        ]
        additive = (
            pairwise * torch.tensor(self.ratios, dtype=torch.float64, device=best_E.device)[best_E % len(self.ratios)]
        )
        self.penalty.copy_(torch.stack([additive * self.n_loci, pairwise * (self.n_terms - self.n_loci)]))
        del self.candidates

    def on_train_epoch_end(self) -> None:
        if self.solver.solved.all():
            self.trainer.should_stop = True
        elif self.current_epoch + 1 == self.max_epochs:
            log.warning(
                "the equations are not solved after %d iterations: their residual is %.1e and model.tolerance=%g; raise "
                "model.max_iterations or the smallest of model.pairwise_penalties",
                self.max_epochs - 1,
                self.scores["train/residual"],
                self.tolerance,
            )


def refuse_too_many_solutions(n_terms: int, n_systems: int, n_shifts: int, n_bytes: int) -> None:
    """Raise an InputError if the solutions do not fit into the memory that is free."""
    # Solutions and directions by shift, residual and image; sums as full matrices; candidates, and the checkpoint's copies.
    needed = n_bytes * n_terms * n_systems * (5 * n_shifts + 8)
    free = psutil.virtual_memory().available
    if needed > free:
        raise InputError(
            f"{n_systems} systems of {n_terms:,} equations at {n_shifts} penalties need {needed / 2**30:,.1f} GiB of memory and "
            f"{free / 2**30:,.1f} GiB are free: take fewer of data.environments at once, of model.penalty_ratios or of "
            "model.pairwise_penalties"
        )
