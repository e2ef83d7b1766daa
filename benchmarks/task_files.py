"""The files of a row of `tasks.py`: as they are published, or divided and cut to size and written as JSON Lines."""

import json
import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from task_rows import TaskRow

from malmoi.artifact import write_text
from malmoi.errors import InputError
from malmoi.tasks.catalog import AnyTask, learn_task, read_examples, task_type
from malmoi.tasks.qa_files import split_articles


@dataclass(frozen=True, kw_only=True)
class Files:
    """The examples of a row, ready for `malmoi`."""

    train: Path | None
    judged: Path
    preparation: str
    """How they were made; empty for files as they are published."""


def find_files(
    name: str, row: TaskRow, data: Path, folder: Path, *, max_train: int | None, max_judged: int | None
) -> Files:
    """The files of a row, divided and cut to size where they must be.

    Args:
        name: of the row.
        row: what it needs.
        data: the folder of data sets.
        folder: where files are made.
        max_train: learn from at most so many.
        max_judged: judge by at most so many.

    Raises:
        InputError: a file is not there.
    """
    judged = row.judged or row.train
    # What is missing is named before anything is read or made.
    if missing := [file for file in (row.train, judged, row.split) if file and not (data / file).is_file()]:
        raise InputError(f"{data / missing[0]} is not there")
    train = data / row.train if row.train else None
    notes, suffix = [], ""
    if row.split is not None:
        assert train is not None
        parts = folder / name
        if not parts.is_dir():
            split_articles(train, data / row.split, parts)
        notes.append(shlex.join(("malmoi", "split-articles", str(train), str(data / row.split), "--out", str(parts))))
        train, judged_file = parts / "train.json", parts / "dev.json"
    else:
        judged_file = data / str(judged)
    n_train = min(filter(None, (row.n_train, max_train)), default=None)
    if row.division is None and n_train is None and max_judged is None:
        return Files(train=train, judged=judged_file, preparation="; ".join(notes))
    kind = task_type(row.task)
    learnt = read_examples(kind, train) if train else []
    judging = learnt if row.division else read_examples(kind, judged_file)
    if row.division:
        learnt, judging = row.division.divide(learnt)
        notes.append(f"{train}: {row.division.rule}")
    for limit, what in ((n_train if train else None, "train"), (max_judged, "judged")):
        if limit is not None:
            notes.append(f"of {what} at most {limit:,}, taken evenly")
            suffix += f".{what}{limit}"
    learnt, judging = evenly(learnt, n_train), evenly(judging, max_judged)
    if train and n_train is not None:
        judging = known(learn_task(kind, learnt, train), judging)
        notes.append("of judged those whose label is learnt")
    return Files(
        train=written(folder / f"{name}{suffix}.train.jsonl", learnt) if train else None,
        judged=written(folder / f"{name}{suffix}.judged.jsonl", judging),
        preparation="; ".join(notes),
    )


def evenly(examples: Sequence[Any], n: int | None) -> list[Any]:
    """At most `n` of the examples, from everywhere in the file."""
    if n is None or n >= len(examples):
        return list(examples)
    return [examples[i * len(examples) // n] for i in range(n)]


def known(task: AnyTask, examples: Sequence[Any]) -> list[Any]:
    """Those whose label occurs among the few examples that are learnt from."""
    found = []
    for example in examples:
        with suppress(InputError):
            task.check(example)
            found.append(example)
    return found


def written(path: Path, examples: Sequence[Any]) -> Path:
    """The examples as JSON Lines, which every task reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, "".join(json.dumps(asdict(example), ensure_ascii=False) + "\n" for example in examples))
    return path
