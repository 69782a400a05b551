"""The exact spectrum of a complete landscape: every genotype measured, and every genotype predicted."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gpattention.errors import InputError
from gpattention.interpret.fitted_map import FittedMap
from gpattention.interpret.reading import Reading
from gpattention.interpret.substitutions import Predict
from gpattention.interpret.walsh import all_genotypes, order_rows, variance_by_order, walsh_hadamard
from gpattention.output import figures


def read(fitted: FittedMap) -> Reading:
    """Exact variance by order of the measured phenotypes and of the map, all genotypes alike.

    Tables:
        landscape: a row per environment and order: the share of the variance of the measured phenotypes (noise included) and
            of the predictions of all genotypes.

    Raises:
        InputError: the data are not a complete landscape, or a phenotype is missing.
    """
    if fitted.data is None:
        raise InputError("what=landscape is of the run's own data: leave genotype_file out")
    data = fitted.data.data
    rows = order_rows(data.genotype, data.individual_ids)
    phenotype = data.phenotype[rows]
    missing = np.isnan(phenotype)
    if missing.any():
        row, column = np.argwhere(missing)[0]
        raise InputError(
            f"the landscape is not complete: {int(missing.sum()):,} phenotypes are missing, such as that of individual "
            f"{data.individual_ids[rows[row]]} in environment {data.environment_names[column]}"
        )
    predicted = map_spectrum(fitted.predict, data.n_loci)
    parts = []
    for column, name in enumerate(fitted.environment_names):
        measured = variance_by_order(walsh_hadamard(phenotype[:, column]))[1:]
        part = {"environment": name, "order": np.arange(1, data.n_loci + 1)}
        part |= {"measured_share": measured / measured.sum(), "map_share": predicted[column] / predicted[column].sum()}
        parts.append(pd.DataFrame(part))
    table = pd.concat(parts, ignore_index=True)
    return Reading({"landscape": table}, {"landscape": draw(table)}, {})


def map_spectrum(predict: Predict, n_loci: int) -> list[np.ndarray]:
    """For each environment the (L,) exact variances of order 1 to L of a map, from all 2^L genotypes."""
    value = predict(all_genotypes(n_loci))
    return [variance_by_order(walsh_hadamard(column))[1:] for column in value.T]


def draw(table: pd.DataFrame) -> Figure:
    """Share of variance against order, measured and predicted, a panel per environment."""
    names = list(dict.fromkeys(table["environment"]))
    figure, panels = figures.new_panels(len(names), width=figures.COLUMN_INCHES, height=2.3)
    for axes, name in zip(panels, names, strict=True):
        part = table[table["environment"] == name]
        for side, (column, colour) in enumerate((("measured_share", figures.GREY), ("map_share", figures.BLUE))):
            label = column.removesuffix("_share")
            axes.bar(part["order"] + 0.4 * (side - 0.5), part[column], 0.38, color=colour, label=label)
        axes.set_xticks(part["order"])
        axes.set_xlabel("order of interaction", fontsize=8)
        axes.set_ylabel("share of variance", fontsize=8)
        axes.set_title(name, fontsize=8)
        axes.legend(frameon=False, fontsize=7)
    return figure
