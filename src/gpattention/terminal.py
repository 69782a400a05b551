"""Tables on the terminal."""

from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

MOST_ROWS = 50
HEADINGS = {"n_runs": "runs", "r2": "test R2", "r2_sd": "sd", "r2_ceiling": "noise ceiling"}


def print_table(table: pd.DataFrame, title: str) -> None:
    """The first rows of a table."""
    shown = Table(title=escape(title), title_justify="left")
    for name in table:
        shown.add_column(
            HEADINGS.get(str(name), str(name)),
            justify="right" if table[name].dtype.kind in "if" else "left",
            no_wrap=True,
        )
    for row in table.head(MOST_ROWS).itertuples(index=False):
        shown.add_row(*(escape(format_cell(value)) for value in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(shown)
    if len(table) > MOST_ROWS:
        console.print(f"and {len(table) - MOST_ROWS} rows more")


def format_cell(value: Any) -> str:
    """Four decimals, thousands apart, nothing where there is no number."""
    if pd.isna(value):
        return ""
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int | np.integer) else str(value)
