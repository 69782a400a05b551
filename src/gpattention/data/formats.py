"""Readers of genotype and phenotype files, joined by individual id. Genotypes are tables or `.npy` arrays."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gpattention.checks import name_some, refuse_repeats
from gpattention.data.alleles import COUNTED, OTHER, Alleles, alleles_of
from gpattention.data.causal_loci import select_causal_loci
from gpattention.data.coded_rows import CodedRows
from gpattention.data.genotype_phenotype import CODING_WORDS, Coding, GenotypePhenotypeData, code_genotype
from gpattention.errors import InputError
from gpattention.files import untrusted
from gpattention.files.tables import NOT_MEASURED, is_of_plink, read_cells, read_numbers, read_shape, refuse_other_count
from gpattention.files.untrusted import refuse_missing_file

log = logging.getLogger(__name__)

CODES = (-9, -99, -999, -9999)  # what programs write for not measured


Values = TypeVar("Values", NDArray, NDArray | CodedRows)


@dataclass(frozen=True)
class Genotypes(Generic[Values]):
    """(N, L) alleles in [-1, 1] and the names that came with them; ids and names are None for a bare array.

    Attributes:
        alleles: the letters, where the source has them.
    """

    values: Values
    coding: Coding
    individual_ids: tuple[str, ...] | None
    locus_names: tuple[str, ...] | None
    alleles: Alleles | None = None


def read_table(
    *,
    root: str,
    genotype_file: str,
    phenotype_file: str,
    standard_error_file: str | None = None,
    loci_file: str | None = None,
    locus_name_column: str | None = None,
    coding: Coding | None = None,
    on_missing_id: Literal["error", "drop"] = "error",
    environment_file: str | None = None,
    covariates: list[str] | None = None,
    loci: Literal["all", "causal"] = "all",
    causal_loci_file: str | None = None,
    environments: list[str] | None = None,
) -> GenotypePhenotypeData:
    """A person's own files as one data set, in the order of the genotype file.

    Args:
        root: folder that relative file names start from.
        genotype_file: `.npy` (N, L), or a table with a column per locus.
        phenotype_file: table with a column per environment; empty or NA where not measured.
        standard_error_file: table of the same ids and environments.
        loci_file: table with a row per locus; gives a bare array its locus names.
        locus_name_column: column of `loci_file` with the names; None takes the first.
        coding: coding of the genotypes; None detects it.
        on_missing_id: what to do with an id that only the genotypes or only the phenotypes have.
        environment_file: table with a row per environment and numeric columns, such as its temperature.
        covariates: columns of `environment_file` to keep; None keeps all.
        loci: all, or those listed as `causal` for the environments taken in `causal_loci_file`.
        environments: columns of the phenotype table to keep; None keeps all.
    """
    if loci == "causal" and causal_loci_file is None:
        raise InputError("data.loci=causal needs data.causal_loci_file: a table with columns environment and locus")
    if covariates is not None and environment_file is None:
        raise InputError(f"data.covariates={covariates} without data.environment_file: give the table that has them")
    folder = Path(root)
    genotype_path, phenotype_path = folder / genotype_file, folder / phenotype_file
    error_path = None if standard_error_file is None else folder / standard_error_file
    phenotype, error = read_phenotype_tables(phenotype_path, error_path, environments)
    genotypes = read_genotypes(genotype_path, coding)
    log.info(
        "genotypes of %s: %s%s", genotype_path.name, CODING_WORDS[genotypes.coding], "" if coding else " (detected)"
    )

    values = genotypes.values
    if genotypes.individual_ids is None:
        if len(values) != len(phenotype):
            raise InputError(
                f"{genotype_path} has {len(values)} rows and {phenotype_path} has {len(phenotype)}: an array without "
                "ids goes by row order and needs as many rows; or give the genotypes as a table with an id column"
            )
        ids = tuple(phenotype.index)
    else:
        ids = join_ids(genotypes.individual_ids, tuple(phenotype.index), genotype_path, phenotype_path, on_missing_id)
        row = pd.Index(genotypes.individual_ids).get_indexer(pd.Index(ids))
        values = values[row]
    table, names = (
        read_loci(folder / loci_file, locus_name_column, genotypes) if loci_file else (None, genotypes.locus_names)
    )
    environment_names = tuple(phenotype.columns)
    data = GenotypePhenotypeData(
        genotype=values,
        phenotype=phenotype.loc[list(ids)].to_numpy(),
        individual_ids=ids,
        environment_names=environment_names,
        coding=genotypes.coding,
        standard_error=None if error is None else error.loc[list(ids)].to_numpy(),
        locus_names=names,
        loci=table,
        covariates=None
        if environment_file is None
        else read_covariates(folder / environment_file, environment_names, covariates),
    )
    return data if loci == "all" else select_causal_loci(data, folder / str(causal_loci_file))


def read_phenotype_tables(
    path: Path, error_path: Path | None, environments: list[str] | None, key: str = "data.environments"
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Phenotypes by id, and their standard errors where there are any; `environments`, set by `key`, are kept."""
    if is_of_plink(path):
        raise InputError(
            f"{path} has PLINK's columns FID and IID: gpattention prepare reads them; or leave FID out, so that the id comes first"
        )
    phenotype = read_numbers(path, environments, key)
    warn_of_codes(path, phenotype)
    if error_path is None:
        return phenotype, None
    error = read_numbers(error_path, list(phenotype.columns), key)
    strangers = sorted(set(error.index) ^ set(phenotype.index))
    if strangers:
        raise InputError(
            f"{error_path}: {len(strangers)} ids are not in both this file and {path}: "
            f"{name_some(strangers)}; give every individual one row in each"
        )
    return phenotype, error


def warn_of_codes(path: Path, phenotype: pd.DataFrame) -> None:
    """Tell of numbers that programs write for what was not measured, where they lie far below all others."""
    for name, column in phenotype.items():
        code = column.min()
        others = column[column > code]
        if code in CODES and len(others) and code < others.min() - (others.max() - others.min()):
            n = int((column == code).sum())
            log.warning(
                "%s: %d values of %g in column %s lie far below all others: leave them empty if they were not measured",
                path.name,
                n,
                code,
                name,
            )


def read_covariates(path: Path, environment_names: tuple[str, ...] | None, columns: list[str] | None) -> pd.DataFrame:
    """A row of numbers for each environment, from a table with the environment's name first; all rows for None."""
    table = read_numbers(path, columns, "data.covariates", "name the columns to take in data.covariates, or mend it")
    names = tuple(table.index) if environment_names is None else environment_names
    missing = [name for name in names if name not in table.index]
    if missing:
        raise InputError(f"{path} has no row for environment {name_some(missing)}: add one, with its covariates")
    table = table.loc[list(names)]
    for column, values in table.items():
        wrong = ~np.isfinite(values.to_numpy())
        if wrong.any():
            name = names[int(wrong.argmax())]
            raise InputError(f"{path}: covariate {column} of environment {name} is missing or infinite: give a number")
    return table


def map_genotypes(path: Path, coding: Coding) -> Genotypes[NDArray | CodedRows]:
    """The same as `read_genotypes` gives, but of an `.npy` file only what is looked at is in memory."""
    if path.suffix != ".npy":
        read = read_genotypes(path, coding)
        return Genotypes(read.values, coding, read.individual_ids, read.locus_names)
    return Genotypes(CodedRows(read_array(path, mapped=True), coding, str(path)), coding, None, None)


def read_genotypes(path: Path, coding: Coding | None) -> Genotypes[NDArray]:
    """A genotype file in `coding`, or in the coding detected where it is None."""
    if path.suffix == ".npy":
        values = read_array(path)
        rows: tuple[str, ...] = tuple(map(str, range(len(values))))
        ids, names = None, None
    else:
        table = read_numbers(path)
        values = table.to_numpy()
        ids = rows = tuple(table.index)
        names = tuple(table.columns)
    coded, coding = code_genotype(values, coding, str(path), rows, names)
    return Genotypes(coded, coding, ids, names)


def read_array(path: Path, mapped: bool = False) -> NDArray:
    """A two-dimensional array of numbers from a `.npy` file, whole or as a map of the file."""
    refuse_missing_file(path)
    values = untrusted.read_array(path, "write it with numpy.save", mapped)
    if values.ndim != 2 or values.dtype.kind not in "biuf" or not values.size:
        raise InputError(
            f"{path} holds {values.dtype} {values.shape}: give individuals as rows and loci as columns, in numbers"
        )
    return values.astype(np.int8) if values.dtype.kind == "b" and not mapped else values


def read_loci(path: Path, name_column: str | None, genotypes: Genotypes[Any]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """What is known of each locus, in the order of the genotype columns, and the locus names."""
    header, ids = read_shape(path, least_columns=1)
    name_column = name_column or header[0]
    if name_column not in header:
        raise InputError(f"{path} has no column {name_column} (locus_name_column): it has {name_some(header, 20)}")
    refuse_repeats(header, f"{path}: column")
    # NA is a name like any other; only the other columns may be empty.
    others = [column for column in header if column != name_column]
    text = {column: str for column in (name_column, COUNTED, OTHER) if column in header}
    table = read_cells(path, header, header, text, {column: list(NOT_MEASURED) for column in others})
    refuse_other_count(path, table, ids)
    names = tuple(table[name_column])
    if "" in names:
        raise InputError(f"{path}: the name of locus {names.index('') + 1} is empty: give every locus one")
    refuse_repeats(names, f"{path}: locus")
    if genotypes.locus_names is None:
        if len(names) != genotypes.values.shape[1]:
            raise InputError(
                f"{path} names {len(names)} loci and the genotypes have {genotypes.values.shape[1]} columns: give one row per column"
            )
        return table, names
    known = set(names)
    missing = [name for name in genotypes.locus_names if name not in known]
    if missing:
        raise InputError(
            f"{path} lacks {len(missing)} loci of the genotype table: {name_some(missing)}; add a row for each"
        )
    return table.set_index(name_column, drop=False).loc[list(genotypes.locus_names)].reset_index(
        drop=True
    ), genotypes.locus_names


def with_loci(
    genotypes: Genotypes[Values], path: Path, name_column: str | None
) -> tuple[Genotypes[Values], pd.DataFrame]:
    """Genotypes with the names and letters that a table of loci has for them, and the table in their order."""
    table, names = read_loci(path, name_column, genotypes)
    return replace(genotypes, locus_names=names, alleles=genotypes.alleles or alleles_of(table)), table


def join_ids(
    genotype_ids: tuple[str, ...],
    phenotype_ids: tuple[str, ...],
    genotype_path: Path,
    phenotype_path: Path,
    on_missing: str,
    key: str = "data.on_missing_id",
) -> tuple[str, ...]:
    """The ids that both files have, in the order of the genotypes; an InputError or a log line for the others."""
    in_genotypes, in_phenotypes = set(genotype_ids), set(phenotype_ids)
    shared = tuple(name for name in genotype_ids if name in in_phenotypes)
    lone = [
        f"{len(names)} ids of {path} have no row in {other}: {name_some(names, 3)}"
        for names, path, other in (
            ([name for name in genotype_ids if name not in in_phenotypes], genotype_path, phenotype_path.name),
            ([name for name in phenotype_ids if name not in in_genotypes], phenotype_path, genotype_path.name),
        )
        if names
    ]
    if lone and (on_missing == "error" or not shared):
        cure = f"set {key}=drop to leave them out, or mend the ids" if shared else "no id is in both: mend the ids"
        raise InputError(f"{'; '.join(lone)}; {cure}")
    for line in lone:
        log.warning("left out: %s", line)
    return shared
