"""Variance of a map by order of interaction, with independent loci and with the data's own linkage.

Letters: N individuals, L loci, E environments.
"""

import logging
from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gpattention.errors import InputError
from gpattention.interpret.fitted_map import FittedMap
from gpattention.interpret.polynomial import MOST_TERMS, fit_polynomial, n_pairwise_terms
from gpattention.interpret.reading import Reading
from gpattention.interpret.spectrum import Part, Spectrum, fit_spectrum
from gpattention.interpret.substitutions import Predict
from gpattention.interpret.walks import Walks, independent_walks, linkage_blocks, linked_walks, mosaics
from gpattention.output import figures
from gpattention.output.progress import progress_bar
from gpattention.regressions.interactions import Interactions

log = logging.getLogger(__name__)

LEAST_CORRELATION = 0.2
ROWS_AT_ONCE = 4096
LEAST_SAMPLE, ROWS_PER_TERM = 4000, 10  # genotypes that the polynomial of `linked_spectra` is fitted to
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
    independent = independent_walks(genotype.shape[1], n_walks, rng)
    linked = linked_walks(genotype, block, n_walks, rng)
    table = pd.concat(
        [
            tabulate(fitted, "independent", lambda predict: independent_spectra(predict, independent)),
            tabulate(
                fitted,
                "linked",
                lambda predict: linked_spectra(predict, linked, genotype, block, np.random.default_rng(seed)),
            ),
        ],
        ignore_index=True,
    ).sort_values("environment", key=lambda column: column.map(fitted.environment_names.index), kind="stable")
    if isinstance(fitted.run.module, Interactions):
        table = with_exact_orders(table, fitted)
    explained = explained_by_regression(genotype, evaluate(fitted.predict, genotype, "predictions"))
    explained.insert(0, "environment", fitted.environment_names)
    return Reading({"orders": table, "orders_regression": explained}, {"orders": draw(table)}, {})


def with_exact_orders(table: pd.DataFrame, fitted: FittedMap) -> pd.DataFrame:
    """With the squared coefficients of a sum of products as the variances at independent loci, without sampling error."""
    module = fitted.run.module
    assert isinstance(module, Interactions)
    order_S = (module.sets >= 0).sum(1)
    orders = np.arange(1, table["order"].max() + 1)
    for column, (name, sd) in enumerate(zip(fitted.environment_names, fitted.run.preprocessing.sd, strict=True)):
        squared_S = module.coefficients[:, column] ** 2
        by_order = np.array([float(squared_S[order_S == order].sum()) for order in orders])
        by_order[0] = float((module.additive[:, column] ** 2).sum())
        rows = (table["environment"] == name) & (table["distribution"] == "independent")
        variance = by_order[table.loc[rows, "order"] - 1] * sd**2
        table.loc[rows, ["variance", "standard_error"]] = np.column_stack([variance, np.zeros(len(variance))])
        table.loc[rows, "share"] = variance / max(variance.sum(), np.finfo(float).tiny)
    return table


def tabulate(fitted: FittedMap, distribution: str, spectra_of: Callable[[Predict], list[Spectrum]]) -> pd.DataFrame:
    """The rows of the table `orders` of one distribution."""
    spectra = spectra_of(fitted.predict)
    true_spectra = None if fitted.truth is None else spectra_of(fitted.truth)
    parts = []
    for column, name in enumerate(fitted.environment_names):
        part = pd.DataFrame(spectra[column]._asdict())
        part.insert(0, "order", np.arange(1, len(part) + 1))
        part.insert(0, "distribution", distribution)
        part.insert(0, "environment", name)
        if true_spectra is not None:
            part["true_share"] = true_spectra[column].share
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def independent_spectra(predict: Predict, walks: Walks) -> list[Spectrum]:
    """The spectrum of each environment along walks of independent loci."""
    value = evaluate_walks(predict, walks, "independent loci")
    return [fit_spectrum(walks, column) for column in np.moveaxis(value, 2, 0)]


def linked_spectra(
    predict: Predict, walks: Walks, individuals: NDArray, block: NDArray[np.int64], rng: np.random.Generator
) -> list[Spectrum]:
    """The same along walks of blocks of linked loci.

    A polynomial of first or, where its terms are not too many, second degree is taken out before and its exact variances are put
    back, so that the noise of the walks is that of the rest. What the two share is measured along the walks: the parts of the
    polynomial of order 1 and 2 are such polynomials themselves, and only parts of the same order correlate.

    Args:
        individuals: (M, L) whose blocks the walks replace.
        rng: of the genotypes that the polynomial is fitted to.
    """
    pairwise = n_pairwise_terms(individuals.shape[1]) <= MOST_TERMS
    n_terms = n_pairwise_terms(individuals.shape[1]) if pairwise else individuals.shape[1]
    sample = mosaics(individuals, block, max(LEAST_SAMPLE, ROWS_PER_TERM * n_terms), rng)
    polynomial = fit_polynomial(sample, evaluate(predict, sample, "linked loci, regression"), pairwise)
    value = evaluate_walks(predict, walks, "linked loci")
    smooth = evaluate_walks(polynomial, walks, "linked loci")
    rest = value - smooth
    points = walks.genotype.reshape(-1, individuals.shape[1])
    first = polynomial.order_1(points, individuals, block).sum(axis=0).reshape(smooth.shape)
    parts = np.stack([first, smooth - smooth.mean(axis=(0, 1)) - first])
    known = polynomial.variance_by_order(individuals, block)
    return [
        fit_spectrum(walks, rest[..., column], Part(known[:, column], parts[..., column]))
        for column in range(rest.shape[2])
    ]


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


def explained_by_regression(genotype: NDArray, predicted: NDArray[np.float64]) -> pd.DataFrame:
    """A row per environment: adjusted R2 of least squares of (N, E) predictions on the loci, and on them and their pairs."""
    n, n_loci = genotype.shape
    squares = ((predicted - predicted.mean(axis=0)) ** 2).sum(axis=0)
    table = {}
    for name, n_terms in (("linear", n_loci), ("pairwise", n_pairwise_terms(n_loci))):
        table[name] = np.full(predicted.shape[1], np.nan)
        if n_terms <= MOST_TERMS and n >= 2 * (n_terms + 1):
            polynomial = fit_polynomial(genotype, predicted, pairwise=name == "pairwise")
            rest = ((predicted - evaluate(polynomial, genotype, "regression")) ** 2).sum(axis=0)
            with np.errstate(invalid="ignore"):  # a constant map has nothing to explain
                table[name] = 1 - rest / squares * (n - 1) / (n - n_terms - 1)
    return pd.DataFrame(table)


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
