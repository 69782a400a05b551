"""How much a measured value should count, from its standard error."""

import logging

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

LEAST_VALUES = 10
# Candidate penalties of the ridge fit, over the number of loci.
PENALTIES = np.logspace(-3, 2, 11)


def noise_weights(
    genotype: NDArray, phenotype: NDArray[np.float64], standard_error: NDArray[np.float64], names: tuple[str, ...]
) -> NDArray[np.float64]:
    """Weights 1 / (tau^2 + SE^2) of the (N, E) phenotypes of the training part, with mean 1 in each environment.

    tau^2 = max(0, residual variance - mean SE^2) is what a map misses beside the noise of measurement, from the
    leave-one-out residuals of a ridge regression on the loci. A value without a standard error takes the mean SE^2.
    0 where the phenotype is not measured.
    """
    from sklearn.linear_model import RidgeCV  # a quarter of a second, where weights are asked for alone

    weight = np.zeros_like(phenotype)
    for column, name in enumerate(names):
        measured = ~np.isnan(phenotype[:, column])
        variance = standard_error[measured, column] ** 2
        mean_variance = np.nanmean(variance) if np.isfinite(variance).any() else 0.0
        variance = np.where(np.isnan(variance), mean_variance, variance)
        values = phenotype[measured, column]
        if values.size < LEAST_VALUES or values.min() == values.max():  # nothing to fit
            weight[measured, column] = 1.0
            continue
        ridge = RidgeCV(PENALTIES * genotype.shape[1]).fit(genotype[measured].astype(np.float64), values / values.std())
        missed = -ridge.best_score_ * values.var()  # mean squared leave-one-out residual
        tau2 = max(0.0, missed - mean_variance)
        if tau2 + variance.min() <= 0:  # no noise at all: nothing to weigh by
            variance = np.ones_like(variance)
        own = 1 / (tau2 + variance)
        weight[measured, column] = own / own.mean()
        log.info("%s: weights by standard error, from %.2f to %.2f", name, *np.quantile(own / own.mean(), [0, 1]))
    return weight
