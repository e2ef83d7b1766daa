"""Ways to cut a corpus into tokens, one entry of `WAYS` each.

All ways cut text into words as BERT does (clean-up, blanks, punctuation) and words into pieces by greedy
WordPiece. A way decides how far pieces may grow when the vocabulary is learnt, and so it lives in the
vocabulary: saved tokenizers of all ways are files of one kind. Ways that need a morphological analyser are
not here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from malmoi.text import is_hangul
from malmoi.tokenizer.bpe import symbols_of


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One way to cut."""

    about: str
    """What it is, in a line."""
    largest_pieces: Callable[[str], list[str]]
    """Cut a word into the largest pieces that merges may ever make of it, inner ones with `##`."""


def _whole_word(word: str) -> list[str]:
    return [word]


def _lone_syllables(word: str) -> list[str]:
    """Hangul one by one; what stands between (Latin, digits) in one piece a run."""
    pieces: list[str] = []
    start = 0
    for hangul, run in groupby(word, is_hangul):
        chars = "".join(run)
        prefix = "##" if start else ""
        pieces += symbols_of(prefix + chars) if hangul else [prefix + chars]
        start += len(chars)
    return pieces


WAYS: dict[str, Segment] = {
    "eojeol": Segment(
        about="words as they are written; pieces grow to whole eojeols",
        largest_pieces=_whole_word,
    ),
    "syllable": Segment(
        about="every Hangul syllable a piece of its own; Latin and digits merge",
        largest_pieces=_lone_syllables,
    ),
}
