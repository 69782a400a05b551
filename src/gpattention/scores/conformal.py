"""Prediction intervals that hold for any map: split-conformal, calibrated on the validation part.

A table of predictions has the columns environment, measured and predicted, in original units.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gpattention.errors import InputError

LEVEL = 0.9  # of the intervals that a run's scores are of
LEVELS = np.linspace(0.05, 0.95, 19)  # of the calibration curve


def half_widths(validation: pd.DataFrame, level: float = LEVEL) -> dict[str, float]:
    """Half the width of each environment's interval around a prediction, in original units.

    It is the k-th smallest |measured - predicted| of the n measured validation values, k = ceil((n + 1) level): for n + 1
    exchangeable values the interval of the last holds with probability k / (n + 1), whatever the map and the noise (Lei et
    al. 2018). Infinite where k > n, that is, where there are too few values.

    Raises:
        InputError: the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise InputError(f"level={level}: give a share between 0 and 1, such as 0.9")
    return {name: kth_smallest(errors, level) for name, errors in absolute_errors(validation).items()}


def absolute_errors(table: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """|measured - predicted| of the measured values of each environment, in rising order."""
    error = (table["measured"] - table["predicted"]).abs().to_numpy()
    groups = table.groupby("environment", sort=False).indices
    return {str(name): np.sort(error[rows][~np.isnan(error[rows])]) for name, rows in groups.items()}


def kth_smallest(rising: NDArray[np.float64], level: float) -> float:
    k = int(np.ceil(round((len(rising) + 1) * level, 9)))  # nine of nine at 90 %, in spite of rounding
    return float(rising[k - 1]) if k <= len(rising) else float("inf")


def calibrate(validation: pd.DataFrame, test: pd.DataFrame, levels: NDArray[np.float64] = LEVELS) -> pd.DataFrame:
    """How many test values lie in their intervals.

    Returns:
        a row per environment and level: `coverage`, `width` and `sd`, the standard deviation of the coverage around the
        level that the finite parts make: sqrt(level (1 - level) (1 / n_val + 1 / n_test)). Environments with too few
        validation values for an interval, or without test values, are left out.
    """
    known, new = absolute_errors(validation), absolute_errors(test)
    rows = []
    for level in levels.tolist():
        for name in known:
            half_width, n_test = kth_smallest(known[name], level), len(new.get(name, ()))
            if np.isfinite(half_width) and n_test:
                covered = np.searchsorted(new[name], half_width, side="right") / n_test
                sd = np.sqrt(level * (1 - level) * (1 / len(known[name]) + 1 / n_test))
                rows.append((name, level, float(covered), 2 * half_width, float(sd)))
    return pd.DataFrame(rows, columns=["environment", "level", "coverage", "width", "sd"])


def interval_scores(validation: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    """Coverage and width of 90 % intervals by environment, and their means, as `metrics.json` names them."""
    table = calibrate(validation, test, np.array([LEVEL]))
    if table.empty:
        return {}
    scores = {"test/coverage": table["coverage"].mean(), "test/interval_width": table["width"].mean()}
    for row in table.itertuples():
        scores |= {
            f"test/coverage/{row.environment}": row.coverage,
            f"test/interval_width/{row.environment}": row.width,
        }
    return {name: float(value) for name, value in scores.items()}
