"""Tables of labelled examples, CSV and TSV. Which columns mean what is in `fields.py`.

CSV is read as RFC 4180 says, line breaks within quotation marks included. In TSV a line is always a row: many
Korean data sets and GLUE have quotation marks that quote nothing, and a reader that believes in them swallows
the rows up to the next one. They count as quoting only where a line by itself is quoted correctly, and in a table
that is read literally not even there.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from malmoi.errors import DataError, InputError
from malmoi.tasks.fields import COLUMNS, match_names, plain_label
from malmoi.tasks.files import read_head, read_lines

ExampleT = TypeVar("ExampleT")


def read_table(
    path: Path,
    separator: str,
    make: Callable[..., ExampleT],
    fields: Sequence[str],
    columns: Sequence[str] | None = None,
    *,
    literal: bool = False,
    header: Sequence[str] | None = None,
) -> Iterator[ExampleT]:
    """Yield an example of each row below the header; empty lines are passed over.

    Args:
        path: the file, decompressed by suffix.
        separator: comma or tab.
        make: called with one cell a field, a label as `plain_label` gives it.
        fields: the fields of the example; only columns of `OPTIONAL` ones may be missing.
        columns: the name of each field's column, in lower case; `None`: any name of `COLUMNS`.
        literal: whether quotation marks in TSV never quote, as in GLUE.
        header: names of the columns of a file that has no header row.

    Raises:
        DataError: a column is missing, a row has more or fewer cells than the header, or `make` refuses it.
    """
    places: list[int | None] | None = None
    for number, cells in table_rows(path, separator, literal=literal, header=header):
        if places is None:
            places = _places(path, cells, fields, columns)
            continue
        values = [None if place is None else cells[place] for place in places]
        try:
            yield make(*(plain_label(v) if f == "label" else v for f, v in zip(fields, values, strict=True)))
        except InputError as error:
            raise DataError(path, number, str(error)) from None


def read_table_records(
    path: Path, separator: str, *, literal: bool = False, header: Sequence[str] | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the line and the cells by column of each row, for `files.read_records`; arguments as in `read_table`."""
    rows = table_rows(path, separator, literal=literal, header=header)
    _, names = next(rows)
    for number, cells in rows:
        yield number, dict(zip(names, cells, strict=True))


def table_rows(
    path: Path, separator: str, *, literal: bool = False, header: Sequence[str] | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Yield the line and the cells of the header row, then of every other; see `read_table`.

    Raises:
        DataError: a row has more or fewer cells than the header.
    """
    rows = _csv_rows(path) if separator == "," else _tsv_rows(path, literal=literal)
    names = list(header) if header else next(rows, (1, []))[1]
    yield 1, names
    for number, cells in rows:
        if len(cells) != len(names):
            whose = "as this format has" if header else "as in the header"
            message = (
                f"{len(cells)} columns: expected {len(names)} {whose} ({', '.join(names)}); "
                "correct the row, or use JSON Lines for texts that hold the separator"
            )
            raise DataError(path, number, message)
        yield number, cells


def _places(
    path: Path, header: Sequence[str], fields: Sequence[str], columns: Sequence[str] | None
) -> list[int | None]:
    """Where in a row each field stands; `None` for a label that is not there."""
    names = {f: (c,) for f, c in zip(fields, columns, strict=True)} if columns else COLUMNS
    try:
        matched = match_names(header, fields, names)
    except InputError as error:
        message = f"{error}; the file looks {read_head(path).description()}"
        raise DataError(path, 1, message) from None
    return [None if name is None else header.index(name) for name in matched]


def _csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which a row begins, and its cells."""
    rows = csv.reader((line for _, line in read_lines(path)), strict=True)
    start = 1
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            message = f"not CSV ({error}): expected quotation marks doubled and closed in a cell; correct it"
            raise DataError(path, start, message) from None
        if row is None:
            return
        if row:
            yield start, row
        start = rows.line_num + 1


def _tsv_rows(path: Path, *, literal: bool) -> Iterator[tuple[int, list[str]]]:
    n_columns = 0
    for number, line in read_lines(path):
        bare = line.removesuffix("\n").removesuffix("\r")
        if not bare:
            continue
        cells = bare.split("\t")
        if not literal and '"' in bare:
            cells = _unquoted(bare, n_columns or len(cells)) or cells
        n_columns = n_columns or len(cells)
        yield number, cells


def _unquoted(line: str, n_columns: int) -> list[str] | None:
    """The cells of a line whose quotation marks quote correctly, else `None`."""
    try:
        cells = next(csv.reader([line], delimiter="\t", strict=True))
    except csv.Error:
        return None
    return cells if len(cells) == n_columns else None
