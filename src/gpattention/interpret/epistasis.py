"""Pairwise epistasis: by how much the effect of one locus depends on the allele of another.

Letters: N backgrounds, L loci, S pairs, R runs, E environments.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import psutil
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from gpattention.errors import InputError
from gpattention.interpret import recovery
from gpattention.interpret.effects import effect_sizes
from gpattention.interpret.fitted_map import FittedMap
from gpattention.interpret.reading import Reading
from gpattention.interpret.substitutions import Predict, contrasts
from gpattention.output import figures

log = logging.getLogger(__name__)

N_SCREENED = 200  # backgrounds in which pairs are looked for
RIDGE = 1e-2  # of the regression that finds them, over the variance of an allele
BYTES_PER_ROW = 400  # of the table
LEAST_DRAWN = 1e-5  # standard deviations of the phenotype: what is less may be rounding


def read(fitted: FittedMap, n_pairs: int | None = None, replicates: Sequence[FittedMap] = ()) -> Reading:
    """Epistasis of pairs of loci, f(+,+) - f(+,-) - f(-,+) + f(-,-), in original units.

    Args:
        n_pairs: only this many pairs, those that look strongest in the effects of single loci; None takes all.
        replicates: other runs on the same data, whose maps are averaged with this one.

    Tables:
        epistasis: a row per environment and pair, the strongest first. `epistasis` is the mean over backgrounds (and
            runs), `sd` the standard deviation over backgrounds, `strength` the root mean square over them, which interactions of
            higher order have too; `standard_error` of the mean over backgrounds and, with replicates, over runs
            (`standard_error_runs`). For simulated data `true_epistasis`, `true_strength`, and whether the two loci are
            `interacting`: in one set of the truth.
        epistasis_recovery: for simulated data, see `recovery.recover`.

    Raises:
        InputError: the pairs do not fit into memory.
    """
    n_loci, names = fitted.genotype.shape[1], fitted.environment_names
    if n_loci < 2:
        raise InputError("what=epistasis needs two loci or more: the map has one")
    maps = [fitted, *replicates]
    pairs = choose_pairs(fitted, n_pairs, n_runs=len(maps))
    strong = summarise([one.predict for one in maps], fitted.genotype, pairs, len(names))
    tables = [tabulate(strong, pairs, fitted.loci, name, column) for column, name in enumerate(names)]
    if fitted.truth is not None:
        true = summarise([fitted.truth], fitted.genotype, pairs, len(names))
        interacting = recovery.pairs_in_sets(pairs, fitted.truth.interacting_loci)
        for column, table in enumerate(tables):
            table["true_epistasis"], table["true_strength"] = true.mean[:, column], true.strength[:, column]
            table["interacting"] = interacting
    table = pd.concat(
        [one.sort_values("strength", ascending=False, kind="stable") for one in tables], ignore_index=True
    )
    found = {"epistasis": table}
    least = LEAST_DRAWN * np.array(fitted.run.preprocessing.sd)
    drawn = {"epistasis": draw(strong.strength, pairs, names, n_loci, least)}
    if fitted.truth is not None:
        found["epistasis_recovery"], drawn["epistasis_recovery"] = recovery.recover(
            strong.strength, pairs, fitted.truth.interacting_loci, n_loci, names
        )
    return Reading(found, drawn, {})


class Summary(NamedTuple):
    """(S, E) mean, standard deviation and root mean square over backgrounds, and standard errors of the mean."""

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    strength: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    standard_error_runs: NDArray[np.float64] | None


def summarise(maps: Sequence[Predict], genotype: NDArray, pairs: NDArray[np.int64], n_environments: int) -> Summary:
    """Epistasis of (S, 2) pairs, averaged over maps in every background."""

    def predict(rows: NDArray) -> NDArray[np.float64]:
        return np.hstack([one(rows) for one in maps])

    n, n_maps = len(genotype), len(maps)
    by_map = np.zeros((len(pairs), n_maps, n_environments))
    squares = np.zeros((len(pairs), n_environments))
    for _, chosen, values in contrasts(predict, genotype, pairs, "epistasis"):
        each = values.reshape(*values.shape[:2], n_maps, n_environments)
        by_map[chosen] += each.sum(axis=0)
        squares[chosen] += (each.mean(axis=2) ** 2).sum(axis=0)
    by_map /= n
    mean = by_map.mean(axis=1)
    sd = np.sqrt(np.maximum(squares / n - mean**2, 0))
    over_runs = by_map.std(axis=1, ddof=1) / np.sqrt(n_maps) if n_maps > 1 else None
    return Summary(mean, sd, np.sqrt(squares / n), sd / np.sqrt(n), over_runs)


def choose_pairs(fitted: FittedMap, n_pairs: int | None, n_runs: int) -> NDArray[np.int64]:
    """(S, 2) positions: all pairs, or those whose effects depend most on one another.

    The slope of the effect of one locus on the allele of another, over backgrounds, is half their mean epistasis, and needs
    no double flip. Slopes on all alleles come from one ridge regression.
    """
    n_loci, n_environments = fitted.genotype.shape[1], len(fitted.environment_names)
    first, second = np.triu_indices(n_loci, 1)
    wanted = len(first) if n_pairs is None else n_pairs
    if wanted < 1:
        raise InputError(f"n_pairs={n_pairs}: give a number from 1 on, or null for all {len(first):,} pairs")
    per_pair = n_environments * (8 * (n_runs + 8) + BYTES_PER_ROW)
    free = psutil.virtual_memory().available // 2
    if min(wanted, len(first)) * per_pair > free:
        raise InputError(
            f"{min(wanted, len(first)):,} pairs of {n_loci:,} loci in {n_environments} environments need "
            f"{min(wanted, len(first)) * per_pair / 2**30:,.1f} GiB and {free / 2**30:,.1f} GiB may be used: set "
            f"n_pairs={free // per_pair} or fewer, and the strongest are taken"
        )
    if wanted < len(first):
        genotype = fitted.genotype[:N_SCREENED]
        effect = effect_sizes(fitted.predict, genotype, n_environments)
        allele = genotype - genotype.mean(axis=0)
        scale = np.maximum(effect.std(axis=(0, 1)), np.finfo(float).tiny)
        gram = allele @ allele.T + RIDGE * len(genotype) * np.eye(len(genotype))
        centred = (effect - effect.mean(axis=0)) / scale
        slope = np.einsum(
            "nl,nme->lme", allele, np.linalg.solve(gram, centred.reshape(len(gram), -1)).reshape(effect.shape)
        )
        score = np.abs(slope + slope.transpose(1, 0, 2)).max(axis=2)[first, second]
        strongest = np.sort(np.argsort(-score, kind="stable")[:wanted])
        first, second = first[strongest], second[strongest]
    return np.stack([first, second], axis=1)


def tabulate(
    found: Summary, pairs: NDArray[np.int64], loci: pd.DataFrame, environment: str, column: int
) -> pd.DataFrame:
    """The rows of the table `epistasis` of one environment."""
    sides = [loci.iloc[pairs[:, side]].reset_index(drop=True).add_suffix(f"_{side + 1}") for side in range(2)]
    table = pd.concat([pd.Series([environment] * len(pairs), name="environment"), *sides], axis=1)
    table["epistasis"], table["sd"] = found.mean[:, column], found.sd[:, column]
    table["strength"], table["standard_error"] = found.strength[:, column], found.standard_error[:, column]
    if found.standard_error_runs is not None:
        table["standard_error_runs"] = found.standard_error_runs[:, column]
    return table


def draw(
    strength: NDArray[np.float64],
    pairs: NDArray[np.int64],
    environment_names: list[str],
    n_loci: int,
    least: NDArray[np.float64],
) -> Figure:
    """A heat map of the strength of all pairs, a panel per environment; pairs that were not looked at stay white.

    Args:
        least: (E,) strengths that the colours reach up to at least, so that rounding is not drawn as epistasis.
    """
    figure, panels = figures.new_panels(len(environment_names), width=figures.COLUMN_INCHES, height=3.0)
    for column, (axes, name) in enumerate(zip(panels, environment_names, strict=True)):
        square = np.full((n_loci, n_loci), np.nan)
        square[pairs[:, 0], pairs[:, 1]] = square[pairs[:, 1], pairs[:, 0]] = strength[:, column]
        extent = (0.5, n_loci + 0.5, n_loci + 0.5, 0.5)
        largest = max(strength[:, column].max(), least[column])
        image = axes.imshow(square, cmap="viridis", vmin=0, vmax=largest, extent=extent, interpolation="nearest")
        figures.scale(figure.colorbar(image, ax=axes, shrink=0.8), "strength of epistasis")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(integer=True))
        axes.set_title(name, fontsize=8)
        axes.set_xlabel("locus", fontsize=8)
        axes.set_ylabel("locus", fontsize=8)
    return figure
