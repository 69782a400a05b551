"""What each individual adds to the loss of a map, so that maps can be compared on the same individuals.

Letters: K maps, N individuals, E environments.
"""

import numpy as np
from numpy.typing import NDArray


def shares_of_loss(predicted_KNE: NDArray, measured_NE: NDArray) -> NDArray[np.float64]:
    """(K, N) what each individual adds to 1 - R2 of each map, R2 being the mean over environments. Values not measured are NaN."""
    measured_NE = measured_NE.astype(np.float64)
    known_NE = ~np.isnan(measured_NE)
    mean_E = np.where(known_NE, measured_NE, 0).sum(axis=0) / np.maximum(known_NE.sum(axis=0), 1)
    variation_E = (np.where(known_NE, measured_NE - mean_E, 0) ** 2).sum(axis=0)
    varies = variation_E > 0
    error_KNE = np.where(known_NE, predicted_KNE - measured_NE, 0)[..., varies]
    return (error_KNE**2 / variation_E[varies]).sum(axis=-1) / varies.sum()
