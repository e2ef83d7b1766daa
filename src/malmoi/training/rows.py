"""The rows of all training examples, compact: a million must not need gigabytes. No PyTorch here."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from malmoi.tasks.catalog import AnyTask
from malmoi.tasks.task import Row, TaskTokenizer

_EXAMPLES_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class RowStore(Sequence[list[Row]]):
    """Rows of each example in a few long arrays; `store[i]` makes those of example i anew, as views.

    A row costs five bytes a token and about thirty more; as a `Row` with arrays of its own it costs four hundred more.
    """

    ids: NDArray[np.int32]
    """int32 `[n_tokens]`: the ids of all rows, one row after the other."""
    segments: NDArray[np.uint8]
    """uint8 `[n_tokens]`."""
    targets: NDArray[Any] | list[Any]
    """`[n_tokens]` where each token has a target, else one for each row."""
    asked: NDArray[np.int32] | None
    """int32 `[n_tokens]`; `None` where nothing is asked."""
    choices: list[int | None]
    """One for each row."""
    row_ends: NDArray[np.int64]
    """int64 `[n_rows + 1]`: where each row begins in `ids`, and the end."""
    example_ends: NDArray[np.int64]
    """int64 `[n_examples + 1]`: where each example's rows begin in `row_ends`, and the end."""

    def __len__(self) -> int:
        return len(self.example_ends) - 1

    @overload
    def __getitem__(self, index: int) -> list[Row]: ...
    @overload
    def __getitem__(self, index: slice) -> list[list[Row]]: ...
    def __getitem__(self, index: int | slice) -> list[Row] | list[list[Row]]:
        """The rows of one example, or of several."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        return [self._row(i) for i in range(self.example_ends[index], self.example_ends[index + 1])]

    def each_row_by_itself(self) -> "RowStore":
        """The same rows, each as an example: for tasks that learn from windows one by one."""
        return replace(self, example_ends=np.arange(len(self.row_ends)))

    def _row(self, number: int) -> Row:
        tokens = slice(self.row_ends[number], self.row_ends[number + 1])
        return Row(
            self.ids[tokens],
            self.segments[tokens],
            self.targets[number] if isinstance(self.targets, list) else self.targets[tokens],
            self.choices[number],
            None if self.asked is None else self.asked[tokens],
        )


def encode_compactly(task: AnyTask, examples: Iterable[Any], tokenizer: TaskTokenizer, max_tokens: int) -> RowStore:
    """The rows that `task.encode_many` makes of `examples`, there being one or more; a few thousand at a time."""
    parts: list[RowStore] = []
    left = iter(examples)
    while chunk := list(islice(left, _EXAMPLES_AT_ONCE)):
        parts.append(_store(task.encode_many(chunk, tokenizer, max_tokens)))
    return _joined(parts)


def _store(examples: Sequence[Sequence[Row]]) -> RowStore:
    rows = [row for example in examples for row in example]
    targets: list[Any] = [row.target for row in rows]
    by_token = all(
        isinstance(target, np.ndarray) and target.shape == row.ids.shape
        for target, row in zip(targets, rows, strict=True)
    )
    asked = [row.asked for row in rows if row.asked is not None]
    return RowStore(
        np.concatenate([row.ids for row in rows]),
        np.concatenate([row.segments for row in rows]),
        np.concatenate(targets) if by_token else targets,
        np.concatenate(asked) if asked else None,
        [row.choice for row in rows],
        _ends(len(row.ids) for row in rows),
        _ends(len(example) for example in examples),
    )


def _joined(parts: Sequence[RowStore]) -> RowStore:
    targets = [part.targets for part in parts]
    asked = [part.asked for part in parts if part.asked is not None]
    return RowStore(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.segments for part in parts]),
        [target for part in targets for target in part] if isinstance(targets[0], list) else np.concatenate(targets),
        np.concatenate(asked) if asked else None,
        [choice for part in parts for choice in part.choices],
        _ends(n for part in parts for n in np.diff(part.row_ends)),
        _ends(n for part in parts for n in np.diff(part.example_ends)),
    )


def _ends(lengths: Iterator[int]) -> NDArray[np.int64]:
    ends = np.cumsum(np.fromiter(lengths, np.int64))
    return np.concatenate(([0], ends)).astype(np.int64)
