"""Figures of a run and of a sweep; drawn without a display and safe to draw in any thread."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from adjustText import adjust_text
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

# Okabe and Ito's colours, told apart with any colour vision.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#777777"
COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", GREY)
MARKERS = "os^Dv"
COLUMN_INCHES = 3.5


def save(figure: Figure, target: Path | BinaryIO, kind: str | None = None) -> None:
    """Write a figure; `kind` is png or pdf where the target has no name that tells."""
    figure.savefig(target, dpi=200, format=kind)


def new_axes(width: float = COLUMN_INCHES, height: float = 2.8) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_fontsize(8)
    return figure, axes


def new_panels(n: int, width: float, height: float, n_columns: int | None = None) -> tuple[Figure, list[Axes]]:
    """n panels of a size in inches, up to three side by side, and the figure that they fill."""
    n_columns = n_columns or (1 if n < 3 else 3 if n % 3 == 0 or n > 8 else 2)
    n_rows = -(-n // n_columns)
    figure = Figure(figsize=(width * n_columns, height * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes in panels:
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
        with_power_of_ten(axes, 6)
    for axes in panels[n:]:
        axes.set_visible(False)
    return figure, list(panels[:n])


def with_power_of_ten(axes: Axes, size: float) -> None:
    """A power of ten that all labels of an axis share is written once, at its end, in this size in points."""
    axes.ticklabel_format(scilimits=(-2, 4), useMathText=True)
    axes.xaxis.labelpad = 1.6 * size  # below it
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_offset_text().set_fontsize(size)


def scale(bar: Colorbar, label: str) -> None:
    """Name the colours of a panel, in small type."""
    bar.set_label(label, fontsize=7)
    bar.ax.tick_params(labelsize=6)
    bar.ax.ticklabel_format(axis="y", scilimits=(-2, 4), useMathText=True)
    bar.ax.yaxis.get_offset_text().set_fontsize(6)


def name_points(axes: Axes, x: NDArray, y: NDArray, names: Mapping[int, str], size: float) -> None:
    """Write the names of some points, by their number, beside them and clear of one another and of all points."""
    texts = [axes.text(x[row], y[row], name, fontsize=size) for row, name in names.items()]
    line = {"arrowstyle": "-", "color": GREY, "linewidth": 0.4}
    adjust_text(texts, x, y, ax=axes, arrowprops=line, ensure_inside_axes=True)


def finish_panels(figure: Figure, panels: Sequence[Axes], ylabel: str, title: str) -> Figure:
    """Panels that share their vertical axis and their legend, which stands beside them."""
    for axes in panels:
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel(ylabel, fontsize=8)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=7)
    figure.suptitle(title, fontsize=8)
    return figure


def line_style(number: int) -> dict[str, Any]:
    """Colour and marker of the line of this number; no two of the first 40 are the same."""
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    dashed = "--" if number >= len(COLOURS) else "-"
    return {"color": colour, "marker": marker, "markersize": 4, "linewidth": 1.2, "linestyle": dashed}


def learning_curve(rows: Sequence[Mapping[str, float]], best_epoch: int) -> Figure:
    """Validation R2, and the training loss where there is one, against the epoch; the epoch kept is marked."""
    figure, axes = new_axes()
    epoch = [row["epoch"] for row in rows]
    r2 = np.array([row["val/r2"] for row in rows])
    axes.plot(epoch, r2, color=BLUE, marker="o", markersize=2.5, label="validation R2")
    handles = axes.get_legend_handles_labels()[0]
    if all("train/loss" in row for row in rows):
        handles += axes.plot(
            epoch, [1 - row["train/loss"] for row in rows], color=ORANGE, linestyle="--", label="1 - training loss"
        )
    handles.append(axes.axvline(best_epoch, color=GREY, linewidth=0.8, linestyle=":", label="epoch kept"))
    axes.set_ylim(bottom=max(-0.1, min(r2.min(), 1) - 0.05))
    axes.set(xlabel="epoch", ylabel="R2, standardised phenotype")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(handles=handles, frameon=False, fontsize=7)
    return figure


def predicted_against_measured(predictions: pd.DataFrame, metrics: Mapping[str, Any]) -> Figure:
    """Predicted against measured test phenotypes in original units, a panel per environment."""
    names = list(dict.fromkeys(predictions["environment"]))
    n_columns = min(4, len(names))
    n_rows = -(-len(names) // n_columns)
    size = COLUMN_INCHES if len(names) == 1 else 2.2
    figure = Figure(figsize=(size * n_columns, size * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        part = predictions[predictions["environment"] == name].dropna()
        axes.scatter(part["measured"], part["predicted"], s=3, alpha=0.25, color=BLUE, linewidths=0, rasterized=True)
        ends = [part["measured"].min(), part["measured"].max()]
        axes.plot(ends, ends, color=GREY, linewidth=0.8)
        axes.set_title(f"{name}: test R2 {metrics[f'test/r2/{name}']:.3f}", fontsize=8)
        axes.set_xlabel("measured", fontsize=8)
        axes.set_ylabel("predicted", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    return figure


def calibration(table: pd.DataFrame) -> Figure:
    """Coverage of test values against the level of their intervals, a line per environment; 3 sd around the level in grey.

    Args:
        table: of `conformal.calibrate`.
    """
    figure, axes = new_axes(height=3.2)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8)
    sd = table.groupby("level")["sd"].max()
    level = sd.index.to_numpy()
    axes.fill_between(level, level - 3 * sd, level + 3 * sd, color=GREY, alpha=0.25, linewidth=0)
    names = list(dict.fromkeys(table["environment"]))
    few = len(names) <= len(COLOURS)
    for number, name in enumerate(names):
        part = table[table["environment"] == name]
        style = line_style(number) if few else {"color": BLUE, "linewidth": 0.6, "alpha": 0.6}
        axes.plot(part["level"], part["coverage"], label=name, **style | {"markersize": 3})
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="level of the interval", ylabel="coverage, test")
    axes.set_aspect("equal")
    axes.tick_params(labelsize=7)
    if few and names:
        axes.legend(frameon=False, fontsize=7, loc="lower right")
    return figure


def comparison(summary: pd.DataFrame, title: str) -> Figure:
    """Test R2 of maps as bars, with standard deviations over seeds and the noise ceiling where they are known."""
    figure, axes = new_axes(width=max(COLUMN_INCHES, 0.75 * len(summary) + 0.5), height=2.6)
    position = np.arange(len(summary))
    r2 = summary["r2"].to_numpy()
    error = summary["r2_sd"].fillna(0) if "r2_sd" in summary else None
    axes.bar(position, r2, yerr=error, color=BLUE, width=0.6, error_kw={"linewidth": 0.8})
    for x, value in zip(position, r2, strict=True):
        inside = value > 0.1
        colour, side = ("white", "top") if inside else ("black", "bottom")
        axes.annotate(f"{value:.3f}", (x, max(value, 0) / (1 + inside)), ha="center", va=side, fontsize=7, color=colour)
    if "r2_ceiling" in summary and summary["r2_ceiling"].notna().all():
        ceiling = summary["r2_ceiling"].mean()
        axes.axhline(ceiling, color=ORANGE, linewidth=1, linestyle="--")
        axes.annotate(f"noise ceiling {ceiling:.3f}", (-0.4, ceiling), va="bottom", fontsize=7, color=ORANGE)
    long = summary["name"].str.len().max() > 14
    axes.set_xticks(position, summary["name"], fontsize=8 - long, rotation=30 * long, ha="right" if long else "center")
    axes.set_ylim(top=1.05)
    axes.set_ylabel("test R2")
    axes.set_title(title, fontsize=7)
    return figure
