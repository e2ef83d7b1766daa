"""One text in every way to cut, side by side: its units before any vocabulary, to be looked at. Nothing is encoded."""

from collections.abc import Iterator

from malmoi.morphology.morph import Analyzer
from malmoi.morphology.plain import make_plain
from malmoi.tokenizer.analysed import UnitCutter
from malmoi.tokenizer.bpe import PREFIX
from malmoi.tokenizer.segment import WAYS, Segment
from malmoi.tokenizer.units import Unit, words_of

Placed = tuple[str, int, int]
"""A unit as it is looked up, and its first and last character in the text, end exclusive."""


def units_by_way(text: str, analyzer: Analyzer) -> dict[str, list[Placed]]:
    """Name of each way → the largest units that a vocabulary may hold, in order.

    Args:
        text: any text.
        analyzer: for the ways that need one.

    Raises:
        AnalyzerError: it fails on the text.
    """
    # `morpheme-learnt` differs from `eojeol` in what its vocabulary holds, and that is not here.
    ways = {name: way for name, way in WAYS.items() if way.analyzed or way.cut is None}
    return {
        name: list(_analysed(text, way, analyzer) if way.analyzed else _written(text, way))
        for name, way in ways.items()
    }


def _analysed(text: str, way: Segment, analyzer: Analyzer) -> Iterator[Placed]:
    cutter = UnitCutter(way, analyzer)
    [stretches] = cutter.cut([text])
    for stretch, placed in stretches:
        if stretch.special:
            yield stretch.special, stretch.start, stretch.end
        for unit, start, _ in placed:
            for word in cutter.words_of(unit):
                first, last = stretch.plain.original(start + word.start, start + word.end)
                yield word.text, stretch.start + first, stretch.start + last


def _written(text: str, way: Segment) -> Iterator[Placed]:
    plain = make_plain(text)
    for word in words_of(Unit(plain.text, plain.text), aloof=way.aloof, prefix=way.prefix):
        at = word.start
        for piece in way.largest_pieces(word.text):
            n_chars = len(piece.removeprefix(PREFIX) if at > word.start or word.text.startswith(PREFIX) else piece)
            yield piece, *plain.original(at, at + n_chars)
            at += n_chars
