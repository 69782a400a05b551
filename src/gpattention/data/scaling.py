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
    return Scaling(np.nanmean(phenotype, axis=0), np.nanstd(phenotype, axis=0))
