"""All tasks, and from a file's path to examples, predictions and scores. No logic of any one task."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from malmoi.errors import CheckpointError, InputError, OptionError, one_of
from malmoi.tasks.choice import Choice
from malmoi.tasks.classification import Classification
from malmoi.tasks.cloze import Cloze
from malmoi.tasks.files import Dropped, FileHead, bare_suffix, read_head, read_json_lines, read_records
from malmoi.tasks.options import TaskOptions
from malmoi.tasks.pair import Pair
from malmoi.tasks.qa import Qa
from malmoi.tasks.regression import Regression
from malmoi.tasks.relation import Relation
from malmoi.tasks.tagging import Tagging
from malmoi.tasks.task import Scores, Task

AnyTask = Task[Any, Any]

TASKS: dict[str, type[AnyTask]] = {
    "classification": Classification,
    "pair": Pair,
    "regression": Regression,
    "qa": Qa,
    "tagging": Tagging,
    "choice": Choice,
    "relation": Relation,
    "cloze": Cloze,
}

_JSON_SUFFIXES = {".jsonl", ".ndjson", ".json"}
_TABLE_SUFFIXES = {".csv", ".tsv", ".txt"}


def task_type(name: str) -> type[AnyTask]:
    """The task of this name.

    Raises:
        OptionError: there is none.
    """
    if name not in TASKS:
        raise OptionError(f"task {name!r} is not known: {one_of(name, TASKS)}")
    return TASKS[name]


def task_from_json(record: Mapping[str, Any]) -> AnyTask:
    """The task that a `task.json` describes.

    Raises:
        CheckpointError: it describes none we know.
    """
    name = record.get("task")
    if name not in TASKS:
        raise CheckpointError(f"task {name!r} is not known: expected one of {', '.join(TASKS)}; upgrade malmoi")
    return TASKS[name].from_json(record)


def find_layout(task: AnyTask | type[AnyTask], path: Path) -> str | None:
    """The format of a file whose layout this task knows by its first bytes; None for any other.

    Raises:
        InputError: the file cannot be read.
    """
    head = read_head(path)
    return next((name for pattern, name in task.LAYOUTS.items() if re.match(pattern, head.text)), None)


def detect_format(task: AnyTask | type[AnyTask], path: Path) -> str:
    """The format of a file: that of a layout we know, or else by its suffix and, in tables, its separator.

    Raises:
        InputError: the file cannot be read, or looks like nothing this task reads.
    """
    if (layout := find_layout(task, path)) is not None:
        return layout
    head = read_head(path)
    guess = _guess_format(head, bare_suffix(path))
    if guess in task.READERS:
        return guess
    raise InputError(
        f"{path} looks {head.description()}: expected examples of {task.name} in one of the formats "
        f"{', '.join(task.READERS)}; name the format if it is one of them{_other_layout(task, path)}"
    )


def _guess_format(head: FileHead, suffix: str) -> str:
    """The general format that a file seems to have; empty for none."""
    line = head.first_line
    if line.startswith("{") and suffix in _JSON_SUFFIXES:
        return "jsonl"
    if not line or line[0] in "[{" or suffix not in _TABLE_SUFFIXES or head.is_binary:
        return ""
    # The separator tells more than the suffix: `.csv` with tabs and `.txt` with a table are common.
    if "\t" in line or "," in line:
        return "tsv" if "\t" in line else "csv"
    return "" if suffix == ".txt" else suffix[1:]


@dataclass(frozen=True)
class ExampleFile:
    """What a file of examples holds."""

    examples: list[Any]
    """In order."""
    dropped: dict[str, int]
    """How many its format says to leave out, by reason."""


def read_examples(task: AnyTask | type[AnyTask], path: Path, format: str = "auto") -> list[Any]:
    """All examples of a file, in order; see `read_example_file`."""
    return read_example_file(task, path, format).examples


def read_example_file(task: AnyTask | type[AnyTask], path: Path, format: str = "auto") -> ExampleFile:
    """All examples of a file, in order, and what was left out; see `ExampleStream`."""
    stream = ExampleStream(task, path, format)
    return ExampleFile(list(stream), stream.dropped)


class ExampleStream:
    """The examples of a file, read anew whenever they are gone through: a file may hold more than fit into memory."""

    def __init__(self, task: AnyTask | type[AnyTask], path: Path, format: str = "auto") -> None:
        """Find out the format.

        Args:
            task: whose examples; where it has learnt its labels, those of the file are checked against them.
            path: a file, decompressed by suffix (`.gz`, `.xz`, `.bz2`).
            format: a key of `task.READERS`, or `auto`; see `detect_format`.

        Raises:
            OptionError: no such format.
            InputError: the file cannot be read, or looks like nothing this task reads.
        """
        self.task, self.path = task, path
        self.format = detect_format(task, path) if format == "auto" else format
        if self.format not in task.READERS:
            raise OptionError(
                f"format {self.format!r} is not known to {task.name}: expected auto, {', '.join(task.READERS)}"
            )
        self.dropped: dict[str, int] = {}
        """How many examples the last time through were left out, as the format says, by reason."""

    def __iter__(self) -> Iterator[Any]:
        """Yield every example, in order.

        Raises:
            InputError: the file cannot be read, is of another format, holds no example, or a label that the task
                does not know.
            DataError: one of its lines is wrong.
        """
        dropped: Counter[str] = Counter()
        n_examples = 0
        for item in self._items():
            if isinstance(item, Dropped):
                dropped[item.reason] += 1
                continue
            n_examples += 1
            if isinstance(self.task, Task):
                self._check(self.task, n_examples, item)
            yield item
        if not n_examples:
            message = f"{self.path} holds no examples: expected one or more in the format {self.format}"
            raise InputError(f"{message}{self._looks()}{self._other()}")
        self.dropped = dict(dropped)

    def _items(self) -> Iterator[Any]:
        """What the reader yields; where it fails at once, the error says what the file looks like."""
        is_first = True
        try:
            for item in self.task.READERS[self.format](self.path):
                yield item
                is_first = False
        except InputError as error:
            looks = self._looks() if is_first and " looks " not in str(error) else ""
            error.args = (f"{error}{looks}{self._other()}",)
            raise

    def _looks(self) -> str:
        """`; the file looks …`, where that is not what it is read as."""
        try:
            if detect_format(self.task, self.path) == self.format:
                return ""
        except InputError:
            pass
        return f"; the file looks {read_head(self.path).description()}"

    def _other(self) -> str:
        return "" if self.format == find_layout(self.task, self.path) else _other_layout(self.task, self.path)

    def _check(self, task: AnyTask, number: int, example: Any) -> None:
        try:
            task.check(example)
        except InputError as error:
            raise InputError(f"{self.path}: example {number}: {error}") from None


def learn_task(kind: type[AnyTask], examples: Iterable[Any], path: Path) -> AnyTask:
    """The task that the training examples of a file show; see `Task.from_examples`.

    Raises:
        InputError: they cannot be learnt from; with the file, and what else it looks like.
    """
    try:
        return kind.from_examples(examples)
    except InputError as error:
        if str(error).startswith(str(path)):
            raise  # of the file, not of what it holds
        raise InputError(f"{path}: {error}{_other_layout(kind, path)}") from None


def _other_layout(task: AnyTask | type[AnyTask], path: Path) -> str:
    """`; the file looks like …`, where the head of a file is of a layout that another task knows.

    Not `json`, which says little, and not `graph`: tagging reads the same file, by its entities.
    """
    likely = [
        f"{kind.name}'s {layout}"
        for kind in TASKS.values()
        if kind.name != task.name and (layout := find_layout(kind, path)) not in (None, "json", "graph")
    ]
    own = find_layout(task, path)
    likely += [f"the format {own}"] if own not in (None, "json") else []
    return f"; the file looks like {' or '.join(likely)}" if likely else ""


def read_predictions(task: AnyTask | type[AnyTask], path: Path) -> list[Any]:
    """All predictions of a JSON Lines file, in order: those of `malmoi predict`, or bare `{"label": …}`.

    Raises:
        DataError: a line is not a prediction of this task.
    """

    def make(record: Mapping[str, Any]) -> Any:
        prediction = record.get("prediction", record)
        return task.prediction_from_json(prediction if isinstance(prediction, dict) else {"label": prediction})

    return list(read_records(path, read_json_lines, make))


def score_files(
    task: type[AnyTask],
    gold: Path,
    predictions: Path,
    format: str = "auto",
    options: TaskOptions = TaskOptions(),
) -> Scores:
    """Judge anybody's predictions, one a line in the order of the gold examples.

    The labels are those that occur in the two files. So where predictions come without probabilities, a task
    with three labels of which the files hold two is judged as one with two.

    Raises:
        InputError: a file cannot be read, or they do not belong together; see `Task.score`.
    """
    examples = read_examples(task, gold, format)
    answers = task.predictions_by_id(predictions, examples)
    if answers is None:
        answers = read_predictions(task, predictions)
    return task.from_answers(examples, answers).with_options(options).score(answers, examples)
