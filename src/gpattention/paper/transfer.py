"""Figs. 5b and 5c: test R2 in an environment against the training values that it has."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gpattention.errors import InputError
from gpattention.output import figures
from gpattention.paper import panels as style
from gpattention.paper.source import Source, name_of
from gpattention.sweeps.summaries.results import split_blocks

R2, N_VALUES = "test/r2_target", "n_train_target"


def draw(source: Source) -> Figure:
    """A line for each block; bars are standard deviations over subsets and seeds.

    Raises:
        InputError: the runs have no environment that keeps few values.
    """
    results = pd.concat(source.results)
    if R2 not in results or N_VALUES not in results:
        raise InputError("this figure needs a sweep with data.target_environment, such as sweep=transfer_simulated")
    results = split_blocks(results[results[N_VALUES] > 0], "data.target_values")
    few = results["block"].nunique() < 6
    figure, (axes,) = style.new_grid(1, 1, width=style.COLUMN_INCHES, height=2.9 if few else 3.8)
    for number, (block, part) in enumerate(results.groupby("block", sort=False)):
        r2 = part.groupby(N_VALUES)[R2].agg(["mean", "std"])
        axes.errorbar(
            r2.index, r2["mean"], r2["std"].fillna(0), label=name_of(str(block)), **figures.line_style(number)
        )
    axes.set_xscale("log")
    ticks = np.unique(results[N_VALUES].astype(int))
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.set_ylim(max(-0.2, min(0, float(results[R2].min()))), 1)
    axes.set_xlabel("training values from the new environment", fontsize=style.LABEL)
    axes.set_ylabel("test R²", fontsize=style.LABEL)
    style.set_legend(figure, [axes], n_columns=2)
    return figure
