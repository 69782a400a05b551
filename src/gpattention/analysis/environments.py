"""Blocks side by side in every environment and over all: means over runs, which are folds or seeds."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gpattention.analysis import figures
from gpattention.analysis.results import Sweep, correlation, r2, read_predictions

OVERALL = "mean"


def analyse(results: pd.DataFrame, sweep: Sweep) -> tuple[pd.DataFrame, Figure]:
    """Test R2 and correlation, means over runs, per block and environment; and of averages of blocks' predictions."""
    predictions = {
        block: [read_predictions(folder) for folder in part["folder"]]
        for block, part in results.groupby("block", sort=False)
    }
    for label, blocks in sweep.averages.items():
        predictions[label] = [mean_of(tables) for tables in zip(*(predictions[block] for block in blocks), strict=True)]
    rows = [
        {
            "block": block,
            "environment": environment,
            "r2": r2(part["measured"], part["predicted"]),
            "correlation": correlation(part["measured"], part["predicted"]),
        }
        for block, tables in predictions.items()
        for table in tables
        for environment, part in table.groupby(level="environment", sort=False)
    ]
    each = pd.DataFrame(rows).groupby(["block", "environment"], sort=False)[["r2", "correlation"]].mean()
    overall = each.groupby(level="block", sort=False).mean()
    overall.index = pd.MultiIndex.from_product([overall.index, [OVERALL]], names=["block", "environment"])
    summary = pd.concat([overall, each]).reset_index()
    return summary, draw(summary, sweep.title)


def mean_of(tables: tuple[pd.DataFrame, ...]) -> pd.DataFrame:
    """The first table with the mean of all predictions, which are of the same individuals."""
    predicted = [table["predicted"].reindex(tables[0].index).to_numpy() for table in tables]
    return tables[0].assign(predicted=np.mean(predicted, axis=0))


def draw(summary: pd.DataFrame, title: str) -> Figure:
    """A line of dots for every block over the environments, ordered by the first block."""
    order = summary[(summary["block"] == summary["block"].iloc[0]) & (summary["environment"] != OVERALL)]
    names = order.sort_values("r2")["environment"].tolist()
    figure, axes = figures.new_axes(width=max(5.0, 0.22 * len(names) + 2.5), height=3.6)
    for number, (block, part) in enumerate(summary.groupby("block", sort=False)):
        style = figures.line_style(number) | {"linestyle": "none"}
        values = part.set_index("environment")
        mean = values["r2"][OVERALL]
        axes.plot(range(len(names)), values["r2"][names], label=f"{block}, mean {mean:.3f}", **style)
    axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > 8 else 0, fontsize=7)
    axes.set_ylabel("test R2, mean over runs")
    axes.set_title(title, fontsize=8)
    figure.legend(loc="outside right upper", frameon=False, fontsize=7)
    return figure
