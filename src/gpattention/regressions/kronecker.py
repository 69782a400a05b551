"""Kronecker ridge: every environment learns from all others through the covariance of genetic effects among them.

The G x E model of the breeding literature, GBLUP with covariance K_E (x) K_G. Letters: N training individuals, L loci,
A columns of the kernel's base (the loci, or the training individuals), R features (the rank of K_G), E environments,
F noise factors, C candidates.
"""

from typing import Literal, NamedTuple

import psutil
import torch
from torch import Tensor

from gpattention.data.batching import Batch
from gpattention.errors import InputError
from gpattention.regressions.conjugate_gradients import solve_together
from gpattention.regressions.genetic_covariance import genetic_covariance
from gpattention.training.closed_form import ClosedFormMap

TOLERANCE = 1e-8  # of the residual of the equations, relative


class Kronecker(ClosedFormMap):
    """y_ie = mean_e + g_ie + noise_ie with g ~ Normal(0, K_E (x) K_G); predicts the mean of y given the training part.

    K_E and the noise of each environment are estimated from the training phenotypes (see `genetic_covariance`). The
    equations over the measured values are solved by conjugate gradients in the eigenvectors of K_E and K_G, which are
    the solution at once where nothing is missing.

    Args:
        n_loci: L.
        environment_names: E names.
        genotype_kernel: `linear` in the loci (GBLUP), or `gaussian`, exp(-D^2 / (bandwidth mean D^2)) with D^2 the squared
            distance of two genotypes (RKHS).
        bandwidths: candidates, of the Gaussian kernel.
        covariance_shares: candidates for the share that is kept of the correlations between environments: 1 takes them as
            estimated, 0 fits each environment on its own.
        noise_factors: candidates that multiply the estimated noise.
        refit: after the choice solve again, on training and validation part together; the validation scores are those
            from before.

    Raises:
        InputError: a candidate is out of range, or the kernel does not fit into memory.
    """

    coefficients: Tensor
    intercept: Tensor
    bandwidth: Tensor
    anchors: Tensor
    distance: Tensor

    def __init__(
        self,
        *,
        n_loci: int,
        environment_names: list[str],
        genotype_kernel: Literal["linear", "gaussian"],
        bandwidths: list[float],
        covariance_shares: list[float],
        noise_factors: list[float],
        refit: bool = False,
    ) -> None:
        super().__init__(environment_names)
        self.save_hyperparameters(logger=False)
        if not bandwidths or not noise_factors or min(*bandwidths, *noise_factors) <= 0:
            raise InputError(
                f"model.bandwidths={bandwidths}, noise_factors={noise_factors}: give at least one of each, above 0"
            )
        if not covariance_shares or not 0 <= min(covariance_shares) <= max(covariance_shares) <= 1:
            raise InputError(f"model.covariance_shares={covariance_shares}: give at least one, from 0 to 1")
        self.n_loci, self.gaussian, self.refit = n_loci, genotype_kernel == "gaussian", refit
        self.bandwidths = bandwidths if self.gaussian else [1.0]
        self.shares = covariance_shares if len(environment_names) > 1 else [0.0]
        self.noise_factors = torch.tensor(noise_factors, dtype=torch.float64)
        for name in ("coefficients", "intercept", "bandwidth", "anchors", "distance"):  # sized by the data
            self.register_buffer(name, torch.empty(0, dtype=torch.float64))

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        for name, values in checkpoint["state_dict"].items():
            setattr(self, name, torch.empty_like(values))

    def n_fitted(self) -> int:
        """Coefficients: a locus each or, with the Gaussian kernel once it is solved, a training individual each."""
        size = len(self.coefficients) if self.gaussian else self.n_loci
        return size * len(self.environment_names)

    def forward(self, genotype_BL: Tensor) -> Tensor:
        """(B, L) genotypes to (B, E) standardised phenotypes."""
        prediction = self.intercept.repeat(len(genotype_BL), 1)
        for bandwidth in self.bandwidth.unique():
            columns = self.bandwidth == bandwidth
            prediction[:, columns] += self.base(genotype_BL, bandwidth) @ self.coefficients[:, columns]
        return prediction

    def base(self, genotype_BL: Tensor, bandwidth: Tensor | float) -> Tensor:
        """(B, A) float64 that predictions are linear in: the alleles, or the kernel with every training individual."""
        if not self.gaussian:
            return genotype_BL.double()
        return torch.exp(-(torch.cdist(genotype_BL.double(), self.anchors) ** 2) / (bandwidth * self.distance))

    def solve(self) -> None:
        self.solve_on(self.trainer.datamodule.train)  # type: ignore[attr-defined]

    def solve_on(self, batch: Batch) -> None:
        """Intercepts and coefficients of every candidate from these individuals."""
        genotype, weight = batch.genotype.double(), batch.weight.double()
        refuse_too_large(len(genotype), self.n_loci, self.gaussian)
        self.anchors = genotype if self.gaussian else genotype[:0]
        squares = (genotype**2).sum(1).mean() - (genotype.mean(0) ** 2).sum()
        self.distance = 2 * squares * len(genotype) / (len(genotype) - 1)  # mean squared distance of two individuals
        self.candidates: list[tuple[float, Tensor, Tensor]] = []
        for bandwidth in self.bandwidths:
            kernel = decompose(self.base(genotype, bandwidth), self.gaussian)
            covariance = genetic_covariance(kernel.features, batch.phenotype.double(), weight)
            solved = [
                solve_kronecker(
                    kernel.features, kernel.variances, batch.phenotype.double(), weight, *one, self.noise_factors
                )
                for one in covariance.with_shares(self.shares)
            ]
            coefficients_CRE, mean_CE = (torch.cat(parts) for parts in zip(*solved, strict=True))
            coefficients_ACE = torch.einsum("ar,cre->ace", kernel.to_features, coefficients_CRE)
            intercept_CE = mean_CE - torch.einsum("a,ace->ce", kernel.centre, coefficients_ACE)
            self.candidates.append((bandwidth, intercept_CE, coefficients_ACE))

    def predict_candidates(self, genotype_BL: Tensor) -> Tensor:
        return torch.cat(
            [
                torch.einsum("ba,ace->bce", self.base(genotype_BL, bandwidth), coefficients) + intercept
                for bandwidth, intercept, coefficients in self.candidates
            ],
            dim=1,
        )

    def keep(self, best_E: Tensor) -> None:
        self.take(best_E)
        if self.refit:
            self.solve_on(self.batch_to_refit())
            self.take(best_E)

    def take(self, best_E: Tensor) -> None:
        """Make one candidate for each environment the map."""
        n_each = self.candidates[0][1].shape[0]
        environment = torch.arange(len(best_E), device=best_E.device)
        number, within = best_E // n_each, best_E % n_each
        self.bandwidth = torch.tensor(self.bandwidths, dtype=torch.float64, device=best_E.device)[number]
        self.intercept = torch.stack([c[1] for c in self.candidates])[number, within, environment]
        self.coefficients = torch.stack([c[2] for c in self.candidates], dim=1)[:, number, within, environment]
        del self.candidates


class Kernel(NamedTuple):
    """K_G = features features^T of mean diagonal 1, centred, with orthogonal columns."""

    features: Tensor  # (N, R)
    variances: Tensor  # (R,) squared lengths of the columns: the eigenvalues of K_G
    centre: Tensor  # (A,) mean of the base
    to_features: Tensor  # (A, R): features are (base - centre) @ to_features


def decompose(base_NA: Tensor, is_kernel: bool) -> Kernel:
    """Eigenvectors of the kernel: of the base's inner products, or of the base itself where it is one already."""
    centre = base_NA.mean(0)
    centred = base_NA - centre
    if is_kernel:
        gram = centred - centred.mean(1, keepdim=True)
    else:
        gram = centred @ centred.T if len(centred) < centred.shape[1] else centred.T @ centred
    variances, vectors = torch.linalg.eigh(gram)
    kept = variances > 1e-10 * variances[-1]
    variances, vectors = variances[kept], vectors[:, kept]
    if is_kernel:
        features, to_features = vectors * variances.sqrt(), vectors / variances.sqrt()
    elif len(gram) == len(base_NA) < base_NA.shape[1]:
        features, to_features = vectors * variances.sqrt(), centred.T @ (vectors / variances.sqrt())
    else:
        features, to_features = centred @ vectors, vectors
    scale = variances.sum() / len(base_NA)
    return Kernel(features / scale.sqrt(), variances / scale, centre, to_features / scale.sqrt())


def solve_kronecker(
    features_NR: Tensor,
    variances_R: Tensor,
    phenotype_NE: Tensor,
    weight_NE: Tensor,
    covariance_EE: Tensor,
    noise_E: Tensor,
    noise_factors_F: Tensor,
) -> tuple[Tensor, Tensor]:
    """(F, R, E) means of the features' coefficients given the data, for noise multiplied by each factor; (F, E) means.

    With K_E = M M^T, in units of the noise, and coefficients C M^T: minimises
    sum(weight (phenotype - mean - features C M^T)^2) + |C|^2 over C and the means of the environments, which are taken
    out of the equations, by conjugate gradients. Of all such M the one is taken that makes the equations diagonal where
    the weights of an environment are equal.
    """
    unit_E = noise_E.sqrt()
    factor_F11 = noise_factors_F.to(unit_E)[:, None, None]
    eigenvalues, vectors = torch.linalg.eigh(covariance_EE / torch.outer(unit_E, unit_E))
    root_EE = vectors * eigenvalues.clamp_min(0).sqrt()
    spread_E, rotation_EE = torch.linalg.eigh(root_EE.T @ (weight_NE.mean(0)[:, None] * root_EE))
    root_FEE = root_EE @ rotation_EE / factor_F11.sqrt()
    inverse_FRE = 1 / (variances_R[:, None] * spread_E / factor_F11 + 1)
    share_NE = weight_NE / weight_NE.sum(0).clamp_min(torch.finfo(weight_NE.dtype).tiny)

    def centred(value_FNE: Tensor) -> Tensor:
        return weight_NE * (value_FNE - (share_NE * value_FNE).sum(-2, keepdim=True))

    def equations(c_FRE: Tensor) -> Tensor:
        return features_NR.T @ centred(features_NR @ (c_FRE @ root_FEE.mT)) @ root_FEE + c_FRE

    measured_FNE = centred(phenotype_NE / unit_E / factor_F11.sqrt())
    c_FRE = solve_together(
        equations, features_NR.T @ measured_FNE @ root_FEE, lambda residual_FRE: inverse_FRE * residual_FRE, TOLERANCE
    )
    coefficients_FRE = c_FRE @ root_FEE.mT * unit_E * factor_F11.sqrt()
    return coefficients_FRE, (share_NE * (phenotype_NE - features_NR @ coefficients_FRE)).sum(-2)


def refuse_too_large(n_individuals: int, n_loci: int, gaussian: bool) -> None:
    """Raise an InputError if the kernel and its eigenvectors do not fit into the memory that is free."""
    size = n_individuals if gaussian else min(n_individuals, n_loci)
    needed = 8 * (4 * size**2 + 3 * n_individuals * size)
    free = psutil.virtual_memory().available
    if needed > free:
        raise InputError(
            f"the genotype kernel of {n_individuals:,} individuals and {n_loci:,} loci needs {needed / 2**30:,.1f} GiB and "
            f"{free / 2**30:,.1f} GiB are free: set model.genotype_kernel=linear and prune loci (data.max_correlation)"
        )
