"""Meiosis of a haploid F1 between two yeast parents: genotypes of any number of segregants at any markers."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gpattention.output.progress import progress_bar

# Lengths in bp of chromosomes I to XVI of the S288C reference genome, release R64 (Saccharomyces Genome Database).
CHROMOSOME_BP = np.array(
    "230218 813184 316620 1531933 576874 270161 1090940 562643 "
    "439888 745751 666816 1078177 924431 784333 1091291 948066".split(),
    dtype=np.int64,
)
# 90.5 crossovers a meiosis (Mancera et al. 2008, Nature 454:479), each of which half of the spores inherit.
MAP_LENGTH_CM = 4525.0
CHROMOSOME_CM = MAP_LENGTH_CM * CHROMOSOME_BP / CHROMOSOME_BP.sum()

ROMAN = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV", "XVI"]
SEGREGANTS_AT_ONCE = 1024


class Markers(NamedTuple):
    """M markers in genome order: chromosome (0 to 15) and position in centimorgan along it."""

    chromosome: NDArray[np.int64]
    position_cM: NDArray[np.float64]

    def table(self) -> pd.DataFrame:
        """A row per marker: name, chromosome (1 to 16), position in bp and in cM."""
        bp = np.round(self.position_cM * CHROMOSOME_BP[self.chromosome] / CHROMOSOME_CM[self.chromosome]).astype(int)
        names = [f"chr{ROMAN[c]}_{p}" for c, p in zip(self.chromosome, bp, strict=True)]
        table = pd.DataFrame(
            {"locus": names, "chromosome": self.chromosome + 1, "position_bp": bp, "position_cM": self.position_cM}
        )
        repeat = table.groupby("locus").cumcount()
        table["locus"] += repeat.map(lambda n: f"_{n + 1}" if n else "")
        return table


def spaced_markers(spacing_cM: float) -> Markers:
    """Markers at equal genetic distances from the start of every chromosome."""
    positions = [np.arange(0, length, spacing_cM) for length in CHROMOSOME_CM]
    return Markers(np.repeat(np.arange(16), [len(p) for p in positions]), np.concatenate(positions))


def random_markers(n_snps: int, rng: np.random.Generator) -> Markers:
    """Markers uniform over the genome, in genome order."""
    start_cM = np.concatenate([[0], np.cumsum(CHROMOSOME_CM)])
    along_genome = np.sort(rng.uniform(0, MAP_LENGTH_CM, n_snps))
    chromosome = np.clip(np.searchsorted(start_cM, along_genome, side="right") - 1, 0, 15)
    return Markers(chromosome, along_genome - start_cM[chromosome])


def simulate_cross(n_segregants: int, markers: Markers, seed: np.random.SeedSequence) -> NDArray[np.int8]:
    """(n_segregants, M) alleles -1/+1 of haploid F1 segregants.

    Crossovers are Poisson along the map without interference, chromosomes assort independently, so two loci d
    centimorgan apart recombine with Haldane's probability (1 - exp(-d / 50)) / 2. Segregants are made in blocks with a
    seed each: the first segregants are the same however many follow.
    """
    start_cM = np.concatenate([[0], np.cumsum(CHROMOSOME_CM)])[:-1]
    marker_cM = start_cM[markers.chromosome] + markers.position_cM
    first_of_chromosome = np.flatnonzero(np.diff(markers.chromosome, prepend=-1))
    n_blocks = -(-n_segregants // SEGREGANTS_AT_ONCE)
    genotype = np.empty((n_segregants, len(marker_cM)), dtype=np.int8)
    with progress_bar() as bar:
        task = bar.add_task("simulating the cross", total=n_blocks, note="")
        for block, child in enumerate(seed.spawn(n_blocks)):
            rows = genotype[block * SEGREGANTS_AT_ONCE : (block + 1) * SEGREGANTS_AT_ONCE]
            rows[:] = simulate_block(marker_cM, first_of_chromosome, np.random.default_rng(child))[: len(rows)]
            bar.advance(task)
    return genotype


def simulate_block(marker_cM: NDArray, first_of_chromosome: NDArray, rng: np.random.Generator) -> NDArray[np.int8]:
    """One block: mark where the parental strand changes, then take the parity along the genome."""
    n_crossovers = rng.poisson(MAP_LENGTH_CM / 100, SEGREGANTS_AT_ONCE)
    position = rng.uniform(0, MAP_LENGTH_CM, n_crossovers.sum())
    next_marker = np.searchsorted(marker_cM, position)
    inside = next_marker < len(marker_cM)
    changes = np.zeros((SEGREGANTS_AT_ONCE, len(marker_cM)), dtype=np.int8)
    row = np.repeat(np.arange(SEGREGANTS_AT_ONCE), n_crossovers)
    np.bitwise_xor.at(changes, (row[inside], next_marker[inside]), 1)
    # A fair coin at the first marker of a chromosome makes it independent of the one before.
    changes[:, first_of_chromosome] = rng.integers(0, 2, (SEGREGANTS_AT_ONCE, len(first_of_chromosome)))
    np.bitwise_xor.accumulate(changes, axis=1, out=changes)
    changes *= 2
    changes -= 1
    return changes
