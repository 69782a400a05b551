"""Which loci a map is given: those that vary and, if asked for, are not redundant with another."""

import logging
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.data.loci import chromosomes, variable_loci
from gpattention.data.pruning import Order, prune_loci
from gpattention.data.splits import Split
from gpattention.errors import InputError
from gpattention.files.cache import digest, prepared

log = logging.getLogger(__name__)


class Pruning(NamedTuple):
    """Which loci are redundant; the keys are those of `data`.

    Attributes:
        max_correlation: prune loci that correlate by more than this; None keeps all.
        pruning_order: `random` (the paper, from split_seed) or `ascending` (the published code).
        pruning_part: individuals that the correlations are of: `train`, or `train_val` (paper and published code).
        prune_within_chromosomes: drop loci only for others of their own chromosome.
    """

    max_correlation: float | None = None
    pruning_order: Order = "random"
    pruning_part: Literal["train", "train_val"] = "train"
    prune_within_chromosomes: bool = False


def informative_loci(data: GenotypePhenotypeData, split: Split, pruning: Pruning, split_seed: int) -> NDArray[np.int64]:
    """Positions of the loci that vary in the training part and, if asked for, are not redundant.

    Raises:
        InputError: no locus varies.
    """
    train = split.train
    pruned_on = np.sort(train if pruning.pruning_part == "train" else np.concatenate([train, split.val]))
    max_correlation, order = pruning.max_correlation, pruning.pruning_order
    genotype, n_loci = data.genotype, data.n_loci
    index = variable_loci(genotype, train)
    if not index.size:
        raise InputError(f"none of the {n_loci} loci varies among the training individuals: give loci that do")
    if index.size < n_loci:
        log.info("%d of %d loci do not vary in the training part and are dropped", n_loci - index.size, n_loci)
    if max_correlation is None:
        return index
    chromosome = chromosomes(data) if pruning.prune_within_chromosomes else None
    rng = np.random.default_rng(split_seed)
    made_from = {
        "genotype": digest(genotype, pruned_on),
        "settings": [max_correlation, order, split_seed],
        "chromosome": None if chromosome is None else digest(chromosome),
    }

    def prune() -> dict[str, NDArray]:
        kept = prune_loci(genotype, max_correlation, order, rng, rows=pruned_on, chromosome=chromosome)
        return {"index": kept}

    index = np.intersect1d(index, prepared("pruned-loci", made_from, prune)["index"])
    log.info("%d of %d loci are left at correlations up to %g", len(index), n_loci, max_correlation)
    return index
