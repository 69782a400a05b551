"""Genotypes without phenotypes, of a PLINK or VCF file: as `gpattention prepare` would write them, to predict from."""

import logging
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from gpattention.data.alleles import alleles_of
from gpattention.data.formats import Genotypes
from gpattention.data.genotype_phenotype import Coding
from gpattention.errors import InputError
from gpattention.prepare.filters import Filters, apply_filters
from gpattention.prepare.plink import PlinkSource
from gpattention.prepare.settle import Settler
from gpattention.prepare.source import GenotypeSource
from gpattention.prepare.stage import stage_genotypes
from gpattention.prepare.vcf import VcfSource
from gpattention.prepare.writer import write_genotypes

log = logging.getLogger(__name__)

PLINK, VCF = ".bed", (".vcf", ".vcf.gz", ".bcf")


def is_raw(path: Path) -> bool:
    """Whether a file is one of PLINK or a VCF, by its name."""
    return path.name.endswith((PLINK, *VCF))


def read_raw_genotypes(path: Path, coding: Coding) -> Genotypes[NDArray]:
    """(N, L) alleles in [-1, 1] in half precision, with ids, names and letters; a missing one takes the mean of its locus in the file.

    Args:
        coding: of the run that predicts from them: dosages are diploid, all else is haploid.

    Raises:
        InputError: the file cannot be read, or its ploidy is not that of the coding.
    """
    source: GenotypeSource
    if path.name.endswith(PLINK):
        source = PlinkSource(path, path.with_suffix(".bim"), path.with_suffix(".fam"))
    else:
        source = VcfSource(path, "GT")
    if (source.ploidy == 2) != (coding == "dosage"):
        raise InputError(
            f"{path} has {'diploid' if source.ploidy == 2 else 'haploid'} calls and the run was fitted to genotypes coded as "
            f"{coding}: give a file of the same kind, or a table in that coding"
        )
    with TemporaryDirectory(prefix="gpattention-") as name:
        stage = stage_genotypes(source, Path(name) / "stage")
        kept = apply_filters(stage, np.ones(stage.n_individuals, dtype=bool), Filters(None, None, None, None, False))
        settler = Settler("dosage", source.ploidy, np.float16, np.random.default_rng(0))
        write_genotypes(stage, kept, settler, Path(name) / "genotypes.npy")
        values = np.load(Path(name) / "genotypes.npy", allow_pickle=False)
    if kept.n_missing:
        log.info("%s: %d missing genotypes take the mean of their locus in this file", path.name, kept.n_missing)
    loci = source.loci().loc[kept.loci]
    return Genotypes(values, coding, source.individual_ids(), tuple(loci.iloc[:, 0]), alleles_of(loci))
