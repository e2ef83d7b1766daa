"""A fine-tuned model in use: load a directory, predict, evaluate. Training is `finetune.py`."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from itertools import islice
from pathlib import Path
from typing import Any, Self, TypeVar

from malmoi.artifact import directory_without, write_text
from malmoi.errors import CheckpointError, DataError, InputError, OptionError, VocabularyError
from malmoi.model.load import load_runtime
from malmoi.model.runtime import Runtime
from malmoi.progress import Tally
from malmoi.shipped import find_model
from malmoi.tasks.catalog import AnyTask, ExampleStream, find_layout, read_example_file, task_from_json, task_type
from malmoi.tasks.options import TaskOptions
from malmoi.tasks.task import Scores
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.options import Precision

T = TypeVar("T")

TASK_FILE = "task.json"
_EXAMPLES_AT_ONCE = 2048
_PLAIN_SUFFIXES = {"", ".txt"}


class Predictor:
    """A task, its tokenizer and its model.

    >>> predictor = Predictor.load("sentiment")
    >>> predictor.predict([{"text": "다시 보고 싶은 영화"}])[0].label
    'positive'
    """

    def __init__(self, task: AnyTask, tokenizer: Tokenizer, runtime: Runtime, max_tokens: int) -> None:
        self.task, self.tokenizer, self.runtime, self.max_tokens = task, tokenizer, runtime, max_tokens

    @classmethod
    def load(
        cls,
        directory: str | Path,
        *,
        task: str | None = None,
        device: str | None = None,
        precision: Precision = "auto",
    ) -> Self:
        """Load a fine-tuned model directory; or a pre-trained one for a task that needs no more, named by `task`.

        Raises:
            CheckpointError: not a fine-tuned model, one of another task, or damaged.
            VocabularyError: its tokenizer cannot be read or has more entries than the model.
            OptionError: the device or the task is not there, or the task cannot do with a pre-trained model.
        """
        directory = find_model(directory)
        if task is None or (directory / TASK_FILE).is_file():
            made, max_tokens = load_task(directory)
            if task not in (None, made.name):
                raise CheckpointError(f"{directory} is a model for {made.name}: expected one for {task}")
        else:
            made, max_tokens = _untrained_task(task), None
        tokenizer = Tokenizer.load(directory)
        runtime = load_runtime(directory, device=device, precision=precision)
        check_vocabulary(tokenizer, runtime.config.n_tokens, directory)
        if runtime.kind != made.head.kind:
            raise CheckpointError(
                f"{directory} has a {runtime.kind} head: expected a {made.head.kind} one, as {made.name} needs"
            )
        return cls(made, tokenizer, runtime, max_tokens or min(runtime.config.max_tokens, made.max_tokens))

    def with_options(self, options: TaskOptions) -> Self:
        """The same model with the options of its task that are set.

        Raises:
            OptionError: one that the task does not have.
        """
        return type(self)(self.task.with_options(options), self.tokenizer, self.runtime, self.max_tokens)

    def predict(self, examples: Sequence[Any]) -> list[Any]:
        """Predictions for examples, in order.

        Args:
            examples: the task's `Example`s or mappings with their fields; labels are not looked at.

        Raises:
            InputError: an example lacks a field or has one of the wrong type.
        """
        made = [self.task.example_from_json(e) if isinstance(e, Mapping) else e for e in examples]
        rows = self.task.encode_many(made, self.tokenizer, self.max_tokens)
        outputs = self.runtime.run_examples(rows)
        return [
            self.task.decode(example, example_rows, example_outputs)
            for example, example_rows, example_outputs in zip(made, rows, outputs, strict=True)
        ]

    def evaluate(self, examples: Sequence[Any]) -> Scores:
        """The task's metrics over labelled examples.

        Raises:
            InputError: an example has no label, or one the model does not know.
        """
        return self.task.score(self.predict(examples), examples)


def load_task(directory: Path) -> tuple[AnyTask, int]:
    """The task of a fine-tuned directory, and the longest row it was trained on.

    Raises:
        CheckpointError: there is no `task.json`, or it cannot be read.
    """
    path = directory / TASK_FILE
    if not path.is_file():
        state = directory_without(directory, TASK_FILE)
        raise CheckpointError(f"{directory} {state}: expected a fine-tuned model, made by `malmoi finetune`")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return task_from_json(record), int(record["max_tokens"])
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}): fine-tune the model again") from error


def _untrained_task(name: str) -> AnyTask:
    """A task that a merely pre-trained model can do."""
    kind = task_type(name)
    if not kind.works_untrained:
        raise OptionError(f"{name} needs a fine-tuned model: expected one made by `malmoi finetune {name}`")
    return kind()


def check_vocabulary(tokenizer: Tokenizer, n_tokens: int, directory: Path) -> None:
    """Refuse a tokenizer whose ids the model has no vectors for.

    Raises:
        VocabularyError: the tokenizer has more entries than the model.
    """
    if tokenizer.n_tokens > n_tokens:
        raise VocabularyError(
            f"{directory}: the tokenizer has {tokenizer.n_tokens:,} entries, the model {n_tokens:,}: "
            "expected the tokenizer the model was trained with"
        )


def evaluate_file(
    predictor: Predictor, path: Path, *, format: str = "auto", errors: Path | None = None
) -> dict[str, Any]:
    """Scores of a model on a file, as `malmoi evaluate` prints them.

    Args:
        predictor: the model.
        path: labelled examples.
        format: of the file, or `auto`.
        errors: a JSON Lines file for the examples whose own score is not full.

    Raises:
        InputError: the file cannot be read, or has a label that is missing or unknown.
    """
    task = predictor.task
    file = read_example_file(task, path, format)
    examples = file.examples
    chunks = _chunks(iter(examples))
    predictions = list(Tally((p for chunk in chunks for p in predictor.predict(chunk)), "predictions"))
    scores = task.score(predictions, examples)
    if errors is not None:
        wrong = (
            {**asdict(example), "prediction": prediction.to_json()}
            for example, prediction in zip(examples, predictions, strict=True)
            if task.is_wrong(prediction, example)
        )
        write_text(errors, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in wrong))
    return {"task": task.name, **scores.to_json(), **({"dropped": file.dropped} if file.dropped else {})}


def predict_file(predictor: Predictor, path: Path | None, *, format: str = "auto") -> Iterator[dict[str, Any]]:
    """Every example's own fields and its prediction, as `malmoi predict` prints them; streamed.

    Args:
        predictor: the model.
        path: examples; None for standard input. Standard input and plain text files hold JSON objects or plain
            lines with an example's fields in order, apart by tabs.
        format: of the file, or `auto`.

    Raises:
        InputError: the file cannot be read.
        DataError: a line is not an example.
    """
    for chunk in _chunks(_records(predictor.task, path, format)):
        for record, prediction in zip(chunk, predictor.predict(chunk), strict=True):
            yield {**record, "prediction": prediction.to_json()}


def _chunks(records: Iterator[T]) -> Iterator[list[T]]:
    while chunk := list(islice(records, _EXAMPLES_AT_ONCE)):
        yield chunk


def _records(task: AnyTask, path: Path | None, format: str) -> Iterator[dict[str, Any]]:
    if path is None:
        yield from _plain_records(task, sys.stdin, "standard input")
    elif format == "auto" and path.suffix in _PLAIN_SUFFIXES and find_layout(task, path) is None:
        with path.open(encoding="utf-8-sig") as lines:
            yield from _plain_records(task, lines, str(path))
    else:
        yield from (_without_missing(asdict(example)) for example in ExampleStream(task, path, format))


def _without_missing(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value is not None}


def _plain_records(task: AnyTask, lines: Iterable[str], name: str) -> Iterator[dict[str, Any]]:
    """Lines of JSON objects or of tab-separated fields; an empty line is an example too: none may be lost."""
    names = [field.name for field in fields(task.Example)]
    try:
        for number, line in enumerate(lines, start=1):
            line = line.rstrip("\r\n")
            try:
                record = json.loads(line) if line.startswith("{") else dict(zip(names, line.split("\t"), strict=False))
                task.example_from_json(record)
            except (ValueError, InputError) as error:
                raise DataError(name, number, f"{error}; expected a JSON object with {', '.join(names)}") from error
            yield record
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 ({error.reason}): convert it, for instance with iconv") from error
