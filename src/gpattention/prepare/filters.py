"""Which individuals and loci are kept, and how many are not, by reason."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gpattention.errors import InputError
from gpattention.prepare.stage import Counts, Stage, count


class Filters(NamedTuple):
    """Thresholds; None for no filter.

    Attributes:
        min_individual_call_rate: of its loci, before loci are looked at.
        min_locus_call_rate, min_allele_frequency: of a locus, over the individuals kept.
        max_uncertainty: of the mean of 4p(1 - p) of a locus's probabilities p.
        drop_missing: whether a locus with any genotype still missing goes.
    """

    min_individual_call_rate: float | None
    min_locus_call_rate: float | None
    min_allele_frequency: float | None
    max_uncertainty: float | None
    drop_missing: bool

    def check(self, is_probability: bool) -> None:
        """Raise an InputError for a threshold that is out of range or has no meaning for the genotypes."""
        for name in ("min_individual_call_rate", "min_locus_call_rate", "min_allele_frequency", "max_uncertainty"):
            value, most = getattr(self, name), 0.5 if name == "min_allele_frequency" else 1
            if value is not None and not 0 <= value <= most:
                raise InputError(f"{name}={value}: give a number from 0 to {most}, or null for no filter")
        if self.max_uncertainty is not None and not is_probability:
            raise InputError(
                f"max_uncertainty={self.max_uncertainty} goes with probabilities of haploid genotypes, and these are calls or "
                "diploid dosages: set it to null"
            )


class Kept(NamedTuple):
    """What passes the filters, and the counts over it.

    Attributes:
        individuals: (N,) bool.
        loci: (L,) bool.
        counts: over the individuals kept.
        dropped_individuals, dropped_loci: how many went, by reason.
    """

    individuals: NDArray[np.bool_]
    loci: NDArray[np.bool_]
    counts: Counts
    dropped_individuals: dict[str, int]
    dropped_loci: dict[str, int]

    @property
    def n_missing(self) -> int:
        """Missing genotypes among those kept."""
        return int((self.individuals.sum() - self.counts.called[self.loci]).sum())


def apply_filters(stage: Stage, joined: NDArray[np.bool_], filters: Filters) -> Kept:
    """Individuals first, then loci by the genotypes of those kept.

    Args:
        joined: (N,) whether an individual has a row of phenotypes.

    Raises:
        InputError: nothing would be left.
    """
    individuals, counts = joined, count(stage, joined)
    dropped_individuals = {"no phenotype": int((~joined).sum())}
    if filters.min_individual_call_rate is not None:
        called = counts.called_by_individual >= filters.min_individual_call_rate * stage.n_loci
        dropped_individuals["call rate"] = int((joined & ~called).sum())
        if dropped_individuals["call rate"]:
            individuals = joined & called
            counts = count(stage, individuals)
    n = int(individuals.sum())
    if not n:
        raise InputError(
            f"no individual has min_individual_call_rate={filters.min_individual_call_rate}: lower it, or look at the "
            "genotypes"
        )
    reasons: dict[str, NDArray[np.bool_]] = {"without a genotype": counts.called == 0}
    if filters.min_locus_call_rate is not None:
        reasons["call rate"] = counts.called < filters.min_locus_call_rate * n
    if filters.drop_missing:
        reasons["missing genotypes"] = counts.called < n
    if filters.min_allele_frequency is not None:
        reasons["allele frequency"] = counts.minor_allele_frequency < filters.min_allele_frequency
    if filters.max_uncertainty is not None:
        reasons["uncertainty"] = counts.uncertainty > filters.max_uncertainty
    loci = np.ones(stage.n_loci, dtype=bool)
    dropped_loci = {}
    for reason, dropped in reasons.items():
        dropped_loci[reason] = int((loci & dropped).sum())
        loci &= ~dropped
    if not loci.any():
        counted = ", ".join(f"{number} by {reason}" for reason, number in dropped_loci.items() if number)
        raise InputError(f"no locus passes the filters ({counted}): loosen them")
    return Kept(individuals, loci, counts, dropped_individuals, dropped_loci)
