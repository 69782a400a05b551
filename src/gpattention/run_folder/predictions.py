"""Tables of predictions: how a run writes them, and how those of one run or of several are read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from gpattention.data.training_data import TrainingData
from gpattention.errors import InputError
from gpattention.files.checksums import refuse_changed
from gpattention.run_folder import files

TYPES = {"id": str, "environment": str, "measured": float, "predicted": float}


def predictions_table(data: TrainingData, rows: NDArray[np.int64], standardised: torch.Tensor) -> pd.DataFrame:
    """Measured and predicted phenotypes of some rows in original units, a row per individual and environment."""
    names = data.data.environment_names
    ids = np.array(data.data.individual_ids)[rows]
    return pd.DataFrame(
        {
            "id": np.repeat(ids, len(names)),
            "environment": np.tile(names, len(rows)),
            "measured": data.data.phenotype[rows].ravel(),
            "predicted": data.scaling.restore(standardised.numpy()).ravel(),
        }
    )


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


def as_arrays(tables: Sequence[pd.DataFrame], names: list[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measured (N, E) and predicted (K, N, E) values of tables that share their individuals, with the environments in this order."""
    measured = tables[0]["measured"].unstack().reindex(columns=names).to_numpy()
    return measured, np.stack([table["predicted"].unstack().reindex(columns=names).to_numpy() for table in tables])


def average_predictions(folders: Sequence[Path | str], part: Literal["val", "test"]) -> pd.DataFrame:
    """Measured, and the mean of what several runs predict, for the individuals that are in this part of all of them."""
    tables = shared_predictions(folders, part)
    return tables[0].assign(predicted=np.mean([table["predicted"] for table in tables], axis=0))
