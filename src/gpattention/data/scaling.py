"""Mean and standard deviation per environment, of the training individuals only."""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gpattention.errors import InputError

LARGEST_LOG_RATIO = 7.0  # of an extrapolated sd to the others': a factor of a thousand
TargetScaling = Literal["own", "shrinkage", "covariate"]


class Scaling(NamedTuple):
    """(E,) mean and standard deviation in original units."""

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]

    def standardise(self, phenotype: NDArray[np.float64]) -> NDArray[np.float64]:
        return (phenotype - self.mean) / self.sd

    def restore(self, standardised: NDArray) -> NDArray[np.float64]:
        return standardised.astype(np.float64) * self.sd + self.mean


def fit_scaling(phenotype: NDArray[np.float64], environment_names: tuple[str, ...]) -> Scaling:
    """Scaling from the (N, E) phenotypes of the training individuals, NaN ignored (Eqs. 34, 35).

    Raises:
        InputError: an environment has no two different values among them.
    """
    for column, name in enumerate(environment_names):
        values = phenotype[:, column]
        values = values[~np.isnan(values)]
        if values.size < 2 or values.min() == values.max():
            raise InputError(
                f"environment {name} has {values.size} measured values in the training part and no two that differ: "
                "leave it out of data.environments or change data.split_seed; for a data.target_environment set "
                "data.target_scaling=shrinkage or covariate"
            )
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        scaling = Scaling(np.nanmean(phenotype, axis=0), np.nanstd(phenotype, axis=0))
    for name, mean, sd in zip(environment_names, *scaling, strict=True):
        if not (np.isfinite(mean) and np.isfinite(sd) and sd > 0):
            raise InputError(
                f"the phenotypes of environment {name} are too large, too small or too close to one another (mean {mean:g}, "
                f"sd {sd:g}): look for a mistyped value, or give them in another unit"
            )
    return scaling


def shrink_towards_others(values: NDArray[np.float64], others: Scaling) -> tuple[float, float]:
    """Mean and sd of an environment from its few values and from what is common among the others.

    Empirical Bayes: the mean and the log sd of the environment are taken for draws from the normal distribution of
    those of the others, and weighted by their precisions; without a value they are the others' averages.

    Args:
        values: (m,) measured values of the environment, m from 0 on.
        others: scaling of the other environments, at least 2.
    """
    log_sd = np.log(others.sd)
    mean, log_sd_mean = others.mean.mean(), log_sd.mean()
    m = len(values)
    if m >= 2 and values.min() < values.max():
        weight = share_of_own(log_sd.var(ddof=1), 1 / (2 * (m - 1)))
        log_sd_mean += weight * (np.log(values.std(ddof=1)) - log_sd_mean)
    if m >= 1:
        weight = share_of_own(others.mean.var(ddof=1), np.exp(2 * log_sd_mean) / m)
        mean += weight * (values.mean() - mean)
    return float(mean), float(np.exp(log_sd_mean))


def share_of_own(variance_between: float, variance_of_estimate: float) -> float:
    return variance_between / (variance_between + variance_of_estimate)


def extrapolate_scaling(
    covariates: NDArray[np.float64], target: NDArray[np.float64], others: Scaling
) -> tuple[float, float]:
    """Mean and sd of an environment without values: quadratic fits of mean and log sd on the covariates.

    Args:
        covariates: (E - 1, C) of the others.
        target: (C,) of the environment.

    Raises:
        InputError: there are fewer other environments than coefficients to fit.
    """
    centre, spread = covariates.mean(axis=0), covariates.std(axis=0)

    def terms(values: NDArray[np.float64]) -> NDArray[np.float64]:
        c = (values - centre) / np.where(spread > 0, spread, 1)
        return np.hstack([np.ones((len(c), 1)), c, c**2])

    design = terms(covariates)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise InputError(
            f"data.target_scaling=covariate fits {design.shape[1]} coefficients, and the {len(covariates)} other environments "
            "do not determine them: give more environments or fewer covariates, or in training data.target_scaling=shrinkage"
        )
    fitted = np.linalg.lstsq(design, np.stack([others.mean, np.log(others.sd)], axis=1))[0]
    mean, log_sd = (terms(target[None]) @ fitted)[0]
    if not abs(log_sd - np.log(others.sd).mean()) < LARGEST_LOG_RATIO:
        raise InputError(
            f"an environment with covariate {', '.join(f'{value:g}' for value in target)} is too far from the others "
            f"(from {', '.join(f'{value:g}' for value in covariates.min(axis=0))} to "
            f"{', '.join(f'{value:g}' for value in covariates.max(axis=0))}) to know its mean and sd: give one nearer to them"
        )
    return float(mean), float(np.exp(log_sd))


def describe_environments(
    covariates: pd.DataFrame, sd: NDArray[np.float64], known: pd.DataFrame, known_sd: NDArray[np.float64]
) -> list[list[float]]:
    """(E, C + 1): standardised covariates and, last, the log of the sd; what codes of environments are computed from.

    The sd is over the geometric mean of those known: what is quadratic in a covariate in original units is so in
    standardised ones only after division by it.

    Args:
        covariates, sd: of the environments to describe, in original units.
        known, known_sd: of the environments that are trained on, which set the scale.

    Raises:
        InputError: a covariate is the same in all environments that are trained on.
    """
    spread = known.std(ddof=0)
    for name, value in spread.items():
        if value <= 1e-9 * abs(known[name]).max():
            raise InputError(
                f"covariate {name} is the same in all environments that are trained on: leave it out of data.covariates, "
                "or give environments that differ in it"
            )
    standardised = (covariates[known.columns] - known.mean()) / spread
    return np.column_stack([standardised, np.log(sd) - np.log(known_sd).mean()]).tolist()
