"""Figs. 2c and A2: test R2 on simulated crosses, against epsilon and against the number of training segregants."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gpattention.errors import InputError
from gpattention.output import figures
from gpattention.paper import panels as style
from gpattention.paper.source import Source, name_of
from gpattention.sweeps.summaries.curves import as_numbers
from gpattention.sweeps.summaries.results import REPLICATES, label, varied_keys

EPSILON, N_LOCI, N_SEGREGANTS = "data.epsilon", "data.n_loci", "data.n_segregants"


def draw(source: Source) -> Figure:
    """A panel for each number of loci, R2 against epsilon; a last one, R2 against the number of training segregants.

    Raises:
        InputError: no sweep varies epsilon or the number of segregants.
    """
    parts: list[tuple[str, str, pd.DataFrame]] = []
    for results in source.results:
        keys = varied_keys(results)
        if EPSILON in keys:
            for n_loci, part in results.groupby("n_loci", sort=False):
                parts.append((EPSILON, f"L = {n_loci:.0f}", part))
        if N_SEGREGANTS in keys:
            epsilon = as_numbers(results[EPSILON]).iloc[0] if EPSILON in results else None
            title = f"L = {results['n_loci'].iloc[0]:.0f}" + (f", ε = {epsilon:g}" if epsilon is not None else "")
            parts.append(("n_train", title, results))
    if not parts:
        raise InputError(f"this figure needs a sweep that varies {EPSILON} or {N_SEGREGANTS}, such as sweep=fig2c")
    parts.sort(key=lambda part: part[0] == "n_train")
    labels = list(dict.fromkeys(name for x, _, part in parts for name in lines_of(part)))
    figure, panels = style.new_grid(1, len(parts), width=style.PAGE_INCHES, height=2.6)
    for axes, (x, title, part) in zip(panels, parts, strict=True):
        draw_lines(axes, part, x, labels)
        axes.set_title(title, fontsize=style.LABEL)
    panels[0].set_ylabel("test R²", fontsize=style.LABEL)
    style.set_legend(figure, panels)
    return figure


def lines_of(part: pd.DataFrame) -> pd.Series:
    """The name of each run's line: its block and what varies beside the axes and replicates."""
    keys = [key for key in varied_keys(part) if key not in {*REPLICATES, EPSILON, N_LOCI, N_SEGREGANTS}]
    return part[["block", *keys]].apply(label, axis=1).map(name_of)


def draw_lines(axes: Axes, part: pd.DataFrame, x: str, labels: list[str]) -> None:
    """Means over replicates, with standard deviations where there are some."""
    part = part.assign(line=lines_of(part), x=as_numbers(part[x]))
    for line, one in part.groupby("line", sort=False):
        r2 = one.groupby("x")["test/r2"].agg(["mean", "std"])
        axes.errorbar(
            r2.index, r2["mean"], r2["std"].fillna(0), label=line, **figures.line_style(labels.index(str(line)))
        )
    if "test/r2_ceiling" in part:
        ceiling = part.groupby("x")["test/r2_ceiling"].mean()
        axes.plot(ceiling.index, ceiling, color=figures.GREY, linewidth=0.8, linestyle=":", label="noise ceiling")
    axes.set_ylim(min(-0.05, float(part["test/r2"].min())), 1.02)
    if x == EPSILON:
        axes.set_xlabel("weight of additive effects, ε", fontsize=style.LABEL)
    else:
        axes.set_xscale("log")
        axes.set_xlabel("training segregants", fontsize=style.LABEL)
