"""Linear and linear + pairwise maps, solved exactly: ridge regression from sums over one pass of the data.

Letters: B batch, L loci, T terms (L, or L + L (L - 1) / 2 with pairs), E environments, C candidate penalties,
P patterns of missing values.
"""

from typing import Any, Literal

import psutil
import torch
from torch import Tensor

from gpattention.data.batching import Batch
from gpattention.errors import InputError
from gpattention.ranks import sum_over_ranks
from gpattention.training.closed_form import ClosedFormMap


class Ridge(ClosedFormMap):
    """Least squares with an unpenalised intercept and one penalty each for additive and for pairwise terms (Eqs. 1, 2).

    One pass over the training part adds up the sums of products in float64. At the start of the validation the
    equations are solved for every pair of candidate penalties; each environment takes the pair with the highest R2 on
    the validation part.

    Args:
        n_loci: L.
        environment_names: E names, in the order of the phenotype columns.
        terms: `linear` for the loci alone, `pairwise` for the loci and the products of all pairs of loci.
        additive_penalties, pairwise_penalties: candidates, per term: each is multiplied by the number of terms of its
            kind, and the product is added to the diagonal of the sums of products of standardised phenotypes. A value
            is then the ratio of unexplained variance to the variance that all terms of the kind explain together, so
            the same candidates serve any number of loci.
        environment: `separate` fits each environment on its own, `pooled` one map to the values of all.

    Raises:
        InputError: the matrix of the terms does not fit into memory, or a penalty is negative.
    """

    coefficients: Tensor
    intercept: Tensor
    penalty: Tensor

    def __init__(
        self,
        *,
        n_loci: int,
        environment_names: list[str],
        terms: Literal["linear", "pairwise"],
        additive_penalties: list[float],
        pairwise_penalties: list[float],
        environment: Literal["separate", "pooled"] = "separate",
    ) -> None:
        super().__init__(environment_names)
        self.save_hyperparameters(logger=False)
        if terms == "linear":
            pairwise_penalties = [0.0]
        if not additive_penalties or not pairwise_penalties or min(*additive_penalties, *pairwise_penalties) < 0:
            raise InputError(
                f"model.additive_penalties={additive_penalties}, pairwise_penalties={pairwise_penalties}: give at least "
                "one of each, from 0 on"
            )
        self.n_loci = n_loci
        self.one_map = environment == "pooled"
        n_pairs = n_loci * (n_loci - 1) // 2 if terms == "pairwise" else 0
        self.n_terms = n_loci + n_pairs
        refuse_too_many_terms(self.n_terms, 1)
        self.pair_index = torch.triu_indices(n_loci, n_loci, 1) if n_pairs else torch.empty(2, 0, dtype=torch.long)
        self.penalties = torch.tensor(
            [[a * n_loci, p * n_pairs] for p in pairwise_penalties for a in additive_penalties], dtype=torch.float64
        )
        n_environments = len(environment_names)
        self.register_buffer("coefficients", torch.zeros(self.n_terms, n_environments, dtype=torch.float64))
        self.register_buffer("intercept", torch.zeros(n_environments, dtype=torch.float64))
        self.register_buffer("penalty", torch.zeros(2, n_environments, dtype=torch.float64))

    def n_fitted(self) -> int:
        return self.coefficients.numel() + self.intercept.numel()

    def features(self, genotype_BL: Tensor) -> Tensor:
        """(B, T) float64: the alleles, then the products of pairs in the order of the upper triangle."""
        genotype_BL = genotype_BL.double()
        if self.n_terms == self.n_loci:
            return genotype_BL
        first, second = self.pair_index.to(genotype_BL.device)
        return torch.cat([genotype_BL, genotype_BL[:, first] * genotype_BL[:, second]], dim=1)

    def forward(self, genotype_BL: Tensor) -> Tensor:
        """(B, L) genotypes to (B, E) standardised phenotypes."""
        return self.features(genotype_BL) @ self.coefficients + self.intercept

    def values(self, weight_BE: Tensor) -> Tensor:
        """Summed over the environments where one map serves them all: (B, 1), else (B, E)."""
        return weight_BE.sum(1, keepdim=True) if self.one_map else weight_BE

    def on_fit_start(self) -> None:
        """Environments measured in the same individuals share one matrix."""
        weight = self.values(self.trainer.datamodule.train_weight.double())  # type: ignore[attr-defined]
        patterns, self.pattern = torch.unique(weight, dim=1, return_inverse=True)
        n_patterns = patterns.shape[1]
        self.column_of_pattern = [int(torch.nonzero(self.pattern == number)[0]) for number in range(n_patterns)]
        refuse_too_many_terms(self.n_terms, n_patterns)
        size = self.n_terms + 1  # the intercept is the last term
        options: dict[str, Any] = {"dtype": torch.float64, "device": self.device}
        self.products = torch.zeros(n_patterns, size, size, **options)
        self.moments = torch.zeros(size, weight.shape[1], **options)

    def training_step(self, batch: Batch, _index: int) -> None:
        features = torch.nn.functional.pad(self.features(batch.genotype), (0, 1), value=1.0)
        weight = self.values(batch.weight.double())
        for products, column in zip(self.products, self.column_of_pattern, strict=True):
            products.addmm_((features * weight[:, column, None]).T, features)
        self.moments.addmm_(features.T, self.values((batch.weight * batch.phenotype).double()))

    def solve(self) -> None:
        """Coefficients for every candidate pair of penalties and every environment."""
        sum_over_ranks(self.products, self.moments)
        n_candidates, n_columns = len(self.penalties), self.moments.shape[1]
        coefficients = torch.zeros(self.n_terms, n_candidates, n_columns, dtype=torch.float64, device=self.device)
        intercepts = torch.zeros(n_candidates, n_columns, dtype=torch.float64, device=self.device)
        for number, products in enumerate(self.products):
            columns = torch.nonzero(self.pattern == number)[:, 0]
            count = products[-1, -1]
            if not count:  # no training value at all: the mean is all there is to predict
                continue
            feature_mean = products[-1, :-1] / count
            phenotype_mean = self.moments[-1, columns] / count
            # In place: the matrix is the largest thing in memory.
            centred = products[:-1, :-1].addr_(feature_mean, feature_mean, alpha=-count.item())
            moments = self.moments[:-1, columns] - count * feature_mean[:, None] * phenotype_mean
            solution = solve_two_penalties(centred, moments, self.n_loci, self.penalties)
            coefficients[:, :, columns] = solution
            intercepts[:, columns] = phenotype_mean - torch.einsum("t,tce->ce", feature_mean, solution)
        n_environments = len(self.environment_names)
        self.candidates = intercepts.expand(-1, n_environments), coefficients.expand(-1, -1, n_environments)
        del self.products

    def predict_candidates(self, genotype_BL: Tensor) -> Tensor:
        intercepts, coefficients = self.candidates
        prediction = self.features(genotype_BL) @ coefficients.flatten(1) + intercepts.flatten()
        return prediction.unflatten(1, intercepts.shape)

    def keep(self, best_E: Tensor) -> None:
        intercepts, coefficients = self.candidates
        environment = torch.arange(len(best_E), device=best_E.device)
        self.coefficients.copy_(coefficients[:, best_E, environment])
        self.intercept.copy_(intercepts[best_E, environment])
        self.penalty.copy_(self.penalties.to(best_E.device)[best_E].T)
        del self.candidates


def solve_two_penalties(products: Tensor, moments: Tensor, n_additive: int, penalties: Tensor) -> Tensor:
    """(T, C, E) solutions of (products + diag(penalty)) x = moments for (C, 2) penalties of two blocks of terms.

    The first `n_additive` terms take the first penalty, the others the second. For each second penalty the large
    block is factored once and eliminated; what is left has the size of the small block. Candidates must come with
    equal second penalties next to each other.
    """
    small, large = products[:n_additive, :n_additive], products[n_additive:, n_additive:]
    across = products[n_additive:, :n_additive]
    n_small, n_terms = n_additive, len(products)
    solution = moments.new_empty(n_terms, len(penalties), moments.shape[1])
    eliminated = previous = None
    for index, (additive, pairwise) in enumerate(penalties.tolist()):
        if eliminated is None or pairwise != previous:
            right = torch.cat([across, moments[n_small:]], dim=1)
            factor = factorise(large, pairwise) if len(large) else large
            eliminated, previous = torch.cholesky_solve(right, factor) if len(large) else right, pairwise
        inverse_across, inverse_moments = eliminated[:, :n_small], eliminated[:, n_small:]
        rest = small - across.T @ inverse_across
        first = torch.cholesky_solve(moments[:n_small] - across.T @ inverse_moments, factorise(rest, additive))
        solution[:n_small, index] = first
        solution[n_small:, index] = inverse_moments - inverse_across @ first
    return solution


def factorise(products: Tensor, penalty: float) -> Tensor:
    """Cholesky factor of products + penalty on the diagonal."""
    penalised = products.clone()
    penalised.diagonal().add_(penalty)
    try:
        return torch.linalg.cholesky(penalised)
    except torch.linalg.LinAlgError as error:
        raise InputError(
            f"the regression has no single solution at penalty {penalty:g} (terms depend on one another, or outnumber "
            "the individuals): raise the smallest of model.additive_penalties and model.pairwise_penalties"
        ) from error


def refuse_too_many_terms(n_terms: int, n_patterns: int) -> None:
    """Raise an InputError if the matrices of the exact solution do not fit into the memory that is free."""
    # The sums, and beside them one penalised copy and its factor.
    needed = 8 * (n_terms + 1) ** 2 * (n_patterns + 2)
    free = psutil.virtual_memory().available
    if needed > free:
        raise InputError(
            f"ridge regression on {n_terms:,} terms needs {needed / 2**30:,.1f} GiB of memory for its exact solution and "
            f"{free / 2**30:,.1f} GiB are free: use model=pairwise_iterative, fewer loci (data.max_correlation) or model=linear"
        )
