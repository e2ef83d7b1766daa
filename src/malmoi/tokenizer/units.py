"""From an analysed text to units: what WordPiece is asked to cut further, each with its place.

A unit is a morpheme as a way of cutting wants it: as written, with its tag, in its base form, as a lemma. Nothing is
lost: what no morpheme covers becomes a unit of its own. It knows analysers' answers, not analysers; no vocabulary.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from malmoi.morphology.morph import Morph
from malmoi.morphology.sejong import CODAS, ENDINGS, VERBAL
from malmoi.text import is_cjk, is_punctuation
from malmoi.tokenizer.bpe import PREFIX

_BEHIND_CODAS = chr(ord(max(CODAS)) + 1)
MAX_UNIT_CHARS = 50
"""Longer ones are cut here, as words are."""


class Unit(NamedTuple):
    """What a unit says; equal ones become equal pieces."""

    form: str
    """What is looked up."""
    surface: str
    """What is written."""
    tag: str = ""
    """With its slash and end mark: `/NNG`, `/NNG_`."""
    continues: bool = False
    """Whether it goes on with the word before it: then it is looked up with `##`."""


class Word(NamedTuple):
    """What WordPiece is given."""

    text: str
    """With `##` before and the tag behind, if the way has them."""
    start: int
    """Where it stands in the unit's surface."""
    end: int
    n_exact: int
    """So many of its first characters are those that are written."""


Placed = tuple[Unit, int, int]
"""A unit, its start and its end in the analysed (plain) text; units of a contracted syllable overlap. (A bare tuple:
millions are made and taken apart.)"""
Cut = Callable[[str, Sequence[Morph]], list[Placed]]


class _Kinds(dict[str, int]):
    """0: a letter, which joins its neighbours; 1: a blank; 2: punctuation or an ideograph, which stands alone."""

    def __missing__(self, char: str) -> int:
        self[char] = kind = 1 if char == " " else 2 if is_punctuation(char) or is_cjk(char) else 0
        return kind


_KINDS = _Kinds()


# Equal units are one object: making millions of them anew keeps Python's garbage collection busy.
@lru_cache(maxsize=1 << 18)
def _as_written(written: str, tag: str = "", continues: bool = False) -> Unit:
    return Unit(written, written, tag, continues)


@lru_cache(maxsize=1 << 18)
def _as_meant(form: str, surface: str) -> Unit:
    """The form, unless it holds what has no place inside a word: then what is written."""
    return Unit(surface if form != surface and any(map(_KINDS.__getitem__, form)) else form, surface)


@lru_cache(maxsize=1 << 18)
def _as_tagged(form: str, surface: str, tag: str) -> Unit:
    return Unit(form.replace(" ", ""), surface, f"/{tag}_")


def surfaces(text: str, morphs: Sequence[Morph]) -> list[Placed]:
    """As written: a syllable that morphemes share goes to the first of them."""
    placed: list[Placed] = []
    at, kinds = 0, _KINDS
    for _, _, start, end, _ in morphs:
        if start != at:
            if start > at:
                _uncovered(placed, text, at, start, joins=True)
            else:
                start = at
        if end > start:
            written = text[start:end]
            continues = start > 0 and not kinds[text[start - 1]]
            placed.append((_as_written(written, "", continues), start, end))
            at = end
    if at < len(text):
        _uncovered(placed, text, at, len(text), joins=True)
    return placed


def tagged_surfaces(text: str, morphs: Sequence[Morph]) -> list[Placed]:
    """As written, with the tag of the morpheme that begins there: `된/XSV 다/EF`."""
    placed: list[Placed] = []
    at = 0
    for _, tag, start, end, _ in morphs:
        if start != at:
            if start > at:
                _uncovered(placed, text, at, start, "/NA")
            else:
                start = at
        if end > start:
            written = text[start:end]
            placed.append((_as_written(written, "/" + tag), start, end))
            at = end
    if at < len(text):
        _uncovered(placed, text, at, len(text), "/NA")
    return placed


def base_forms(text: str, morphs: Sequence[Morph]) -> list[Placed]:
    """Base forms; a consonant that closes the syllable before is a unit of its own: `되 ㄴ 다`."""
    placed: list[Placed] = []
    first = at = 0  # where the last unit begins, and the end so far: places never go back
    for form, _, start, end, _ in morphs:
        if start > at:
            _uncovered(placed, text, at, start)
        elif start < first:
            start = first
        # Syllables come behind all letters: nearly every form is told by one comparison.
        if form < _BEHIND_CODAS and len(form) > 1 and form[0] in CODAS and not text.startswith(form, start):
            placed.append((_as_meant(form[0], text[start : max(start + 1, at)]), start, max(start + 1, at)))
            form = form[1:]
            start = min(start + 1, max(end, at) - 1)
        first, at = start, end if end > at else at
        placed.append((_as_meant(form, text[start:at]), start, at))
    _uncovered(placed, text, at, len(text))
    return placed


def lemmas(text: str, morphs: Sequence[Morph]) -> list[Placed]:
    """Lemmas; the endings of a verb go into its span and leave no unit."""
    placed: list[Placed] = []
    first = at = 0
    verb = False
    for form, tag, start, end, lemma in morphs:
        if start > at:
            _uncovered(placed, text, at, start)
            verb = False
        elif start < first:
            start = first
        if verb and tag in ENDINGS:
            at = end if end > at else at
            placed[-1] = (placed[-1][0]._replace(surface=text[first:at]), first, at)
        else:
            verb = tag in VERBAL
            first, at = start, end if end > at else at
            placed.append((_as_meant(lemma if verb else form, text[start:at]), start, at))
    _uncovered(placed, text, at, len(text))
    return placed


def tagged_bases(text: str, morphs: Sequence[Morph]) -> list[Placed]:
    """Base forms with tag and end mark, as KorBERT was trained on: `되/XSV_ ㄴ다/EF_`."""
    placed: list[Placed] = []
    first = at = 0
    for form, tag, start, end, _ in morphs:
        if start > at:
            _uncovered(placed, text, at, start, "/NA_")
        elif start < first:
            start = first
        first, at = start, end if end > at else at
        placed.append((_as_tagged(form, text[start:at], tag), start, at))
    _uncovered(placed, text, at, len(text), "/NA_")
    return placed


def _uncovered(placed: list[Placed], text: str, start: int, end: int, tag: str = "", *, joins: bool = False) -> None:
    """What stands between `start` and `end`, a unit for each stretch without blanks."""
    at = start
    for stretch in text[start:end].split(" "):
        if stretch:
            continues = joins and at > 0 and not _KINDS[text[at - 1]]
            placed.append((Unit(stretch, stretch, tag, continues), at, at + len(stretch)))
        at += len(stretch) + 1


def words_of(unit: Unit, *, aloof: bool, prefix: str = PREFIX, lowercase: bool = False) -> list[Word]:
    """The words that WordPiece is given for a unit: BERT's words inside it, none longer than `MAX_UNIT_CHARS`.

    Args:
        unit: the unit.
        aloof: set punctuation and ideographs apart.
        prefix: what the later parts of a long unit begin with.
        lowercase: make letters small.
    """
    form, surface, tag, continues = unit
    exact = form == surface
    words: list[Word] = []
    for start, end in _parts(form) if aloof and exact else [(0, len(form))]:
        for first in range(start, end, MAX_UNIT_CHARS):
            last = min(first + MAX_UNIT_CHARS, end)
            inner = first > start or (continues and first == 0 and not _KINDS[form[0]])
            text = form[first:last].lower() if lowercase else form[first:last]
            place = (first, last) if exact else (min(first, len(surface) - 1), len(surface))
            # Small letters that are more than one (İ) shift what follows.
            compared = text if len(text) != last - first else form[first:last]
            n_exact = _n_common(compared, surface[place[0] : place[1]])
            suffix = tag if last == end else ""
            words.append(Word((prefix if inner else "") + text + suffix, *place, n_exact))
    return words


def _parts(form: str) -> list[tuple[int, int]]:
    """BERT's words in a form."""
    kinds = [_KINDS[char] for char in form]
    if not any(kinds):
        return [(0, len(form))]
    parts: list[tuple[int, int]] = []
    for place, kind in enumerate(kinds):
        if kind == 1:
            continue
        if kind == 0 and place and kinds[place - 1] == 0:
            parts[-1] = (parts[-1][0], place + 1)
        else:
            parts.append((place, place + 1))
    return parts


def _n_common(left: str, right: str) -> int:
    for number, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return number
    return min(len(left), len(right))
