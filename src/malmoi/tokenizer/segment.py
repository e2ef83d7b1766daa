"""Ways to cut a corpus into tokens, one entry of `WAYS` each.

All ways end in greedy WordPiece. Those without an analyser cut text into words as BERT does (clean-up, blanks,
punctuation) and decide only how far pieces may grow when the vocabulary is learnt: saved, they are files like any
BERT's. Those with one cut words into units first (see `units.py`), when learning and when running.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from malmoi.text import is_hangul
from malmoi.tokenizer.bpe import PREFIX, symbols_of
from malmoi.tokenizer.units import Cut, base_forms, lemmas, surfaces, tagged_bases, tagged_surfaces


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One way to cut."""

    about: str
    """What it is, in a line."""
    cut: Cut | None = None
    """Cut an analysed text into units; None: there are none but BERT's words."""
    analyzed: bool = False
    """Whether text is analysed when it is encoded; `cut` alone: when the vocabulary is learnt."""
    largest_pieces: Callable[[str], list[str]] = lambda word: [word]
    """Cut a word into the largest pieces that merges may ever make of it, inner ones with `##`."""
    symbols: Callable[[str], list[str]] = symbols_of
    """The symbols that merging begins with."""
    prefix: str = PREFIX
    """What pieces that do not begin a word begin with."""
    tagged: bool = False
    """Whether units carry tags, which are no part of the text."""
    aloof: bool = True
    """Whether punctuation and ideographs are set apart, so that they never continue a word."""


def _lone_syllables(word: str) -> list[str]:
    """Hangul one by one; what stands between (Latin, digits) in one piece a run."""
    pieces: list[str] = []
    start = 0
    for hangul, run in groupby(word, is_hangul):
        chars = "".join(run)
        prefix = PREFIX if start else ""
        pieces += symbols_of(prefix + chars) if hangul else [prefix + chars]
        start += len(chars)
    return pieces


def _tagged_symbols(word: str) -> list[str]:
    """Characters, and the tag as one symbol: `발 ##견 ##/NNG`."""
    form, slash, tag = word.rpartition("/")
    return [*symbols_of(form), f"{PREFIX}/{tag}"] if slash and tag else symbols_of(word)


def _closed_symbols(word: str) -> list[str]:
    """The same in KorBERT's notation, where the end of a word is marked and not its inside: `발 견 /NNG_`."""
    form, slash, tag = word.rpartition("/")
    return [*form, f"/{tag}"] if slash and tag.endswith("_") else list(word)


WAYS: dict[str, Segment] = {
    "eojeol": Segment(
        about="words as they are written; pieces grow to whole eojeols",
    ),
    "syllable": Segment(
        about="every Hangul syllable a piece of its own; Latin and digits merge",
        largest_pieces=_lone_syllables,
    ),
    "morpheme": Segment(
        about="words cut where morphemes meet, as they are written: 발견 ##된 ##다",
        cut=surfaces,
        analyzed=True,
    ),
    "morpheme-tag": Segment(
        about="morphemes as they are written, with their tags: 발견/NNG 된/XSV 다/EF",
        cut=tagged_surfaces,
        analyzed=True,
        symbols=_tagged_symbols,
        tagged=True,
    ),
    "base-form": Segment(
        about="morphemes in their base forms: 발견 되 ㄴ 다",
        cut=base_forms,
        analyzed=True,
    ),
    "lemma": Segment(
        about="morphemes; verbs with their endings become their lemma: 발견 되다",
        cut=lemmas,
        analyzed=True,
    ),
    "morpheme-learnt": Segment(
        about="words as they are written; the vocabulary was learnt on morphemes, no analyser runs after that",
        cut=surfaces,
    ),
    "korbert": Segment(
        about="KorBERT's own notation, base forms with tags and an end mark: 발견/NNG_ 되/XSV_ ㄴ다/EF_",
        cut=tagged_bases,
        analyzed=True,
        symbols=_closed_symbols,
        tagged=True,
        prefix="",
        aloof=False,
    ),
}
