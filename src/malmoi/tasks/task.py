"""The shape every task has: examples in, rows of token ids out; outputs in, predictions and scores out.

NumPy only. A task names the head it needs and knows neither PyTorch nor how rows are batched, and it never
looks at a label to decide which rows to make: training, evaluation, command line and server encode alike.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from malmoi.errors import CheckpointError, OptionError
from malmoi.tasks.options import TaskOptions
from malmoi.tokenizer.tokenizer import Encoding

ExampleT = TypeVar("ExampleT")
PredictionT = TypeVar("PredictionT")
Reader = Callable[[Path], Iterator[Any]]


class TaskTokenizer(Protocol):
    """The part of a tokenizer that tasks use."""

    @property
    def cls_id(self) -> int:
        """Id of `[CLS]`."""

    @property
    def sep_id(self) -> int:
        """Id of `[SEP]`."""

    @property
    def mask_id(self) -> int:
        """Id of `[MASK]`."""

    @property
    def unk_id(self) -> int:
        """Id of `[UNK]`."""

    def encode_batch(self, texts: Sequence[str], *, special_tokens: bool = True) -> list[Encoding]:
        """Ids, pieces and spans of each text."""

    def encode_ids(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """Ids of each text (int32 `[n_pieces]`) without special tokens."""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One input of the model; an example is one row or several (windows, choices)."""

    ids: NDArray[np.int32]
    """int32 `[T]`: token ids with the special tokens, not padded."""
    segments: NDArray[np.uint8]
    """uint8 `[T]`: 0 for the first text and its special tokens, 1 for the second."""
    target: int | float | NDArray[Any] | None = None
    """What the head should give: a class, a number, or an array `[T]` of a class a token; `None`: unknown.

    For the loss `span` an array of what a token may be and is: -100 no part of an answer, else 0, and 1 more for
    a start, 2 more for an end.
    """
    choice: int | None = None
    """Which of its example's choices the row speaks for; `None` where there is nothing to choose."""
    asked: NDArray[np.int32] | None = None
    """int32 `[T]`, for a masked head: the token whose log-probability is wanted at each place, -1 for none."""
    spans: NDArray[np.int32] | None = None
    """int32 `[T, 2]`: the characters each token stands for, in the text that is to be read; empty for all others."""


@dataclass(frozen=True)
class Head:
    """What a task wants on top of the encoder."""

    kind: Literal["pooled", "token", "masked"]
    """One output a row, one a token, or the vocabulary at masked places."""
    n_outputs: int
    """Width of the output."""
    loss: Literal["cross_entropy", "mean_squared_error", "choice", "span"]
    """How outputs are compared with targets; `choice`: cross-entropy over the choices of each example; `span`: that
    of starts and of ends, over tokens."""


@dataclass(frozen=True)
class Scores:
    """How good predictions are."""

    n_examples: int
    """How many examples were judged."""
    metrics: dict[str, float]
    """In percent, by name."""
    per_label: dict[str, dict[str, float]]
    """For each label `precision`, `recall`, `f1` (percent) and `n`, its gold examples; may be empty."""
    confusion: dict[str, dict[str, int]] | None = None
    """Gold label → predicted label → how often; `None` for tasks without labels, and with too many to look at."""

    def to_json(self) -> dict[str, Any]:
        """The fields; without a confusion matrix where there is none."""
        values = asdict(self)
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Task(ABC, Generic[ExampleT, PredictionT]):
    """A task with what it learnt from its training examples: the labels.

    `Example` is at once what `encode_many` takes, the JSONL schema and the schema of the service.
    """

    name: ClassVar[str]
    Example: ClassVar[type]
    """Frozen dataclass, label last and optional."""
    READERS: ClassVar[Mapping[str, Reader]]
    """File format → reader; a reader loses no example without saying so in its docstring."""
    LAYOUTS: ClassVar[Mapping[str, str]]
    """Regular expression that matches the head of a file → its format, for formats that can be recognised."""
    main_metric: ClassVar[str]
    """What epochs, seeds and learning rates are compared by; larger is better."""
    max_tokens: ClassVar[int] = 128
    """Longest row where fine-tuning is told nothing else."""
    batch_size: ClassVar[int] = 32
    """Examples in a step where fine-tuning is told nothing else."""
    works_untrained: ClassVar[bool] = False
    """Whether a merely pre-trained model can answer."""

    labels: tuple[str, ...] = ()
    """What can be predicted, in the order of the outputs; empty for tasks without a label set."""

    @classmethod
    def is_labelled(cls, example: ExampleT) -> bool:
        """Whether the example's label, its last field, is known."""
        return getattr(example, fields(cls.Example)[-1].name) is not None

    def is_wrong(self, prediction: PredictionT, example: ExampleT) -> bool:
        """Whether a prediction belongs among the errors to look at."""
        return self.score([prediction], [example]).metrics[self.main_metric] < 100

    @classmethod
    @abstractmethod
    def from_examples(cls, examples: Iterable[ExampleT]) -> Self:
        """Learn the task from training examples, which may be gone through more than once.

        Raises:
            InputError: no examples, an example without a label, or one label only.
        """

    def with_options(self, options: TaskOptions) -> Self:
        """The same task with the options that are set.

        Raises:
            OptionError: one that this task does not have.
        """
        given = {field.name: value for field in fields(options) if (value := getattr(options, field.name)) is not None}
        own = {field.name for field in fields(self)}
        if foreign := [name for name in given if name not in own]:
            raise OptionError(
                f"{foreign[0]} is set to {given[foreign[0]]!r}: {self.name} has no such option, leave it out"
            )
        return replace(self, **given)

    def training_examples(self, examples: Iterable[ExampleT]) -> Iterable[ExampleT]:
        """Those of the training examples to learn from, in order: all, where a task does not draw a sample."""
        return examples

    @property
    def output_names(self) -> tuple[str, ...]:
        """A name for every output of the head, where they have names."""
        return self.labels

    @classmethod
    def predictions_by_id(cls, path: Path, examples: Sequence[ExampleT]) -> list[PredictionT] | None:
        """Predictions of a file that names the examples by id, in their order; `None`: it is no such file."""
        return None

    @classmethod
    @abstractmethod
    def from_answers(cls, examples: Sequence[ExampleT], predictions: Sequence[PredictionT]) -> Self:
        """Make the task that these gold examples and anybody's predictions show, only to score them."""

    @classmethod
    @abstractmethod
    def example_from_json(cls, record: Mapping[str, Any]) -> ExampleT:
        """Make an example of a JSON object; keys that are not fields of `Example` are ignored.

        Raises:
            InputError: a field is missing or of the wrong type.
        """

    @classmethod
    @abstractmethod
    def prediction_from_json(cls, record: Mapping[str, Any]) -> PredictionT:
        """Make a prediction of a JSON object as its `to_json` gives it.

        Raises:
            InputError: a field is missing or of the wrong type.
        """

    @abstractmethod
    def check(self, example: ExampleT) -> None:
        """Refuse an example whose label this task cannot predict.

        Raises:
            InputError: a label that was not among the training examples.
        """

    @property
    @abstractmethod
    def head(self) -> Head:
        """The head this task needs."""

    @abstractmethod
    def encode_many(self, examples: Sequence[ExampleT], tokenizer: TaskTokenizer, max_tokens: int) -> list[list[Row]]:
        """Rows of each example, every row at most `max_tokens` long; the only way in which rows are made.

        Raises:
            OptionError: `max_tokens` leaves no room beside the special tokens.
            InputError: a label that was not among the training examples.
        """

    def encode(self, example: ExampleT, tokenizer: TaskTokenizer, max_tokens: int) -> list[Row]:
        """Rows of one example; see `encode_many`."""
        return self.encode_many([example], tokenizer, max_tokens)[0]

    @abstractmethod
    def decode(
        self, example: ExampleT, rows: Sequence[Row], outputs: Sequence[NDArray[np.floating[Any]]]
    ) -> PredictionT:
        """The answer that the model's outputs mean.

        Args:
            example: what was asked; its label is not looked at.
            rows: what `encode` made of it.
            outputs: one array a row, any float type: `[n_outputs]` (pooled), `[T, n_outputs]` (token), or `[T]`
                (masked): the log-probabilities of the tokens that were asked for, elsewhere 0.

        Raises:
            CheckpointError: the outputs are not finite.
        """

    @abstractmethod
    def score(self, predictions: Sequence[PredictionT], examples: Sequence[ExampleT]) -> Scores:
        """Judge predictions against the labels of `examples`, in the same order.

        Raises:
            InputError: nothing to score, numbers that differ, or an example without a label.
        """

    def to_json(self) -> dict[str, Any]:
        """What `task.json` beside a fine-tuned model holds."""
        return {"task": self.name, "labels": list(self.labels)}

    @classmethod
    @abstractmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`.

        Raises:
            CheckpointError: the record is not this task's.
        """

    @classmethod
    def check_name(cls, record: Mapping[str, Any]) -> None:
        """Refuse the `task.json` of another task.

        Raises:
            CheckpointError: it names another.
        """
        if record.get("task") != cls.name:
            raise CheckpointError(f"task {record.get('task')!r}: expected {cls.name!r}; fine-tune the model again")


def check_room(max_tokens: int, n_special: int) -> None:
    """Refuse a length that special tokens alone would fill.

    Raises:
        OptionError: `max_tokens` is not greater than `n_special`.
    """
    if max_tokens <= n_special:
        raise OptionError(
            f"max_tokens {max_tokens} leaves no room for text: a row has {n_special} special tokens, "
            f"use {n_special + 1} or more"
        )


def check_finite(outputs: Sequence[NDArray[np.floating[Any]]]) -> None:
    """Refuse outputs that mean nothing.

    Raises:
        CheckpointError: one of them is not finite.
    """
    if not all(np.isfinite(output).all() for output in outputs):
        raise CheckpointError(
            "the model's outputs are not finite numbers: its weights are broken or too large for this precision; "
            "train again or use another checkpoint"
        )
