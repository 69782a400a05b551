"""A simulated cross with simulated phenotypes as a data set; needs no file."""

import logging
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gpattention.data.cross import random_markers, simulate_cross, spaced_markers
from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.data.loci import choose_loci
from gpattention.data.phenotypes import simulate_phenotypes
from gpattention.data.pruning import prune_loci
from gpattention.errors import InputError
from gpattention.files.cache import prepared

log = logging.getLogger(__name__)


def simulate(
    *,
    seed: int,
    n_segregants: int,
    n_loci: int,
    locus_spacing_cM: float | None,
    n_snps: int,
    max_snp_correlation: float,
    loci: Literal["first", "random"],
    max_mean_allele: float | None,
    epsilon: float,
    order: int,
    n_interactions: int | None,
    coefficients: Literal["gaussian", "exponential"],
    temperatures: list[float],
    noise: float,
    environments: list[str] | None = None,
) -> GenotypePhenotypeData:
    """Segregants of a yeast cross, causal loci among its markers, and phenotypes at one or several temperatures.

    Args:
        seed: of the cross, the choice of loci, the coefficients and the noise, each with a stream of its own.
        n_segregants: N.
        n_loci: L, causal loci; the data set holds just these.
        locus_spacing_cM: distance of neighbouring loci on the map. None simulates `n_snps` SNPs instead and prunes
            them as Appendix A does.
        n_snps: SNPs of the cross where `locus_spacing_cM` is None.
        max_snp_correlation: no two SNPs kept correlate by more than this.
        loci: the first in genome order (the published code) or at random (the paper).
        max_mean_allele: leave out loci whose mean allele differs from 0 by as much; None keeps all.
        environments: names such as 30C to keep; None keeps every temperature.

    The other arguments are those of `simulate_phenotypes`. Names of environments are the temperatures, as in 30C.
    """
    if seed < 0:
        raise InputError(f"data.seed is {seed}: give a whole number from 0 on")
    if not 0 < max_snp_correlation <= 1:
        raise InputError(f"data.max_snp_correlation is {max_snp_correlation}: give a number above 0 and up to 1")
    for name, number, least in (("n_segregants", n_segregants, 2), ("n_loci", n_loci, 1), ("n_snps", n_snps, 1)):
        if number < least:
            raise InputError(f"data.{name} is {number}: give a number from {least} on")
    if locus_spacing_cM is not None and locus_spacing_cM <= 0:
        raise InputError(
            f"data.locus_spacing_cM is {locus_spacing_cM}: give a distance above 0, or null for pruned SNPs"
        )
    cross_seed, loci_seed, coefficient_seed, noise_seed = np.random.SeedSequence(seed).spawn(4)
    loci_rng = np.random.default_rng(loci_seed)
    markers = random_markers(n_snps, loci_rng) if locus_spacing_cM is None else spaced_markers(locus_spacing_cM)

    def cross() -> dict[str, NDArray]:
        genotype = simulate_cross(n_segregants, markers, cross_seed)
        if locus_spacing_cM is None:
            candidates = prune_loci(genotype, max_snp_correlation, "random", loci_rng)
            log.info("%d of %d SNPs are left at correlations up to %g", len(candidates), n_snps, max_snp_correlation)
        else:
            candidates = np.arange(genotype.shape[1])
        chosen = choose_loci(genotype, candidates, n_loci, loci, max_mean_allele, loci_rng)
        return {"genotype": np.ascontiguousarray(genotype[:, chosen]), "chosen": chosen}

    settings = [seed, n_segregants, n_loci, locus_spacing_cM, n_snps, max_snp_correlation, loci, max_mean_allele]
    genotype, chosen = prepared("cross", {"settings": settings}, cross).values()
    phenotype, truth = simulate_phenotypes(
        genotype,
        epsilon=epsilon,
        order=order,
        n_interactions=n_interactions,
        coefficients=coefficients,
        temperatures=temperatures,
        noise=noise,
        coefficient_rng=np.random.default_rng(coefficient_seed),
        noise_rng=np.random.default_rng(noise_seed),
    )
    names = tuple(f"{t:g}C" for t in temperatures)
    table = markers.table().iloc[chosen].reset_index(drop=True)
    data = GenotypePhenotypeData(
        genotype=genotype,
        phenotype=phenotype,
        individual_ids=tuple(f"segregant_{i}" for i in range(n_segregants)),
        environment_names=names,
        coding="signed",
        locus_names=tuple(table["locus"]),
        loci=table,
        covariates=pd.DataFrame({"temperature": temperatures}, index=pd.Index(names), dtype=np.float64),
        truth=truth,
    )
    return data if environments is None else data.select_environments(environments)
