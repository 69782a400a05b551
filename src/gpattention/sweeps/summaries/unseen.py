"""An environment without a single training value, predicted by its covariate: against what the others alone would say."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gpattention.errors import InputError
from gpattention.files.checksums import refuse_changed
from gpattention.output import figures
from gpattention.run_folder import files
from gpattention.run_folder.predictions import read_predictions
from gpattention.run_folder.preprocessing import Preprocessing
from gpattention.sweeps.summaries.results import correlation, r2, split_blocks
from gpattention.sweeps.sweep_file import Sweep

ITSELF = "the map itself"


def analyse(results: pd.DataFrame, sweep: Sweep) -> tuple[pd.DataFrame, Figure]:
    """Test R2 and squared correlation in the left-out environment, by method.

    Each run predicts it by itself. From its predictions of the other environments come three more: their mean, the
    straight line between the two neighbours, and the quadratic reaction norm of every individual, fitted to them.
    """
    results = split_blocks(results, "data.target_environment")
    rows = []
    for _, one in results.iterrows():
        target = one["data.target_environment"]
        predictions = read_predictions(one["folder"])
        measured = predictions["measured"].unstack()[target]
        predicted = predictions["predicted"].unstack()
        covariate = read_covariate(one["folder"])
        methods = {one["block"]: predicted[target]} | {
            f"{one['block']}: {name}": values for name, values in from_others(predicted, covariate, target).items()
        }
        rows += [
            {"method": name, "target": target, "r2": r2(measured, values), "correlation": correlation(measured, values)}
            for name, values in methods.items()
        ]
    table = pd.DataFrame(rows)
    table["squared_correlation"] = table.pop("correlation") ** 2
    summary = table.groupby(["method", "target"], sort=False).agg(
        n_runs=("r2", "size"),
        r2=("r2", "mean"),
        r2_sd=("r2", "std"),
        squared_correlation=("squared_correlation", "mean"),
        squared_correlation_sd=("squared_correlation", "std"),
    )
    return summary.reset_index(), draw(summary.reset_index(), sweep.title)


def read_covariate(folder: str) -> pd.Series:
    """The one covariate of a run's environments, in original units."""
    refuse_changed(Path(folder), files.PREPROCESSING)
    preprocessing = Preprocessing.read(Path(folder) / files.PREPROCESSING, files.MEND)
    covariates = preprocessing.covariates or {}
    if len(covariates) != 1:
        raise InputError(
            f"the runs have {len(covariates)} covariates and a reaction norm takes one: name it in data.covariates"
        )
    return pd.Series(*covariates.values(), index=preprocessing.environment_names)


def from_others(predicted: pd.DataFrame, covariate: pd.Series, target: str) -> dict[str, pd.Series]:
    """Predictions for the target from those (N, E) for the other environments."""
    others = covariate.drop(target).sort_values()
    known, at = predicted[others.index], float(covariate[target])
    design = np.vander(others.to_numpy() - at, 3)  # the constant is the value at the target
    norm = np.linalg.lstsq(design, known.to_numpy().T)[0][-1]
    line = [np.interp(at, others.to_numpy(), row) for row in known.to_numpy()]
    return {
        "mean of the others": known.mean(axis=1),
        "interpolation": pd.Series(line, index=known.index),
        "reaction norm": pd.Series(norm, index=known.index),
    }


def draw(summary: pd.DataFrame, title: str) -> Figure:
    """Squared correlation, a panel for each target and a group of bars for each block."""
    targets = list(dict.fromkeys(summary["target"]))
    parts = summary["method"].str.split(": ", n=1, expand=True).reindex(columns=[0, 1])
    summary = summary.assign(block=parts[0], kind=parts[1].fillna(ITSELF))
    blocks, kinds = list(dict.fromkeys(summary["block"])), list(dict.fromkeys(summary["kind"]))
    figure = Figure(figsize=(1.1 * len(blocks) * len(targets) + 2, 3.2), layout="constrained")
    panels = figure.subplots(1, len(targets), sharey=True, squeeze=False)[0]
    width = 0.8 / len(kinds)
    for axes, target in zip(panels, targets, strict=True):
        for number, kind in enumerate(kinds):
            chosen = (summary["kind"] == kind) & (summary["target"] == target)
            part = summary[chosen].set_index("block").reindex(blocks)
            position = np.arange(len(blocks)) + (number - (len(kinds) - 1) / 2) * width
            error, colour = part["squared_correlation_sd"].fillna(0), figures.line_style(number)["color"]
            axes.bar(position, part["squared_correlation"], width * 0.9, yerr=error, color=colour, label=kind)
        axes.set_xticks(range(len(blocks)), [block.replace(" ", "\n") for block in blocks], fontsize=7)
        axes.set_title(f"{target} left out", fontsize=8)
    return figures.finish_panels(figure, panels, "squared correlation, test", title)
