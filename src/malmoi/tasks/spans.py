"""Spans of characters in examples: read from JSON, and checked against their text. No tokens here."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from malmoi.errors import InputError


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its text, and where it begins in the context."""

    text: str
    """As it stands in the context."""
    start: int
    """Its first character's number."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A named entity: characters of the text, end exclusive, and its type."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Mention:
    """One of the two ends of a relation: characters of the text, end exclusive, and perhaps its type."""

    start: int
    end: int
    type: str | None = None


def text_field(record: Mapping[str, Any], name: str) -> str:
    """A field that must be a string.

    Raises:
        InputError: it is missing, no string, or holds half a surrogate pair.
    """
    if name not in record:
        raise InputError(f"found the names {', '.join(map(str, record)) or '(none)'}: expected {name}; rename it")
    value = record[name]
    if not isinstance(value, str):
        raise InputError(f"{name} is {value!r}: expected a string")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{name} has half a surrogate pair at character {error.start}: expected whole ones; correct it"
        ) from None
    return value


def list_field(record: Mapping[str, Any], name: str) -> list[Mapping[str, Any]] | None:
    """A field that may be missing or null, else must be a list of objects.

    Raises:
        InputError: it is something else.
    """
    value = record.get(name)
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not all(isinstance(item, Mapping) for item in value):
        raise InputError(f"{name} is {str(value)[:80]!r}: expected a list of objects {{…}}")
    return list(value)


def number_field(record: Mapping[str, Any], *names: str) -> int:
    """The first of these fields that is there; it must be a whole number.

    Raises:
        InputError: none is there, or it is something else.
    """
    name = next((name for name in names if name in record), None)
    if name is None:
        raise InputError(f"{dict(record)!r} has no {names[0]}: expected a whole number, counting characters from 0")
    value = record[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{name} is {value!r}: expected a whole number, counting characters from 0")
    return value


def check_span(text: str, start: int, end: int, expected: str | None = None) -> None:
    """Refuse a span that is empty, not in the text, or not of the expected characters.

    Raises:
        InputError: so it is; says where the expected characters stand.
    """
    if not 0 <= start < end <= len(text):
        raise InputError(
            f"span {start} to {end}: expected 0 ≤ start < end ≤ {len(text)}, the length of the text in characters"
            f"{_hint_of_composition(text)}"
        )
    if expected is not None and text[start:end] != expected:
        raise InputError(
            f"characters {start} to {end} are {text[start:end]!r}: expected {expected!r}, "
            f"{_whereabouts(text, expected, start)}{_hint_of_composition(text)}"
        )


def _whereabouts(text: str, expected: str, start: int) -> str:
    places = [i for i in range(len(text)) if text.startswith(expected, i)]
    if not places:
        return "which the text does not hold; correct the text or the span"
    nearest = min(places, key=lambda place: abs(place - start))
    return f"which begins at {nearest} ({nearest - start:+d}); correct the offset (ends are exclusive)"


def _hint_of_composition(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    if composed == text:
        return ""
    return (
        f"; the text is not in NFC ({len(text)} characters, {len(composed)} composed): offsets count the characters "
        "of the text as it is in the file"
    )


def check_apart(spans: Sequence[Entity]) -> None:
    """Refuse entities that overlap.

    Raises:
        InputError: two of them do.
    """
    ordered = sorted(spans, key=lambda span: (span.start, span.end))
    for before, after in pairwise(ordered):
        if after.start < before.end:
            raise InputError(
                f"the entities {before.start}–{before.end} {before.label} and {after.start}–{after.end} {after.label} "
                "overlap: expected entities side by side; keep one of them (nested entities cannot be learnt as BIO)"
            )
