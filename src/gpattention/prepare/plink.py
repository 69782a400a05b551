"""PLINK 1 files: .bed, .bim and .fam, diploid calls of loci as rows."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from gpattention.checks import refuse_repeats
from gpattention.data.alleles import COUNTED, OTHER
from gpattention.errors import InputError
from gpattention.files.tables import UNREADABLE, first_line
from gpattention.files.untrusted import refuse_missing_file
from gpattention.prepare.libraries import needed
from gpattention.prepare.phenotypes import read_phenotypes
from gpattention.prepare.source import NO_CALL, Block, GenotypeSource, RawData, rows_at_once

MAGIC = bytes([0x6C, 0x1B, 0x01])  # the last byte: loci as rows
NOT_CALLED = -127  # of bed-reader
FAM = ["family", "individual", "father", "mother", "sex", "phenotype"]
BIM = ["chromosome", "locus", "position_cM", "position_bp", COUNTED, OTHER]


def open_plink(
    *,
    root: str,
    bed_file: str,
    bim_file: str | None = None,
    fam_file: str | None = None,
    phenotype_file: str,
    standard_error_file: str | None = None,
    environments: list[str] | None = None,
) -> RawData:
    """PLINK files and a table of phenotypes by IID.

    Args:
        root: folder that relative file names start from.
        bed_file: genotypes; `.bim` and `.fam` of the same name are taken unless named.
        phenotype_file: see `read_phenotypes`.
        standard_error_file: table of the same ids and environments.
        environments: columns of the phenotype table to keep; None keeps all.
    """
    bed = Path(root) / bed_file
    bim = bed.with_suffix(".bim") if bim_file is None else Path(root) / bim_file
    fam = bed.with_suffix(".fam") if fam_file is None else Path(root) / fam_file
    genotypes = PlinkSource(bed, bim, fam)
    return RawData(genotypes, read_phenotypes(Path(root), phenotype_file, standard_error_file, environments))


class PlinkSource(GenotypeSource):
    """Copies of the first allele of the .bim file, 0, 1 or 2, as -1, 0 and +1."""

    coding, blocks_of, ploidy = "dosage", "loci", 2
    dtype = np.int8

    def __init__(self, bed: Path, bim: Path, fam: Path) -> None:
        self.reader = needed("bed_reader", "prepare=plink")
        self.files = [bed, bim, fam]
        self.left_out = Counter()
        people = read_columns(fam, FAM)
        self.ids = tuple(people["individual"])
        refuse_repeats(self.ids, f"{fam}: IID")
        # The name is the first column of every table of loci.
        self.table = read_columns(bim, BIM).loc[:, ["locus", *(name for name in BIM if name != "locus")]]
        nameless = self.table["locus"] == "."
        self.table["locus"] = self.table["locus"].where(
            ~nameless, self.table["chromosome"] + "_" + self.table["position_bp"]
        )
        refuse_repeats(self.table["locus"].tolist(), f"{bim}: locus")
        self.total = len(self.table)
        check_bed(bed, len(self.ids), len(self.table))

    def blocks(self) -> Iterator[Block]:
        n, n_loci = len(self.ids), len(self.table)
        step = rows_at_once(n)
        with self.reader.open_bed(self.files[0], iid_count=n, sid_count=n_loci, properties={}, num_threads=1) as bed:
            for start in range(0, n_loci, step):
                stop = min(start + step, n_loci)
                dosage_NK = bed.read(np.s_[:, start:stop], dtype="int8", order="F")
                alleles_KN = np.where(dosage_NK == NOT_CALLED, NO_CALL, dosage_NK - 1).T
                yield Block(alleles_KN, stop)

    def individual_ids(self) -> tuple[str, ...]:
        return self.ids

    def loci(self) -> pd.DataFrame:
        return self.table


def read_columns(path: Path, names: list[str]) -> pd.DataFrame:
    """A table without a header, blanks or tabs between its columns, all as text."""
    refuse_missing_file(path)
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    except UNREADABLE as error:
        raise InputError(
            f"{path} cannot be read as text ({first_line(error)}): give the file that PLINK wrote"
        ) from error
    while lines and not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, 1):
        if len(line) != len(names):
            raise InputError(f"{path}, line {number}: {len(line)} columns where {len(names)} belong: mend the line")
    if not lines:
        raise InputError(f"{path} is empty: give the file that PLINK wrote")
    return pd.DataFrame(lines, columns=names)


def check_bed(path: Path, n_individuals: int, n_loci: int) -> None:
    """Raise an InputError unless the file begins and ends as one of this size does."""
    refuse_missing_file(path)
    with path.open("rb") as file:
        head = file.read(3)
    if head != MAGIC:
        individuals_first = head[:2] == MAGIC[:2]
        reason = "has individuals as rows (an old form)" if individuals_first else "does not begin as a .bed does"
        raise InputError(f"{path} {reason}: write it anew with plink --make-bed")
    size, right = path.stat().st_size, 3 + n_loci * -(-n_individuals // 4)
    if size != right:
        raise InputError(
            f"{path} has {size:,} bytes, and {n_individuals:,} individuals (.fam) at {n_loci:,} loci (.bim) take {right:,}: is "
            "it whole, and do the three files belong together?"
        )
