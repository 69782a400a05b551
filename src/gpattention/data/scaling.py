"""Mean and standard deviation per environment, of the training individuals only."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gpattention.errors import InputError


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
                "leave it out of data.environments or change data.split_seed"
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
