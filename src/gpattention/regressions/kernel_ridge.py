"""Kernel ridge regression with a variance for each order of interaction, or with all orders at once.

Letters: N training individuals, L loci, E environments, K components of the kernel, A sets of components that are tried,
F noise factors, C = A F candidates, X right-hand sides.
"""

import logging

import psutil
import torch
from torch import Tensor

from gpattention.data.batching import Batch
from gpattention.errors import InputError
from gpattention.regressions.conjugate_gradients import solve_together
from gpattention.regressions.interaction_kernels import GenotypeKernel, InteractionKernels
from gpattention.regressions.reml import estimate_variances
from gpattention.training.closed_form import ClosedFormMap

log = logging.getLogger(__name__)

TOLERANCE = 1e-6  # of the residual of the equations, relative, where they are solved by iteration


class KernelRidge(ClosedFormMap):
    """y_i = mean + g_i + noise_i with g a Gaussian process over genotypes; predicts its mean given the training part.

    With `orders` the covariance of g is a sum of kernels that hold all interactions of one order each (see
    `InteractionKernels`), with a variance for each; with `exponential` it holds all orders, and validation chooses how fast
    their variances fall. Variances are estimated by REML for each environment, from some of its individuals; validation
    chooses a factor for the noise. Up to `exact_up_to` individuals the equations are solved exactly, beyond by conjugate
    gradients, with kernels made anew in each step and the additive kernel as preconditioner.

    Args:
        n_loci: L.
        environment_names: E names.
        genotype_kernel: `orders` or `exponential`.
        max_order: highest order of `orders`.
        rates: candidates, of `exponential`.
        noise_factors: candidates that multiply the estimated noise.
        reml_individuals: most individuals that variances are estimated from, spread evenly over the training part.
        exact_up_to: individuals.
        refit: after the choice solve again, on training and validation part together; the validation scores are those
            from before.

    Raises:
        InputError: a value is out of range, or the kernel does not fit into memory.
    """

    intercept: Tensor
    variances: Tensor
    coefficients: Tensor
    anchors: Tensor
    scale: Tensor
    is_binary: Tensor

    def __init__(
        self,
        *,
        n_loci: int,
        environment_names: list[str],
        genotype_kernel: GenotypeKernel,
        max_order: int,
        rates: list[float],
        noise_factors: list[float],
        reml_individuals: int,
        exact_up_to: int,
        refit: bool = False,
    ) -> None:
        super().__init__(environment_names)
        self.save_hyperparameters(logger=False)
        if not 1 <= max_order <= n_loci:
            raise InputError(f"model.max_order={max_order}: give an order from 1 to the number of loci, {n_loci}")
        if not rates or not noise_factors or min(*rates, *noise_factors) <= 0:
            raise InputError(f"model.rates={rates}, noise_factors={noise_factors}: give at least one of each, above 0")
        if reml_individuals < 2:
            raise InputError(f"model.reml_individuals={reml_individuals}: give 2 or more")
        self.kind, self.refit, self.noise_factors = genotype_kernel, refit, noise_factors
        by_order = genotype_kernel == "orders"
        self.rates = [float(order) for order in range(1, max_order + 1)] if by_order else rates
        every = list(range(len(self.rates)))
        self.sets = [every] if by_order else [[component] for component in every]
        self.reml_individuals, self.exact_up_to = reml_individuals, exact_up_to
        n_environments = len(environment_names)
        self.register_buffer("intercept", torch.zeros(n_environments, dtype=torch.float64))
        self.register_buffer("variances", torch.zeros(len(self.rates) + 1, n_environments, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(len(self.rates), dtype=torch.float64))
        self.register_buffer("is_binary", torch.tensor(False))
        for name in ("coefficients", "anchors"):  # sized by the data
            self.register_buffer(name, torch.empty(0, dtype=torch.float64))

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        for name in ("coefficients", "anchors"):
            setattr(self, name, torch.empty_like(checkpoint["state_dict"][name]))

    def n_fitted(self) -> int:
        """Coefficients, a training individual each; none before it is solved."""
        return self.coefficients.numel()

    @property
    def kernels(self) -> InteractionKernels:
        return InteractionKernels(self.kind, self.rates, self.scale, bool(self.is_binary))

    def forward(self, genotype_BL: Tensor) -> Tensor:
        """(B, L) genotypes to (B, E) standardised phenotypes."""
        weighted_KNE = self.variances[:-1, None] * self.coefficients
        return self.kernels.times(genotype_BL, self.anchors, weighted_KNE) + self.intercept

    def solve(self) -> None:
        self.solve_on(self.trainer.datamodule.train)  # type: ignore[attr-defined]

    def solve_on(self, batch: Batch) -> None:
        """Intercepts, variances and coefficients of every candidate from these individuals."""
        genotype, phenotype, weight = batch.genotype, batch.phenotype.double(), batch.weight.double()
        refuse_too_large(len(genotype), genotype.shape[1], self.exact_up_to, len(self.sets) * len(self.noise_factors))
        self.anchors = genotype
        made = InteractionKernels.of(genotype, self.kind, self.rates)
        self.scale.copy_(made.scale)
        self.is_binary.fill_(made.is_binary)
        n_environments = len(self.environment_names)
        variances_AKE = torch.stack(
            [
                torch.stack([self.reml(one_set, phenotype[:, e], weight[:, e]) for e in range(n_environments)], dim=1)
                for one_set in self.sets
            ]
        )
        factors = torch.tensor([[1.0] * len(self.rates) + [factor] for factor in self.noise_factors]).to(variances_AKE)
        self.candidate_variances = (variances_AKE[:, None] * factors[..., None]).flatten(0, 1)  # (C, K + 1, E)
        exact = len(genotype) <= self.exact_up_to
        solve = self.solve_exactly if exact else self.solve_by_iteration
        self.candidate_intercepts, self.candidate_coefficients = solve(phenotype, weight)

    def reml(self, components: list[int], phenotype_N: Tensor, weight_N: Tensor) -> Tensor:
        """(K + 1,) variances of one environment, the noise last; 0 for components that take no part."""
        variances = torch.zeros(len(self.rates) + 1, dtype=torch.float64, device=phenotype_N.device)
        measured = torch.nonzero(weight_N)[:, 0]
        if len(measured) < 2:  # nothing to tell them from: all alike
            variances[[*components, -1]] = 1.0
            return variances
        n = min(len(measured), self.reml_individuals)
        chosen = measured[torch.linspace(0, len(measured) - 1, n, device=measured.device).long()]
        genotype = self.anchors[chosen].double()
        kernels = self.kernels
        parts = [kernels.weighted(genotype, one_hot(component, variances[:-1])) for component in components]
        variances[[*components, -1]] = estimate_variances(parts, phenotype_N[chosen], 1 / weight_N[chosen])
        return variances

    def solve_exactly(self, phenotype_NE: Tensor, weight_NE: Tensor) -> tuple[Tensor, Tensor]:
        """(C, E) intercepts and (C, E, N) coefficients by Cholesky factors."""
        n_candidates = len(self.candidate_variances)
        intercept = torch.zeros(n_candidates, phenotype_NE.shape[1], dtype=torch.float64, device=self.device)
        coefficients = intercept.new_zeros(*intercept.shape, len(phenotype_NE))
        for environment in range(phenotype_NE.shape[1]):
            measured = torch.nonzero(weight_NE[:, environment])[:, 0]
            if not len(measured):
                continue
            root = weight_NE[measured, environment].sqrt()
            right = root[:, None] * torch.stack([torch.ones_like(root), phenotype_NE[measured, environment]], dim=1)
            for candidate, variances in enumerate(self.candidate_variances[..., environment]):
                matrix = self.kernels.weighted(self.anchors[measured], variances[:-1])
                matrix.mul_(root).mul_(root[:, None]).diagonal().add_(variances[-1])
                solved = torch.cholesky_solve(right, torch.linalg.cholesky(matrix))
                mean = (right[:, 0] @ solved[:, 1]) / (right[:, 0] @ solved[:, 0])
                intercept[candidate, environment] = mean
                coefficients[candidate, environment, measured] = root * (solved[:, 1] - mean * solved[:, 0])
        return intercept, coefficients

    def solve_by_iteration(self, phenotype_NE: Tensor, weight_NE: Tensor) -> tuple[Tensor, Tensor]:
        """The same by conjugate gradients, all systems at once so that each kernel is made once a step."""
        n_candidates, n_environments = len(self.candidate_variances), phenotype_NE.shape[1]
        variances_XK = self.candidate_variances.permute(0, 2, 1).flatten(0, 1)  # X = C E
        root_XN = weight_NE.T.sqrt().repeat(n_candidates, 1)
        right_X2N = torch.stack([root_XN, root_XN * phenotype_NE.T.repeat(n_candidates, 1)], dim=1)
        noise_X11 = variances_XK[:, -1, None, None]

        def equations(vector_X2N: Tensor) -> Tensor:
            rooted_XN = (root_XN[:, None] * vector_X2N).flatten(0, 1)
            weighted_KNX = (variances_XK[:, :-1].T.repeat_interleave(2, dim=1)[..., None] * rooted_XN).mT.float()
            image_NX = self.kernels.times(self.anchors, self.anchors, weighted_KNX).double()
            return root_XN[:, None] * image_NX.T.unflatten(0, (-1, 2)) + noise_X11 * vector_X2N

        additive_NL, share_X = self.additive_part(variances_XK)
        small_XLL = torch.stack([(additive_NL.T * root_N**2) @ additive_NL for root_N in root_XN])
        small_XLL *= share_X[:, None, None]
        small_XLL.diagonal(dim1=1, dim2=2).add_(noise_X11[..., 0])
        factor_XLL = torch.linalg.cholesky(small_XLL)

        def precondition(residual_X2N: Tensor) -> Tensor:
            """The inverse with the additive part of the kernel only (Woodbury)."""
            sums_X2L = (root_XN[:, None] * residual_X2N) @ additive_NL
            inner_XL2 = torch.cholesky_solve(sums_X2L.mT, factor_XLL)
            explained_X2N = root_XN[:, None] * (inner_XL2.mT @ additive_NL.T)
            return (residual_X2N - share_X[:, None, None] * explained_X2N) / noise_X11

        solved_X2N = solve_together(equations, right_X2N, precondition, TOLERANCE)
        mean_X = (right_X2N[:, 0] * solved_X2N[:, 1]).sum(1) / (right_X2N[:, 0] * solved_X2N[:, 0]).sum(1).clamp_min(
            1e-300
        )
        coefficients_XN = root_XN * (solved_X2N[:, 1] - mean_X[:, None] * solved_X2N[:, 0])
        return tuple(part.unflatten(0, (n_candidates, n_environments)) for part in (mean_X, coefficients_XN))  # type: ignore[return-value]

    def additive_part(self, variances_XK: Tensor) -> tuple[Tensor, Tensor]:
        """(N, L) and (X,): the kernels' part that is linear in x x', as a factor's square times a variance."""
        if self.kind == "orders":
            return self.anchors.double() / self.scale[0].sqrt(), variances_XK[:, 0]
        rates = variances_XK.new_tensor(self.rates)
        return self.anchors.double() / self.scale[0].sqrt(), variances_XK[:, :-1] @ (rates * torch.exp(-rates))

    def predict_candidates(self, genotype_BL: Tensor) -> Tensor:
        weighted_KNX = torch.einsum("cke,cen->knce", self.candidate_variances[:, :-1], self.candidate_coefficients)
        prediction_BX = self.kernels.times(genotype_BL, self.anchors, weighted_KNX.flatten(2))
        return prediction_BX.unflatten(1, self.candidate_intercepts.shape) + self.candidate_intercepts

    def keep(self, best_E: Tensor) -> None:
        self.take(best_E)
        if self.refit:
            batch = self.batch_to_refit()
            self.anchors, self.candidate_variances = batch.genotype, self.variances[None].clone()
            refuse_too_large(len(self.anchors), self.anchors.shape[1], self.exact_up_to, 1)
            solve = self.solve_exactly if len(self.anchors) <= self.exact_up_to else self.solve_by_iteration
            solved = solve(batch.phenotype.double(), batch.weight.double())
            self.candidate_intercepts, self.candidate_coefficients = solved
            self.take(torch.zeros_like(best_E))
        self.tell_variances()

    def take(self, best_E: Tensor) -> None:
        """Make one candidate for each environment the map."""
        environment = torch.arange(len(best_E), device=best_E.device)
        self.variances.copy_(self.candidate_variances[best_E, :, environment].T)
        self.intercept.copy_(self.candidate_intercepts[best_E, environment])
        self.coefficients = self.candidate_coefficients[best_E, environment].T.contiguous()
        del self.candidate_intercepts, self.candidate_coefficients, self.candidate_variances

    def tell_variances(self) -> None:
        words = "orders" if self.kind == "orders" else "rates"
        names = ", ".join(f"{rate:g}" for rate in self.rates)
        for name, values in zip(self.environment_names, self.variances.T.tolist(), strict=True):
            shares = " ".join(f"{value:.3f}" for value in values[:-1])
            log.info("%s: variances of %s %s are %s, of the noise %.3f", name, words, names, shares, values[-1])


def one_hot(component: int, like: Tensor) -> Tensor:
    weights = torch.zeros_like(like)
    weights[component] = 1
    return weights


def refuse_too_large(n_individuals: int, n_loci: int, exact_up_to: int, n_candidates: int) -> None:
    """Raise an InputError if what the solution needs does not fit into the memory that is free."""
    exact = n_individuals <= exact_up_to
    needed = 8 * (2 * n_individuals**2 if exact else n_individuals * (n_loci + 16 * n_candidates))
    free = psutil.virtual_memory().available
    if needed > free:
        cure = "lower model.exact_up_to" if exact else "take fewer of model.noise_factors, or prune loci"
        raise InputError(
            f"the kernel of {n_individuals:,} individuals needs {needed / 2**30:,.1f} GiB and {free / 2**30:,.1f} GiB are "
            f"free: {cure}"
        )
