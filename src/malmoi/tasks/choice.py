"""Multiple choice: a context and several endings, of which one is right. Not a blank to be filled (`cloze.py`)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from malmoi.errors import InputError
from malmoi.tasks.files import read_json_lines, read_records
from malmoi.tasks.gold import check_as_many, gold_labels
from malmoi.tasks.labels import softmax
from malmoi.tasks.pair import pair_rows
from malmoi.tasks.tables import read_table_records
from malmoi.tasks.task import Head, Reader, Row, Scores, Task, TaskTokenizer

_CODAH_COLUMNS = ("category", "context", "0", "1", "2", "3", "answer")


class Choosing(Protocol):
    """Any example with choices."""

    @property
    def choices(self) -> tuple[str, ...]:
        """Two or more texts."""

    @property
    def answer(self) -> int | None:
        """Number of the right one, from 0; `None` when it is not known."""


ChoosingT = TypeVar("ChoosingT", bound=Choosing)


@dataclass(frozen=True, slots=True)
class ChoiceExample:
    """A context, its possible endings and, where it is known, which one is right."""

    context: str
    """Any text, also an empty one."""
    choices: tuple[str, ...]
    """Two or more endings or answers."""
    answer: int | None = None
    """Number of the right one, from 0."""


@dataclass(frozen=True)
class ChoicePrediction:
    """One of the choices, and how good each is."""

    choice: int
    """Number of the best one, from 0."""
    scores: tuple[float, ...]
    """A probability for each choice, in order; empty when a file gives choices only."""

    def to_json(self) -> dict[str, Any]:
        """`{"choice", "scores"}`."""
        return {"choice": self.choice, "scores": list(self.scores)}


def read_jsonl(path: Path) -> Iterator[ChoiceExample]:
    """JSON Lines: `{"context", "choices", "answer"}`."""
    return read_records(path, read_json_lines, Choice.example_from_json)


def read_swag(path: Path) -> Iterator[ChoiceExample]:
    """SWAG as CSV: `startphrase` and four endings; test files have no label."""
    return read_records(path, lambda p: read_table_records(p, ","), _from_swag)


def read_codah(path: Path) -> Iterator[ChoiceExample]:
    """CODAH as TSV without a header row: category, context, four endings, the answer's number from 0."""
    return read_records(path, lambda p: read_table_records(p, "\t", literal=True, header=_CODAH_COLUMNS), _from_codah)


def _from_swag(record: Mapping[str, Any]) -> ChoiceExample:
    needed = ("startphrase", *(f"ending{i}" for i in range(4)))
    if missing := [name for name in needed if name not in record]:
        raise InputError(f"there is no column {missing[0]}: expected SWAG's {', '.join(needed)} and label")
    context, *choices = (record[name] for name in needed)
    return ChoiceExample(context, tuple(choices), plain_answer(_number(record.get("label")), choices))


def _from_codah(record: Mapping[str, Any]) -> ChoiceExample:
    choices = tuple(record[str(i)] for i in range(4))
    return ChoiceExample(record["context"], choices, plain_answer(_number(record["answer"]), choices))


def _number(cell: str | None) -> object:
    """The cell of a table as JSON would have it: digits are a number."""
    return int(cell) if cell is not None and cell.strip().isdecimal() else cell


class ChoiceTask(Task[ChoosingT, ChoicePrediction]):
    """What tasks with choices share: every row speaks for one choice; that with the best mean is the answer."""

    main_metric: ClassVar[str] = "accuracy"
    batch_size: ClassVar[int] = 16

    @classmethod
    def from_examples(cls, examples: Iterable[ChoosingT]) -> Self:
        """See `Task.from_examples`; there is nothing to learn but that every example has an answer."""
        _gold(examples)
        return cls()

    @classmethod
    def from_answers(cls, examples: Sequence[ChoosingT], predictions: Sequence[ChoicePrediction]) -> Self:
        """See `Task.from_answers`."""
        return cls()

    @classmethod
    def prediction_from_json(cls, record: Mapping[str, Any]) -> ChoicePrediction:
        """See `Task.prediction_from_json`; `scores` may be absent, a bare number in a file comes as `label`."""
        choice, scores = record.get("choice", record.get("label")), record.get("scores", [])
        if not isinstance(choice, int) or isinstance(choice, bool) or choice < 0:
            raise InputError(f'choice {choice!r}: expected the number of a choice, from 0, as in {{"choice": 0}}')
        if not isinstance(scores, list) or not all(isinstance(score, int | float) for score in scores):
            raise InputError(f"scores {scores!r}: expected a list of numbers")
        return ChoicePrediction(choice, tuple(scores))

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """See `Task.from_json`."""
        cls.check_name(record)
        return cls()

    def check(self, example: ChoosingT) -> None:
        """See `Task.check`; every number of a choice can be predicted."""

    def decode(
        self, example: ChoosingT, rows: Sequence[Row], outputs: Sequence[NDArray[np.floating[Any]]]
    ) -> ChoicePrediction:
        """See `Task.decode`; a choice's score is the mean over its rows; of equals the first is taken."""
        scores: list[list[float]] = [[] for _ in example.choices]
        for row, output in zip(rows, outputs, strict=True):
            assert row.choice is not None, "every row speaks for a choice"
            scores[row.choice].append(float(output.astype(np.float64).sum()))
        probabilities = softmax(np.array([np.mean(of_choice) for of_choice in scores]))
        return ChoicePrediction(int(probabilities.argmax()), tuple(probabilities.tolist()))

    def score(self, predictions: Sequence[ChoicePrediction], examples: Sequence[ChoosingT]) -> Scores:
        """See `Task.score`."""
        check_as_many(predictions, examples)
        hits = [gold == prediction.choice for gold, prediction in zip(_gold(examples), predictions, strict=True)]
        return Scores(len(hits), {"accuracy": 100 * sum(hits) / len(hits)}, {})


class Choice(ChoiceTask[ChoiceExample]):
    """Finds the right ending of a context: each is scored beside the context, and the best is taken."""

    name: ClassVar[str] = "choice"
    Example: ClassVar[type] = ChoiceExample
    READERS: ClassVar[Mapping[str, Reader]] = {"jsonl": read_jsonl, "swag": read_swag, "codah": read_codah}
    LAYOUTS: ClassVar[Mapping[str, str]] = {
        r",?(Unnamed: 0,)?video-id,fold-ind,startphrase,": "swag",
        r"[a-z]+\t[^\t\n]+(\t[^\t\n]+){4}\t[0-3]\r?\n": "codah",
    }

    @classmethod
    def example_from_json(cls, record: Mapping[str, Any]) -> ChoiceExample:
        """See `Task.example_from_json`; the answer is a number from 0, or the right choice itself."""
        context = record.get("context")
        if not isinstance(context, str):
            raise InputError(f"context is {context!r}: expected a string")
        choices = plain_choices(record.get("choices"))
        return ChoiceExample(context, choices, plain_answer(record.get("answer"), choices))

    @property
    def head(self) -> Head:
        """One number a choice, compared with those of the other choices."""
        return Head("pooled", 1, "choice")

    def encode_many(
        self, examples: Sequence[ChoiceExample], tokenizer: TaskTokenizer, max_tokens: int
    ) -> list[list[Row]]:
        """`[CLS] context [SEP] choice [SEP]`, a row a choice; see `pair.kept_lengths` and `Task.encode_many`."""
        rows = iter(pair_rows([(e.context, c) for e in examples for c in e.choices], tokenizer, max_tokens))
        return [
            [replace(next(rows), target=example.answer, choice=number) for number in range(len(example.choices))]
            for example in examples
        ]


def plain_choices(value: object) -> tuple[str, ...]:
    """The choices of a JSON object.

    Raises:
        InputError: not a list of two or more strings.
    """
    if not isinstance(value, list | tuple) or len(value) < 2 or not all(isinstance(choice, str) for choice in value):
        raise InputError(f"choices {value!r}: expected a list of two or more strings")
    return tuple(value)


def plain_answer(value: object, choices: Sequence[str]) -> int | None:
    """The number of the right choice; `None` and blanks mean that it is not known.

    Raises:
        InputError: neither a number of a choice nor one of the choices.
    """
    if value is None or (isinstance(value, str) and not value.strip() and value not in choices):
        return None
    if isinstance(value, str) and value in choices:
        return choices.index(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(choices):
        return value
    raise InputError(f"answer {value!r}: expected a number from 0 to {len(choices) - 1}, or one of the choices")


def _gold(examples: Iterable[Choosing]) -> list[int]:
    """The answer of every example, there being one or more.

    Raises:
        InputError: no examples, or one without an answer.
    """
    return gold_labels(examples, lambda example: example.answer, "an answer", "one in each; add them")
