"""Pairs of texts to learn vectors from, and the options of learning. NumPy-free; the training is `contrastive.py`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from malmoi.errors import DataError, InputError, OptionError
from malmoi.tasks.catalog import find_layout, read_examples
from malmoi.tasks.fields import read_fields
from malmoi.tasks.files import bare_suffix, read_head, read_json_lines
from malmoi.tasks.pair import Pair
from malmoi.tasks.regression import Regression, plain_score

_POSITIVE = {"question-pair": "0", "paws-x": "1", "klue-nli": "entailment", "kornli": "entailment", "qqp": "1"}
"""What data sets call a pair that means the same."""


@dataclass(frozen=True, slots=True)
class TextPair:
    """Two texts that belong together, or that are alike to a degree."""

    first: str
    """A question, or any text."""
    second: str
    """What should be found for it."""
    negatives: tuple[str, ...] = ()
    """What should not, though it looks alike."""
    score: float | None = None
    """How alike they are; None: they belong together."""


def read_pairs(path: Path, format: str = "auto", positive: str | None = None) -> list[TextPair]:
    """The pairs of a file.

    Args:
        path: JSON Lines `{"first", "second"}`, perhaps with `negatives` (a list) or `score`; or any file of the tasks
            regression (scores) and pair (of which those with the label `positive` are taken).
        format: of one of these tasks, or `auto`.
        positive: see `EmbeddingOptions`.

    Raises:
        InputError: the file cannot be read, has no pair, or some with and some without a score.
        OptionError: labelled pairs, and it is not said which label means the same.
    """
    if format == "jsonl" or (format == "auto" and _is_json_lines(path)):
        pairs = list(_own(path))
    elif (layout := _layout(path, format)) in Pair.READERS and layout not in ("tsv", "csv", "json"):
        pairs = _labelled(path, layout, positive)
    elif positive is not None:
        pairs = _labelled(path, format, positive)
    else:
        pairs = [TextPair(e.first, e.second, (), e.score) for e in read_examples(Regression, path, format)]
    if not pairs:
        raise InputError(f"{path} has no pair of texts: expected some that belong together")
    if len({pair.score is None for pair in pairs}) > 1:
        raise InputError(f"{path} has pairs with and without a score: expected one kind, part the file")
    return pairs


def _is_json_lines(path: Path) -> bool:
    return read_head(path).first_line.startswith("{") and bare_suffix(path) in ("", ".jsonl", ".json", ".txt")


def _layout(path: Path, format: str) -> str:
    return format if format != "auto" else find_layout(Pair, path) or ""


def _labelled(path: Path, format: str, positive: str | None) -> list[TextPair]:
    label = positive or _POSITIVE.get(format)
    examples = read_examples(Pair, path, format)
    labels = sorted({str(example.label) for example in examples})
    if label is None or label not in labels:
        found = f"positive is {label!r}" if label else "it is not said which label means the same"
        raise OptionError(f"{path}: {found}: expected one of {', '.join(labels[:10])}; pass --positive")
    return [TextPair(e.first, e.second) for e in examples if e.label == label and e.first != e.second]


def _own(path: Path) -> Iterator[TextPair]:
    for number, record in read_json_lines(path):
        try:
            yield _pair_of(record)
        except InputError as error:
            raise DataError(path, number, str(error)) from error


def _pair_of(record: Mapping[str, Any]) -> TextPair:
    first, second = read_fields(record, ("first", "second"))
    negatives = record.get("negatives") or []
    if not isinstance(negatives, list) or not all(isinstance(text, str) for text in negatives):
        raise InputError(f"negatives is {negatives!r:.60}: expected a list of texts")
    assert first is not None and second is not None, "read_fields refuses what lacks a text"
    return TextPair(first, second, tuple(negatives), plain_score(record.get("score")))
