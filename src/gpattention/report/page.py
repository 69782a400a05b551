"""One HTML page that needs nothing else: text, tables, and figures within it."""

import base64
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from gpattention.output import figures
from gpattention.output.terminal import HEADINGS, format_cell, format_rows

MOST_ROWS = 200


class Table(NamedTuple):
    """A table as it is shown.

    Attributes:
        header: names of the columns.
        numeric: which of them are numbers, set to the right.
        rows: cells as text.
        caption: what stands above it.
    """

    header: list[str]
    numeric: list[bool]
    rows: list[list[str]]
    caption: str


class Picture(NamedTuple):
    """A figure as it is shown: PNG in a data URI, what it shows, and its width in inches."""

    source: str
    caption: str
    inches: float


class Section(NamedTuple):
    """A part of a page: a heading, paragraphs, then what there is of tables, figures and commands."""

    title: str
    paragraphs: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    commands: Sequence[str] = ()

    @property
    def anchor(self) -> str:
        return "-".join(self.title.lower().split())


def render(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """The page."""
    templates = Environment(
        loader=PackageLoader("gpattention", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("page.html.jinja").render(title=title, subtitle=subtitle, sections=sections)


def show_table(table: pd.DataFrame, caption: str) -> Table:
    """A data frame as a table of the page; a long one is cut off, and its caption says so."""
    numeric = [table[name].dtype.kind in "iuf" for name in table]
    rows = format_rows(table.head(MOST_ROWS))
    if len(table) > MOST_ROWS:
        caption += f" The first {MOST_ROWS} of {len(table):,} rows."
    return Table([HEADINGS.get(str(name), str(name)) for name in table], numeric, rows, caption)


def show_values(values: dict[str, Any], caption: str, heading: str = "key") -> Table:
    """Names and values, a row each."""
    return Table(
        [heading, "value"], [False, False], [[key, format_cell(value)] for key, value in values.items()], caption
    )


def show_figure(figure: Figure, caption: str) -> Picture:
    buffer = BytesIO()
    figures.save(figure, buffer, "png")
    return picture(buffer.getvalue(), caption, float(figure.get_figwidth()))


def show_file(path: Path, caption: str) -> Picture:
    """A PNG that an earlier command has drawn, at 200 dots to the inch."""
    content = path.read_bytes()
    width = int.from_bytes(content[16:20], "big")
    return picture(content, caption, width / 200)


def picture(png: bytes, caption: str, inches: float) -> Picture:
    return Picture(f"data:image/png;base64,{base64.b64encode(png).decode()}", caption, round(inches, 2))
