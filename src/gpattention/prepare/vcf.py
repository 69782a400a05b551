"""VCF and BCF files: calls or dosages at biallelic loci, locus by locus."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gpattention.checks import name_some, refuse_repeats
from gpattention.data.alleles import COUNTED, OTHER
from gpattention.errors import InputError
from gpattention.files.tables import first_line
from gpattention.files.untrusted import refuse_missing_file
from gpattention.prepare.chromosomes import chromosomes_of
from gpattention.prepare.libraries import needed
from gpattention.prepare.phenotypes import read_phenotypes
from gpattention.prepare.source import NO_CALL, Block, GenotypeSource, RawData, rows_at_once

log = logging.getLogger(__name__)

MISSING, ABSENT = -1, -2  # of cyvcf2: an allele not called, and the second one of a haploid call
BGZF_HEAD, BGZF_END = (
    bytes.fromhex("1f8b0804"),
    bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000"),
)


def open_vcf(
    *,
    root: str,
    vcf_file: str,
    field: Literal["GT", "DS"] = "GT",
    phenotype_file: str,
    standard_error_file: str | None = None,
    environments: list[str] | None = None,
) -> RawData:
    """A VCF or BCF, plain or compressed, and a table of phenotypes by sample.

    Args:
        root: folder that relative file names start from.
        vcf_file: records with several alternative alleles, or none, are left out and counted.
        field: `GT`, calls of the alternative allele, haploid or diploid; or `DS`, its imputed dosage.

    The other arguments are those of `read_phenotypes`.
    """
    genotypes = VcfSource(Path(root) / vcf_file, field)
    return RawData(genotypes, read_phenotypes(Path(root), phenotype_file, standard_error_file, environments))


class VcfSource(GenotypeSource):
    """Copies of the alternative allele, as -1, 0 and +1, or -1 and +1 where the first record is haploid.

    A haploid call among diploid ones (an X chromosome) counts twice. Loci are named by their ID, or by chromosome, position
    and alleles where that is missing or taken.
    """

    blocks_of = "loci"

    def __init__(self, path: Path, field: Literal["GT", "DS"]) -> None:
        self.reader = needed("cyvcf2", "prepare=vcf")
        self.reader.cyvcf2.set_htslib_log_level(0)  # it prints what it then raises
        self.path, self.field, self.files = path, field, [path]
        refuse_missing_file(path)
        refuse_cut_off(path)
        self.chromosomes = chromosomes_of(path)
        vcf = self.open()
        with as_text(path):
            self.samples = tuple(vcf.samples)
        if not self.samples or not has_field(vcf, field):
            raise InputError(
                f"{path} has no genotypes ({'no samples' if not self.samples else f'no {field} in its header'}): give a file with "
                "them" + (", or set prepare.field=GT" if field == "DS" else "")
            )
        refuse_repeats(self.samples, f"{path}: sample")
        with as_text(path, 1):
            self.ploidy = self.find_ploidy(vcf)
        vcf.close()
        self.dtype = np.int8 if field == "GT" else np.float32
        self.coding = "probability" if field == "DS" else "dosage" if self.ploidy == 2 else "binary"
        self.total, self.left_out = None, Counter()
        self.rows: list[tuple[Any, ...]] = []
        self.several: list[str] = []

    def open(self) -> Any:
        try:
            vcf = self.reader.VCF(str(self.path))
            # A record of a chromosome that the header lacks is returned half read where it is malformed, and crashes.
            for name in sorted({*self.chromosomes} - {*vcf.seqnames}):
                vcf.add_to_header(f"##contig=<ID={name}>")
            return vcf
        except Exception as error:  # cyvcf2 raises bare exceptions
            raise InputError(
                f"{self.path} cannot be read as VCF or BCF ({first_line(error)}): give one that is whole"
            ) from error

    def find_ploidy(self, vcf: Any) -> Literal[1, 2]:
        """That of the first record; dosages are taken for diploid."""
        if self.field == "DS":
            return 2
        for record in self.records(vcf):
            width = self.calls(record, 1).shape[1]
            if width > 2:
                raise InputError(
                    f"{self.path}, {place(record)}: {width} alleles in a call: haploid and diploid ones are read"
                )
            return 1 if width == 1 else 2
        raise InputError(f"{self.path} has no record: give a file with some")

    def records(self, vcf: Any) -> Iterator[Any]:
        number = 0
        try:
            for record in vcf:
                number += 1
                yield record
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"{self.path}, record {number + 1}: cannot be read ({first_line(error)}): is the file whole?"
            ) from error

    def blocks(self) -> Iterator[Block]:
        step = rows_at_once(4 * len(self.samples))
        names: set[str] = set()
        waiting: list[NDArray] = []
        vcf = self.open()
        for number, record in enumerate(self.records(vcf), 1):
            with as_text(self.path, number):
                if len(record.ALT) != 1:
                    self.leave_out(record)
                    continue
                waiting.append(self.alleles(record, number))
                name = record.ID
                if name is None or name in names:
                    name = f"{record.CHROM}_{record.POS}_{record.REF}_{record.ALT[0]}"
                names.add(name)
                self.rows.append((name, record.CHROM, record.POS, record.ALT[0], record.REF))
            if len(waiting) == step:
                yield Block(np.stack(waiting), number)
                waiting = []
        if waiting:
            yield Block(np.stack(waiting), number)
        vcf.close()
        if not self.rows:
            raise InputError(
                f"{self.path} has no biallelic record ({sum(self.left_out.values())} others): give a file with some"
            )
        if self.several:
            log.warning(
                "%d records of %s have several alternative alleles and are left out: %s; bcftools norm -m- splits them",
                self.left_out["multi-allelic"],
                self.path,
                name_some(self.several, 3),
            )

    def leave_out(self, record: Any) -> None:
        self.left_out["multi-allelic" if record.ALT else "no alternative allele"] += 1
        if record.ALT and len(self.several) < 4:
            self.several.append(place(record))

    def alleles(self, record: Any, number: int) -> NDArray:
        """(N,) alleles of a biallelic record."""
        if self.field == "GT":
            calls = self.calls(record, number)
            if calls.shape[1] > self.ploidy:
                raise InputError(
                    f"{self.path}, record {number} ({place(record)}): {calls.shape[1]} alleles in a call where the first record has "
                    f"{self.ploidy}: split the file by ploidy"
                )
            first, last = calls[:, 0], calls[:, -1]
            last = np.where(last == ABSENT, first, last)
            called = (first != MISSING) & (last != MISSING)
            copies = first + last - 1  # of one haploid call both are the same
            return np.where(called, copies, NO_CALL).astype(np.int8)
        dosage = record.format("DS")
        if dosage is None or dosage.shape[1] != 1:
            raise InputError(f"{self.path}, record {number} ({place(record)}): no DS: give dosages at every record")
        dosage = dosage[:, 0].astype(np.float32)
        wrong = (dosage < 0) | (dosage > 2)
        if wrong.any():
            who = int(wrong.argmax())
            raise InputError(
                f"{self.path}, record {number} ({place(record)}): DS {dosage[who]:g} of {self.samples[who]} is no dosage from 0 to 2"
            )
        return dosage - 1

    def calls(self, record: Any, number: int) -> NDArray[np.int16]:
        """(N, ploidy) allele numbers."""
        try:
            genotype = record.genotype
        except Exception as error:  # of cyvcf2, where the record has none
            raise InputError(
                f"{self.path}, record {number} ({place(record)}): no GT: give genotypes at every record"
            ) from error
        return genotype.array()[:, :-1]  # the last column says whether it is phased

    def individual_ids(self) -> tuple[str, ...]:
        return self.samples

    def loci(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows, columns=["locus", "chromosome", "position_bp", COUNTED, OTHER])


@contextmanager
def as_text(path: Path, record: int | None = None) -> Iterator[None]:
    """Names are decoded when they are asked for; say where one cannot be."""
    try:
        yield
    except UnicodeDecodeError as error:
        where = "its header" if record is None else f"record {record}"
        raise InputError(
            f"{path}, {where}: a name is not UTF-8 text ({error.reason}): write the file in UTF-8"
        ) from error


def place(record: Any) -> str:
    return f"{record.CHROM}:{record.POS}"


def has_field(vcf: Any, field: str) -> bool:
    try:
        vcf.get_header_type(field)
    except KeyError:
        return False
    return True


def refuse_cut_off(path: Path) -> None:
    """Raise an InputError for a file of compressed blocks (BGZF) without the empty block that ends it."""
    with path.open("rb") as file:
        if file.read(4) != BGZF_HEAD:
            return
        file.seek(-min(len(BGZF_END), path.stat().st_size), 2)
        if file.read() != BGZF_END:
            raise InputError(f"{path} is cut off: its last block is missing; fetch or write it again")
