"""Where loci lie along an axis, for figures and for blocks of linked loci."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from gpattention.data.loci import chromosome_and_position

GAP = 0.01  # between chromosomes, of the genome's length


class Genome(NamedTuple):
    """L loci along one axis.

    Attributes:
        position: (L,) along the axis.
        chromosome: (L,) number of the chromosome, from 0, in the order of first appearance.
        names: of the chromosomes; empty where they are not known and positions are the loci's numbers.
        centre: where along the axis each chromosome has its middle.
    """

    position: NDArray[np.float64]
    chromosome: NDArray[np.int64]
    names: tuple[str, ...]
    centre: NDArray[np.float64]


def lay_out(loci: pd.DataFrame) -> Genome:
    """Chromosomes side by side where the table has a chromosome and a position for every locus; else one locus a step."""
    chromosome, position = chromosome_and_position(loci)
    if chromosome is None:
        return Genome(np.arange(1.0, len(loci) + 1), np.zeros(len(loci), np.int64), (), np.empty(0))
    number, names = pd.factorize(chromosome)
    place = np.arange(len(loci), dtype=np.float64) if position is None else position.to_numpy(np.float64)
    along, centre, end = np.empty(len(loci)), np.empty(len(names)), 0.0
    length = sum(np.ptp(place[number == k]) for k in range(len(names)))
    for k in range(len(names)):
        inside = number == k
        first, last = place[inside].min(), place[inside].max()
        along[inside] = place[inside] - first + end
        centre[k] = end + (last - first) / 2
        end += last - first + GAP * max(length, 1)
    return Genome(along, number, tuple(map(str, names)), centre)


def mark_chromosomes(axes: Axes, genome: Genome) -> None:
    """Name the chromosomes below the axis."""
    if genome.names:
        few = len(genome.names) // 24 + 1
        axes.set_xticks(genome.centre[::few], genome.names[::few], fontsize=5 if len(genome.names) > 8 else 7)
        axes.tick_params(axis="x", length=0)
        axes.set_xlabel("chromosome", fontsize=8)
    else:
        axes.set_xlabel("locus", fontsize=8)
