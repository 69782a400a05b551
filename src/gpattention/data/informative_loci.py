"""Which loci a map is given: those that vary and, if asked for, are not redundant with another."""

import logging

import numpy as np
from numpy.typing import NDArray

from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.data.loci import chromosomes, variable_loci
from gpattention.data.pruning import Order, prune_loci
from gpattention.errors import InputError
from gpattention.files.cache import digest, prepared

log = logging.getLogger(__name__)


def informative_loci(
    data: GenotypePhenotypeData,
    train: NDArray[np.int64],
    pruned_on: NDArray[np.int64],
    max_correlation: float | None,
    pruning_order: Order,
    prune_within_chromosomes: bool,
    split_seed: int,
) -> NDArray[np.int64]:
    """Positions of the loci that vary in the training part and, if asked for, are not redundant.

    Args:
        train: rows of the training part.
        pruned_on: rows that correlations are computed from, in order.

    The other arguments are those of `GPMapDataModule`.

    Raises:
        InputError: no locus varies.
    """
    genotype, n_loci = data.genotype, data.n_loci
    index = variable_loci(genotype, train)
    if not index.size:
        raise InputError(f"none of the {n_loci} loci varies among the training individuals: give loci that do")
    if index.size < n_loci:
        log.info("%d of %d loci do not vary in the training part and are dropped", n_loci - index.size, n_loci)
    if max_correlation is None:
        return index
    chromosome = chromosomes(data) if prune_within_chromosomes else None
    rng = np.random.default_rng(split_seed)
    made_from = {
        "genotype": digest(genotype, pruned_on),
        "settings": [max_correlation, pruning_order, split_seed],
        "chromosome": None if chromosome is None else digest(chromosome),
    }

    def prune() -> dict[str, NDArray]:
        kept = prune_loci(genotype, max_correlation, pruning_order, rng, rows=pruned_on, chromosome=chromosome)
        return {"index": kept}

    index = np.intersect1d(index, prepared("pruned-loci", made_from, prune)["index"])
    log.info("%d of %d loci are left at correlations up to %g", len(index), n_loci, max_correlation)
    return index
