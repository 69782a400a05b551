"""The interactions that `model=interactions` has found: along the chromosomes, and against the truth of a simulation."""

from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Arc

from gpattention.errors import InputError
from gpattention.interpret.fitted_map import FittedMap
from gpattention.interpret.genome import lay_out, mark_chromosomes
from gpattention.interpret.reading import Reading
from gpattention.output import figures
from gpattention.run_folder.interactions import loci_of, read_interactions

MOST_DRAWN = 30  # of an environment, the strongest
WIDEST = 4.0  # points, of the arcs of the strongest


def read(fitted: FittedMap) -> Reading:
    """What the run's `interactions.tsv` holds.

    Tables:
        interactions: that table, by falling share of variance; for simulated data with `is_true`, whether the set is one of those
            that interact, and `alternative_is_true`, whether one of its alternatives is.
        interactions_recovery: for simulated data, a row per environment: `n_true` sets, `n_chosen`, how many of these are true
            (`n_right`, `precision`), and the share of the true ones that is chosen (`recall`) or is an alternative of a chosen one
            (`recall_with_alternatives`).
    """
    found_table = read_interactions(fitted.run.folder)
    if found_table is None:
        raise InputError(
            f"what=interactions reads the sets that a search has found, and {fitted.run.folder} is of "
            f"{fitted.run.config['model']['_target_'].rpartition('.')[2]}: fit the data with model=interactions, or "
            "give the folder rungs/interactions in a run of model=auto"
        )
    table = found_table.sort_values("variance_explained", ascending=False, kind="stable")
    table = table.sort_values("environment", key=lambda names: names.map(fitted.environment_names.index), kind="stable")
    drawn = {"interactions": draw(table, fitted)}
    if fitted.truth is None:
        return Reading({"interactions": table}, drawn, {})
    names = fitted.loci["locus"]
    true = {frozenset(names.iloc[list(loci)]) for loci in fitted.truth.interacting_loci}
    chosen = [frozenset(loci) for loci in loci_of(table)]
    table["is_true"] = [loci in true for loci in chosen]
    others = [alternatives_of(text) & true for text in table["alternatives"]]
    table["alternative_is_true"] = [bool(some) for some in others]
    rows = []
    for name in fitted.environment_names:
        mine = (table["environment"] == name).to_numpy()
        right = {loci for loci, is_mine in zip(chosen, mine, strict=True) if is_mine} & true
        found = right.union(*(some for some, is_mine in zip(others, mine, strict=True) if is_mine))
        n = int(mine.sum())
        row = {"environment": name, "n_true": len(true), "n_chosen": n, "n_right": len(right)}
        recall = {"recall": len(right) / len(true), "recall_with_alternatives": len(found) / len(true)}
        rows.append(row | {"precision": len(right) / n if n else np.nan} | recall)
    return Reading({"interactions": table, "interactions_recovery": pd.DataFrame(rows)}, drawn, {})


def alternatives_of(text: str) -> set[frozenset[str]]:
    """Sets of names, from `a:b:c (0.21); d:e:f (0.10)`."""
    return {frozenset(one.rpartition(" ")[0].split(":")) for one in text.split("; ") if one}


def draw(table: pd.DataFrame, fitted: FittedMap) -> Figure:
    """Arcs between neighbouring loci of each set: over the line where the coefficient is above 0, else under it.

    They are as wide as the square root of the variance explained.
    """
    genome = lay_out(fitted.loci)
    place = dict(zip(fitted.loci["locus"], genome.position, strict=True))
    names = fitted.environment_names
    figure = Figure(figsize=(2 * figures.COLUMN_INCHES, 2.0 * len(names) + 0.4), layout="constrained")
    panels = figure.subplots(len(names), 1, squeeze=False, sharex=True)[:, 0]
    width = max(float(np.ptp(genome.position)), 1.0)
    for axes, name in zip(panels, names, strict=True):
        mine = table[table["environment"] == name]
        widest = np.sqrt(mine["variance_explained"].max()) if len(mine) else 1.0
        strongest = mine.head(MOST_DRAWN)
        for loci, row in zip(loci_of(strongest), strongest.to_dict("records"), strict=True):
            at = sorted(place[locus] for locus in loci)
            is_above = row["coefficient"] > 0
            line = max(0.3, WIDEST * float(np.sqrt(row["variance_explained"])) / widest)
            colour = figures.BLUE if is_above else figures.ORANGE
            for left, right in pairwise(at):
                height = 2 * ((right - left) / width) ** 0.5
                angles = (0, 180) if is_above else (180, 360)
                arc = Arc(((left + right) / 2, 0), right - left, height, theta1=angles[0], theta2=angles[1])
                arc.set(color=colour, linewidth=line, alpha=0.6)
                axes.add_patch(arc)
            axes.plot(at, np.zeros(len(at)), "o", color=colour, markersize=2)
        axes.axhline(0, color=figures.GREY, linewidth=0.6)
        axes.set(xlim=(genome.position.min() - 0.02 * width, genome.position.max() + 0.02 * width), ylim=(-1.1, 1.1))
        shown = f", the strongest {MOST_DRAWN} drawn" if len(mine) > MOST_DRAWN else ""
        axes.set_title(f"{name}: {len(mine)} interactions{shown}", fontsize=8)
        axes.set_yticks([0.55, -0.55], ["above 0", "below 0"], fontsize=7)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
    mark_chromosomes(panels[-1], genome)
    return figure
