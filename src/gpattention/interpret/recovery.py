"""Whether the interacting sets of a simulation are found again: precision and recall of pairs and of sets.

Letters: S pairs, M interacting sets, E environments, L loci.
"""

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve

from gpattention.output import figures

MOST_SETS = 1_000_000


def pairs_in_sets(pairs: NDArray[np.int64], sets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(S,) whether both loci of a pair are in one of the (M, order) sets."""
    inside = {pair for members in sets.tolist() for pair in combinations(sorted(members), 2)}
    return np.array([tuple(sorted(pair)) in inside for pair in pairs.tolist()])


def recover(
    strength: NDArray[np.float64],
    pairs: NDArray[np.int64],
    sets: NDArray[np.int64],
    n_loci: int,
    environment_names: list[str],
) -> tuple[pd.DataFrame, Figure]:
    """How well the (S, E) strengths of pairs tell the interacting sets.

    Pairs are ranked by their strength, and are right if their loci are in one set. Sets, of all sets of that many loci, are
    ranked by the strength of their weakest pair; there are none where not all pairs were looked at or sets are too many.

    Returns:
        A row per environment and kind: number of candidates and of right ones, average precision, the precision among as many as
        are right, and that of a random order (`chance`). And the curves of precision against recall.
    """
    right = {"pairs": pairs_in_sets(pairs, sets)}
    score = {"pairs": strength}
    order = sets.shape[1]
    if len(pairs) == comb(n_loci, 2) and order > 2 and comb(n_loci, order) <= MOST_SETS:
        candidates = np.array(list(combinations(range(n_loci), order)))
        true = {tuple(sorted(members)) for members in sets.tolist()}
        right["sets"] = np.array([tuple(members) in true for members in candidates.tolist()])
        score["sets"] = weakest_pair(strength, pairs, candidates, n_loci)
    figure, panels = figures.new_panels(len(environment_names), width=figures.COLUMN_INCHES, height=2.4)
    rows = []
    for column, (axes, name) in enumerate(zip(panels, environment_names, strict=True)):
        for kind, colour in zip(score, figures.COLOURS, strict=False):
            values, wanted = score[kind][:, column], right[kind]
            if not wanted.any():
                continue
            best = np.argsort(-values, kind="stable")[: wanted.sum()]
            average = float(average_precision_score(wanted, values))
            row = {"environment": name, "kind": kind, "n": len(wanted), "n_right": int(wanted.sum())}
            rows.append(row | {"average_precision": average, "precision": wanted[best].mean(), "chance": wanted.mean()})
            precision, recall, _ = precision_recall_curve(wanted, values)
            axes.plot(
                recall,
                precision,
                color=colour,
                label=f"{kind}: average precision {average:.2f}",
                drawstyle="steps-post",
            )
            axes.axhline(wanted.mean(), color=colour, linewidth=0.8, linestyle=":")
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
        axes.set_xlabel("recall", fontsize=8)
        axes.set_ylabel("precision", fontsize=8)
        axes.set_title(name, fontsize=8)
        axes.legend(frameon=False, fontsize=6)
    columns = ["environment", "kind", "n", "n_right", "average_precision", "precision", "chance"]
    return pd.DataFrame(rows, columns=columns), figure


def weakest_pair(
    strength: NDArray[np.float64], pairs: NDArray[np.int64], candidates: NDArray[np.int64], n_loci: int
) -> NDArray[np.float64]:
    """(C, E) strength of the weakest pair within each of (C, order) candidate sets."""
    square = np.zeros((n_loci, n_loci, strength.shape[1]))
    square[pairs[:, 0], pairs[:, 1]] = square[pairs[:, 1], pairs[:, 0]] = strength
    weakest = np.full((len(candidates), strength.shape[1]), np.inf)
    for one, other in combinations(range(candidates.shape[1]), 2):
        np.minimum(weakest, square[candidates[:, one], candidates[:, other]], out=weakest)
    return weakest
