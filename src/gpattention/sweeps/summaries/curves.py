"""Test R2 along one key, a line for every map and a panel for every value of another key (Fig. 2)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gpattention.errors import InputError
from gpattention.output import figures
from gpattention.sweeps.summaries.results import REPLICATES, group, label, text, varied_keys
from gpattention.sweeps.sweep_file import Sweep


def analyse(results: pd.DataFrame, sweep: Sweep) -> tuple[pd.DataFrame, Figure]:
    """Mean and standard deviation over seeds, for every block and every combination of what else varies."""
    assert sweep.x is not None
    panel = sweep.panel if sweep.panel in results else None
    axes = [sweep.x, *([panel] if panel else [])]
    for key in axes:
        if key not in results or results[key].isna().any():
            raise InputError(f"analysis=curves: some block sets no {key}: give it in common or in every block")
    keys = [key for key in varied_keys(results) if key not in REPLICATES]
    by = list(dict.fromkeys(["block", *reversed(axes), *keys]))
    for key in by[1:]:
        results = results.assign(**{key: as_numbers(results[key])})
    summary = group(results, by)
    within = [key for key in by if key not in axes]
    lines = summary[within].apply(label, axis=1)
    return summary, draw(summary.assign(line=lines), sweep.x, panel, sweep.title)


def as_numbers(column: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    return column if numbers[column.notna()].isna().any() else numbers


def draw(summary: pd.DataFrame, x: str, panel: str | None, title: str) -> Figure:
    values = list(dict.fromkeys(summary[panel])) if panel else [None]
    figure = Figure(figsize=(3.2 * len(values) + 2, 3.2), layout="constrained")
    lines = list(dict.fromkeys(summary["line"]))
    panels = figure.subplots(1, len(values), sharey=True, squeeze=False)[0]
    for axes, value in zip(panels, values, strict=True):
        part = summary if panel is None else summary[summary[panel] == value]
        for number, line in enumerate(lines):
            one = part[part["line"] == line].sort_values(x)
            axes.errorbar(one[x], one["r2"], one["r2_sd"].fillna(0), label=line, **figures.line_style(number))
        if "r2_ceiling" in part and part["r2_ceiling"].notna().any():
            ceiling = part.groupby(x)["r2_ceiling"].mean()
            axes.plot(ceiling.index, ceiling, color=figures.GREY, linewidth=0.8, linestyle=":", label="noise ceiling")
        name = x.rpartition(".")[2]
        axes.set_xlabel(name.replace("_", " "), fontsize=8)
        if summary[x].dtype.kind in "if" and 0 < 10 * summary[x].min() < summary[x].max():
            axes.set_xscale("log")
            ticks = np.unique(summary[x])
            axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
            axes.minorticks_off()
        axes.set_ylim(max(-0.5, min(-0.05, summary["r2"].min())), 1.03)
        if panel:
            axes.set_title(f"{panel.rpartition('.')[2].replace('_', ' ')} = {text(value)}", fontsize=8)
    return figures.finish_panels(figure, panels, "test R2", title)
