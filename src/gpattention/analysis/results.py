"""What a sweep file holds, and how the runs of a sweep are read again."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpattention import artifacts


class Sweep(NamedTuple):
    """The content of a file in `conf/sweep`.

    Attributes:
        title: of the table and the figure.
        folder: where the runs go unless the command line says otherwise.
        common: overrides of every block that does not set the key itself.
        blocks: overrides by label. Choices (`key=1,2`) make a grid, in common as in a block. `{folder}` stands for the
            folder of the sweep, so that a run can start from an earlier one.
        analysis: what the runs come to.
        averages: for the analysis of environments, blocks whose predictions are averaged, by label.
    """

    title: str
    folder: str
    common: list[str]
    blocks: dict[str, list[str]]
    analysis: str = "comparison"
    averages: dict[str, list[str]] = {}  # noqa: RUF012


def read_predictions(folder: str) -> pd.DataFrame:
    """Test predictions of a run: measured and predicted, by id and environment, in original units."""
    types = {"id": str, "environment": str}
    table = pd.read_csv(
        Path(folder) / artifacts.PREDICTIONS, sep="\t", dtype=types, keep_default_na=False, na_values=[""]
    )
    return table.set_index(["id", "environment"])


def r2(measured: pd.Series, predicted: pd.Series) -> float:
    """1 - SS_res / SS_tot over measured values."""
    known = measured.notna()
    residual = ((measured[known] - predicted[known]) ** 2).sum()
    return float(1 - residual / ((measured[known] - measured[known].mean()) ** 2).sum())


def correlation(measured: pd.Series, predicted: pd.Series) -> float:
    """Pearson's correlation over measured values; 0 where the predictions are constant."""
    known = measured.notna()
    if np.ptp(predicted[known].to_numpy()) == 0:
        return 0.0
    return float(np.corrcoef(measured[known], predicted[known])[0, 1])
