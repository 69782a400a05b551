"""Blocks side by side in every environment and over all: means over runs, which are folds or seeds."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gpattention.analysis import figures
from gpattention.analysis.results import correlation, r2, read_predictions
from gpattention.blocks import Sweep

OVERALL = "mean"


def analyse(results: pd.DataFrame, sweep: Sweep) -> tuple[pd.DataFrame, Figure]:
    """Test R2 and correlation, means over runs, per block and environment; and of averages of blocks' predictions."""
    predictions = {
        block: [read_predictions(folder) for folder in part["folder"]]
        for block, part in results.groupby("block", sort=False)
    }
    for label, blocks in sweep.averages.items():
        if len({len(predictions.get(block, [])) for block in blocks}) > 1 or blocks[0] not in predictions:
            continue  # runs of some of them have failed
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
    """Dots for every block over the environments; many are ordered by the first block."""
    first = summary[(summary["block"] == summary["block"].iloc[0]) & (summary["environment"] != OVERALL)]
    names = (first if len(first) <= 10 else first.sort_values("r2"))["environment"].tolist()
    figure, axes = figures.new_axes(width=max(5.0, 0.2 * len(names) + 2.5), height=3.4)
    for number, (block, part) in enumerate(summary.groupby("block", sort=False)):
        r2 = part.set_index("environment")["r2"]
        style = figures.line_style(number) | {"linestyle": "none"}
        axes.plot(range(len(names)), r2[names], label=f"{block}, mean {r2[OVERALL]:.3f}", **style)
    axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > 10 else 0)
    axes.set_ylabel("test R2, mean over runs", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.set_title(title, fontsize=8, loc="left")
    figure.legend(loc="outside right center", frameon=False, fontsize=7)
    return figure
