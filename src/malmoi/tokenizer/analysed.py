"""Encoding by the ways that need an analyser: text → plain text → morphemes → units → pieces.

Pieces of equal units are looked up, not computed again, which keeps the cost beside the analyser's small. Names of
special tokens in the text are found first, as the `tokenizers` library does it. It reads and writes no files.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import tokenizers

from malmoi.morphology.morph import Analyzer, Morph
from malmoi.morphology.plain import Plain, chunks, make_plain
from malmoi.tokenizer.bpe import PREFIX
from malmoi.tokenizer.segment import Segment
from malmoi.tokenizer.units import Placed, Unit, Word, words_of
from malmoi.tokenizer.vocab import SPECIAL_TOKENS

_SPECIAL = re.compile("|".join(map(re.escape, SPECIAL_TOKENS)))
_TAG, _CLOSING_TAG = re.compile("/[A-Z]+$"), re.compile("/[A-Z]+_")
_TEXTS_AT_ONCE = 4096
_MAX_REMEMBERED = 1_000_000
"""Distinct units remembered (a few hundred megabytes) before it begins anew."""


class Stretch(NamedTuple):
    """A part of a text: a special token's name, or what stands between two."""

    start: int
    """Where it stands in the text."""
    end: int
    special: str | None
    plain: Plain
    """Of what stands between; empty for a special token."""
    parts: list[tuple[int, str]]
    """What the analyser is given, with its place in the plain text."""


class Pieces(NamedTuple):
    """The pieces of a unit."""

    ids: list[int]
    names: list[str]
    spans: list[tuple[int, int]]
    """In the unit's surface."""


class UnitCutter:
    """Text to units, by one way and one analyser."""

    def __init__(self, segment: Segment, analyzer: Analyzer, *, lowercase: bool = False) -> None:
        assert segment.cut is not None
        self.segment, self.analyzer, self.lowercase = segment, analyzer, lowercase
        self._cut = segment.cut

    def cut(self, texts: Sequence[str]) -> Iterator[list[tuple[Stretch, list[Placed]]]]:
        """The units of each text, stretch by stretch; places are those of the stretch's plain text."""
        stretches = [list(_stretches(text)) for text in texts]
        found = self.analyzer.analyze(part for group in stretches for s in group for _, part in s.parts)
        for group in stretches:
            yield [(stretch, self._units(stretch, found)) for stretch in group]

    def _units(self, stretch: Stretch, found: Iterator[list[Morph]]) -> list[Placed]:
        if len(stretch.parts) == 1:
            return self._cut(stretch.parts[0][1], next(found))
        return [
            (unit, start + offset, end + offset)
            for offset, text in stretch.parts
            for unit, start, end in self._cut(text, next(found))
        ]

    def words_of(self, unit: Unit) -> list[Word]:
        """The words that WordPiece is given for a unit."""
        return words_of(unit, aloof=self.segment.aloof, prefix=self.segment.prefix, lowercase=self.lowercase)


class AnalysedEncoder:
    """Text to pieces: units of a cutter, and what WordPiece makes of them."""

    def __init__(self, cutter: UnitCutter, backend: tokenizers.Tokenizer) -> None:
        self.cutter = cutter
        self._backend = backend
        self._known: dict[Unit, Pieces] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What is remembered stays behind when it goes to a worker process."""
        return self.__dict__ | {"_known": {}}

    def ids(self, texts: Sequence[str]) -> Iterator[list[int]]:
        """The ids of each text."""
        known, pieces = self._known, self.pieces
        for stretches in self.cutter.cut(texts):
            ids: list[int] = []
            for stretch, placed in stretches:
                if stretch.special:
                    ids.append(self._id(stretch.special))
                for unit, _, _ in placed:
                    ids += (known.get(unit) or pieces(unit))[0]
            yield ids

    def encode(self, texts: Sequence[str]) -> Iterator[Pieces]:
        """Ids, pieces and spans of each text, spans in the text as it was passed."""
        known, pieces = self._known, self.pieces
        for stretches in self.cutter.cut(texts):
            result = Pieces([], [], [])
            all_ids, all_names, all_spans = result
            for stretch, placed in stretches:
                if stretch.special:
                    _extend(result, [self._id(stretch.special)], [stretch.special], [(stretch.start, stretch.end)])
                shift, moved = stretch.start, stretch.plain.spans is not None
                for unit, start, _ in placed:
                    ids, names, spans = known.get(unit) or pieces(unit)
                    all_ids += ids
                    all_names += names
                    if not moved and len(spans) == 1:  # nearly all
                        first, last = spans[0]
                        start += shift
                        all_spans.append((start + first, start + last))
                        continue
                    if moved:
                        spans = [stretch.plain.original(start + first, start + last) for first, last in spans]
                        start = 0
                    start += shift
                    all_spans += [(start + first, start + last) for first, last in spans]
            yield result

    def pieces(self, unit: Unit) -> Pieces:
        """The pieces of a unit, from memory where it was met before."""
        if unit in self._known:
            return self._known[unit]
        if len(self._known) >= _MAX_REMEMBERED:
            self._known.clear()
        result = self._known[unit] = Pieces([], [], [])
        for word, tokens in self._tokens(unit):
            names = [token.value for token in tokens]
            places = _places(word, names, self.cutter.segment.prefix)
            _extend(result, [token.id for token in tokens], names, places)
        return result

    def words(self, text: str) -> list[str]:
        """What WordPiece is given for `text`."""
        [stretches] = self.cutter.cut([text])
        words: list[str] = []
        for stretch, placed in stretches:
            words += [stretch.special] if stretch.special else []
            words += [word.text for unit, _, _ in placed for word, _ in self._tokens(unit)]
        return words

    def _tokens(self, unit: Unit) -> list[tuple[Word, list[tokenizers.Token]]]:
        """Words and their pieces. A base form with a letter that no entry has is looked up as it is written."""
        found = self._look_up(unit)
        if unit.form != unit.surface and _has_unknown(found):
            written = self._look_up(unit._replace(form=unit.surface))
            return found if _has_unknown(written) else written
        return found

    def _look_up(self, unit: Unit) -> list[tuple[Word, list[tokenizers.Token]]]:
        return [(word, self._backend.model.tokenize(word.text)) for word in self.cutter.words_of(unit)]

    def _id(self, token: str) -> int:
        number = self._backend.token_to_id(token)
        assert number is not None
        return number


def _has_unknown(found: list[tuple[Word, list[tokenizers.Token]]]) -> bool:
    return any(token.value == "[UNK]" for _, tokens in found for token in tokens)


def count_words(texts: Iterable[str], cutter: UnitCutter) -> Counter[str]:
    """The words that WordPiece will be given for `texts`, with their counts, in order of first appearance."""
    units: Counter[Unit] = Counter()
    remaining = iter(texts)
    while batch := list(islice(remaining, _TEXTS_AT_ONCE)):
        for stretches in cutter.cut(batch):
            for _, placed in stretches:
                units.update([unit for unit, _, _ in placed])
    words: Counter[str] = Counter()
    for unit, count in units.items():
        for word in cutter.words_of(unit):
            words[word.text] += count
    return words


def join_pieces(names: Sequence[str], segment: Segment) -> str:
    """Text of pieces with tags, for reading: what they stand for, morphemes apart by blanks."""
    if not segment.prefix:
        return _CLOSING_TAG.sub(" ", "".join(names)).rstrip(" ")
    return " ".join(_TAG.sub("", name) for name in names).replace(f" {PREFIX}", "")


def _extend(pieces: Pieces, ids: list[int], names: list[str], spans: list[tuple[int, int]]) -> None:
    pieces.ids.extend(ids)
    pieces.names.extend(names)
    pieces.spans.extend(spans)


def _stretches(text: str) -> Iterator[Stretch]:
    at = 0
    for match in _SPECIAL.finditer(text) if "[" in text else ():
        if match.start() > at:
            yield _between(text, at, match.start())
        yield Stretch(match.start(), match.end(), match[0], Plain("", None), [])
        at = match.end()
    if at < len(text):
        yield _between(text, at, len(text))


def _between(text: str, start: int, end: int) -> Stretch:
    plain = make_plain(text[start:end] if start or end < len(text) else text)
    return Stretch(start, end, None, plain, list(chunks(plain.text)))


def _places(word: Word, names: list[str], prefix: str) -> list[tuple[int, int]]:
    """Where the pieces of a word stand in the unit's surface: to the character as far as form and surface agree.

    What stands for no character (a tag by itself) stands at the last one.
    """
    if len(names) == 1:
        return [(word.start, word.end)]
    n_written = word.end - word.start
    spans = []
    first = 0
    for number, name in enumerate(names):
        inner = number > 0 or word.text.startswith(PREFIX)
        last = first + len(name.removeprefix(prefix) if inner else name)
        start = min(first, word.n_exact, n_written - 1)
        whole = number == len(names) - 1 or last > word.n_exact
        spans.append((word.start + start, word.end if whole else word.start + last))
        first = last
    return spans
