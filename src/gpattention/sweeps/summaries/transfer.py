"""Test R2 in an environment against the training values that it has (Fig. 5)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gpattention.output import figures
from gpattention.sweeps.summaries.results import split_blocks
from gpattention.sweeps.sweep_file import Sweep


def analyse(results: pd.DataFrame, sweep: Sweep) -> tuple[pd.DataFrame, Figure]:
    """Mean and standard deviation over subsets and seeds, for every block and number of values."""
    results = split_blocks(results, "data.target_values")
    results = results.assign(squared_correlation=results["test/correlation_target"] ** 2)
    keys = ["block", "n_train_target", "n_val_target"]
    groups = results.groupby(keys, sort=False)
    summary = groups.agg(
        n_runs=("folder", "size"),
        r2=("test/r2_target", "mean"),
        r2_sd=("test/r2_target", "std"),
        squared_correlation=("squared_correlation", "mean"),
        squared_correlation_sd=("squared_correlation", "std"),
    ).reset_index()
    return summary, draw(summary, sweep.title)


def draw(summary: pd.DataFrame, title: str) -> Figure:
    """R2 and squared correlation side by side, a line for every block."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 2)
    names = {"r2": "test R2", "squared_correlation": "squared correlation"}
    for axes, (column, label) in zip(panels, names.items(), strict=True):
        for number, (block, part) in enumerate(summary[summary["n_train_target"] > 0].groupby("block", sort=False)):
            axes.errorbar(
                part["n_train_target"],
                part[column],
                part[f"{column}_sd"].fillna(0),
                label=block,
                **figures.line_style(number),
            )
        axes.set_xscale("log")
        axes.set_ylim(-0.1, 1)
        axes.set_xlabel("training values of the environment", fontsize=8)
        axes.set_ylabel(label, fontsize=8)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
        ticks = np.unique(summary.loc[summary["n_train_target"] > 0, "n_train_target"])
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks], fontsize=7)
        axes.minorticks_off()
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=7)
    figure.suptitle(title, fontsize=8)
    return figure
