"""The series expansion of a fitted attention layer as tables and a figure (Appendix F)."""

from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gpattention.errors import InputError
from gpattention.interpret.expansion import Coefficients, coefficients, layer_weights
from gpattention.interpret.fitted_map import FittedMap
from gpattention.interpret.genome import lay_out, mark_chromosomes
from gpattention.interpret.reading import Reading
from gpattention.output import figures
from gpattention.training.by_gradients import GPMapModule

MOST_LOCI_OF_THIRD_ORDER = 100
MOST_ROWS = 10_000  # of an order


def read(fitted: FittedMap) -> Reading:
    """Coefficients of order 1, 2 and (up to 100 loci) 3 of the products of alleles, in original units.

    Tables:
        series: a row per set, the largest of each order first: `order`, `locus_1` to `locus_3`, `coefficient`. Half an effect size
            averaged over all genotypes alike is the coefficient of order 1; a quarter of mean epistasis that of order 2.
        series_orders: the sum of squared coefficients of each order, which is its variance with independent loci.

    Raises:
        InputError: the map is not one attention layer on one-hot loci.
    """
    module = fitted.run.module
    if not isinstance(module, GPMapModule):
        raise InputError("what=series: a regression has no attention layer; its coefficients are in best.ckpt")
    weights = layer_weights(module.network)
    n_loci = len(weights.key)
    found = coefficients(weights, 3 if n_loci <= MOST_LOCI_OF_THIRD_ORDER else 2)
    sd = fitted.run.preprocessing.sd[0]
    scaled = Coefficients(
        found.mean, found.first * sd, found.second * sd, None if found.third is None else found.third * sd
    )
    names = fitted.loci["locus"].to_numpy()
    parts, orders = [], []
    for order, values in enumerate((scaled.first, scaled.second, scaled.third), start=1):
        if values is None:
            continue
        sets = np.array(list(combinations(range(n_loci), order)), dtype=np.int64).reshape(-1, order)
        coefficient = values[tuple(sets.T)]
        orders.append({"order": order, "n_sets": len(sets), "variance": float((coefficient**2).sum())})
        largest = np.argsort(-np.abs(coefficient), kind="stable")[:MOST_ROWS]
        part = pd.DataFrame({f"locus_{side + 1}": names[column[largest]] for side, column in enumerate(sets.T)})
        part.insert(0, "order", order)
        parts.append(part.assign(coefficient=coefficient[largest]))
    table = pd.concat(parts, ignore_index=True)
    columns = [name for name in table if name != "coefficient"]
    tables = {"series": table[[*columns, "coefficient"]], "series_orders": pd.DataFrame(orders)}
    return Reading(tables, {"series": draw(scaled, fitted.loci)}, {})


def draw(found: Coefficients, loci: pd.DataFrame) -> Figure:
    """Coefficients of order 1 along the genome, and of order 2 as a heat map."""
    figure, panels = figures.new_panels(2, width=figures.COLUMN_INCHES, height=2.7, n_columns=2)
    genome = lay_out(loci)
    panels[0].axhline(0, color=figures.GREY, linewidth=0.6)
    panels[0].scatter(genome.position, found.first, s=8, color=figures.BLUE, linewidths=0)
    mark_chromosomes(panels[0], genome)
    panels[0].set_ylabel("coefficient of order 1", fontsize=8)
    n_loci, most = len(found.first), float(np.abs(found.second).max()) or 1.0
    extent = (0.5, n_loci + 0.5, n_loci + 0.5, 0.5)
    image = panels[1].imshow(found.second, cmap="PuOr", vmin=-most, vmax=most, extent=extent, interpolation="nearest")
    figures.scale(figure.colorbar(image, ax=panels[1], shrink=0.8), "coefficient of order 2")
    for axis in (panels[1].xaxis, panels[1].yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
        axis.set_label_text("locus", fontsize=8)
    return figure
