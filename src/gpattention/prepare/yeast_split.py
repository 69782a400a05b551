"""The yeast cross as arrays that are already split, pruned and standardised (Zenodo record 15313069)."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gpattention.errors import InputError
from gpattention.files.untrusted import refuse_missing_file
from gpattention.prepare.arrays import ArrayRows, in_single_precision
from gpattention.prepare.download import fetch_record
from gpattention.prepare.loci import table_of_loci
from gpattention.prepare.phenotypes import Phenotypes
from gpattention.prepare.source import Block, GenotypeSource, RawData
from gpattention.prepare.yeast_bbq import ENVIRONMENTS

PARTS = ("train", "val", "test")
RECORD = "10.5281/zenodo.15313069"


def open_yeast_split(
    *,
    root: str,
    environments: list[str] | None = None,
    loci_file: str | None = None,
    locus_name_column: str | None = None,
    download: bool = False,
) -> RawData:
    """`geno_{train,val,test}.npy` and `pheno_{train,val,test}.npy`, taken as they are, with their split.

    Args:
        root: folder of the files.
        environments: names of the columns of the phenotypes, in order; None takes the 18 of the yeast cross.
        loci_file: table with a row per locus; None names them locus1, locus2, ...
        locus_name_column: column of `loci_file` with the names; None takes the first.
        download: fetch what is not there from the record, compared with the checksums that it states.
    """
    folder = Path(root)
    names = ENVIRONMENTS if environments is None else environments
    if download:
        wanted = [f"{kind}_{part}.npy" for kind in ("geno", "pheno") for part in PARTS]
        fetch_record(RECORD, [name for name in wanted if not (folder / name).is_file()], folder)
    genotypes = SplitArrays([ArrayRows(folder / f"geno_{part}.npy") for part in PARTS])
    genotypes.name_loci(None if loci_file is None else folder / loci_file, locus_name_column)
    tables, paths = [], tuple(folder / f"pheno_{part}.npy" for part in PARTS)
    for path, rows in zip(paths, genotypes.parts, strict=True):
        refuse_missing_file(path)
        values = ArrayRows(path).values
        if values.shape != (rows.n_rows, len(names)):
            raise InputError(
                f"{path} is {values.shape}: {rows.path.name} has {rows.n_rows} rows, and there are {len(names)} environments; "
                "give arrays of one record, or name its columns in prepare.environments"
            )
        tables.append(np.array(values, dtype=np.float64))
    ids = genotypes.individual_ids()
    phenotypes = Phenotypes(pd.DataFrame(np.concatenate(tables), index=pd.Index(ids), columns=names), None, paths)
    return RawData(genotypes, phenotypes, split={name: name.partition("_")[0] for name in ids})


class SplitArrays(GenotypeSource):
    """The rows of the three arrays one after another; alleles as 2p - 1, or as p where none is negative."""

    blocks_of, ploidy = "individuals", 1
    dtype = np.float32

    def __init__(self, parts: list[ArrayRows]) -> None:
        self.parts, self.files = parts, [rows.path for rows in parts]
        widths = {rows.n_columns for rows in parts}
        if len(widths) > 1:
            shapes = ", ".join(f"{rows.path.name} {rows.n_columns:,}" for rows in parts)
            raise InputError(
                f"{self.files[0].parent}: the arrays have different numbers of loci ({shapes}): give those of one record"
            )
        self.total, self.left_out = sum(rows.n_rows for rows in parts), Counter()
        smallest = min(float(block.min()) for rows in parts for block in rows.blocks())
        self.is_signed = smallest < 0
        self.coding = "probability"

    def name_loci(self, path: Path | None, name_column: str | None) -> None:
        self.table = table_of_loci(path, name_column, self.parts[0].n_columns)
        if path is not None:
            self.files.append(path)

    def blocks(self) -> Iterator[Block]:
        done = 0
        for rows in self.parts:
            first = 1
            for values in rows.blocks():
                alleles = in_single_precision(values)
                self.refuse_outside(alleles, rows.path, first)
                first, done = first + len(values), done + len(values)
                yield Block(alleles if self.is_signed else alleles * 2 - 1, done)

    def refuse_outside(self, alleles: NDArray[np.float32], path: Path, first: int) -> None:
        wrong = ~((alleles >= (-1 if self.is_signed else 0)) & (alleles <= 1))
        if wrong.any():
            row, column = np.argwhere(wrong)[0].tolist()
            raise InputError(
                f"{path}, row {first + row}, column {column + 1}: the genotype is outside "
                f"{'[-1, 1]' if self.is_signed else '[0, 1]'}, or none: give alleles as probabilities p or as 2p - 1"
            )

    def individual_ids(self) -> tuple[str, ...]:
        """Part and row: the record has no numbers."""
        return tuple(
            f"{part}_{row}" for part, rows in zip(PARTS, self.parts, strict=True) for row in range(rows.n_rows)
        )

    def loci(self) -> pd.DataFrame:
        return self.table
