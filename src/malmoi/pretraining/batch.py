"""What a pre-training step is fed with, and where in the shards it came from. How it is made is `examples.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np


@dataclass(frozen=True)
class DataPosition:
    """Where the next batch begins: plain numbers, part of the training state."""

    step: int = 0
    epoch: int = 0
    cursor: int = 0
    """Windows of the epoch already taken or set aside."""
    set_aside: tuple[int, ...] = ()
    """Windows passed over because they did not fit, in order."""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `dataclasses.asdict` after a way through JSON."""
        return cls(**{**values, "set_aside": tuple(values["set_aside"])})


@dataclass(frozen=True)
class PretrainingBatch:
    """One step's input: packed rows, B rows of T tokens."""

    ids: np.ndarray
    """int64 [B, T], masked"""
    segments: np.ndarray
    """int64 [B, T]: 0 first text, 1 second"""
    positions: np.ndarray
    """int64 [B, T]: from 0 in every sequence"""
    sequences: np.ndarray
    """int64 [B, T]: number of the sequence in its row, from 1; 0 is padding"""
    masked: np.ndarray
    """int64 [N]: flat positions to predict"""
    targets: np.ndarray
    """int64 [N]: ids that stand there"""
    firsts: np.ndarray
    """int64 [M]: flat positions of the [CLS] of every pair"""
    next_labels: np.ndarray
    """int64 [M]: 0 the true next text, 1 a random one (or the two in the wrong order)"""
    following: DataPosition
    """Where the next batch begins"""

    @property
    def n_tokens(self) -> int:
        """Tokens that are not padding."""
        return int(np.count_nonzero(self.sequences))

    @property
    def n_examples(self) -> int:
        """Sequences, packed or not."""
        return int(self.sequences.max(axis=1).sum())

    def rows(self, first: int, last: int) -> "PretrainingBatch":
        """The rows from `first` to before `last` as a batch of their own; what is predicted in them stays."""
        n_tokens = self.ids.shape[1]
        start, end = first * n_tokens, last * n_tokens
        masked = slice(*self.masked.searchsorted([start, end]))
        firsts = slice(*self.firsts.searchsorted([start, end]))
        return PretrainingBatch(
            self.ids[first:last],
            self.segments[first:last],
            self.positions[first:last],
            self.sequences[first:last],
            self.masked[masked] - start,
            self.targets[masked],
            self.firsts[firsts] - start,
            self.next_labels[firsts],
            self.following,
        )
