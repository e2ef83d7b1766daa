"""Regression on two texts: how alike they are, as a number. Not labels (`pair.py`)."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from malmoi.errors import CheckpointError, InputError
from malmoi.tasks.fields import match_names, read_fields
from malmoi.tasks.files import read_json_lines, read_json_list, read_records
from malmoi.tasks.gold import check_as_many, gold_labels
from malmoi.tasks.metrics import pearson, spearman
from malmoi.tasks.pair import pair_rows
from malmoi.tasks.tables import read_table
from malmoi.tasks.task import Head, Reader, Row, Scores, Task, TaskTokenizer

_FIELDS = ("first", "second", "score")
_WRONG_BY = 0.2
"""Share of the range by which a prediction must be off to be called an error (1 on STS's scale of 0 to 5)."""


@dataclass(frozen=True, slots=True)
class RegressionExample:
    """Two texts and, where it is known, their score."""

    first: str
    """Any text, also an empty one."""
    second: str
    """Likewise."""
    score: float | None = None
    """A number on the data set's own scale."""


@dataclass(frozen=True)
class RegressionPrediction:
    """A number on the scale of the training examples."""

    score: float
    """Not cut off at the ends of the scale: that would make ties of different answers."""

    def to_json(self) -> dict[str, Any]:
        """`{"score"}`."""
        return {"score": self.score}


def read_jsonl(path: Path) -> Iterator[RegressionExample]:
    """JSON Lines: `{"first", "second", "score"}`."""
    return read_records(path, read_json_lines, Regression.example_from_json)


def read_csv(path: Path) -> Iterator[RegressionExample]:
    """Comma-separated values with a header row; also KLUE-STS as CSV."""
    return read_table(path, ",", _example, _FIELDS)


def read_tsv(path: Path) -> Iterator[RegressionExample]:
    """Tab-separated values with a header row."""
    return read_table(path, "\t", _example, _FIELDS)


def read_sts(path: Path) -> Iterator[RegressionExample]:
    """GLUE's STS-B and KorSTS: tab-separated, quotation marks quote nothing; test files have no score."""
    return read_table(path, "\t", _example, _FIELDS, ("sentence1", "sentence2", "score"), literal=True)


def read_klue_sts(path: Path) -> Iterator[RegressionExample]:
    """A JSON list of objects with the keys of `jsonl`; in KLUE-STS the score is `real-label`, which is not rounded."""
    return read_records(path, read_json_list, _from_klue)


def _from_klue(record: Mapping[str, Any]) -> RegressionExample:
    labels = record.get("labels")
    if not isinstance(labels, dict):
        return Regression.example_from_json(record)
    return Regression.example_from_json({**record, "score": labels.get("real-label", labels.get("label"))})


@dataclass(frozen=True)
class Regression(Task[RegressionExample, RegressionPrediction]):
    """Gives two texts a number.

    The model's output is -1 at `low` and 1 at `high`, the smallest and largest score of the training examples, so
    that one learning rate fits every scale; predictions are mapped back.
    """

    name: ClassVar[str] = "regression"
    Example: ClassVar[type] = RegressionExample
    READERS: ClassVar[Mapping[str, Reader]] = {
        "jsonl": read_jsonl,
        "csv": read_csv,
        "tsv": read_tsv,
        "sts-b": read_sts,
        "korsts": read_sts,
        "json": read_klue_sts,
        "klue-sts": read_klue_sts,
    }
    LAYOUTS: ClassVar[Mapping[str, str]] = {
        r"index\tgenre\tfilename\tyear\told_index\t": "sts-b",
        r"genre\tfilename\tyear\tid\tscore\tsentence1\tsentence2\r?\n": "korsts",
        r"\s*\[\s*\{[^}]*\{[^}]*\"real-label\"": "klue-sts",
        r"\s*\[\s*\{": "json",
    }
    main_metric: ClassVar[str] = "pearson"

    low: float = 0.0
    """Smallest score of the training examples."""
    high: float = 1.0
    """Largest."""

    @classmethod
    def from_examples(cls, examples: Iterable[RegressionExample]) -> Self:
        """See `Task.from_examples`; learns the range of the scores."""
        scores = _gold_scores(examples)
        if min(scores) == max(scores):
            raise InputError(
                f"all {len(scores)} examples have the score {scores[0]}: expected different ones; there is nothing "
                "to learn"
            )
        return cls(low=min(scores), high=max(scores))

    @classmethod
    def from_answers(cls, examples: Sequence[RegressionExample], predictions: Sequence[RegressionPrediction]) -> Self:
        """See `Task.from_answers`; correlations need no range."""
        return cls()

    @classmethod
    def example_from_json(cls, record: Mapping[str, Any]) -> RegressionExample:
        """See `Task.example_from_json`; fields may have the other names that table columns may have."""
        first, second = read_fields(record, ("first", "second"))
        (name,) = match_names(list(record), ("score",))
        assert first is not None and second is not None, "read_fields refuses what lacks a text"
        return RegressionExample(first, second, None if name is None else plain_score(record[name]))

    @classmethod
    def prediction_from_json(cls, record: Mapping[str, Any]) -> RegressionPrediction:
        """See `Task.prediction_from_json`; a bare number in a file comes as `label`."""
        score = plain_score(record.get("score", record.get("label")))
        if score is None:
            raise InputError(f'found the keys {", ".join(record) or "none"}: expected a prediction {{"score": …}}')
        return RegressionPrediction(score)

    def check(self, example: RegressionExample) -> None:
        """See `Task.check`; every number can be predicted."""

    @property
    def head(self) -> Head:
        """One number, on the pooled text."""
        return Head("pooled", 1, "mean_squared_error")

    def encode_many(
        self, examples: Sequence[RegressionExample], tokenizer: TaskTokenizer, max_tokens: int
    ) -> list[list[Row]]:
        """`[CLS] first [SEP] second [SEP]`, segments 0 and 1; see `pair.kept_lengths` and `Task.encode_many`."""
        rows = pair_rows([(e.first, e.second) for e in examples], tokenizer, max_tokens)
        return [[replace(row, target=self._target_of(e))] for row, e in zip(rows, examples, strict=True)]

    def _target_of(self, example: RegressionExample) -> float | None:
        if example.score is None:
            return None
        return 2 * (example.score - self.low) / (self.high - self.low) - 1

    def decode(
        self, example: RegressionExample, rows: Sequence[Row], outputs: Sequence[NDArray[np.floating[Any]]]
    ) -> RegressionPrediction:
        """See `Task.decode`."""
        output = float(outputs[0][0])
        if not math.isfinite(output):
            raise CheckpointError(
                f"the model's output is {output}: expected a finite number; its weights are broken, train again"
            )
        return RegressionPrediction(self.low + (output + 1) / 2 * (self.high - self.low))

    def score(self, predictions: Sequence[RegressionPrediction], examples: Sequence[RegressionExample]) -> Scores:
        """See `Task.score`; correlations are NaN where one side is constant, as scipy has it."""
        check_as_many(predictions, examples)
        gold, predicted = _gold_scores(examples), [prediction.score for prediction in predictions]
        if len(gold) < 2:
            raise InputError("there is one example: expected two or more, a correlation needs them")
        return Scores(len(gold), {"pearson": pearson(gold, predicted), "spearman": spearman(gold, predicted)}, {})

    def is_wrong(self, prediction: RegressionPrediction, example: RegressionExample) -> bool:
        """Off by a fifth of the range or more."""
        (gold,) = _gold_scores([example])
        return abs(prediction.score - gold) >= _WRONG_BY * (self.high - self.low)

    def to_json(self) -> dict[str, Any]:
        """See `Task.to_json`; with the range."""
        return {"task": self.name, "labels": [], "low": self.low, "high": self.high}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """See `Task.from_json`."""
        cls.check_name(record)
        low, high = record.get("low"), record.get("high")
        if not isinstance(low, int | float) or not isinstance(high, int | float) or not low < high:
            raise CheckpointError(f"range {low!r} to {high!r}: expected two rising numbers; fine-tune the model again")
        return cls(low=float(low), high=float(high))


def plain_score(value: object) -> float | None:
    """A score as a number; `None` and blanks mean that there is none.

    Raises:
        InputError: anything that is no finite number.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"score {json.dumps(value, ensure_ascii=False)}: expected a number such as 3.5; correct it")
    return number


def _example(first: str, second: str, score: str | None) -> RegressionExample:
    return RegressionExample(first, second, plain_score(score))


def _gold_scores(examples: Iterable[RegressionExample]) -> list[float]:
    """The score of every example, there being one or more.

    Raises:
        InputError: no examples, or one without a score.
    """
    return gold_labels(examples, lambda example: example.score, "a score", "a number in each; add them")
