"""The published tables of the yeast cross BY x RM (Nguyen Ba et al. 2022): posteriors of 41,594 SNPs, 18 environments."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gpattention.checks import name_some, refuse_repeats
from gpattention.data.causal_loci import read_causal_loci
from gpattention.errors import InputError
from gpattention.files.tables import UNREADABLE, first_line
from gpattention.files.untrusted import refuse_missing_file
from gpattention.prepare.arrays import ArrayRows, in_single_precision
from gpattention.prepare.decimals import Uneven, parse_lines
from gpattention.prepare.loci import table_of_loci
from gpattention.prepare.phenotypes import Phenotypes
from gpattention.prepare.source import Block, GenotypeSource, RawData
from gpattention.prepare.text_blocks import read_lines

ENVIRONMENTS = "23C 25C 27C 30C 33C 35C 37C cu suloc ynb eth gu li mann mol raff sds 4NQO".split()
NUMBER, FITNESS, ERROR = "Number", "Fitness", "Std Error"
PART = re.compile(r"geno_data_(\d+)\.txt(\.gz)?")


def open_yeast_bbq(
    *,
    root: str,
    genotype_files: list[str] | None = None,
    n_parts: int = 5,
    environments: list[str] | None = None,
    snp_file: str | None = None,
    snp_name_column: str | None = None,
    causal_loci_file: str | None = None,
) -> RawData:
    """The tables as distributed, joined by segregant number.

    Args:
        root: folder of the files; other relative names start from it.
        genotype_files: `merged_geno_data.npy`, or parts of text in order; None takes geno_data_1.txt.gz to the last.
        n_parts: number of parts.
        environments: of `pheno_data_<environment>.txt`; None takes all 18.
        snp_file: table with a row per SNP, the name first or in `snp_name_column`; None names them snp1, snp2, ...
        causal_loci_file: QTLs of the environments, with columns environment and locus or snp; goes into the data set.
    """
    folder = Path(root)
    snps = None if snp_file is None else folder / snp_file
    if genotype_files is not None and len(genotype_files) == 1 and genotype_files[0].endswith(".npy"):
        genotypes: GenotypeSource = NumberedArray(folder / genotype_files[0], snps, snp_name_column)
    else:
        genotypes = NumberedText(find_parts(folder, genotype_files, n_parts), snps, snp_name_column)
    causal = None if causal_loci_file is None else folder / causal_loci_file
    phenotypes = read_fitness(folder, ENVIRONMENTS if environments is None else environments)
    return RawData(
        genotypes,
        phenotypes,
        causal_loci=None if causal is None else read_causal_loci(causal),
        files=() if causal is None else (causal,),
    )


def find_parts(folder: Path, names: list[str] | None, n_parts: int) -> list[Path]:
    """The parts in order, all of them there."""
    if names is None:
        found = {
            int(match[1]): path for path in sorted(folder.glob("geno_data_*")) if (match := PART.fullmatch(path.name))
        }
        missing = [number for number in range(1, n_parts + 1) if number not in found]
        if missing:
            raise InputError(
                f"{folder} lacks geno_data_{missing[0]}.txt.gz ({len(found)} of {n_parts} parts are there): fetch it, mend "
                "prepare.root, or name the files in prepare.genotype_files"
            )
        return [found[number] for number in range(1, n_parts + 1)]
    if not names:
        raise InputError("prepare.genotype_files is empty: name the parts in order, or leave it at null")
    numbers = [int(match[1]) for name in names if (match := PART.fullmatch(Path(name).name))]
    if len(numbers) == len(names) and numbers != list(range(1, len(names) + 1)):
        raise InputError(
            f"prepare.genotype_files has the parts {', '.join(map(str, numbers))}: give all from 1 on, in order, each once"
        )
    for name in names:
        refuse_missing_file(folder / name)
    return [folder / name for name in names]


class NumberedText(GenotypeSource):
    """Lines of a segregant's number and the posterior probability p of the RM allele at each SNP, as 2p - 1."""

    coding, blocks_of, ploidy = "probability", "individuals", 1
    dtype = np.float32

    def __init__(self, parts: list[Path], snps: Path | None, name_column: str | None) -> None:
        self.parts, self.snps, self.name_column = parts, snps, name_column
        self.files = [*parts, *([] if snps is None else [snps])]
        self.total, self.left_out = sum(path.stat().st_size for path in parts), Counter()
        self.numbers: dict[str, str] = {}  # where each was read
        self.table: pd.DataFrame | None = None

    def blocks(self) -> Iterator[Block]:
        before = 0
        for path in self.parts:
            line = 1
            with closing(read_lines(path)) as blocks:
                for text, bytes_read in blocks:
                    numbers, probability = self.parse(text, path, line)
                    self.keep(numbers, path, line)
                    refuse_outside(probability, text, numbers, path, line)
                    yield Block(probability * 2 - 1, before + bytes_read)
                    line += len(numbers)
            if line == 1:
                raise InputError(f"{path} is empty: fetch it again")
            before += path.stat().st_size

    def parse(self, text: bytes, path: Path, line: int) -> tuple[list[bytes], NDArray[np.float32]]:
        if self.table is None:
            self.table = table_of_snps(path, self.snps, self.name_column, text.partition(b"\n")[0].count(b"\t"))
        n_loci = len(self.table)
        try:
            return parse_lines(text, n_loci + 1)
        except Uneven as error:
            raise InputError(
                f"{path}, line {line + error.line}: {error.n_fields:,} columns where {n_loci + 1:,} belong (the number and "
                f"{n_loci:,} SNPs): mend the line, or fetch the file again"
            ) from error

    def keep(self, numbers: list[bytes], path: Path, line: int) -> None:
        for place, raw in enumerate(numbers, line):
            number, here = (
                segregant_number(raw.decode("latin-1"), f"{path}, line {place}"),
                f"{path.name}, line {place}",
            )
            if number in self.numbers:
                raise InputError(
                    f"{path}, line {place}: segregant {number} was read before ({self.numbers[number]}): each has one line, in "
                    "one of the parts"
                )
            self.numbers[number] = here

    def individual_ids(self) -> tuple[str, ...]:
        return tuple(self.numbers)

    def loci(self) -> pd.DataFrame:
        assert self.table is not None
        return self.table


class NumberedArray(GenotypeSource):
    """The same in an array, the number in the first column."""

    coding, blocks_of, ploidy = "probability", "individuals", 1
    dtype = np.float32

    def __init__(self, path: Path, snps: Path | None, name_column: str | None) -> None:
        self.rows = ArrayRows(path)
        self.files = [path, *([] if snps is None else [snps])]
        self.total, self.left_out = self.rows.n_rows, Counter()
        self.table = table_of_snps(path, snps, name_column, self.rows.n_columns - 1)
        self.numbers: list[str] = []

    def blocks(self) -> Iterator[Block]:
        path = self.rows.path
        for values in self.rows.blocks():
            first = len(self.numbers) + 1
            numbers = [
                segregant_number(f"{value:g}" if value % 1 else f"{int(value)}", f"{path}, row {row}")
                for row, value in enumerate(values[:, 0].tolist(), first)
            ]
            self.numbers += numbers
            probability = in_single_precision(values[:, 1:])
            refuse_outside(probability, None, numbers, path, first)
            yield Block(probability * 2 - 1, len(self.numbers))
        refuse_repeats(self.numbers, f"{path}: segregant")

    def individual_ids(self) -> tuple[str, ...]:
        return tuple(self.numbers)

    def loci(self) -> pd.DataFrame:
        return self.table


def table_of_snps(path: Path, snps: Path | None, name_column: str | None, n_snps: int) -> pd.DataFrame:
    """A row per SNP of the genotypes, which have some."""
    if not n_snps:
        raise InputError(
            f"{path}: its first line is one column: give genotypes with the segregant's number first, then the SNPs, and tabs "
            "between them"
        )
    return table_of_loci(snps, name_column, n_snps, prefix="snp")


def segregant_number(text: str, place: str) -> str:
    """A number as it stands in all the tables: 17, not 17.0."""
    whole = text.removesuffix(".0")
    if not whole.isdecimal():
        raise InputError(
            f"{place}: '{text[:20]}' is no segregant number: the first column holds whole numbers from 0 on"
        )
    return str(int(whole))


def refuse_outside(
    probability: NDArray[np.float32], text: bytes | None, numbers: list[bytes] | list[str], path: Path, line: int
) -> None:
    """Raise an InputError for the first entry that is no probability."""
    # The slower question where and why is asked only if the smallest or the largest, which are NaN if any is, are wrong.
    if probability.min() >= 0 and probability.max() <= 1:
        return
    row, column = np.argwhere(~((probability >= 0) & (probability <= 1)))[0].tolist()
    found = f"{probability[row, column]:g}"
    if text is not None:
        found = text.split(b"\n", row + 1)[row].split(b"\t", column + 2)[column + 1].decode("latin-1")[:20]
    raise InputError(
        f"{path}, {'line' if text is not None else 'row'} {line + row}: '{found}' in column {column + 2} is no probability of the "
        "RM allele: give numbers from 0 to 1"
    )


def read_fitness(folder: Path, environments: list[str]) -> Phenotypes:
    """Fitness and its standard error by segregant number, from a table for each environment."""
    refuse_repeats(environments, "environment in prepare.environments")
    if not environments:
        raise InputError("prepare.environments is empty: name some, or leave it at null for all 18")
    paths: list[Path] = []
    fitness: dict[str, pd.Series] = {}
    error: dict[str, pd.Series] = {}
    for name in environments:
        path = folder / f"pheno_data_{name}.txt"
        path = path if path.is_file() else path.with_name(f"{path.name}.gz")
        refuse_missing_file(path)
        table = read_fitness_table(path)
        if paths and not table.index.equals(fitness[environments[0]].index):
            first = fitness[environments[0]].index
            strangers = [str(number) for number in first.symmetric_difference(table.index)]
            if strangers or len(first) != len(table):
                raise InputError(
                    f"{path} has {len(table):,} segregants and {paths[0].name} {len(first):,}; in one of them alone: "
                    f"{name_some(strangers, 3)}; give every segregant one line in each, nan where not measured"
                )
        paths.append(path)
        fitness[name], error[name] = table[FITNESS], table[ERROR]
    return Phenotypes(pd.DataFrame(fitness), pd.DataFrame(error), tuple(paths))


def read_fitness_table(path: Path) -> pd.DataFrame:
    """Fitness and standard error by segregant number, as text."""
    try:
        text = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (*UNREADABLE, ValueError) as error:
        raise InputError(f"{path} cannot be read as a table ({first_line(error)}): fetch it again") from error
    if list(text.columns) != [NUMBER, FITNESS, ERROR]:
        raise InputError(
            f"{path} has the columns {', '.join(map(str, text.columns))}: a phenotype table has {NUMBER}, {FITNESS} and "
            f"{ERROR}, with tabs between them"
        )
    numbers = [segregant_number(one, f"{path}, line {row}") for row, one in enumerate(text[NUMBER], 2)]
    refuse_repeats(numbers, f"{path}: segregant")
    table = pd.DataFrame(index=pd.Index(numbers))
    for name in (FITNESS, ERROR):
        values = pd.to_numeric(text[name].replace({"nan": None, "NaN": None, "NA": None, "": None}), errors="coerce")
        wrong = values.isna() & ~text[name].isin(["nan", "NaN", "NA", ""])
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise InputError(
                f"{path}, line {row + 2}: '{text[name].iloc[row]}' in column {name} is no number: mend it, or write nan"
            )
        table[name] = values.to_numpy(float)
    return table
