"""Variance of a map by order of interaction, with independent loci and with the data's own linkage.

Letters: N individuals, L loci, E environments.
"""

import logging
from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gpattention.analysis import figures
from gpattention.analysis.fitted_map import FittedMap
from gpattention.analysis.reading import Reading
from gpattention.analysis.spectrum import fit_spectrum
from gpattention.analysis.substitutions import Predict
from gpattention.analysis.walks import Walks, independent_walks, linkage_blocks, linked_walks
from gpattention.errors import InputError
from gpattention.progress import progress_bar

log = logging.getLogger(__name__)

LEAST_CORRELATION = 0.2
ROWS_AT_ONCE = 4096
LEAST_ROWS_PER_TERM = 2


def read(fitted: FittedMap, n_walks: int = 2000, seed: int = 0) -> Reading:
    """Shares of the variance of the predictions by order.

    Tables:
        orders: a row per environment, distribution of genotypes (`independent`: all loci independent, alleles equally frequent;
            `linked`: blocks of linked loci as they are in the data, blocks independent, orders counted in blocks) and order:
            `variance`, its `share` and the share's `standard_error`; for simulated data `true_share`, of the true map.
        orders_regression: a row per environment: the share of the variance of the predictions, over the individuals of the
            data, that least squares on the loci (`linear`) and on the loci and all pairs (`pairwise`) explain, adjusted for the
            number of terms; empty where there are too few individuals for the terms.
    """
    if n_walks < 100:
        raise InputError(f"n_walks={n_walks}: give a number from 100 on")
    genotype = fitted.genotype if fitted.data is None else fitted.data.data.genotype
    block = linkage_blocks(genotype, fitted.loci, LEAST_CORRELATION)
    log.info("%d loci in %d blocks of linked loci", len(block), block.max() + 1)
    rng = np.random.default_rng(seed)
    distributions = {
        "independent": independent_walks(genotype.shape[1], n_walks, rng),
        "linked": linked_walks(genotype, block, n_walks, rng),
    }
    table = pd.concat(
        [tabulate(fitted, name, walks) for name, walks in distributions.items()], ignore_index=True
    ).sort_values("environment", key=lambda column: column.map(fitted.environment_names.index), kind="stable")
    predicted = evaluate(fitted.predict, genotype, "predictions")
    rows = [
        {"environment": name, **explained_by_regression(genotype, predicted[:, column])}
        for column, name in enumerate(fitted.environment_names)
    ]
    return Reading({"orders": table, "orders_regression": pd.DataFrame(rows)}, {"orders": draw(table)}, {})


def tabulate(fitted: FittedMap, distribution: str, walks: Walks) -> pd.DataFrame:
    """The rows of the table `orders` of one distribution."""
    direct = distribution == "independent"
    value = evaluate_walks(fitted.predict, walks, f"{distribution} genotypes")
    true_value = None if fitted.truth is None else evaluate_walks(fitted.truth, walks, "true map")
    parts = []
    for column, name in enumerate(fitted.environment_names):
        spectrum = fit_spectrum(walks, value[..., column], direct)
        part = pd.DataFrame(spectrum._asdict())
        part.insert(0, "order", np.arange(1, len(part) + 1))
        part.insert(0, "distribution", distribution)
        part.insert(0, "environment", name)
        if true_value is not None:
            part["true_share"] = fit_spectrum(walks, true_value[..., column], direct).share
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def evaluate_walks(predict: Predict, walks: Walks, what: str) -> NDArray[np.float64]:
    """(G + 1, N, E) values at all points of the walks."""
    points = walks.genotype
    return evaluate(predict, points.reshape(-1, points.shape[2]), what).reshape(*points.shape[:2], -1)


def evaluate(predict: Callable[[NDArray], NDArray[np.float64]], genotype: NDArray, what: str) -> NDArray[np.float64]:
    """(N, E) predictions, with a progress bar."""
    parts = []
    with progress_bar() as bar:
        task = bar.add_task(what, total=len(genotype), note="")
        for start in range(0, len(genotype), ROWS_AT_ONCE):
            parts.append(predict(genotype[start : start + ROWS_AT_ONCE]))
            bar.advance(task, len(parts[-1]))
    return np.concatenate(parts)


def explained_by_regression(genotype: NDArray, predicted: NDArray[np.float64]) -> dict[str, float]:
    """Adjusted R2 of least squares of (N,) predictions on the loci, and on the loci and all their pairs."""
    g = genotype.astype(np.float64)
    first, second = np.triu_indices(g.shape[1], 1)
    shares = {}
    for name, n_terms in (("linear", g.shape[1]), ("pairwise", g.shape[1] + len(first))):
        shares[name] = np.nan
        if len(g) >= LEAST_ROWS_PER_TERM * (n_terms + 1) and np.ptp(predicted) > 0:
            terms = g if name == "linear" else np.hstack([g, g[:, first] * g[:, second]])
            terms, y = terms - terms.mean(axis=0), predicted - predicted.mean()
            coefficient = np.linalg.lstsq(terms.T @ terms, terms.T @ y, rcond=1e-12)[0]
            unexplained = ((y - terms @ coefficient) ** 2).sum() / (y**2).sum()
            shares[name] = 1 - unexplained * (len(g) - 1) / (len(g) - n_terms - 1)
    return shares


def draw(table: pd.DataFrame) -> Figure:
    """Share of variance against order, a panel per environment; points are the true shares where they are known."""
    names = list(dict.fromkeys(table["environment"]))
    figure, panels = figures.new_panels(len(names), width=figures.COLUMN_INCHES, height=2.3)
    for axes, name in zip(panels, names, strict=True):
        for side, (distribution, colour) in enumerate((("independent", figures.BLUE), ("linked", figures.ORANGE))):
            part = table[(table["environment"] == name) & (table["distribution"] == distribution)]
            x = part["order"] + 0.4 * (side - 0.5)
            error = {"linewidth": 0.8}
            axes.bar(
                x, part["share"], 0.38, yerr=part["standard_error"], color=colour, label=distribution, error_kw=error
            )
            if "true_share" in part:
                label = "true map" if side else None
                axes.plot(x, part["true_share"], "k_", markersize=7, label=label)
        axes.set(ylim=(0, 1.02), xticks=sorted(set(table["order"])))
        axes.set_xlabel("order of interaction", fontsize=8)
        axes.set_ylabel("share of variance", fontsize=8)
        axes.set_title(name, fontsize=8)
        axes.legend(frameon=False, fontsize=7)
    return figure
