"""How the runs of a sweep are read again."""

from typing import Any

import numpy as np
import pandas as pd

from gpattention.config import ROOT

OVERALL = "mean"  # over environments, where a table has a row for each


def r2(measured: pd.Series, predicted: pd.Series) -> float:
    """1 - SS_res / SS_tot over measured values, each of which must have a prediction."""
    known = measured.notna()
    residual = ((measured[known] - predicted[known]) ** 2).sum(skipna=False)
    return float(1 - residual / ((measured[known] - measured[known].mean()) ** 2).sum())


def correlation(measured: pd.Series, predicted: pd.Series) -> float:
    """Pearson's correlation over measured values; 0 where the predictions are constant."""
    known = measured.notna()
    if np.ptp(predicted[known].to_numpy()) == 0:
        return 0.0
    return float(np.corrcoef(measured[known], predicted[known])[0, 1])


# Keys whose values are repetitions of one setting: other draws, other parts of the data.
REPLICATES = {"seed", "data.seed", "data.split_seed", "data.target_seed", "data.fold"}
# Keys and groups of the configuration without a dot; all other columns without one are metrics.
PLAIN_KEYS = {*ROOT, "experiment"}


def varied_keys(results: pd.DataFrame) -> list[str]:
    """Overrides that differ between runs of one block."""
    keys = [str(name) for name in results if is_override(str(name))]
    return [key for key in keys if (results.groupby("block")[key].nunique(dropna=False) > 1).any()]


def is_override(name: str) -> bool:
    """Whether a column is a key of the configuration: metrics have slashes or plain names."""
    return name in PLAIN_KEYS or ("." in name and "/" not in name)


def split_blocks(results: pd.DataFrame, used: str) -> pd.DataFrame:
    """The results with a block of its own for every setting that varies beside `used` and replicates."""
    keys = [key for key in varied_keys(results) if key not in REPLICATES and key != used]
    return results.assign(block=results[["block", *keys]].apply(label, axis=1))


def label(row: pd.Series) -> str:
    """A block and what varies in it, in short."""
    rest = [f"{str(key).rpartition('.')[2]}={text(value)}" for key, value in row.items() if key != "block"]
    return ", ".join([row["block"], *(one for one in rest if not one.endswith("="))])


def text(value: Any) -> str:
    """A value of a column in short; nothing where there is none."""
    if isinstance(value, float | int | np.number):
        return "" if np.isnan(value) else f"{value:g}"
    return str(value)


def group(results: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Number of runs, mean and standard deviation of the test R2, ceiling, parameters and seconds of each group."""
    wanted = {
        "n_runs": ("folder", "size"),
        "r2": ("test/r2", "mean"),
        "r2_sd": ("test/r2", "std"),
        "r2_ceiling": ("test/r2_ceiling", "mean"),
        "parameters": ("n_parameters", "first"),
        "passes": ("train/passes", "mean"),
        "seconds": ("fit_seconds", "mean"),
    }
    there = {name: how for name, how in wanted.items() if how[0] in results}
    return results.groupby(by, sort=False, dropna=False).agg(**there).reset_index()  # type: ignore[call-overload]
