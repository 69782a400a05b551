"""How the runs of a sweep are read again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from gpattention.config import ROOT
from gpattention.errors import InputError
from gpattention.files.checksums import refuse_changed
from gpattention.run_folder import files

OVERALL = "mean"  # over environments, where a table has a row for each
TYPES = {"id": str, "environment": str, "measured": float, "predicted": float}


def read_predictions(folder: Path | str, part: Literal["val", "test"] = "test") -> pd.DataFrame:
    """Predictions of a run for one part: measured and predicted, by id and environment, in original units.

    Raises:
        InputError: the table is not there or not what its name says.
    """
    path = Path(folder) / {"val": files.VALIDATION_PREDICTIONS, "test": files.PREDICTIONS}[part]
    refuse_changed(path.parent, path.name)
    try:
        table = pd.read_csv(
            path, sep="\t", dtype=TYPES, usecols=list(TYPES), keep_default_na=False, na_values={"measured": [""]}
        )
    except (OSError, ValueError) as error:
        reason = "is not there" if not path.is_file() else f"is damaged ({str(error).partition(chr(10))[0]})"
        raise InputError(
            f"{path} {reason}: {path.parent} is no complete run of this version; fit it again with overwrite=true"
        ) from error
    return table.set_index(["id", "environment"])


def shared_predictions(folders: Sequence[Path | str], part: Literal["val", "test"]) -> list[pd.DataFrame]:
    """Predictions of several runs for the individuals and environments that are in this part of all of them.

    Raises:
        InputError: the runs have measured other phenotypes of the same individual: they are of other data.
    """
    tables = [read_predictions(folder, part) for folder in folders]
    shared = tables[0].index
    for table in tables[1:]:
        shared = shared[shared.isin(table.index)]
    tables = [table.reindex(shared) for table in tables]
    first = tables[0]["measured"].to_numpy()
    for folder, table in zip(folders, tables, strict=True):
        other = ~np.isclose(table["measured"], first, rtol=1e-6, equal_nan=True)
        if other.any():
            at, (name, environment) = int(other.argmax()), shared[other.argmax()]
            raise InputError(
                f"individual {name} has {first[at]:g} in environment {environment} in {folders[0]} and "
                f"{table['measured'].iloc[at]:g} in {folder}: give runs of the same data"
            )
    return tables


def average_predictions(folders: Sequence[Path | str], part: Literal["val", "test"]) -> pd.DataFrame:
    """Measured, and the mean of what several runs predict, for the individuals that are in this part of all of them."""
    tables = shared_predictions(folders, part)
    return tables[0].assign(predicted=np.mean([table["predicted"] for table in tables], axis=0))


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
