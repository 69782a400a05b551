"""How the runs of a sweep are read again."""

from pathlib import Path

import numpy as np
import pandas as pd

from gpattention import artifacts


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


# Keys whose values are repetitions of one setting: other draws, other parts of the data.
REPLICATES = {"seed", "data.seed", "data.split_seed", "data.target_seed", "data.fold"}
NO_OVERRIDE = {"block", "run", "folder"}


def varied_keys(results: pd.DataFrame) -> list[str]:
    """Overrides that differ between runs of one block."""
    keys = [name for name in results if name not in NO_OVERRIDE and is_override(str(name))]
    return [str(key) for key in keys if (results.groupby("block")[key].nunique(dropna=False) > 1).any()]


def is_override(name: str) -> bool:
    """Metrics have slashes or plain names; overrides are keys of the configuration."""
    return name == "seed" or ("." in name and "/" not in name)


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
