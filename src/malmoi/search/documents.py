"""Documents to be searched, as they stand in a file: read, checked and counted before anything dear is done with them.

Not the corpus stage: a document here has an id, a text, perhaps a title, and fields of its own to filter by.
"""

import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from malmoi.errors import DataError, InputError
from malmoi.tasks.files import read_json_lines, read_lines

Scalar = str | int | float | bool
FieldKind = Literal["text", "integer", "number", "boolean"]

_RESERVED = {"vector", "terms", "score"}
_FIELD_NAME = re.compile(r"[^\W\d]\w*")
_KINDS: dict[type, FieldKind] = {str: "text", bool: "boolean", int: "integer", float: "number"}
_LARGEST_INTEGER = 2**63


@dataclass(frozen=True, slots=True)
class SearchDocument:
    """What can be found."""

    id: str
    """Unlike all others of its index."""
    text: str
    """What is searched; never blank."""
    fields: Mapping[str, Scalar] = field(default_factory=dict)
    """Values to filter by, `title` among them; what is null in the file is not there."""


def read_documents(path: Path) -> Iterator[tuple[int, SearchDocument]]:
    """Line numbers and documents of a JSON Lines file `{"id", "text", …}`, streamed; blank lines are passed over.

    Raises:
        DataError: a line that is no document: no JSON, no id, no text, or a field that is a list or an object.
        InputError: the file cannot be read.
    """
    for number, record in read_json_lines(path):
        try:
            yield number, document_of(record)
        except InputError as error:
            raise DataError(path, number, str(error)) from error


def read_texts(path: Path | None) -> Iterator[dict[str, Any]]:
    """Objects with a `text`, of a file or (None) standard input; a line that is no JSON object is a text itself.

    Raises:
        DataError: an object without a text. InputError: the file cannot be read.
    """
    name = "standard input" if path is None else str(path)
    lines = enumerate(sys.stdin, start=1) if path is None else read_lines(path)
    for number, line in lines:
        line = line.rstrip("\r\n")
        try:
            record = json.loads(line) if line.startswith("{") else {"text": line}
        except ValueError as error:
            raise DataError(name, number, f"{error}: expected a JSON object or plain text, correct it") from error
        if not isinstance(record.get("text"), str):
            raise DataError(name, number, f'found the keys {", ".join(record) or "none"}: expected {{"text": "…"}}')
        yield record


def document_of(record: Mapping[str, Any]) -> SearchDocument:
    """Make a document of a JSON object.

    Raises:
        InputError: no id, no text, or a field whose name or value cannot be kept.
    """
    name, text = record.get("id"), record.get("text")
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    if not isinstance(name, str) or not name:
        raise InputError(f'found the keys {", ".join(record) or "none"}: expected {{"id", "text", …}}; id is missing')
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"document {name!r} has no text: expected one in `text`; leave the document out")
    fields = {key: value for key, value in record.items() if key not in ("id", "text") and value is not None}
    for key, value in fields.items():
        _check_field(name, key, value)
    return SearchDocument(name, text, fields)


def _check_field(document: str, key: str, value: Any) -> None:
    if key in _RESERVED or _FIELD_NAME.fullmatch(key) is None:
        raise InputError(f"document {document!r} has the field {key!r}: expected a word other than "
                         f"{', '.join(sorted(_RESERVED))}; rename it")  # fmt: skip
    if type(value) not in _KINDS:
        raise InputError(
            f"document {document!r}: {key} is a {type(value).__name__}: expected a string, number, true or false"
        )
    if (type(value) is int and abs(value) >= _LARGEST_INTEGER) or (type(value) is float and not math.isfinite(value)):
        raise InputError(f"document {document!r}: {key} is {value}: expected a finite number of 64 bits")


def kinds_of(documents: Iterable[tuple[int, SearchDocument]], name: str) -> tuple[int, dict[str, FieldKind]]:
    """How many documents there are, and the kind of each field; integers and numbers mix as numbers.

    Args:
        documents: with their lines, as `read_documents` gives them.
        name: of the file, for errors.

    Raises:
        DataError: an id twice, or a field of two kinds. InputError: no document.
    """
    lines: dict[str, int] = {}
    kinds: dict[str, FieldKind] = {}
    for line, document in documents:
        if document.id in lines:
            raise DataError(name, line, f"the id {document.id!r} stands in line {lines[document.id]} as well: "
                            "expected every id once; rename one, or leave it out")  # fmt: skip
        lines[document.id] = line
        for key, value in document.fields.items():
            kind = _KINDS[type(value)]
            known = kinds.setdefault(key, kind)
            if known != kind and {known, kind} != {"integer", "number"}:
                raise DataError(name, line, f"{key} is {value!r}, of the kind {kind}, and was {known} in the lines "
                                "before: expected one kind a field; correct it")  # fmt: skip
            if known != kind:
                kinds[key] = "number"
    if not lines:
        raise InputError(f"{name} has no document: expected JSON Lines with id and text")
    return len(lines), kinds
