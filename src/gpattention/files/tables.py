"""Tables of numbers and names: `.tsv` or `.csv`, plain or `.gz`, one header line, the id in the first column."""

import csv
import gzip
import math
import re
from collections.abc import Iterator, Sequence, Sized
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from gpattention.checks import name_some, refuse_repeats
from gpattention.errors import InputError
from gpattention.files.untrusted import UNREADABLE, refuse, refuse_larger_than_memory, refuse_missing_file

SEPARATORS = {".tsv": "\t", ".csv": ",", ".tsv.gz": "\t", ".csv.gz": ","}
FAMILY, INDIVIDUAL = ("FID", "#FID"), ("IID", "#IID")  # of PLINK
LONGEST_HEADER = 2**16  # characters in which they are looked for
NOT_MEASURED = ("", "NA", "NaN", "nan")
CURE = "mend it, or leave it empty if it was not measured"
CELL_BYTES, ID_BYTES = 16, 100  # while a table is read
LONGEST_LINE = 2**27  # characters
# What a compressed table may come to: this many times its size, or this many characters.
LARGEST_EXPANSION, ALWAYS_EXPANDED = 500, 2**24
MOST_BLANK_LINES = 100_000
LINES_BETWEEN_LOOKS = 2**20


def read_numbers(
    path: Path, columns: list[str] | None = None, key: str = "data.environments", cure: str = CURE
) -> pd.DataFrame:
    """A table of float64 indexed by its id column; NaN where a cell is empty or NA. `columns`, set by `key`, are kept."""
    header, ids = read_shape(path)
    refuse_names(path, header, ids)
    names = header[1:] if columns is None else columns
    if not names:
        raise InputError(f"{key} is empty: name some of {name_some(header[1:], 20)}, or leave it at null for all")
    known = set(header[1:])
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(
            f"{path} has no column {', '.join(unknown)}: it has {name_some(header[1:], 20)} (quote names that look like "
            "numbers)"
        )
    refuse_repeats(names, f"name in {key}")
    refuse_larger_than_memory(path, len(ids) * len(names) * CELL_BYTES)
    try:
        table = read_cells(path, header, names, np.float64, list(NOT_MEASURED))
        refuse_truths(path, header, table)
    except ValueError as error:
        text = read_cells(path, header, names, str, list(NOT_MEASURED))
        raise InputError(locate_text(path, ids, text, cure)) from error
    return table.set_axis(refuse_other_count(path, table, ids))


def refuse_names(path: Path, header: list[str], ids: list[str]) -> None:
    """Raise an InputError unless every column and every row has a name of its own."""
    refuse_repeats(header, f"{path}: column")
    refuse_repeats(ids, f"{path}: id")
    if "" in ids:
        raise InputError(f"{path}: the id of row {ids.index('') + 1} is empty: give every row one")
    if "" in header[1:]:
        raise InputError(f"{path}: column {header.index('', 1) + 1} has no name in the header: name it or remove it")


def read_shape(path: Path, least_columns: int = 2) -> tuple[list[str], list[str]]:
    """Header and first column of a table whose rows are all as long as its header."""
    refuse_missing_file(path)
    ids: list[str] = []
    try:
        with open_text(path) as file:
            rows = csv.reader(bounded_lines(path, file), delimiter=separator(path), strict=True)
            header = next((row for row in rows if row), [])
            for row in rows:
                if row and len(row) != len(header):
                    raise InputError(
                        f"{path}, line {rows.line_num}: {len(row)} columns where the header has {len(header)}: mend the line"
                    )
                if row:
                    ids.append(row[0])
                    if not len(ids) % LINES_BETWEEN_LOOKS:
                        refuse_larger_than_memory(path, LINES_BETWEEN_LOOKS * ID_BYTES)
    except UNREADABLE as error:
        refuse(path, "as a table", error, "is it whole, and of the kind its suffix says?")
    if len(header) == 1 and least_columns > 1:
        raise InputError(
            f"{path} has one column: a table has an id and at least one column more, and a file of this suffix has "
            f"{'tabs' if separator(path) == chr(9) else 'commas'} between them; mend the table or its suffix"
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
    table = read_cells(path, header, [column], str, [])
    return dict(zip(refuse_other_count(path, table, ids), table[column], strict=True))


def refuse_truths(path: Path, header: list[str], table: pd.DataFrame) -> None:
    """Raise a ValueError where a column has nothing but True and False, which pandas takes for 1 and 0."""
    first = (~np.isnan(table.to_numpy())).argmax(axis=0)
    position = {name: number for number, name in enumerate(header)}
    place = [position[name] for name in table.columns]
    with open_text(path) as file:
        rows = islice((row for row in csv.reader(file, delimiter=separator(path)) if row), 1, int(first.max()) + 2)
        for number, row in enumerate(rows):
            for column in np.flatnonzero(first == number):
                if row[place[column]].lower() in ("true", "false"):
                    raise ValueError


def read_cells(
    path: Path,
    header: list[str],
    names: list[str],
    dtype: Any,
    not_measured: list[str] | dict[str, list[str]],
) -> pd.DataFrame:
    """Some columns of a table, by their places in the header, so that no name is taken for another.

    Args:
        dtype: of all, or by name.
        not_measured: cells that are empty, of all columns or by name.
    """
    position = {name: number for number, name in enumerate(header)}
    place = {name: position[name] for name in names}

    def by_place(given: Any) -> Any:
        return {place[name]: value for name, value in given.items()} if isinstance(given, dict) else given

    try:
        table = pd.read_csv(
            path,
            sep=separator(path),
            header=0,
            names=list(range(len(header))),
            usecols=sorted(place.values()),
            index_col=False,
            dtype=by_place(dtype),
            keep_default_na=False,
            na_values=by_place(not_measured),
            encoding="utf-8-sig",
            low_memory=not isinstance(dtype, dict),  # in parts, a column whose kind is not given may come out mixed
        )
    except pd.errors.ParserError as error:
        refuse(path, "as a table", error, "mend its quotes")
    return table[list(place.values())].set_axis(names, axis=1)


def refuse_other_count(path: Path, rows: Sized, ids: Sequence[str]) -> pd.Index:
    """The ids, once there are as many as rows."""
    if len(rows) != len(ids):
        raise InputError(f"{path} has {len(ids)} ids and {len(rows)} rows of values: mend its quotes and line ends")
    return pd.Index(ids)


def bounded_lines(path: Path, file: IO[str]) -> Iterator[str]:
    """The lines of a table; an InputError for what no table has, and for a compressed one that comes to far too much."""
    allowed = max(ALWAYS_EXPANDED, LARGEST_EXPANSION * path.stat().st_size) if path.suffix == ".gz" else math.inf
    total = n_blank = 0
    for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), ""), 1):
        if len(line) == LONGEST_LINE:
            raise InputError(f"{path}, line {number} is longer than {LONGEST_LINE:,} characters: is it a table?")
        if "\0" in line:
            raise InputError(f"{path}, line {number} has a zero byte: write it as text in UTF-8")
        total += len(line)
        n_blank += line.isspace() and len(line) < 3
        if n_blank > MOST_BLANK_LINES:
            raise InputError(f"{path}, line {number}: more than {MOST_BLANK_LINES:,} lines are blank: remove them")
        if total > allowed:
            raise InputError(
                f"{path} comes to more than {LARGEST_EXPANSION} times its size: if that is right, unpack it with gunzip first"
            )
        yield line


def locate_text(path: Path, ids: list[str], text: pd.DataFrame, cure: str) -> str:
    """The message that names the first cell which is no number."""
    for column in text.columns:
        wrong = pd.to_numeric(text[column], errors="coerce").isna() & text[column].notna()
        wrong |= text[column].str.lower().isin(("true", "false"))
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            return f"{path}: '{text[column].iloc[row]}' in column {column}, id {ids[row]}, is not a number: {cure}"
    return f"{path}: some cell is not a number"


def is_of_plink(path: Path) -> bool:
    """Whether a table begins with PLINK's columns FID and IID; what cannot be read does not."""
    try:
        with open_text(path) as file:
            names = re.split(r"[\s,]+", file.readline(LONGEST_HEADER))
    except UNREADABLE:
        return False
    return names[0] in FAMILY and names[1:2] != [] and names[1] in INDIVIDUAL


def separator(path: Path) -> str:
    for suffix, character in SEPARATORS.items():
        if path.name.endswith(suffix):
            return character
    raise InputError(f"{path}: unknown suffix: give one of .npy (genotypes only), {', '.join(SEPARATORS)}")


def open_text(path: Path) -> IO[str]:
    opener = gzip.open if path.suffix == ".gz" else open
    return opener(path, "rt", encoding="utf-8-sig", newline="")  # type: ignore[operator]


def first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
