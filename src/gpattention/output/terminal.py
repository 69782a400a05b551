"""Tables on the terminal."""

import math
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

MOST_ROWS = 50
MOST_LETTERS = 30  # of a cell that is kept in one line; longer ones, such as paths, are folded where there is no room
HEADINGS = {
    "n_runs": "runs",
    "r2": "test R2",
    "r2_sd": "sd",
    "r2_ceiling": "noise ceiling",
    "r2_first": "R2, first",
    "r2_second": "R2, second",
}


def print_table(table: pd.DataFrame, title: str) -> None:
    """The first rows of a table."""
    shown = Table(title=escape(title), title_justify="left")
    rows = format_rows(table.head(MOST_ROWS))
    for column, name in enumerate(table):
        shown.add_column(
            HEADINGS.get(str(name), str(name)),
            justify="right" if table[name].dtype.kind in "if" else "left",
            no_wrap=max((len(row[column]) for row in rows), default=0) <= MOST_LETTERS,
            overflow="fold",
        )
    for row in rows:
        shown.add_row(*map(escape, row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(shown)
    if len(table) > MOST_ROWS:
        console.print(f"and {len(table) - MOST_ROWS} rows more")


def format_rows(table: pd.DataFrame) -> list[list[str]]:
    """The cells of a table as text; the numbers of a column have their decimals alike."""
    columns = []
    for name in table:
        values, largest = table[name], table[name].abs().max() if table[name].dtype.kind == "f" else 0.0
        alike = 1e-2 <= largest < 1e5
        columns.append([f"{v:.4f}" if alike and not math.isnan(v) else format_cell(v) for v in values])
    return [list(row) for row in zip(*columns, strict=True)]


def format_cell(value: Any) -> str:
    """Four decimals, or four digits of what is small or large; thousands apart; nothing where there is no value."""
    if value is None or value is pd.NA:
        return ""
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, float | np.floating):
        number = float(value)
        if math.isnan(number):
            return ""
        return f"{number:.4f}" if 1e-2 <= abs(number) < 1e5 or number == 0 else f"{number:.4g}"
    return f"{value:,}" if isinstance(value, int | np.integer) else str(value)
