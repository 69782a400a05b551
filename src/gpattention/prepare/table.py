"""Genotype tables and arrays, read in blocks of individuals."""

import logging
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gpattention.data.genotype_phenotype import (
    CALLS,
    CODING_WORDS,
    Coding,
    detect_coding,
    distinct_values,
)
from gpattention.errors import InputError
from gpattention.files.tables import NOT_MEASURED, locate_text, read_shape, refuse_names, refuse_other_count, separator
from gpattention.output.progress import progress_bar
from gpattention.prepare.arrays import ArrayRows, in_single_precision
from gpattention.prepare.loci import table_of_loci
from gpattention.prepare.phenotypes import read_phenotypes
from gpattention.prepare.source import NO_CALL, Block, GenotypeSource, RawData, rows_at_once

log = logging.getLogger(__name__)

SHIFT: dict[Coding, tuple[int, int]] = {"binary": (2, -1), "signed": (1, 0), "dosage": (1, -1), "probability": (2, -1)}


def open_table(
    *,
    root: str,
    genotype_file: str,
    phenotype_file: str,
    standard_error_file: str | None = None,
    loci_file: str | None = None,
    locus_name_column: str | None = None,
    coding: Coding | None = None,
    environments: list[str] | None = None,
) -> RawData:
    """A genotype table with an id column, or an `.npy` in the order of the phenotypes, and a table of phenotypes.

    Args:
        root: folder that relative file names start from.
        genotype_file: empty cells, NA and NaN are missing genotypes.
        loci_file: table with a row per locus; gives a bare array its locus names.
        locus_name_column: column of `loci_file` with the names; None takes the first.
        coding: of the genotypes; None detects it.

    The other arguments are those of `read_phenotypes`.
    """
    path = Path(root) / genotype_file
    rows: ArrayRows | TableRows = ArrayRows(path) if path.suffix == ".npy" else TableRows(path)
    if coding is None:
        coding = find_coding(rows)
        log.info("genotypes of %s: %s (detected)", path.name, CODING_WORDS[coding])
    loci = None if loci_file is None else Path(root) / loci_file
    genotypes = TableSource(rows, coding, loci, locus_name_column)
    return RawData(genotypes, read_phenotypes(Path(root), phenotype_file, standard_error_file, environments))


class TableRows:
    """Rows of a table with a header and the id first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        header, ids = read_shape(path)
        refuse_names(path, header, ids)
        self.columns, self.ids = tuple(header[1:]), tuple(ids)
        self.n_rows, self.n_columns = len(ids), len(self.columns)

    def blocks(self) -> Generator[NDArray[np.float64]]:
        step = rows_at_once(self.n_columns * 16)
        options = {
            "sep": separator(self.path),
            "header": 0,
            "names": range(self.n_columns + 1),  # so that no name is taken for another
            "usecols": range(1, self.n_columns + 1),
            "index_col": False,
            "keep_default_na": False,
            "na_values": list(NOT_MEASURED),
            "encoding": "utf-8-sig",
            "chunksize": step,
        }
        n_rows = 0
        try:
            with pd.read_csv(self.path, dtype=np.float64, **options) as chunks:
                for chunk in chunks:
                    n_rows += len(chunk)
                    yield chunk.to_numpy()
            refuse_other_count(self.path, range(n_rows), self.ids)
        except InputError:  # of whoever takes the blocks
            raise
        except ValueError as error:
            with pd.read_csv(self.path, dtype=str, **options) as chunks:
                for number, text in enumerate(chunks):
                    ids, named = list(self.ids[number * step :]), text.set_axis(self.columns, axis=1)
                    message = locate_text(self.path, ids, named, "mend it, or leave it empty if it was not called")
                    if "is not a number:" in message:
                        raise InputError(message) from error
            raise


class TableSource(GenotypeSource):
    """Rows in a coding, checked and turned into alleles."""

    blocks_of = "individuals"

    def __init__(self, rows: ArrayRows | TableRows, coding: Coding, loci: Path | None, name_column: str | None) -> None:
        self.rows, self.coding, self.files = rows, coding, [rows.path]
        self.dtype = np.float32 if coding == "probability" else np.int8
        self.ploidy = 2 if coding == "dosage" else 1
        self.total, self.left_out = rows.n_rows, Counter()
        self.table = table_of_loci(loci, name_column, rows.n_columns, rows.columns)
        if loci is not None:
            self.files.append(loci)

    def blocks(self) -> Iterator[Block]:
        start = 0
        for raw in self.rows.blocks():
            values = in_single_precision(raw)
            yield Block(self.alleles(values, start), start + len(values))
            start += len(values)

    def alleles(self, values: NDArray[np.float32], start: int) -> NDArray:
        missing = np.isnan(values)
        if self.coding == "probability":
            wrong = (values < 0) | (values > 1)
        else:
            wrong = ~missing & ~np.isin(values, CALLS[self.coding])
        if wrong.any():
            row, column = divmod(int(wrong.argmax()), wrong.shape[1])
            who = self.rows.ids[start + row] if self.rows.ids else f"in row {start + row + 1}"
            raise InputError(
                f"{self.rows.path}: genotype {values[row, column]:g} of individual {who}, locus {self.table.iloc[column, 0]}, is "
                f"outside {CODING_WORDS[self.coding]} ({int(wrong.sum())} such in this block): mend it, or give the coding "
                "that it is in with prepare.coding"
            )
        scale, shift = SHIFT[self.coding]
        with np.errstate(invalid="ignore"):  # some kinds of NaN
            alleles = values * scale + shift
        if self.dtype is np.float32:
            return alleles
        return np.where(missing, NO_CALL, np.where(missing, 0, alleles).astype(np.int8))

    def individual_ids(self) -> tuple[str, ...] | None:
        return self.rows.ids

    def loci(self) -> pd.DataFrame:
        return self.table


def find_coding(rows: ArrayRows | TableRows) -> Coding:
    """The plainest coding that all values fit; reads them until there are too many to be calls."""
    seen = np.empty(0)
    with progress_bar() as bar:
        task = bar.add_task("finding the coding", total=rows.n_rows, note="")
        with closing(rows.blocks()) as blocks:
            for values in blocks:
                known = distinct_values(values)
                seen = np.union1d(seen, known[~np.isnan(known)])
                if seen.size > 3:
                    break
                bar.advance(task, len(values))
    return detect_coding(seen)
