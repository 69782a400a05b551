"""Blocks side by side in every environment and over all: means over runs, which are folds or seeds."""

import logging

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gpattention.output import figures
from gpattention.run_folder.predictions import read_predictions
from gpattention.sweeps.summaries.results import OVERALL, correlation, r2, split_blocks, varied_keys
from gpattention.sweeps.sweep_file import Sweep

log = logging.getLogger(__name__)


def analyse(results: pd.DataFrame, sweep: Sweep) -> tuple[pd.DataFrame, Figure]:
    """Test R2 and correlation, means over runs, per block and environment; and of averages of blocks' predictions."""
    results = split_blocks(results, "data.environments")
    keys = varied_keys(results)  # folds, seeds, environments
    predictions = {
        block: {tuple(run[keys]): read_predictions(run["folder"]) for _, run in part.iterrows()}
        for block, part in results.groupby("block", sort=False)
    }
    for label, blocks in sweep.averages.items():
        runs = [predictions.get(block, {}) for block in blocks]
        means = {run: mean_of([tables[run] for tables in runs if run in tables]) for run in runs[0]}
        if all(tables.keys() == means.keys() for tables in runs) and not any(m is None for m in means.values()):
            predictions[label] = means
        else:
            log.info("%s: not all of its runs are there, so that there is no average", label)
    rows = [
        {
            "block": block,
            "environment": environment,
            "r2": r2(part["measured"], part["predicted"]),
            "correlation": correlation(part["measured"], part["predicted"]),
        }
        for block, tables in predictions.items()
        for table in tables.values()
        for environment, part in table.groupby(level="environment", sort=False)
    ]
    each = pd.DataFrame(rows).groupby(["block", "environment"], sort=False)[["r2", "correlation"]].mean()
    overall = each.groupby(level="block", sort=False).mean()
    n_environments = each["r2"].groupby(level="block", sort=False).size()
    overall[n_environments < len(each.index.unique("environment"))] = np.nan  # not a mean over the same
    overall.index = pd.MultiIndex.from_product([overall.index, [OVERALL]], names=["block", "environment"])
    summary = pd.concat([overall, each]).reset_index()
    return summary, draw(summary, sweep.title)


def mean_of(tables: list[pd.DataFrame]) -> pd.DataFrame | None:
    """The first table with the mean of all predictions; None where they are not of the same individuals."""
    first = tables[0].index
    if any(len(table) != len(first) or not table.index.isin(first).all() for table in tables):
        return None
    predicted = [table["predicted"].reindex(first).to_numpy() for table in tables]
    return tables[0].assign(predicted=np.mean(predicted, axis=0))


def draw(summary: pd.DataFrame, title: str) -> Figure:
    """Dots for every block over the environments; many are ordered by the first block."""
    names = [name for name in dict.fromkeys(summary["environment"]) if name != OVERALL]
    if len(names) > 10:
        first = summary[summary["block"] == summary["block"].iloc[0]].set_index("environment")["r2"].reindex(names)
        names = first.sort_values().index.tolist()
    figure, axes = figures.new_axes(width=max(5.0, 0.2 * len(names) + 2.5), height=3.4)
    for number, (block, part) in enumerate(summary.groupby("block", sort=False)):
        r2 = part.set_index("environment")["r2"]
        style = figures.line_style(number) | {"linestyle": "none"}
        mean = "" if np.isnan(r2[OVERALL]) else f", mean {r2[OVERALL]:.3f}"
        axes.plot(range(len(names)), r2.reindex(names), label=f"{block}{mean}", **style)
    axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > 10 else 0)
    axes.set_ylabel("test R2, mean over runs", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.set_title(title, fontsize=8, loc="left")
    figure.legend(loc="outside right center", frameon=False, fontsize=7)
    return figure
