"""Decimal numbers from lines of text, many at once: array operations on bytes in place of a parser for each number.

Letters: R lines, F fields of a line but for its first, K fields of one width of W bytes.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

TAB, LINE_END, ZERO, POINT = 9, 10, 48, 46
MOST_BYTES = 24  # of a field that is read the fast way


class Uneven(ValueError):
    """A line has another number of fields; `line` is its number from 0 on, `n_fields` what it has."""

    def __init__(self, line: int, n_fields: int) -> None:
        super().__init__(line, n_fields)
        self.line, self.n_fields = line, n_fields


def parse_lines(text: bytes, n_fields: int) -> tuple[list[bytes], NDArray[np.float32]]:
    """The first fields of R lines, as they are, and the (R, F) numbers after them; NaN where a field is none.

    A digit, a point and digits take the fast way, all fields of one width together: digits times powers of ten as a matrix
    product, right to the last place but one of float32. What else Python reads as a number (1e-05) takes a slower one.

    Args:
        text: lines with their ends, fields with a tab between them.
        n_fields: of every line, the first one included.

    Raises:
        Uneven: a line has more or fewer fields.
    """
    names, rows = [], []
    start = 0
    while start < len(text):
        stop = text.index(b"\n", start) + 1
        first = text.find(b"\t", start, stop)
        row = None if first < 0 else parse_even(text, first + 1, stop, n_fields - 1)
        if row is None:
            break
        names.append(text[start:first])
        rows.append(row)
        start = stop
    even = np.stack(rows) if rows else np.empty((0, n_fields - 1), dtype=np.float32)
    if start == len(text):
        return names, even
    try:
        rest, numbers = parse_any(text[start:], n_fields)
    except Uneven as error:
        raise Uneven(error.line + len(names), error.n_fields) from error
    return names + rest, np.concatenate([even, numbers])


def parse_even(text: bytes, start: int, stop: int, n_fields: int) -> NDArray[np.float32] | None:
    """Numbers of a line whose fields are all as wide as the first; None where they are not, or are no plain decimals."""
    width, rest = divmod(stop - start, n_fields)
    if rest or not 3 <= width - 1 <= MOST_BYTES:
        return None
    low, span, power = template(width, n_fields)
    offset = np.frombuffer(text, np.uint8, stop - start, start) - low
    if (offset > span).any():
        return None
    return offset.reshape(n_fields, width).astype(np.float32) @ power


@lru_cache(maxsize=4)
def template(width: int, n_fields: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]:
    """Smallest byte and how much larger it may be, for every byte of such a line; powers of ten for those of a field."""
    one_low, one_span, one_power = decimal(width - 1)
    low, span = (
        np.tile(np.append(one_low, np.uint8(TAB)), n_fields),
        np.tile(np.append(one_span, np.uint8(0)), n_fields),
    )
    low[-1] = LINE_END
    return low, span, np.append(one_power, np.float32(0))


def decimal(width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]:
    """The same for a field alone: a digit, a point, digits."""
    low, span = np.full(width, ZERO, dtype=np.uint8), np.full(width, 9, dtype=np.uint8)
    power = 10.0 ** -np.maximum(np.arange(width, dtype=np.float64) - 1, 0)
    if width > 1:
        low[1], span[1], power[1] = POINT, 0, 0
    return low, span, power.astype(np.float32)


def parse_any(text: bytes, n_fields: int) -> tuple[list[bytes], NDArray[np.float32]]:
    """First fields and numbers of lines whose fields have any widths."""
    array = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(array <= LINE_END)
    n_lines = text.count(b"\n")
    last = ends[n_fields - 1 :: n_fields]
    if len(ends) != n_lines * n_fields or text.count(b"\t") != len(ends) - n_lines or (array[last] != LINE_END).any():
        for line, content in enumerate(text.split(b"\n")[:-1]):
            if (found := content.count(b"\t") + 1) != n_fields:
                raise Uneven(line, found)
        ends = np.flatnonzero((array == TAB) | (array == LINE_END))  # other control characters belong to fields
    end = ends.reshape(n_lines, n_fields)
    start = np.empty_like(end)
    start.flat[0] = 0
    start.flat[1:] = end.flat[:-1] + 1
    names = [text[first:stop] for first, stop in zip(start[:, 0].tolist(), end[:, 0].tolist(), strict=True)]
    length = (end - start)[:, 1:].ravel()
    first_byte = start[:, 1:].ravel()
    number: NDArray[np.float32] = np.empty(len(first_byte), dtype=np.float32)
    for width in np.flatnonzero(np.bincount(length)).tolist():
        chosen = np.flatnonzero(length == width)
        number[chosen] = parse_width(array, first_byte[chosen], width)
    return names, number.reshape(n_lines, n_fields - 1)


def parse_width(text: NDArray[np.uint8], start: NDArray[np.int64], width: int) -> NDArray[np.float32]:
    """(K,) numbers of fields that all have W bytes."""
    if not width:
        return np.full(len(start), np.nan, dtype=np.float32)
    if width > MOST_BYTES:
        return parse_slowly(text, start, width)
    wrong = np.zeros(len(start), dtype=bool)
    number: NDArray[np.float32] = np.zeros(len(start), dtype=np.float32)
    place = start.copy()
    for low, span, power in zip(*decimal(width), strict=True):
        offset = text.take(place) - low
        wrong |= offset > span
        if power:
            number += power * offset
        place += 1
    if wrong.any():
        number[wrong] = parse_slowly(text, start[wrong], width)
    return number


def parse_slowly(text: NDArray[np.uint8], start: NDArray[np.int64], width: int) -> NDArray[np.float32]:
    """(K,) numbers of fields as Python reads them, NaN where it does not."""
    byte_KW = text[start[:, None] + np.arange(width)]
    byte_KW[byte_KW == 0] = ord("x")  # numpy would leave a zero at the end out
    fields = byte_KW.view(f"S{width}")[:, 0]
    try:
        return fields.astype(np.float32)
    except ValueError:
        return np.array([as_number(field) for field in fields.tolist()], dtype=np.float32)


def as_number(field: bytes) -> float:
    try:
        return float(field)
    except ValueError:
        return np.nan
