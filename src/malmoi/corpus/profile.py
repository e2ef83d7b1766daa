"""What a corpus looks like in numbers: lengths, kinds of characters, the words it says most. In bounded memory."""

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

import numpy as np

LENGTHS = (0, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
"""Where the bins of the histogram begin, in characters."""
CLASSES = ("other", "white space", "Hangul", "Hanja", "Latin", "digits")
_RANGES = {
    "white space": "9-d 20 85 a0 1680 2000-200a 2028-2029 202f 205f 3000",
    "Hangul": "1100-11ff 3131-318e a960-a97c ac00-d7a3 d7b0-d7fb ffa0-ffdc",
    "Hanja": "3400-4dbf 4e00-9fff f900-faff 20000-323af",
    "Latin": "41-5a 61-7a aa ba c0-d6 d8-f6 f8-24f 1e00-1eff ff21-ff3a ff41-ff5a",
    "digits": "30-39 ff10-ff19",
}
_BATCH_CHARS = 1 << 18
_TOP_OF_PIECE = 5_000
_MAX_WORDS = 200_000
N_TOP = 50


@dataclass(kw_only=True)
class Profile:
    """Counts over documents. Those of eojeols are exact for what is frequent everywhere; see `merge`."""

    n_documents: int = 0
    n_characters: int = 0
    n_eojeols: int = 0
    lengths: Counter[int] = field(default_factory=Counter)
    """Documents by the bin of `LENGTHS` that they fall into."""
    characters: Counter[str] = field(default_factory=Counter)
    """Characters by class, line ends between lines among the white space."""
    eojeols: Counter[str] = field(default_factory=Counter)
    _waiting: list[str] = field(default_factory=list)
    _n_waiting_chars: int = 0

    def add(self, text: str) -> None:
        """Count a document."""
        self.n_documents += 1
        self.n_characters += len(text)
        self.lengths[LENGTHS[bisect_right(LENGTHS, len(text)) - 1]] += 1
        words = text.split()
        self.n_eojeols += len(words)
        self.eojeols.update(words)
        self._waiting.append(text)
        self._n_waiting_chars += len(text)
        if self._n_waiting_chars >= _BATCH_CHARS:
            self._count_characters()

    def _count_characters(self) -> None:
        codes = np.frombuffer("".join(self._waiting).encode("utf-32-le", "surrogatepass"), "<u4")
        counts = np.bincount(_class_table()[codes], minlength=len(CLASSES)).tolist()
        self.characters.update(dict(zip(CLASSES, counts, strict=True)))
        self._waiting, self._n_waiting_chars = [], 0

    def close_piece(self) -> None:
        """Forget the eojeols that are rare in this piece: beyond its 5,000 most frequent ones."""
        self._count_characters()
        self.eojeols = top(self.eojeols, _TOP_OF_PIECE)

    def merge(self, other: "Profile") -> None:
        """Add the counts of a piece, pieces in order.

        Memory does not grow with the corpus, so an eojeol that is rare in some pieces may be counted too low. What is
        among the most frequent fifty is frequent enough in any piece that is not on one subject only.
        """
        self.n_documents += other.n_documents
        self.n_characters += other.n_characters
        self.n_eojeols += other.n_eojeols
        self.lengths.update(other.lengths)
        self.characters.update(other.characters)
        self.eojeols.update(other.eojeols)
        if len(self.eojeols) > _MAX_WORDS:
            self.eojeols = top(self.eojeols, _MAX_WORDS // 2)


def top(counts: Counter[str], n: int) -> Counter[str]:
    """The `n` most frequent, in order; equal ones by name, so that the order never depends on who counted first."""
    least = 0
    if len(counts) > n:  # only what may be among them is sorted: most words stand once
        numbers = np.fromiter(counts.values(), np.int64, len(counts))
        least = int(np.partition(numbers, -n)[-n])
    chosen = [(-number, word) for word, number in counts.items() if number >= least]
    return Counter({word: -number for number, word in sorted(chosen)[:n]})


@cache
def _class_table() -> np.ndarray:
    """The place among `CLASSES` of every code point: uint8 [1114112]."""
    table = np.zeros(0x110000, np.uint8)
    for name, ranges in _RANGES.items():
        for bounds in ranges.split():
            first, _, last = bounds.partition("-")
            table[int(first, 16) : int(last or first, 16) + 1] = CLASSES.index(name)
    return table
