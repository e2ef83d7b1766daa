"""Pair merging: which pieces of words are worth an entry of their own.

The rule is the textbook one (Sennrich et al. 2016, with WordPiece's `##`): merge the most frequent adjacent
pair, again and again; ties go to the pair seen first when the distinct words are read in order of first
appearance. The naive algorithm reads all words at every step; this one touches only the places of the pair
it merges, in flat arrays. Same words, same merges, bit for bit. It knows no size, no special tokens and no
files: see `build.py`.

How it works. All words stand one after the other in one array, a slot for every first symbol, a gap
between words. A merged piece keeps the slots of its parts and writes its number into the first and the last
of them, so both neighbours of a piece are one look away. For every piece that is made, the pairs it stands
in are written down with their places, sorted by neighbour. Nothing is done about the pairs that a merge
takes away: a count can only fall until the pair is written down anew, so what a queue holds is never too
small, and is counted again when it comes out (a lazy heap). Pairs far below the best wait outside of the
queue, in arrays.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise
from typing import NamedTuple

import numpy as np

PREFIX = "##"
"""Marks a piece that continues a word."""

_SHIFT = 32
_RIGHT = (1 << _SHIFT) - 1
_GAP, _DEAD = -1, -2
"""In a slot: between words; inside a merged piece, where another began."""


@dataclass(frozen=True, slots=True)
class Merge:
    """One step of learning."""

    step: int
    """From 1."""
    pair: tuple[str, str]
    """What was merged."""
    count: int
    """How often the pair stood in the corpus, words weighted by their counts."""
    symbol: str
    """What stands there now."""


def symbols_of(word: str) -> list[str]:
    """The characters of a word, every one but the first with `##`; of a piece that begins with `##`, every one."""
    if word.startswith(PREFIX):
        return [PREFIX + char for char in word[len(PREFIX) :]]
    return [word[0], *[PREFIX + char for char in word[1:]]]


def join(left: str, right: str) -> str:
    """The piece that two adjacent pieces make."""
    return left + right.removeprefix(PREFIX)


class _Pairs(NamedTuple):
    """Pairs with their places, sorted by `keys`."""

    keys: np.ndarray
    """int64 [n], distinct: the neighbour on one side of a known piece, or `left << 32 | right`"""
    bounds: np.ndarray
    """int64 [n + 1]: the places of `keys[i]` are `places[bounds[i]:bounds[i + 1]]`"""
    places: np.ndarray
    """int32, rising for each key: the first slot of the left piece"""
    counts: np.ndarray
    """int64 [n]"""


class PairMerger:
    """Merges pairs in a list of words; iterate over `merges()` and stop when enough is learnt.

    Between two steps `words()`, `standing()`, `pair_counts()` and `n_merged_pieces` tell where things are.
    """

    def __init__(self, words: Iterable[tuple[Sequence[str], int]], *, min_count: int = 1) -> None:
        """Take `words` as (symbols, count), distinct and in order of first appearance.

        Pairs that stand fewer than `min_count` times are never merged.
        """
        self._min_count = max(1, min_count)
        self._ids: dict[str, int] = {}
        self._slots, self._weights = _lay_out(words, self._ids)
        self._word_starts = np.flatnonzero(self._slots[:-1] == _GAP) + 1
        self._names = list(self._ids)
        self._n_first_symbols = len(self._names)
        self._n_slots = np.ones(2 * len(self._names) + 1024, dtype=np.int64)
        self._symbol_counts = _total_weights(self._slots, self._weights, len(self._names))
        self.n_merged_pieces = 0
        """Distinct pieces made by merges that stand in the corpus now."""
        self._n_merges = 0
        self._begin_queue()

    def _begin_queue(self) -> None:
        """Write down the pairs that stand at first; none is in the queue yet."""
        slots = self._slots
        places = np.flatnonzero((slots[:-1] >= 0) & (slots[1:] >= 0))
        keys = slots[places].astype(np.int64) * self._n_first_symbols + slots[places + 1]
        if self._n_first_symbols**2 >= 1 << 31:  # too large to share 64 bits with a place: number them
            known, keys = np.unique(keys, return_inverse=True)
        else:
            known = None
        first = self._group(keys, places)
        codes = first.keys if known is None else known[first.keys]
        left, right = np.divmod(codes, max(1, self._n_first_symbols))
        self._first_pairs = first._replace(keys=left << _SHIFT | right)
        # Of every merged piece: the step of its newest note, its places then, its neighbours on both sides.
        self._noted: dict[int, int] = {}
        self._places: dict[int, np.ndarray] = {}
        self._lefts: dict[int, _Pairs] = {}
        self._rights: dict[int, _Pairs] = {}
        self._queue: list[tuple[int, int, int]] = []
        self._waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._threshold = int(first.counts.max(initial=0)) + 1
        self._wait(self._first_pairs, self._first_pairs.keys)

    def words(self) -> list[list[str]]:
        """Every word as it is segmented now."""
        words: list[list[str]] = [[] for _ in self._word_starts]
        for numbers, places in self._columns():
            for number, symbol in zip(numbers.tolist(), self._slots[places].tolist(), strict=True):
                words[number].append(self._names[symbol])
        return words

    def standing(self) -> dict[str, int]:
        """Pieces that stand in the corpus now, in order of first appearance, with their counts."""
        none = len(self._slots)
        first = np.full(len(self._names), none)
        for _, places in self._columns():
            np.minimum.at(first, self._slots[places], places)
        order = [symbol for symbol in np.argsort(first, kind="stable").tolist() if first[symbol] < none]
        return {self._names[symbol]: self._symbol_counts[symbol] for symbol in order}

    def merged_pieces(self) -> dict[str, int]:
        """Those pieces of `standing` that merges made."""
        return {piece: n for piece, n in self.standing().items() if self._ids[piece] >= self._n_first_symbols}

    def pair_counts(self) -> dict[tuple[str, str], int]:
        """How often every adjacent pair stands in the corpus now."""
        counts: dict[tuple[str, str], int] = {}
        for word, start in zip(self.words(), self._word_starts.tolist(), strict=True):
            for pair in pairwise(word):
                counts[pair] = counts.get(pair, 0) + int(self._weights[start])
        return counts

    def _columns(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The first pieces of all words, then the second ones …: numbers of the words, places."""
        numbers, places = np.arange(len(self._word_starts)), self._word_starts
        while True:
            there = self._slots[places] >= 0
            numbers, places = numbers[there], places[there]
            if not len(places):
                return
            yield numbers, places
            places = places + self._n_slots[self._slots[places]]

    def merges(self) -> Iterator[Merge]:
        """Merge until no pair stands `min_count` times; every merge is done when it is yielded.

        The queue holds (-count, first place, pair), every entry at or before its pair's true place in the
        order. So an entry that proves true when it comes out is the best of all; a stale one goes back where it
        belongs.
        """
        queue, names = self._queue, self._names
        while True:
            if not queue or -queue[0][0] < self._threshold:
                if not self._lower_threshold():
                    return
                continue
            entry = heappop(queue)
            pair = entry[2]
            places = self._places_of(pair)
            count = int(self._weights[places].sum())
            if count < self._min_count:
                continue
            true = (-count, int(places[0]), pair)
            if true != entry:
                heappush(queue, true)
                continue
            left, right = pair >> _SHIFT, pair & _RIGHT
            symbol = self._merge(left, right, places)
            self._n_merges += 1
            yield Merge(self._n_merges, (names[left], names[right]), count, names[symbol])

    def _lower_threshold(self) -> bool:
        """Let the best of the waiting pairs into the queue; False when nothing is left to merge."""
        counts, firsts, pairs = (np.concatenate(columns) for columns in zip(*self._waiting, strict=True))
        best = max(int(counts.max(initial=0)), -self._queue[0][0] if self._queue else 0)
        if best < self._min_count:
            return False
        self._threshold = max(self._min_count, min(best, self._threshold) * 3 // 4)
        self._waiting = [self._enter(counts >= self._threshold, counts, firsts, pairs)]
        return True

    def _places_of(self, pair: int) -> np.ndarray:
        """Where `pair` stands now: int64, rising. The newest note of its two pieces holds all of these places."""
        left, right = pair >> _SHIFT, pair & _RIGHT
        noted_left, noted_right = self._noted.get(left, 0), self._noted.get(right, 0)
        if not noted_left and not noted_right:
            pairs, key = self._first_pairs, pair
        elif noted_left >= noted_right:
            pairs, key = self._rights[left], right
        else:
            pairs, key = self._lefts[right], left
        i = int(pairs.keys.searchsorted(key))
        if i == len(pairs.keys) or pairs.keys[i] != key:
            return np.empty(0, np.int64)  # fewer than `min_count` times there
        places = pairs.places[pairs.bounds[i] : pairs.bounds[i + 1]].astype(np.int64)
        # A slot where a piece began never looks like that piece again once it is gone, so this check is enough.
        places = places[self._slots[places] == left]
        standing: np.ndarray = places[self._slots[places + self._n_slots[left]] == right]
        return standing

    def _merge(self, left: int, right: int, places: np.ndarray) -> int:
        """Merge a pair at its places, in words from left to right; return the symbol."""
        n_left, n_right = self._n_slots[left], self._n_slots[right]
        if left == right:
            places = _every_second(places, n_left)
        new = self._new_symbol(left, right)
        seconds = places + n_left
        self._slots[seconds] = _DEAD
        self._slots[places] = new
        self._slots[seconds + (n_right - 1)] = new
        self._recount(left, right, new, int(self._weights[places].sum()))
        self._note(new, places)
        return new

    def _new_symbol(self, left: int, right: int) -> int:
        """The symbol for two joined ones, looked up rather than taken for new: one piece, one symbol."""
        name = join(self._names[left], self._names[right])
        symbol = self._ids.setdefault(name, len(self._names))
        if symbol == len(self._names):
            self._names.append(name)
            if symbol == len(self._n_slots):
                self._n_slots = np.concatenate([self._n_slots, np.ones_like(self._n_slots)])
            self._n_slots[symbol] = self._n_slots[left] + self._n_slots[right]
            self._symbol_counts.append(0)
        return symbol

    def _note(self, symbol: int, places: np.ndarray) -> None:
        """Write down the pairs that a piece stands in: all of them, also if it stood in the corpus before."""
        slots = self._slots
        if symbol in self._places:
            before = self._places[symbol].astype(np.int64)
            places = np.sort(np.concatenate([before[slots[before] == symbol], places]))
        self._places[symbol] = places.astype(np.int32)
        self._noted[symbol] = self._n_merges + 1
        before, after = slots[places - 1], slots[places + self._n_slots[symbol]]
        has_left, has_right = (before >= 0) & (before != symbol), after >= 0
        lefts, rights = before[has_left].astype(np.int64), after[has_right].astype(np.int64)
        self._lefts[symbol] = self._group(lefts, places[has_left] - self._n_slots[lefts])
        self._rights[symbol] = self._group(rights, places[has_right])
        self._wait(self._lefts[symbol], self._lefts[symbol].keys << _SHIFT | symbol)
        self._wait(self._rights[symbol], symbol << _SHIFT | self._rights[symbol].keys)

    def _wait(self, pairs: _Pairs, codes: np.ndarray) -> None:
        """Put pairs into the queue, or let them wait outside while they are too rare."""
        firsts = pairs.places[pairs.bounds[:-1]]
        self._waiting.append((pairs.counts, firsts, codes))
        enters = pairs.counts >= self._threshold
        if enters.any():
            self._waiting[-1] = self._enter(enters, *self._waiting[-1])

    def _enter(
        self, enters: np.ndarray, counts: np.ndarray, firsts: np.ndarray, pairs: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Queue those pairs that enter; return the others."""
        columns = (column[enters].tolist() for column in (-counts, firsts, pairs))
        for entry in zip(*columns, strict=True):
            heappush(self._queue, entry)
        return counts[~enters], firsts[~enters], pairs[~enters]

    def _group(self, keys: np.ndarray, places: np.ndarray) -> _Pairs:
        """Places by key (below 2³¹), without those keys that stand fewer than `min_count` times."""
        both = keys << _SHIFT | places
        both.sort()
        keys, places = both >> _SHIFT, (both & _RIGHT).astype(np.int32)
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        bounds = np.append(starts, len(keys))
        counts = np.add.reduceat(self._weights[places], starts, dtype=np.int64) if len(starts) else starts
        enough = counts >= self._min_count
        if not enough.all():
            n_places = np.diff(bounds)
            places = places[np.repeat(enough, n_places)]
            starts, counts = starts[enough], counts[enough]
            bounds = np.concatenate([[0], np.cumsum(n_places[enough])])
        return _Pairs(keys[starts], bounds, places, counts)

    def _recount(self, left: int, right: int, new: int, total: int) -> None:
        counts, first = self._symbol_counts, self._n_first_symbols
        touched = {symbol for symbol in (left, right, new) if symbol >= first}
        self.n_merged_pieces -= sum(counts[symbol] > 0 for symbol in touched)
        counts[left] -= total
        counts[right] -= total
        counts[new] += total
        self.n_merged_pieces += sum(counts[symbol] > 0 for symbol in touched)


def _lay_out(words: Iterable[tuple[Sequence[str], int]], ids: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """All words in one array of symbols, int32 [n_slots], with gaps around; and the count of each slot's word."""
    slots, counts, n_slots = array("i", [_GAP]), array("q"), array("q")
    for symbols, count in words:
        slots.extend([ids.setdefault(symbol, len(ids)) for symbol in symbols])
        slots.append(_GAP)
        counts.append(count)
        n_slots.append(len(symbols) + 1)
    weights = np.concatenate([[0], np.repeat(np.array(counts), np.array(n_slots))])
    small = weights.max() < 1 << 31
    return np.array(slots), weights.astype(np.int32 if small else np.int64)


def _total_weights(slots: np.ndarray, weights: np.ndarray, n_symbols: int) -> list[int]:
    standing = slots >= 0
    # Sums of floats, but of whole ones below 2⁵³: exact.
    totals = np.bincount(slots[standing], weights[standing], minlength=n_symbols)
    return [int(total) for total in totals]


def _every_second(places: np.ndarray, n_slots: int) -> np.ndarray:
    """Of a piece's neighbours that are the same piece, those that merge from left to right (`aaa`: the first two)."""
    indices = np.arange(len(places))
    begins_run = np.diff(places, prepend=-1 - n_slots) != n_slots
    in_run = indices - np.maximum.accumulate(np.where(begins_run, indices, 0))
    seconds: np.ndarray = places[in_run % 2 == 0]
    return seconds
