"""Genotypes without phenotypes, of a PLINK or VCF file, to predict from."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from gpattention.data.alleles import alleles_of
from gpattention.data.formats import Genotypes
from gpattention.data.genotype_phenotype import Coding
from gpattention.errors import InputError
from gpattention.prepare.plink import PlinkSource
from gpattention.prepare.source import GenotypeSource
from gpattention.prepare.stage import is_missing, stage_genotypes
from gpattention.prepare.vcf import VcfSource

PLINK, VCF = ".bed", (".vcf", ".vcf.gz", ".bcf")


def is_raw(path: Path) -> bool:
    """Whether a file is one of PLINK or a VCF, by its name."""
    return path.name.endswith((PLINK, *VCF))


def read_raw_genotypes(path: Path, coding: Coding) -> Genotypes[NDArray]:
    """(N, L) alleles in [-1, 1] in half precision, NaN where one is missing, with ids, names and letters.

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
        values = np.empty((stage.n_individuals, stage.n_loci), dtype=np.float16)
        for loci, alleles in stage.blocks("taking genotypes"):
            values[:, loci] = np.where(is_missing(alleles), np.float16(np.nan), alleles.astype(np.float16)).T
    table = source.loci()
    return Genotypes(values, coding, source.individual_ids(), tuple(table.iloc[:, 0]), alleles_of(table))
