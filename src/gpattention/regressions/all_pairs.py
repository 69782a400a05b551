"""Linear + pairwise maps on any number of loci: ridge regression by conjugate gradients, without the matrix of the terms.

Letters: B batch, L loci, P pairs of loci, T = L + P terms, M = 1 + L terms that are eliminated, the intercept first,
E environments, R additive penalties, S pairwise penalties, C = S R candidates, K = R E systems of equations.
"""

import logging
from typing import Literal

import psutil
import torch
from torch import Tensor

from gpattention.data.batching import Batch
from gpattention.errors import InputError
from gpattention.ranks import sum_over_ranks
from gpattention.regressions.conjugate_gradients import ConjugateGradients
from gpattention.regressions.quadratic_form import add_pair_sums, n_pairs, pack, predict_pairs, unpack
from gpattention.training.closed_form import ClosedFormMap

log = logging.getLogger(__name__)


class AllPairs(ClosedFormMap):
    """The least squares of `Ridge` with pairs (Eq. 2), solved by iteration: an epoch is one step.

    Intercept and additive terms are few and eliminated exactly, which leaves equations for the coefficients of the pairs. A
    step takes two products of matrices for each additive penalty: predictions x'Mx of all training individuals and, of what
    intercept and additive terms cannot explain of them, the sums over each pair of loci. The equations for all pairwise
    penalties at one additive penalty are solved together. After each step validation chooses, for each environment, among
    the candidates as they are then; the fit ends once all are solved.

    Args:
        n_loci: L.
        environment_names: E names, in the order of the phenotype columns.
        additive_penalties, pairwise_penalties: candidates, per term, as for `Ridge`. Each additive one takes products
            of its own; the pairwise ones share them, and the smallest decides how many steps they take.
        tolerance: norm of the residual of the equations, relative to that of their right-hand side, at which they are solved.
        max_iterations: steps after which the fit ends in any case.
        arithmetic: of products and coefficients of pairs. float64 takes twice the time and memory.

    Raises:
        InputError: a value is out of range, or the solutions do not fit into memory.
    """

    additive: Tensor
    pairwise: Tensor
    intercept: Tensor
    penalty: Tensor

    def __init__(
        self,
        *,
        n_loci: int,
        environment_names: list[str],
        additive_penalties: list[float],
        pairwise_penalties: list[float],
        tolerance: float = 1e-4,
        max_iterations: int = 500,
        arithmetic: Literal["float32", "float64"] = "float32",
    ) -> None:
        super().__init__(environment_names)
        self.save_hyperparameters(logger=False)
        if not additive_penalties or not pairwise_penalties or min(*additive_penalties, *pairwise_penalties) <= 0:
            raise InputError(
                f"model.additive_penalties={additive_penalties}, pairwise_penalties={pairwise_penalties}: give at least "
                "one of each, above 0"
            )
        if not 0 < tolerance < 1 or max_iterations < 1:
            raise InputError(
                f"model.tolerance={tolerance}, max_iterations={max_iterations}: give a tolerance between 0 and 1, and "
                "iterations from 1 on"
            )
        if n_loci < 2:
            raise InputError(f"pairs need at least 2 loci and there is {n_loci}: use model=linear")
        self.n_loci, self.n_pairs = n_loci, n_pairs(n_loci)
        self.additive_penalties, self.pairwise_penalties = additive_penalties, sorted(pairwise_penalties)
        self.tolerance = tolerance
        self.max_epochs = max_iterations + 1
        self.arithmetic = getattr(torch, arithmetic)
        n_environments = len(environment_names)
        self.n_systems = len(additive_penalties) * n_environments
        refuse_too_many_solutions(self.n_pairs, self.n_systems, len(pairwise_penalties), self.arithmetic.itemsize)
        self.register_buffer("additive", torch.zeros(n_loci, n_environments, dtype=torch.float64))
        self.register_buffer("pairwise", torch.zeros(self.n_pairs, n_environments, dtype=self.arithmetic))
        self.register_buffer("intercept", torch.zeros(n_environments, dtype=torch.float64))
        self.register_buffer("penalty", torch.zeros(2, n_environments, dtype=torch.float64))

    def n_fitted(self) -> int:
        return self.additive.numel() + self.pairwise.numel() + self.intercept.numel()

    def forward(self, genotype_BL: Tensor) -> Tensor:
        """(B, L) genotypes to (B, E) standardised phenotypes."""
        return self.predict_all(genotype_BL, self.intercept, self.additive.T, self.pairwise.T)

    def predict_all(self, genotype_BL: Tensor, intercept_X: Tensor, additive_XL: Tensor, pairs_XP: Tensor) -> Tensor:
        """(B, X) float64 predictions of any number X of maps."""
        factors = genotype_BL.to(self.arithmetic)
        pairs_BX = torch.stack([predict_pairs(factors, unpack(one_P, self.n_loci)) for one_P in pairs_XP], dim=1)
        return intercept_X + genotype_BL.double() @ additive_XL.T + pairs_BX.double()

    def configure_optimizers(self) -> ConjugateGradients:  # type: ignore[override]
        image = torch.zeros(self.n_systems, self.n_pairs, dtype=self.arithmetic, device=self.device)
        shifts = [penalty * self.n_pairs for penalty in self.pairwise_penalties]
        self.solver = ConjugateGradients(image, 1 + self.n_loci, shifts, self.tolerance)
        self.eliminated_KMM: Tensor | None = None
        return self.solver

    def on_train_epoch_start(self) -> None:
        """The first epoch multiplies phenotypes, every other one the predictions of the present directions."""
        size, n_environments = 1 + self.n_loci, len(self.environment_names)
        self.values_KM = torch.zeros(self.n_systems, size, dtype=torch.float64, device=self.device)
        self.multiplied: list[Tensor] = []  # (B, K) of each batch
        if self.solver.kept:
            self.factors = [unpack(direction_P, self.n_loci) for direction_P in self.solver.direction]
        else:
            self.products_EMM = self.values_KM.new_zeros(n_environments, size, size)

    def training_step(self, batch: Batch, index: int) -> None:
        n_environments = len(self.environment_names)
        weight_BE, few_BM = batch.weight.to(self.arithmetic), with_intercept(batch.genotype.to(self.arithmetic))
        if self.solver.kept:
            multiplied_BK = torch.stack([predict_pairs(few_BM[:, 1:], factors) for factors in self.factors], dim=1)
        else:
            multiplied_BK = batch.phenotype.to(self.arithmetic).repeat(1, len(self.additive_penalties))
            for products_MM, weight_B in zip(self.products_EMM, weight_BE.T, strict=True):
                products_MM += (weight_B[:, None] * few_BM).T @ few_BM
        weighted_BK = weight_BE.repeat(1, self.n_systems // n_environments) * multiplied_BK
        self.values_KM += weighted_BK.double().T @ few_BM.double()
        self.multiplied.append(multiplied_BK)
        if index + 1 == self.trainer.num_training_batches:
            self.take_step()

    def take_step(self) -> None:
        """Start the equations, or take one step of all of them, with the sums of all processes."""
        sum_over_ranks(self.values_KM)
        is_start = not self.solver.kept
        if is_start:
            sum_over_ranks(self.products_EMM)
        else:
            self.products_EMM = self.solver.kept["products"]
            self.solver.values.copy_(self.values_KM)
        explained_KM = self.eliminate(self.values_KM).to(self.arithmetic)
        sums_KLL = self.solver.image.new_zeros(self.n_systems, self.n_loci, self.n_loci)
        for batch, multiplied_BK in zip(self.trainer.train_dataloader, self.multiplied, strict=True):  # type: ignore[arg-type]
            genotype_BL, weight_BE = batch.genotype.to(self.arithmetic), batch.weight.to(self.arithmetic)
            rest_BK = multiplied_BK - with_intercept(genotype_BL) @ explained_KM.T
            for system, sums_LL in enumerate(sums_KLL):
                weight_B = weight_BE[:, system % len(self.environment_names)]
                add_pair_sums(sums_LL, genotype_BL, weight_B * rest_BK[:, system])
        self.solver.image.copy_(torch.stack([pack(sums_LL) for sums_LL in sums_KLL]))
        sum_over_ranks(self.solver.image)
        self.optimizers().step()  # type: ignore[union-attr]
        if is_start:
            self.solver.kept.update(products=self.products_EMM, moments=self.values_KM)
        del self.multiplied

    def eliminate(self, values_KM: Tensor) -> Tensor:
        """Coefficients of intercept and additive terms, given their sums of products with what they are to explain."""
        if self.eliminated_KMM is None:
            penalties_K = torch.tensor(self.additive_penalties, dtype=torch.float64, device=self.device)
            penalties_K = (penalties_K * self.n_loci).repeat_interleave(len(self.environment_names))
            penalised_KMM = self.products_EMM.repeat(len(self.additive_penalties), 1, 1)
            penalised_KMM.diagonal(dim1=1, dim2=2)[:, 1:] += penalties_K[:, None]
            penalised_KMM[:, 0, 0].clamp_(min=1e-300)  # an environment without a training value
            self.eliminated_KMM = torch.linalg.cholesky(penalised_KMM)
        return torch.cholesky_solve(values_KM[..., None], self.eliminated_KMM)[..., 0]

    def solve(self) -> None:
        """Candidates as they are after the last step: intercepts (C, E), additive (C, E, L) and pairs (C, E, P)."""
        kept, n_environments = self.solver.kept, len(self.environment_names)
        self.products_EMM = kept["products"]
        few_SKM = torch.stack([self.eliminate(kept["moments"] - one_KM) for one_KM in self.solver.solution_values])
        few_CEM = few_SKM.unflatten(1, (-1, n_environments)).flatten(0, 1)
        pairs_CEP = self.solver.solutions.unflatten(1, (-1, n_environments)).flatten(0, 1)
        self.candidates = few_CEM[..., 0], few_CEM[..., 1:], pairs_CEP
        self.scores["train/passes"] = self.current_epoch + 1.0
        self.scores["train/residual"] = self.solver.relative_residual.max().item()

    def predict_candidates(self, genotype_BL: Tensor) -> Tensor:
        parts = (part.flatten(0, 1) for part in self.candidates)
        return self.predict_all(genotype_BL, *parts).unflatten(1, self.candidates[0].shape)

    def keep(self, best_E: Tensor) -> None:
        environment = torch.arange(len(best_E), device=best_E.device)
        intercept_E, additive_EL, pairs_EP = (part[best_E, environment] for part in self.candidates)
        self.intercept.copy_(intercept_E)
        self.additive.copy_(additive_EL.T)
        self.pairwise.copy_(pairs_EP.T)
        n_additive = len(self.additive_penalties)
        chosen = [
            [self.additive_penalties[best % n_additive] * self.n_loci for best in best_E.tolist()],
            [self.pairwise_penalties[best // n_additive] * self.n_pairs for best in best_E.tolist()],
        ]
        self.penalty.copy_(torch.tensor(chosen, dtype=torch.float64))
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


def with_intercept(genotype_BL: Tensor) -> Tensor:
    """(B, M) a column of ones, then the alleles."""
    return torch.nn.functional.pad(genotype_BL, (1, 0), value=1.0)


def refuse_too_many_solutions(n_pairs: int, n_systems: int, n_shifts: int, n_bytes: int) -> None:
    """Raise an InputError if the solutions do not fit into the memory that is free."""
    # Solutions and directions by shift, residual and image; sums as full matrices; candidates, and the checkpoint's copies.
    needed = n_bytes * n_pairs * n_systems * (5 * n_shifts + 8)
    free = psutil.virtual_memory().available
    if needed > free:
        raise InputError(
            f"{n_systems} systems of {n_pairs:,} equations at {n_shifts} penalties need {needed / 2**30:,.1f} GiB of memory and "
            f"{free / 2**30:,.1f} GiB are free: take fewer of data.environments at once, of model.penalty_ratios or of "
            "model.pairwise_penalties"
        )
