"""Encoding a corpus: the ids of `Tokenizer.encode_ids`, several times faster.

Text is made of few distinct eojeols, so their ids are kept: texts are cut at blanks, the eojeols looked up, and
their ids gathered by NumPy. Eojeols that are not known yet go through the tokenizer, many in one call.

The ids are the same for every text. A blank is where every step of a BERT's pipeline begins anew: no
composition reaches across it, clean-up and the cutting of words look at single characters
(`Tokenizer.cuts_at_blanks` checks that the pipeline is of this kind; others are encoded text by text). Some
characters are blanks to Python, but BERT deletes them; the rare texts that hold one go through the tokenizer
whole. It keeps no spans.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count, islice

import numpy as np

from malmoi.errors import OptionError
from malmoi.tokenizer.backend import DELETED_BLANKS
from malmoi.tokenizer.tokenizer import Tokenizer

_EOJEOLS_AT_ONCE = 1024
_MAX_UNKNOWN = 0.3
"""Share of unknown eojeols at which a full memory no longer serves."""
_ENTRY_BYTES = 200
"""About what one eojeol takes besides its characters and ids: string, dictionary, two numbers."""


@dataclass(frozen=True)
class EncodedTexts:
    """Ids of many texts in one array."""

    ids: np.ndarray
    """int32 [n_pieces], all texts one after the other"""
    lengths: np.ndarray
    """int64 [n_texts], pieces of each"""

    def split(self) -> list[np.ndarray]:
        """The ids of every text: int32 [n_pieces of it]."""
        return np.split(self.ids, np.cumsum(self.lengths)[:-1]) if len(self.lengths) else []


class BulkEncoder:
    """Encodes texts, without special tokens; remembers the ids of eojeols in a bounded room."""

    def __init__(self, tokenizer: Tokenizer, *, memory_mb: int = 512) -> None:
        """Wrap a tokenizer; when the eojeols known take some `memory_mb`, no others are kept.

        The frequent ones come early, so these serve on. Where they no longer do (text of another kind), all are
        forgotten and learnt anew.
        """
        if memory_mb < 1:
            raise OptionError(f"memory_mb is {memory_mb}: expected 1 or more")
        self._tokenizer, self._max_bytes = tokenizer, memory_mb << 20
        # Eojeols are told apart by a special token: the library splits text at it before anything else.
        self._between = tokenizer.vocabulary.tokens[tokenizer.sep_id]
        self._forget()

    def _forget(self) -> None:
        self._n_bytes = 0
        # Looking up a new eojeol gives it the next number.
        self._numbers: defaultdict[str, int] = defaultdict(count().__next__)
        self._ids, self._n_ids = np.empty(1 << 12, np.int32), 0
        self._starts, self._lengths = np.empty(1 << 10, np.int64), np.empty(1 << 10, np.int32)

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """The ids of `texts`, the same as `Tokenizer.encode_ids` gives."""
        if not self._tokenizer.cuts_at_blanks:
            return self._encode_whole(texts)
        if not DELETED_BLANKS.search("".join(texts)):
            return self._encode_by_eojeols(texts)
        whole = np.array([DELETED_BLANKS.search(text) is not None for text in texts])
        encoded: list[np.ndarray] = [np.empty(0, np.int32)] * len(texts)
        for encode, chosen in ((self._encode_whole, whole), (self._encode_by_eojeols, ~whole)):
            indices = np.flatnonzero(chosen).tolist()
            for index, ids in zip(indices, encode([texts[i] for i in indices]).split(), strict=True):
                encoded[index] = ids
        return _joined(encoded)

    def _encode_whole(self, texts: Sequence[str]) -> EncodedTexts:
        return _joined(self._tokenizer.encode_ids(texts))

    def _encode_by_eojeols(self, texts: Sequence[str]) -> EncodedTexts:
        cut = list(map(str.split, texts))
        n_eojeols = np.fromiter(map(len, cut), np.int64, len(cut))
        n_known, n_ids, n_bytes = len(self._numbers), self._n_ids, self._n_bytes
        total = int(n_eojeols.sum())
        # The inner loop: one look in a dictionary for every eojeol, none of it in Python.
        numbers = np.fromiter(map(self._numbers.__getitem__, chain.from_iterable(cut)), np.int64, total)
        is_full = self._n_bytes > self._max_bytes
        if is_full and np.count_nonzero(numbers >= n_known) > total * _MAX_UNKNOWN:
            self._forget()
            return self._encode_by_eojeols(texts)
        if len(self._numbers) > n_known:
            self._learn(n_known)
        lengths = self._lengths[numbers]
        ids = _gather(self._ids, self._starts[numbers], lengths)
        if is_full:
            self._drop(n_known, n_ids)
            self._n_bytes = n_bytes
        return EncodedTexts(ids, _sums(lengths, n_eojeols))

    def _drop(self, n_known: int, n_ids: int) -> None:
        """Forget the eojeols numbered from `n_known` on."""
        while len(self._numbers) > n_known:
            self._numbers.popitem()  # the newest
        self._numbers.default_factory = count(n_known).__next__
        self._n_ids = n_ids

    def _learn(self, n_known: int) -> None:
        """Find the ids of the eojeols numbered from `n_known` on."""
        new = list(islice(reversed(self._numbers), len(self._numbers) - n_known))[::-1]
        for start in range(0, len(new), _EOJEOLS_AT_ONCE):
            eojeols = new[start : start + _EOJEOLS_AT_ONCE]
            encoded = self._encode_joined(eojeols)
            self._keep(n_known + start, encoded)
            self._n_bytes += _ENTRY_BYTES * len(eojeols) + 4 * (sum(map(len, eojeols)) + len(encoded.ids))

    def _encode_joined(self, eojeols: list[str]) -> EncodedTexts:
        """Encode eojeols in one text: an object of the library for each would take longer than their ids do."""
        between = self._between
        joined = between.join(eojeols)
        if joined.count(between) != len(eojeols) - 1:  # it stands in an eojeol, or across two
            return self._encode_whole(eojeols)
        (ids,) = self._tokenizer.encode_ids([joined])
        ends = np.flatnonzero(ids == self._tokenizer.sep_id)
        if len(ends) != len(eojeols) - 1:  # some pipeline made one of something else
            return self._encode_whole(eojeols)
        bounds = np.concatenate([[-1], ends, [len(ids)]])
        return EncodedTexts(np.delete(ids, ends), np.diff(bounds) - 1)

    def _keep(self, first: int, encoded: EncodedTexts) -> None:
        end = first + len(encoded.lengths)
        self._starts, self._lengths = _with_room(self._starts, end), _with_room(self._lengths, end)
        self._ids = _with_room(self._ids, self._n_ids + len(encoded.ids))
        self._lengths[first:end] = encoded.lengths
        self._starts[first:end] = self._n_ids + np.cumsum(encoded.lengths) - encoded.lengths
        self._ids[self._n_ids : self._n_ids + len(encoded.ids)] = encoded.ids
        self._n_ids += len(encoded.ids)


def _with_room(array: np.ndarray, size: int) -> np.ndarray:
    return (
        array
        if size <= len(array)
        else np.concatenate([array, np.empty(max(size - len(array), len(array)), array.dtype)])
    )


def _gather(ids: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """`ids[start : start + length]` for all, one after the other."""
    ends = np.cumsum(lengths, dtype=np.int64)
    n_ids = int(ends[-1]) if len(ends) else 0
    gathered: np.ndarray = ids[np.repeat(starts - (ends - lengths), lengths) + np.arange(n_ids)]
    return gathered


def _sums(values: np.ndarray, group_lengths: np.ndarray) -> np.ndarray:
    """Sums over groups that follow one another; of an empty group 0."""
    sums = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    ends = np.cumsum(group_lengths)
    of_groups: np.ndarray = sums[ends] - sums[ends - group_lengths]
    return of_groups


def _joined(encoded: Sequence[np.ndarray]) -> EncodedTexts:
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    return EncodedTexts(np.concatenate(encoded) if encoded else np.empty(0, np.int32), lengths)
