"""The names that the fields of examples have in data sets, and labels as plain strings. No I/O."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from malmoi.errors import InputError

# The first name found is taken; case does not matter. No name stands for two fields of one task.
COLUMNS: Mapping[str, Sequence[str]] = {
    "text": ("text", "document", "sentence", "review", "title", "comment", "content"),
    "first": ("first", "sentence1", "premise", "question1", "text_a", "sentence_a", "question", "#1 string"),
    "second": (
        "second",
        "sentence2",
        "hypothesis",
        "question2",
        "text_b",
        "sentence_b",
        "sentence",
        "#2 string",
    ),
    "label": (
        "label",
        "gold_label",
        "topic_idx",
        "is_duplicate",
        "quality",
        "sentiment",
        "class",
        "category",
    ),
    "score": ("score", "label", "similarity"),
}
OPTIONAL = frozenset({"label", "score"})
"""Fields that examples may lack."""


def match_names(
    names: Sequence[str], fields: Sequence[str], columns: Mapping[str, Sequence[str]] = COLUMNS
) -> list[str | None]:
    """Which of `names` (columns, keys) each field goes by; `None` for an optional one that is not there.

    Raises:
        InputError: another field is not there.
    """
    by_lower = {name.strip().lower(): name for name in reversed(names)}
    matched = []
    for field in fields:
        name = next((by_lower[alias] for alias in columns[field] if alias in by_lower), None)
        if name is None and field not in OPTIONAL:
            raise InputError(f"found the names {', '.join(names) or '(none)'}: expected {_expected(fields, columns)}")
        matched.append(name)
    return matched


def read_fields(record: Mapping[str, Any], fields: Sequence[str]) -> list[str | None]:
    """The texts and the label (perhaps `None`) of a JSON object, in the order of `fields`.

    Raises:
        InputError: a text is missing or not a string, or a label is a list or an object.
    """
    values: list[str | None] = []
    for field, name in zip(fields, match_names(list(record), fields), strict=True):
        value = None if name is None else record[name]
        if isinstance(value, str):
            _check_whole(str(name), value)
        elif field != "label":
            raise InputError(f"{name} is {value!r}: expected a string")
        values.append(plain_label(value) if field == "label" else value)
    return values


def plain_label(value: object) -> str | None:
    """A label as a string, as JSON would write it; `None` and blanks mean that there is none.

    Raises:
        InputError: a list or an object.
    """
    if isinstance(value, list | dict):
        raise InputError(f"label {value!r}: expected a string, a number, true or false")
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    return text.strip() or None


def _check_whole(name: str, text: str) -> None:
    """Refuse half a surrogate pair: JSON may escape one, but it is no character and nothing can encode it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{name} has half a surrogate pair at character {error.start}: expected whole ones; correct it"
        ) from None


def _expected(fields: Sequence[str], columns: Mapping[str, Sequence[str]]) -> str:
    """`text (or document, …), and for labels label, …`."""
    texts = []
    for first, *others in (columns[field] for field in fields if field not in OPTIONAL):
        texts.append(f"{first} (or {', '.join(others)})" if others else first)
    optional = "".join(f", and for {f}s {', '.join(columns[f])}" for f in fields if f in OPTIONAL)
    return f"{' and '.join(texts)}{optional}; rename them"
