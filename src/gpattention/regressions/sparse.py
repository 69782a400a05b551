"""Additive maps of few loci: lasso and elastic net (Tibshirani 1996; Zou and Hastie 2005), by scikit-learn's coordinate descent.

Letters: N individuals, B batch, L loci, E environments, C candidates.
"""

import warnings
from typing import Any, Literal

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import enet_path
from torch import Tensor

from gpattention.data.batching import Batch
from gpattention.errors import InputError
from gpattention.output.progress import progress_bar
from gpattention.regressions.measured import measured
from gpattention.training.closed_form import ClosedFormMap

SMALLEST_PENALTY = 1e-3  # of a path, as a share of the penalty that leaves no locus


class Sparse(ClosedFormMap):
    """Each environment on its own: sum(weight (phenotype - prediction)^2) / (2 N) + penalty (ratio |b|_1 + (1 - ratio) |b|_2^2 / 2).

    The coefficients b are those of loci divided by their standard deviations. Penalties fall from the one that leaves no locus to a
    thousandth of it; an environment takes the penalty and the ratio that are best on the validation part, or by folds of the training
    part.

    Args:
        n_loci: L.
        environment_names: E names, in the order of the phenotype columns.
        l1_ratios: candidates: 1 is the lasso, near 0 ridge regression.
        n_penalties: of each path.
        choice: `validation`, or `inner_folds`, which leave the validation part out of the choice.
        n_inner_folds: of `inner_folds`.
        tolerance: of the coordinate descent, as scikit-learn takes it.
        refit: solve once more on training and validation part, with the penalty chosen.

    Raises:
        InputError: a value is out of range, or the genotypes do not fit into memory.
    """

    coefficients: Tensor  # (L, E)
    intercept: Tensor  # (E,)
    penalty: Tensor  # (2, E): the penalty and its ratio

    def __init__(
        self,
        *,
        n_loci: int,
        environment_names: list[str],
        l1_ratios: list[float],
        n_penalties: int = 60,
        choice: Literal["validation", "inner_folds"] = "validation",
        n_inner_folds: int = 5,
        tolerance: float = 1e-3,
        refit: bool = False,
    ) -> None:
        super().__init__(environment_names)
        self.save_hyperparameters(logger=False)
        if not l1_ratios or not 0 < min(l1_ratios) <= max(l1_ratios) <= 1:
            raise InputError(f"model.l1_ratios={l1_ratios}: give at least one, above 0 and up to 1")
        if n_penalties < 2 or n_inner_folds < 2 or tolerance <= 0:
            raise InputError(
                f"model.n_penalties={n_penalties}, n_inner_folds={n_inner_folds}, tolerance={tolerance:g}: give numbers from 2 on, "
                "and a tolerance above 0"
            )
        self.l1_ratios, self.n_penalties, self.tolerance, self.refit = l1_ratios, n_penalties, tolerance, refit
        self.n_inner_folds = n_inner_folds if choice == "inner_folds" else 0
        n_environments = len(environment_names)
        self.register_buffer("coefficients", torch.zeros(n_loci, n_environments, dtype=torch.float64))
        self.register_buffer("intercept", torch.zeros(n_environments, dtype=torch.float64))
        self.register_buffer("penalty", torch.zeros(2, n_environments, dtype=torch.float64))

    def n_fitted(self) -> int:
        """Loci with a coefficient, and intercepts; 0 before it is solved."""
        n_loci = int(self.coefficients.count_nonzero())
        return n_loci + len(self.intercept) if n_loci else 0

    def forward(self, genotype_BL: Tensor) -> Tensor:
        """(B, L) genotypes to (B, E) standardised phenotypes."""
        return genotype_BL.double() @ self.coefficients + self.intercept

    def solve(self) -> None:
        batch: Batch = self.trainer.datamodule.train  # type: ignore[attr-defined]
        n_individuals, n_loci = batch.genotype.shape
        shape = len(self.l1_ratios) * self.n_penalties, len(self.environment_names)
        refuse_too_large(n_individuals, n_loci, shape[0] * shape[1])
        self.paths = np.zeros((*shape, n_loci)), np.zeros(shape), np.zeros((*shape, 2))
        self.inner_loss = np.zeros(shape)
        with progress_bar() as bar:
            task = bar.add_task("sparse", total=shape[1], note="")
            for column in range(shape[1]):
                bar.advance(task)
                arrays = measured(batch, column)
                if not len(arrays[0]):  # no training value at all: the mean is all there is to predict
                    continue
                for part, solved in zip(self.paths, self.path(*arrays), strict=True):
                    part[:, column] = solved
                if self.n_inner_folds:
                    self.inner_loss[:, column] = self.loss_of_folds(*arrays, self.paths[2][:, column, 0])

    def path(
        self, genotype: NDArray, phenotype: NDArray, weight: NDArray, penalties: NDArray | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """(C, L) coefficients, (C,) intercepts and (C, 2) penalties with their ratios; penalties may be given, (C,)."""
        weight = weight / weight.mean()
        mean = np.average(genotype, axis=0, weights=weight)
        phenotype_mean = np.average(phenotype, weights=weight)
        centred = genotype - mean
        sd = np.sqrt(np.average(centred**2, axis=0, weights=weight))
        root = np.sqrt(weight)
        scaled = np.asfortranarray(centred / np.where(sd > 0, sd, 1) * root[:, None])
        target = root * (phenotype - phenotype_mean)
        coefficients, chosen = [], []
        for number, ratio in enumerate(self.l1_ratios):
            own = slice(number * self.n_penalties, (number + 1) * self.n_penalties)
            given: dict[str, Any] = {"eps": SMALLEST_PENALTY, "alphas": self.n_penalties}
            if penalties is not None:
                given = {"alphas": penalties[own]}
            with warnings.catch_warnings():
                # At the smallest penalties of many loci; validation does not choose these.
                warnings.simplefilter("ignore", ConvergenceWarning)
                alphas, found, _ = enet_path(
                    scaled,
                    target,
                    l1_ratio=ratio,
                    precompute=len(scaled) > scaled.shape[1],
                    tol=self.tolerance,
                    **given,
                )
            coefficients.append(found.T / np.where(sd > 0, sd, 1))
            chosen.append(np.column_stack([alphas, np.full(len(alphas), ratio)]))
        all_coefficients = np.concatenate(coefficients)
        return all_coefficients, phenotype_mean - all_coefficients @ mean, np.concatenate(chosen)

    def loss_of_folds(
        self, genotype: NDArray, phenotype: NDArray, weight: NDArray, penalties: NDArray
    ) -> NDArray[np.float64]:
        """(C,) squared errors of individuals that were left out, summed over the folds."""
        fold = np.random.default_rng(0).permutation(np.arange(len(phenotype)) % self.n_inner_folds)
        loss = np.zeros(len(penalties))
        for number in range(self.n_inner_folds):
            out = fold == number
            coefficients, intercept, _ = self.path(genotype[~out], phenotype[~out], weight[~out], penalties)
            predicted = genotype[out] @ coefficients.T + intercept
            loss += (weight[out, None] * (phenotype[out, None] - predicted) ** 2).sum(0)
        return loss

    def predict_candidates(self, genotype_BL: Tensor) -> Tensor:
        coefficients_CEL, intercept_CE = (torch.from_numpy(part).to(genotype_BL.device) for part in self.paths[:2])
        return torch.einsum("bl,cel->bce", genotype_BL.double(), coefficients_CEL) + intercept_CE

    def keep(self, best_E: Tensor) -> None:
        best = best_E.numpy(force=True)
        self.take(best)
        if self.refit:
            batch, (_, _, penalties) = self.batch_to_refit(), self.paths
            for column, candidate in enumerate(best):
                arrays = measured(batch, column)
                if len(arrays[0]):
                    coefficients, intercept, _ = self.path(*arrays, penalties[:, column, 0])
                    self.paths[0][candidate, column] = coefficients[candidate]
                    self.paths[1][candidate, column] = intercept[candidate]
            self.take(best)
        del self.paths

    def choose_from(self, r2_CE: Tensor) -> Tensor:
        """By folds of the training part where these are asked for."""
        if not self.n_inner_folds:
            return super().choose_from(r2_CE)
        return torch.from_numpy(self.inner_loss.argmin(0)).to(r2_CE.device)

    def take(self, best: NDArray[np.int64]) -> None:
        """Make one candidate of each environment the map."""
        coefficients, intercept, penalty = self.paths
        column = np.arange(len(best))
        for buffer, values in (
            (self.coefficients, coefficients[best, column].T),
            (self.intercept, intercept[best, column]),
            (self.penalty, penalty[best, column].T),
        ):
            buffer.copy_(torch.from_numpy(np.ascontiguousarray(values)))


def refuse_too_large(n_individuals: int, n_loci: int, n_candidates: int) -> None:
    """Raise an InputError if the scaled genotypes and the coefficients of all candidates do not fit into the memory that is free."""
    needed, free = 8 * n_loci * (4 * n_individuals + n_candidates), psutil.virtual_memory().available
    if needed > free:
        raise InputError(
            f"the coordinate descent on {n_individuals:,} individuals and {n_loci:,} loci needs {needed / 2**30:,.1f} GiB and "
            f"{free / 2**30:,.1f} GiB are free: prune loci (data.max_correlation), or take model=linear"
        )
