"""How sure a difference of R2 is: paired bootstrap over test individuals.

Letters: N individuals, E environments, K maps, R draws.
"""

import numpy as np
from numpy.typing import NDArray

DRAWS_AT_ONCE = 100


def draw_r2(
    measured_NE: NDArray[np.float64], predicted_KNE: NDArray[np.float64], n_draws: int, seed: int = 0
) -> NDArray[np.float64]:
    """(1 + R, K, E) R2 of maps on the same individuals: as they are, then in R bootstrap draws of individuals.

    A draw takes N individuals with replacement, each with all its environments, and the same ones for all maps, so that
    differences between maps are paired; calls with the same seed and N are paired too. Values not measured are NaN.
    """
    known_NE = ~np.isnan(measured_NE)
    # About the mean, so that sums of squares keep their digits.
    value_NE = np.where(known_NE, measured_NE - np.nanmean(measured_NE, axis=0), 0)
    residual_KNE = np.where(known_NE, (predicted_KNE - measured_NE) ** 2, 0)
    columns = np.concatenate([known_NE, value_NE, value_NE**2, *residual_KNE], axis=1)
    n_individuals, n_environments = known_NE.shape
    rng = np.random.default_rng(seed)
    parts = [columns.sum(axis=0, keepdims=True)]
    for start in range(0, n_draws, DRAWS_AT_ONCE):
        n_now = min(DRAWS_AT_ONCE, n_draws - start)
        times_RN = rng.multinomial(n_individuals, np.full(n_individuals, 1 / n_individuals), size=n_now)
        parts.append(times_RN @ columns)
    sums = np.concatenate(parts).reshape(1 + n_draws, -1, n_environments)
    count, total, squares, residual_RKE = sums[:, 0], sums[:, 1], sums[:, 2], sums[:, 3:]
    with np.errstate(invalid="ignore", divide="ignore"):  # an environment that a draw has no or one value of
        return 1 - residual_RKE / (squares - total**2 / count)[:, None]


def mean_over_replicates(draws: list[NDArray[np.float64]], seed: int = 1) -> NDArray[np.float64]:
    """(1 + R, ...) means of the draws of several replicates, which are themselves drawn with replacement."""
    stack = np.stack(draws)
    n_replicates, n_draws = len(stack), stack.shape[1] - 1
    which = np.random.default_rng(seed).integers(n_replicates, size=(n_draws, n_replicates))
    mean = stack.mean(axis=0)
    mean[1:] = stack[which, np.arange(1, 1 + n_draws)[:, None]].mean(axis=1)
    return mean


def interval(draws: NDArray[np.float64], level: float) -> tuple[float, float]:
    """The percentile interval of the draws, of which the first is the value itself."""
    lower, upper = np.nanquantile(draws[1:], [(1 - level) / 2, (1 + level) / 2])
    return float(lower), float(upper)
