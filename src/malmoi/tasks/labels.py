"""What tasks with one label an example share: the label set, softmax, scores. Not the rows they make."""

import dataclasses
import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from malmoi.errors import CheckpointError, InputError
from malmoi.tasks.fields import COLUMNS, plain_label, read_fields
from malmoi.tasks.gold import check_as_many, gold_labels
from malmoi.tasks.metrics import Confusion, confusion_matrix, label_metrics, present_labels
from malmoi.tasks.task import Head, Row, Scores, Task, check_finite

MAX_CONFUSION_LABELS = 20
"""With more labels than this a confusion matrix is no picture any more, and is left out."""
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class Labelled(Protocol):
    """Any example with one label."""

    @property
    def label(self) -> str | None:
        """The label; `None` when it is not known."""


@dataclass(frozen=True)
class LabelPrediction:
    """A label and how sure the model is of every label."""

    label: str
    """The most probable label."""
    probabilities: dict[str, float]
    """Label → probability, in the order of the task's labels; empty when a file gives labels only."""

    def to_json(self) -> dict[str, Any]:
        """`{"label", "probabilities"}`."""
        return {"label": self.label, "probabilities": self.probabilities}


LabelledT = TypeVar("LabelledT", bound=Labelled)


@dataclass(frozen=True)
class LabelTask(Task[LabelledT, LabelPrediction]):
    """A task that gives one of several labels to an example."""

    main_metric: ClassVar[str] = "accuracy"

    @classmethod
    def from_examples(cls, examples: Iterable[LabelledT]) -> Self:
        """See `Task.from_examples`; labels are sorted, by value when all of them are numbers."""
        gold = _gold_labels(examples)
        labels = _sorted_labels(gold)
        if len(labels) < 2:
            raise InputError(
                f"all {len(gold)} examples have the label {labels[0]!r}: expected two labels or more; "
                "give examples of every label"
            )
        return cls(labels)

    @classmethod
    def from_answers(cls, examples: Sequence[LabelledT], predictions: Sequence[LabelPrediction]) -> Self:
        """See `Task.from_answers`: all labels that occur, as gold, as prediction or with a probability."""
        known = {label for p in predictions for label in (p.label, *p.probabilities)}
        return cls(_sorted_labels([*_gold_labels(examples), *known]))

    @classmethod
    def example_from_json(cls, record: Mapping[str, Any]) -> LabelledT:
        """See `Task.example_from_json`; fields may have the other names that table columns may have."""
        example: LabelledT = cls.Example(*read_fields(record, [f.name for f in dataclasses.fields(cls.Example)]))
        return example

    @classmethod
    def prediction_from_json(cls, record: Mapping[str, Any]) -> LabelPrediction:
        """See `Task.prediction_from_json`; `probabilities` may be absent."""
        label = plain_label(record.get("label"))
        probabilities = record.get("probabilities", {})
        if label is None:
            raise InputError(f'found the keys {", ".join(record) or "none"}: expected a prediction {{"label": …}}')
        if not isinstance(probabilities, dict) or not all(isinstance(p, int | float) for p in probabilities.values()):
            raise InputError(f"probabilities {probabilities!r}: expected an object of numbers by label")
        return LabelPrediction(label, probabilities)

    @property
    def head(self) -> Head:
        """One output a label, on the pooled text."""
        return Head("pooled", len(self.labels), "cross_entropy")

    @abstractmethod
    def metrics_of(self, confusion: Confusion) -> dict[str, float]:
        """The task's metrics in percent, by name.

        Args:
            confusion: `[n_labels, n_labels]`, in the order of `labels`.
        """

    def check(self, example: LabelledT) -> None:
        """See `Task.check`."""
        self.target_of(example)

    def target_of(self, example: LabelledT) -> int | None:
        """Number of the example's label; `None` without a label.

        Raises:
            InputError: a label that was not among the training examples.
        """
        return None if example.label is None else self._number_of(example.label)

    def decode(
        self, example: LabelledT, rows: Sequence[Row], outputs: Sequence[NDArray[np.floating[Any]]]
    ) -> LabelPrediction:
        """See `Task.decode`; of equally probable labels the first is taken."""
        probabilities = softmax(outputs[0])
        assert probabilities.shape == (len(self.labels),), "one output a label"
        return LabelPrediction(
            self.labels[int(probabilities.argmax())],
            dict(zip(self.labels, probabilities.tolist(), strict=True)),
        )

    def score(self, predictions: Sequence[LabelPrediction], examples: Sequence[LabelledT]) -> Scores:
        """See `Task.score`; labels that are neither gold nor predicted anywhere do not count."""
        check_as_many(predictions, examples)
        gold = [self._number_of(label) for label in _gold_labels(examples)]
        predicted = [self._number_of(prediction.label) for prediction in predictions]
        confusion = confusion_matrix(gold, predicted, len(self.labels))
        return Scores(
            n_examples=len(examples),
            metrics=self.metrics_of(confusion),
            per_label={self.labels[label]: label_metrics(confusion, label) for label in present_labels(confusion)},
            confusion=self._readable(confusion),
        )

    def _readable(self, confusion: Confusion) -> dict[str, dict[str, int]] | None:
        """The matrix by names, where it is small enough to be looked at."""
        present = present_labels(confusion)
        if len(present) > MAX_CONFUSION_LABELS:
            return None
        return {
            self.labels[gold]: {self.labels[predicted]: int(confusion[gold, predicted]) for predicted in present}
            for gold in present
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """See `Task.from_json`."""
        cls.check_name(record)
        labels = record.get("labels")
        if (
            not isinstance(labels, list)
            or not all(isinstance(label, str) for label in labels)
            or len(set(labels)) != len(labels)
            or len(labels) < 2
        ):
            raise CheckpointError(
                f"labels {labels!r}: expected two or more different strings; fine-tune the model again"
            )
        return cls(tuple(labels))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {label: number for number, label in enumerate(self.labels)}

    def _number_of(self, label: str) -> int:
        try:
            return self._numbers[label]
        except KeyError:
            raise InputError(
                f"label {label!r} is not known: expected one of the training examples' labels, "
                f"{', '.join(self.labels)}; correct it, or train with examples of it"
            ) from None


def softmax(outputs: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Probabilities (float64 `[n]`) of raw outputs (any float type `[n]`).

    Raises:
        CheckpointError: an output is not finite.
    """
    check_finite([outputs])
    wide = outputs.astype(np.float64)
    powers = np.exp(wide - wide.max())
    probabilities: NDArray[np.float64] = powers / powers.sum()
    return probabilities


def _gold_labels(examples: Iterable[Labelled]) -> list[str]:
    """The label of every example, there being one or more.

    Raises:
        InputError: no examples, or one without a label.
    """
    names = ", ".join(COLUMNS["label"])
    expected = f"one in every example, under one of the names {names}; add the labels"
    return gold_labels(examples, lambda example: example.label, "a label", expected)


def _sorted_labels(labels: Sequence[str]) -> tuple[str, ...]:
    distinct = sorted(set(labels))
    if all(_NUMBER.fullmatch(label) for label in distinct):
        distinct.sort(key=float)
    return tuple(distinct)
