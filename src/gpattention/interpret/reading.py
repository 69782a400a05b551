"""What an analysis of a fitted map comes to, and how it is left in the run folder."""

from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gpattention.files.atomic import write_bytes, write_text
from gpattention.output import figures


class Reading(NamedTuple):
    """Tables, figures and arrays by the names of their files."""

    tables: dict[str, pd.DataFrame]
    figures: dict[str, Figure]
    arrays: dict[str, dict[str, NDArray]]


def write_reading(reading: Reading, folder: Path) -> None:
    """`NAME.tsv` for every table, `NAME.pdf` and `NAME.png` for every figure, `NAME.npz` for all else."""
    folder.mkdir(exist_ok=True)
    for name, arrays in reading.arrays.items():
        buffer = BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        write_bytes(folder / f"{name}.npz", buffer.getvalue())
    for name, figure in reading.figures.items():
        for kind in ("pdf", "png"):
            buffer = BytesIO()
            figures.save(figure, buffer, kind)
            write_bytes(folder / f"{name}.{kind}", buffer.getvalue())
    for name, table in reading.tables.items():
        write_text(folder / f"{name}.tsv", table.to_csv(sep="\t", index=False, float_format="%.8g"))
