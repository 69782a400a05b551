"""Tables of numbers and names: `.tsv` or `.csv`, plain or `.gz`, one header line, the id in the first column."""

import csv
import gzip
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from gpattention.data.genotype_phenotype import name_some, refuse_repeats
from gpattention.errors import InputError

SEPARATORS = {".tsv": "\t", ".csv": ",", ".tsv.gz": "\t", ".csv.gz": ","}
NOT_MEASURED = ("", "NA", "NaN", "nan")
CURE = "mend it, or leave it empty if it was not measured"
UNREADABLE = (
    OSError,
    EOFError,
    UnicodeDecodeError,
    csv.Error,
    zlib.error,
    zipfile.BadZipFile,
    tokenize.TokenError,  # numpy reads the header of an .npy as Python
)


def read_numbers(
    path: Path, columns: list[str] | None = None, key: str = "data.environments", cure: str = CURE
) -> pd.DataFrame:
    """A table of float64 indexed by its id column; NaN where a cell is empty or NA. `columns`, set by `key`, are kept."""
    header, ids = read_shape(path)
    refuse_repeats(header, f"{path}: column")
    refuse_repeats(ids, f"{path}: id")
    if "" in ids:
        raise InputError(f"{path}: the id of row {ids.index('') + 1} is empty: give every row one")
    if "" in header[1:]:
        raise InputError(f"{path}: column {header.index('', 1) + 1} has no name in the header: name it or remove it")
    names = header[1:] if columns is None else columns
    if not names:
        raise InputError(f"{key} is empty: name some of {name_some(header[1:], 20)}, or leave it at null for all")
    unknown = [name for name in names if name not in header[1:]]
    if unknown:
        raise InputError(
            f"{path} has no column {', '.join(unknown)}: it has {name_some(header[1:], 20)} (quote names that look like "
            "numbers)"
        )
    refuse_repeats(names, f"name in {key}")
    options = {
        "sep": separator(path),
        "usecols": names,
        "keep_default_na": False,
        "na_values": list(NOT_MEASURED),
        "encoding": "utf-8-sig",
    }
    try:
        table = pd.read_csv(path, dtype=np.float64, **options)
    except ValueError as error:
        raise InputError(locate_text(path, ids, pd.read_csv(path, dtype=str, **options), cure)) from error
    return table[names].set_index(pd.Index(ids))


def read_shape(path: Path, least_columns: int = 2) -> tuple[list[str], list[str]]:
    """Header and first column of a table whose rows are all as long as its header."""
    refuse_missing_file(path)
    ids = []
    try:
        with open_text(path) as file:
            rows = csv.reader(file, delimiter=separator(path), strict=True)
            header = next((row for row in rows if row), [])
            for row in rows:
                if row and len(row) != len(header):
                    raise InputError(
                        f"{path}, line {rows.line_num}: {len(row)} columns where the header has {len(header)}: mend the line"
                    )
                if row:
                    ids.append(row[0])
    except UNREADABLE as error:
        raise InputError(
            f"{path} cannot be read as a table ({first_line(error)}): is it whole, and of the kind its suffix says?"
        ) from error
    if len(header) == 1 and least_columns > 1:
        raise InputError(
            f"{path} has one column: a table has an id and at least one column more, and a file of this suffix has "
            f"{'tabs' if separator(path) == chr(9) else 'commas'} between them"
        )
    if len(header) < least_columns or not ids:
        raise InputError(
            f"{path} is empty: a table has a header line, at least {least_columns} columns with the id first, and rows"
        )
    return header, ids


def read_text_column(path: Path, column: str) -> dict[str, str]:
    """One column of a table as text, by id."""
    header, ids = read_shape(path)
    refuse_repeats(header, f"{path}: column")
    refuse_repeats(ids, f"{path}: id")
    if column not in header[1:]:
        raise InputError(f"{path} has no column {column}: it has {name_some(header[1:], 20)}")
    table = pd.read_csv(path, sep=separator(path), dtype=str, keep_default_na=False, encoding="utf-8-sig")
    return dict(zip(ids, table[column], strict=True))


def locate_text(path: Path, ids: list[str], text: pd.DataFrame, cure: str) -> str:
    """The message that names the first cell which is no number."""
    for column in text.columns:
        wrong = pd.to_numeric(text[column], errors="coerce").isna() & text[column].notna()
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            return f"{path}: '{text[column].iloc[row]}' in column {column}, id {ids[row]}, is not a number: {cure}"
    return f"{path}: some cell is not a number"


def separator(path: Path) -> str:
    for suffix, character in SEPARATORS.items():
        if path.name.endswith(suffix):
            return character
    raise InputError(f"{path}: unknown suffix: give one of .npy (genotypes only), {', '.join(SEPARATORS)}")


def open_text(path: Path) -> IO[str]:
    opener = gzip.open if path.suffix == ".gz" else open
    return opener(path, "rt", encoding="utf-8-sig", newline="")  # type: ignore[operator]


def refuse_missing_file(path: Path) -> None:
    if not path.is_file():
        raise InputError(
            f"{path} is not there (working folder: {Path.cwd().name}): mend the name, or data.root if it starts there"
        )


def first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
