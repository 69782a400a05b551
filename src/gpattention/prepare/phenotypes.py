"""Tables of phenotypes and their standard errors, also in the form that PLINK takes."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gpattention.checks import name_some
from gpattention.data.formats import read_phenotype_tables
from gpattention.errors import InputError
from gpattention.files.tables import (
    FAMILY,
    INDIVIDUAL,
    NOT_MEASURED,
    SEPARATORS,
    UNREADABLE,
    first_line,
    is_of_plink,
    read_shape,
    refuse_names,
    separator,
)
from gpattention.files.untrusted import refuse_missing_file

log = logging.getLogger(__name__)

NOT_MEASURED_BY_PLINK = -9
PLINK_SUFFIXES = (".txt", ".pheno", ".phen")
BLANKS = r"\s+"


@dataclass(frozen=True)
class Phenotypes:
    """(N, E) values in original units, NaN where not measured, indexed by the individuals' ids.

    Attributes:
        standard_error: of the same shape and index, or None.
        files: that they were read from, the phenotypes first.
    """

    values: pd.DataFrame
    standard_error: pd.DataFrame | None
    files: tuple[Path, ...]


def read_phenotypes(
    folder: Path, phenotype_file: str, standard_error_file: str | None, environments: list[str] | None
) -> Phenotypes:
    """Phenotype tables as for `data=table`, or a PLINK phenotype file (FID, IID and a column for each trait), by its name or
    its header."""
    path = folder / phenotype_file
    refuse_missing_file(path)
    if path.name.endswith(PLINK_SUFFIXES) or is_of_plink(path):
        if standard_error_file is not None:
            raise InputError(
                f"prepare.standard_error_file={standard_error_file} goes with a .tsv or .csv of phenotypes, not with {path.name}"
            )
        return Phenotypes(read_plink_phenotypes(path, environments), None, (path,))
    error_path = None if standard_error_file is None else folder / standard_error_file
    values, error = read_phenotype_tables(path, error_path, environments, "prepare.environments")
    return Phenotypes(values, error, (path,) if error_path is None else (path, error_path))


def read_plink_phenotypes(path: Path, environments: list[str] | None) -> pd.DataFrame:
    """Traits by IID from a table with blanks, tabs or (`.csv`) commas between its columns; NA or -9 where not measured."""
    is_table = path.name.endswith(tuple(SEPARATORS))
    if is_table:
        read_shape(path)
    between = separator(path) if is_table else BLANKS
    try:
        cells = pd.read_csv(path, sep=between, header=None, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (*UNREADABLE, ValueError) as error:
        raise InputError(f"{path} cannot be read as a PLINK phenotype file ({first_line(error)}): mend it") from error
    header = cells.iloc[0].tolist()
    if not is_table and (short := (cells == "").any(axis=1).to_numpy()).any():
        raise InputError(
            f"{path}, line {int(short.argmax()) + 1}: fewer columns than the {len(header)} of the first line: mend it"
        )
    family = int(header[0] in FAMILY)
    header, table = header[family:], cells.iloc[1:, family:].set_axis(header[family:], axis=1)
    if len(header) < 2 or header[0] not in INDIVIDUAL:
        raise InputError(
            f"{path}: a PLINK phenotype file has a header line with FID, IID and a name for each trait; give one, or a .tsv "
            "with the id first"
        )
    ids = table.iloc[:, 0].tolist()
    refuse_names(path, header, ids)
    names = header[1:] if environments is None else environments
    known = set(header[1:])
    if unknown := [name for name in names if name not in known]:
        raise InputError(f"{path} has no column {', '.join(unknown)}: it has {name_some(header[1:], 20)}")
    values: dict[str, NDArray[np.float64]] = {}
    for name in names:
        text = table[name].where(~table[name].isin(NOT_MEASURED), None)
        numbers = pd.to_numeric(text, errors="coerce")
        wrong = (numbers.isna() & text.notna()).to_numpy()
        if wrong.any():
            row = int(wrong.argmax())
            raise InputError(
                f"{path}, line {row + 2}: '{text.iloc[row]}' in column {name} is not a number: mend it, or write NA"
            )
        is_code = numbers == NOT_MEASURED_BY_PLINK
        if is_code.any():
            log.info("%s: %d values of -9 in column %s are taken as not measured", path.name, is_code.sum(), name)
        values[name] = numbers.where(~is_code).to_numpy(float)
    return pd.DataFrame(values, index=pd.Index(ids))
