"""Rows of a task as padded batches of about equal length. An example's rows never part. No PyTorch here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from malmoi.tasks.task import Row

_POOL_BATCHES = 50
"""Batches' worth of shuffled examples that are sorted together: enough for even lengths, few enough for chance."""


@dataclass(frozen=True)
class Batch:
    """Rows side by side, padded to the longest: B rows of T tokens."""

    ids: np.ndarray
    """int64 [B, T]"""
    segments: np.ndarray
    """int64 [B, T]"""
    mask: np.ndarray | None
    """bool [B, T], True for real tokens; None when no row is padded"""
    targets: np.ndarray | None
    """[B] classes (int64) or numbers (float32), or int64 [B, T]; None when a row has none"""
    row_lengths: np.ndarray
    """int64 [B]"""
    asked: np.ndarray | None = None
    """int64 [B, T], the tokens whose log-probability a masked head is asked for, -1 for none; None: no such rows"""
    choices: np.ndarray | None = None
    """int64 [B], which of its example's choices a row speaks for; None where there is nothing to choose"""
    row_counts: np.ndarray | None = None
    """int64 [E], how many rows each of the batch's examples has, in order; None where nobody needs it"""

    @property
    def n_examples(self) -> int:
        """Rows: an example of several counts as often."""
        return len(self.row_lengths)

    @property
    def n_tokens(self) -> int:
        """Without padding."""
        return int(self.row_lengths.sum())

    def parts(self, max_tokens: int) -> Iterator["Batch"]:
        """The same rows in batches of at most `max_tokens`, padding included, or of one row; without targets."""
        n_rows = max(1, max_tokens // self.ids.shape[1])
        for start in range(0, len(self.ids), n_rows):
            rows = slice(start, start + n_rows)
            mask = None if self.mask is None else self.mask[rows]
            asked = None if self.asked is None else self.asked[rows]
            yield Batch(self.ids[rows], self.segments[rows], mask, None, self.row_lengths[rows], asked)


def collate(rows: Sequence[Row], pad_id: int, max_tokens: int | None = None) -> Batch:
    """Put rows into one batch.

    Args:
        rows: one or more.
        pad_id: what they are filled up with.
        max_tokens: fill them up to a round length that is no longer than this, for training; None: to the longest.
    """
    lengths = np.array([len(row.ids) for row in rows], dtype=np.int64)
    longest = int(lengths.max())
    shape = (len(rows), longest if max_tokens is None else max(longest, min(_round_length(longest), max_tokens)))
    ids = np.full(shape, pad_id, dtype=np.int64)
    segments = np.zeros(shape, dtype=np.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = row.ids
        segments[number, : len(row.ids)] = row.segments
    is_padded = bool((lengths < shape[1]).any())
    mask = np.arange(shape[1]) < lengths[:, None] if is_padded else None
    return Batch(ids, segments, mask, _targets(rows, shape), lengths, _asked(rows, shape), _choices(rows))


def _round_length(n_tokens: int) -> int:
    """At most an eighth more, and one of eight lengths between a power of two and the next.

    oneDNN keeps what it compiled for every shape it meets, and what is kept lies among a step's tensors in memory:
    with lengths as they come memory grew for as long as a training went on.
    """
    step = 1 << max(0, n_tokens.bit_length() - 4)
    return -(-n_tokens // step) * step


def _asked(rows: Sequence[Row], shape: tuple[int, int]) -> np.ndarray | None:
    if rows[0].asked is None:
        return None
    asked = np.full(shape, -1, dtype=np.int64)
    for number, row in enumerate(rows):
        assert row.asked is not None, "rows of one task ask alike"
        asked[number, : len(row.asked)] = row.asked
    return asked


def _choices(rows: Sequence[Row]) -> np.ndarray | None:
    if rows[0].choice is None:
        return None
    return np.array([row.choice for row in rows], dtype=np.int64)


def _targets(rows: Sequence[Row], shape: tuple[int, int]) -> np.ndarray | None:
    values: list[Any] = [row.target for row in rows]
    if any(value is None for value in values):
        return None
    if isinstance(values[0], np.ndarray):
        targets = np.full(shape, -100, dtype=np.int64)
        for number, value in enumerate(values):
            targets[number, : len(value)] = value
        return targets
    return np.array(values, dtype=np.float32 if isinstance(values[0], float) else np.int64)


def shuffled_batches(
    examples: Sequence[Sequence[Row]], batch_size: int, generator: np.random.Generator
) -> list[list[int]]:
    """Numbers of the examples of each training batch of one epoch: random, but of about equal length.

    Args:
        examples: rows of each example.
        batch_size: examples in a batch.
        generator: decides the order.
    """
    lengths = _lengths(examples)
    order = generator.permutation(len(examples))
    pool = _POOL_BATCHES * batch_size
    batches = []
    for start in range(0, len(order), pool):
        chunk = order[start : start + pool]
        chunk = chunk[np.argsort(lengths[chunk], kind="stable")]
        batches += [chunk[i : i + batch_size].tolist() for i in range(0, len(chunk), batch_size)]
    return [batches[i] for i in generator.permutation(len(batches))]


def sorted_batches(examples: Sequence[Sequence[Row]], max_tokens: int, max_padding: int) -> Iterator[list[int]]:
    """Numbers of the examples of each batch for prediction, by length.

    Args:
        examples: rows of each example.
        max_tokens: of a batch, padding included; an example with more is a batch of its own.
        max_padding: tokens of padding between the examples of a batch: as many as beginning another batch costs,
            then the batches are nearly as cheap as any could be.
    """
    lengths = _lengths(examples)
    batch: list[int] = []
    n_rows, n_tokens = 0, 0
    for number in np.argsort(lengths, kind="stable").tolist():
        n_more, length = len(examples[number]), int(lengths[number])
        is_full = (n_rows + n_more) * length > max_tokens or n_rows * length - n_tokens > max_padding
        if batch and is_full:
            yield batch
            batch, n_rows, n_tokens = [], 0, 0
        batch.append(number)
        n_rows += n_more
        n_tokens += n_more * length
    if batch:
        yield batch


def _lengths(examples: Sequence[Sequence[Row]]) -> np.ndarray:
    return np.array([max(len(row.ids) for row in rows) for rows in examples], dtype=np.int64)
