"""Pair merging: which pieces of words are worth an entry of their own.

The rule is the textbook one (Sennrich et al. 2016, with WordPiece's `##`): merge the most frequent adjacent
pair, again and again; ties go to the pair seen first when the distinct words are read in order of first
appearance. The naive algorithm reads all words at every step; this one gives the same merges in the same
order from counts it keeps. Same words, same merges, bit for bit. It knows no size, no special tokens and no
files: see `build.py`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

PREFIX = "##"
"""Marks a piece that continues a word."""

_SHIFT = 32
_RIGHT = (1 << _SHIFT) - 1


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


class PairMerger:
    """Merges pairs in a list of words; iterate over `merges()` and stop when enough is learnt.

    Between two steps `words()`, `standing()`, `pair_counts()` and `n_merged_pieces` tell where things are.
    """

    # Symbols are ints (position in `_names`); a pair is `left << 32 | right`. Per pair: its count, and a heap
    # of the indices of its words. Both are kept up to date at merges, but a heap may hold words that have
    # lost the pair.

    def __init__(self, words: Iterable[tuple[Sequence[str], int]], *, min_count: int = 1) -> None:
        """Take `words` as (symbols, count), distinct and in order of first appearance.

        Pairs that stand fewer than `min_count` times are never merged.
        """
        self._min_count = max(1, min_count)
        self._ids: dict[str, int] = {}
        self._words: list[list[int]] = []
        self._counts: list[int] = []
        ids = self._ids
        for symbols, count in words:
            self._words.append([ids.setdefault(symbol, len(ids)) for symbol in symbols])
            self._counts.append(count)
        self._names = list(ids)
        self._n_chars = [len(name.removeprefix(PREFIX)) or len(name) for name in self._names]
        self._n_first_symbols = len(self._names)
        self._count_everything()

    def _count_everything(self) -> None:
        pair_counts: dict[int, int] = {}
        holders: dict[int, list[int]] = {}
        symbol_counts = [0] * len(self._names)
        for index, (word, count) in enumerate(zip(self._words, self._counts, strict=True)):
            left = -1
            for symbol in word:
                symbol_counts[symbol] += count
                if left >= 0:
                    pair = left << _SHIFT | symbol
                    if pair in pair_counts:
                        pair_counts[pair] += count
                        holders[pair].append(index)
                    else:
                        pair_counts[pair] = count
                        holders[pair] = [index]  # in rising order, which is a heap
                left = symbol
        self._pair_counts, self._holders, self._symbol_counts = pair_counts, holders, symbol_counts
        self.n_merged_pieces = 0
        """Distinct pieces made by merges that stand in the corpus now."""

    def words(self) -> list[list[str]]:
        """Every word as it is segmented now."""
        names = self._names
        return [[names[symbol] for symbol in word] for word in self._words]

    def standing(self) -> dict[str, int]:
        """Pieces that stand in the corpus now, in order of first appearance, with their counts."""
        order = dict.fromkeys(symbol for word in self._words for symbol in word)
        return {self._names[symbol]: self._symbol_counts[symbol] for symbol in order}

    def merged_pieces(self) -> dict[str, int]:
        """Those pieces of `standing` that merges made."""
        first = self._n_first_symbols
        order = dict.fromkeys(symbol for word in self._words for symbol in word if symbol >= first)
        return {self._names[symbol]: self._symbol_counts[symbol] for symbol in order}

    def pair_counts(self) -> dict[tuple[str, str], int]:
        """How often every adjacent pair stands in the corpus now."""
        names = self._names
        return {(names[p >> _SHIFT], names[p & _RIGHT]): count for p, count in self._pair_counts.items() if count}

    def merges(self) -> Iterator[Merge]:
        """Merge until no pair stands `min_count` times; every merge is done when it is yielded.

        A queue holds (-count, first word, offset in it, pair), every entry at or before its pair's true
        place: counts fall and first places move back, and where a merge makes a pair more frequent it is
        queued anew. So an entry that proves true when it comes out is the best of all; a stale one goes back
        where it belongs.
        """
        counts, holders = self._pair_counts, self._holders
        queue = [(-n, holders[p][0], 0, p) for p, n in counts.items() if n >= self._min_count]
        heapify(queue)
        step = 0
        while queue:
            entry = heappop(queue)
            pair = entry[3]
            count = counts.get(pair, 0)
            if count < self._min_count:
                continue
            true = (-count, *self._first_place(pair), pair)
            if true != entry:
                heappush(queue, true)
                continue
            symbol, gained = self._merge(pair)
            for other in gained:
                if counts[other] >= self._min_count:
                    heappush(queue, (-counts[other], holders[other][0], 0, other))
            step += 1
            names = self._names
            yield Merge(step, (names[pair >> _SHIFT], names[pair & _RIGHT]), count, names[symbol])

    def _first_place(self, pair: int) -> tuple[int, int]:
        """Index of the first word that holds `pair`, and the offset of the pair in it, in characters."""
        left, right = pair >> _SHIFT, pair & _RIGHT
        holders, words, n_chars = self._holders[pair], self._words, self._n_chars
        while True:
            offset, before = 0, -1
            for symbol in words[holders[0]]:
                if before == left and symbol == right:
                    return holders[0], offset - n_chars[before]
                offset += n_chars[symbol]
                before = symbol
            heappop(holders)

    def _new_symbol(self, left: int, right: int) -> int:
        """The symbol for two joined ones, looked up rather than taken for new: one piece, one symbol."""
        name = join(self._names[left], self._names[right])
        symbol = self._ids.setdefault(name, len(self._names))
        if symbol == len(self._names):
            self._names.append(name)
            self._n_chars.append(self._n_chars[left] + self._n_chars[right])
            self._symbol_counts.append(0)
        return symbol

    def _merge(self, pair: int) -> tuple[int, set[int]]:
        """Merge `pair` in all words; return the symbol and the pairs that now stand in more places."""
        left, right = pair >> _SHIFT, pair & _RIGHT
        new = self._new_symbol(left, right)
        words, word_counts, counts, holders = self._words, self._counts, self._pair_counts, self._holders
        gained: set[int] = set()
        total = 0
        for index in sorted(set(holders.pop(pair))):
            word = words[index]
            merged = _replace(word, left, right, new)
            if len(merged) == len(word):
                continue  # the word lost the pair to an earlier merge
            count = word_counts[index]
            total += count * (len(word) - len(merged))
            before = word[0]
            for symbol in word[1:]:
                counts[before << _SHIFT | symbol] -= count
                before = symbol
            before = merged[0]
            for symbol in merged[1:]:
                other = before << _SHIFT | symbol
                if before == new or symbol == new:
                    gained.add(other)
                    if other in holders:
                        heappush(holders[other], index)
                    else:
                        holders[other] = [index]
                    counts[other] = counts.get(other, 0) + count
                else:
                    counts[other] += count
                before = symbol
            words[index] = merged
        counts.pop(pair)
        self._recount(left, right, new, total)
        return new, gained

    def _recount(self, left: int, right: int, new: int, total: int) -> None:
        counts, first = self._symbol_counts, self._n_first_symbols
        touched = {symbol for symbol in (left, right, new) if symbol >= first}
        self.n_merged_pieces -= sum(counts[symbol] > 0 for symbol in touched)
        counts[left] -= total
        counts[right] -= total
        counts[new] += total
        self.n_merged_pieces += sum(counts[symbol] > 0 for symbol in touched)


def _replace(word: list[int], left: int, right: int, new: int) -> list[int]:
    """`word` with `left, right` replaced by `new`, from left to right."""
    merged: list[int] = []
    i, last = 0, len(word) - 1
    while i <= last:
        symbol = word[i]
        if symbol == left and i < last and word[i + 1] == right:
            merged.append(new)
            i += 2
        else:
            merged.append(symbol)
            i += 1
    return merged
