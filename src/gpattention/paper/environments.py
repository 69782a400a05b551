"""Figs. 3, 4b and A6: test R2 of maps in every environment, side by side."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gpattention.output import figures
from gpattention.paper import panels as style
from gpattention.paper.source import Source, name_of
from gpattention.sweeps.summaries.results import split_blocks

METRIC = "test/r2/"


def draw(source: Source) -> Figure:
    """Grouped bars, a panel for each sweep, environments in the order of the data."""
    tables = [tabulate(results) for results in source.results]
    names = list(dict.fromkeys(name for table in tables for name in table.columns))
    height = 2.2 * len(tables) + 0.3
    width = style.PAGE_INCHES if len(names) > 6 else style.COLUMN_INCHES
    figure, panels = style.new_grid(len(tables), 1, width=width, height=height)
    for number, (axes, table) in enumerate(zip(panels, tables, strict=True)):
        draw_bars(axes, table)
        if len(tables) > 1:
            axes.set_title(f"({'abcdefgh'[number]})", fontsize=style.LABEL, loc="left")
    style.set_legend(figure, panels, n_columns=4 if width == style.PAGE_INCHES else 2)
    return figure


def tabulate(results: pd.DataFrame) -> pd.DataFrame:
    """Mean test R2 over runs: a row for each block and what varies in it, a column for each environment."""
    results = split_blocks(results, "data.environments")
    columns = [str(name) for name in results if str(name).startswith(METRIC)]
    table = results.groupby("block", sort=False)[columns].mean()
    return table.rename(columns=lambda name: name.removeprefix(METRIC), index=name_of)


def draw_bars(axes: Axes, table: pd.DataFrame) -> None:
    width = 0.8 / len(table)
    position = np.arange(table.shape[1])
    for number, (name, r2) in enumerate(table.iterrows()):
        shift = (number - (len(table) - 1) / 2) * width
        colour = figures.line_style(number)["color"]
        axes.bar(position + shift, r2, width * 0.92, color=colour, label=name)
    axes.set_xticks(position, table.columns, rotation=45 if table.shape[1] > 6 else 0, fontsize=style.TICK)
    axes.set_xlim(-0.6, table.shape[1] - 0.4)
    axes.set_ylim(bottom=min(0, float(np.nanmin(table.to_numpy()))))
    axes.set_ylabel("test R²", fontsize=style.LABEL)
