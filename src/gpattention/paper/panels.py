"""Panels at the width of a column or a page of the journal, in type that can be read there."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gpattention.output import figures

COLUMN_INCHES, PAGE_INCHES = 3.42, 7.0
LABEL, TICK = 8, 7  # points
MOST_POINTS = 5000  # of a scatter plot


def new_grid(n_rows: int, n_columns: int, *, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """Panels row by row, and the figure of this size in inches that they fill."""
    figure = Figure(figsize=(width, height), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel().tolist()
    for axes in panels:
        axes.tick_params(labelsize=TICK)
        figures.with_power_of_ten(axes, TICK - 1)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, panels


def one_per_environment(n: int) -> tuple[Figure, list[Axes]]:
    """A square panel for each of n environments over the width of a page; few take a column."""
    n_columns = min(n, 6)
    n_rows = -(-n // n_columns)
    width = PAGE_INCHES if n_columns > 2 else COLUMN_INCHES
    figure, panels = new_grid(n_rows, n_columns, width=width, height=(width / n_columns + 0.25) * n_rows + 0.2)
    for axes in panels[n:]:
        axes.set_visible(False)
    for axes in panels[:n]:
        axes.locator_params(nbins=3)
        axes.tick_params(labelsize=TICK - 1)
    return figure, panels[:n]


def set_legend(figure: Figure, panels: Sequence[Axes], n_columns: int = 4) -> None:
    """One legend below the panels for all of them."""
    handles = {
        label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncol=n_columns, frameon=False, fontsize=TICK
    )


def scatter(axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64], title: str = "", size: float = 4) -> float:
    """y against x with the line y = x, and Pearson's correlation, of all points, in the title; returns it."""
    shown = np.random.default_rng(0).permutation(x.size)[:MOST_POINTS]
    alpha = 0.3 if x.size > 500 else 0.8
    axes.scatter(x[shown], y[shown], s=size, color=figures.BLUE, alpha=alpha, linewidths=0, rasterized=True)
    ends = [min(x.min(), y.min()), max(x.max(), y.max())]
    axes.plot(ends, ends, color=figures.GREY, linewidth=0.8)
    varies = np.ptp(x) > 0 and np.ptp(y) > 0
    pearson = float(np.corrcoef(x, y)[0, 1]) if varies else float("nan")
    axes.set_title(f"{title}\nr = {pearson:.3f}" if varies else title, fontsize=TICK, y=1, pad=9)
    return pearson
