"""Simulated phenotypes: additive and higher-order epistatic effects that change with temperature (Appendix B)."""

from collections.abc import Mapping
from math import comb
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gpattention.data.genotype_phenotype import SimulatedTruth
from gpattention.errors import InputError

REFERENCE_TEMPERATURE = 30.0


def simulate_phenotypes(
    genotype: NDArray,
    *,
    epsilon: float,
    order: int,
    n_interactions: int | None,
    coefficients: Literal["gaussian", "exponential"],
    temperatures: list[float],
    noise: float,
    coefficient_rng: np.random.Generator,
    noise_rng: np.random.Generator,
) -> tuple[NDArray[np.float64], SimulatedTruth]:
    """(N, L) genotypes -1/+1 to (N, E) phenotypes and their truth; Eqs. 10 and 15-21.

    f(T) = intercept + epsilon / L sum_l b_l(T) g_l + (1 - epsilon) / M sum_m c_m(T) (product of g over set m), with
    b_l(T) = b2 (T - 30)^2 + b1 (T - 30) + b0, likewise c_m(T); fitness = 1 - 0.01 f, plus Gaussian noise. The same
    generators give the same coefficients, sets and unit noise for every epsilon.

    Args:
        genotype: causal loci.
        epsilon: weight of the additive part, 0 to 1. Its share of the variance is another number, kept in the truth.
        order: loci in an interacting set.
        n_interactions: M, distinct sets; None takes L.
        coefficients: `gaussian` draws each from Normal(0.5, 0.5), `exponential` from Exponential(1); the intercept
            from Normal(0, 1) or Exponential(1).
        noise: standard deviation of the noise over that of the noiseless fitness, in each environment.
    """
    n_loci = genotype.shape[1]
    n_sets = n_loci if n_interactions is None else n_interactions
    if not 0 <= epsilon <= 1:
        raise InputError(f"data.epsilon is {epsilon}: give a weight from 0 (all epistatic) to 1 (all additive)")
    if noise < 0:
        raise InputError(f"data.noise is {noise}: give a share of the standard deviation of fitness, from 0 on")
    if not 1 <= order <= n_loci or not 1 <= n_sets <= comb(n_loci, order):
        raise InputError(
            f"{n_sets} distinct sets of data.order={order} loci cannot be drawn from data.n_loci={n_loci}: ask for more "
            "loci, a lower order, or set data.n_interactions"
        )
    if not temperatures:
        raise InputError("data.temperatures is empty: give at least one, for example [30]")

    def draw(*shape: int) -> NDArray[np.float64]:
        if coefficients == "gaussian":
            return coefficient_rng.normal(0.5, 0.5, shape)
        return coefficient_rng.exponential(1.0, shape)

    linear, epistatic = draw(3, n_loci), draw(3, n_sets)
    intercept = coefficient_rng.normal() if coefficients == "gaussian" else coefficient_rng.exponential()
    sets = draw_sets(n_loci, order, n_sets, coefficient_rng)
    arrays = {
        "epsilon": np.array(epsilon),
        "intercept": np.array(intercept),
        "linear_coefficients": linear,
        "epistatic_coefficients": epistatic,
        "interacting_loci": sets,
        "temperatures": np.array(temperatures),
    }
    additive_part, epistatic_part = parts_of_phenotype(genotype, arrays)
    noiseless = 1 - 0.01 * (intercept + additive_part + epistatic_part)
    phenotype = noiseless + noise * noiseless.std(axis=0) * noise_rng.standard_normal(noiseless.shape)
    truth = SimulatedTruth(
        noiseless=noiseless,
        by_environment={
            "temperatures": arrays.pop("temperatures"),
            "linear_share_of_variance": (0.01 * additive_part).var(axis=0) / noiseless.var(axis=0),
        },
        arrays=arrays,
    )
    return phenotype, truth


def true_phenotypes(genotype: NDArray, truth: Mapping[str, NDArray]) -> NDArray[np.float64]:
    """(N, E) noiseless phenotypes of any (N, L) genotypes under the truth of a simulation, as `truth.npz` holds it."""
    additive_part, epistatic_part = parts_of_phenotype(genotype, truth)
    return 1 - 0.01 * (truth["intercept"] + additive_part + epistatic_part)


def parts_of_phenotype(
    genotype: NDArray, truth: Mapping[str, NDArray]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, E) additive and epistatic part of f, weighted by epsilon and 1 - epsilon."""
    linear, epistatic, sets = truth["linear_coefficients"], truth["epistatic_coefficients"], truth["interacting_loci"]
    epsilon, powers = truth["epsilon"], (truth["temperatures"] - REFERENCE_TEMPERATURE) ** np.arange(3)[:, None]
    products = np.ones((len(genotype), len(sets)))
    for column in sets.T:
        products *= genotype[:, column]
    additive_part = epsilon / linear.shape[1] * (genotype @ (linear.T @ powers))
    epistatic_part = (1 - epsilon) / len(sets) * (products @ (epistatic.T @ powers))
    return additive_part, epistatic_part


def draw_sets(n_loci: int, order: int, n_sets: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(n_sets, order) distinct sets of distinct loci."""
    sets: dict[tuple[int, ...], None] = {}
    while len(sets) < n_sets:
        sets[tuple(sorted(rng.choice(n_loci, order, replace=False).tolist()))] = None
    return np.array(list(sets), dtype=np.int64)
