"""Several analysers on the same lines, and a table of it for people: a row an eojeol, a column an analyser."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from malmoi.errors import AnalyzerError
from malmoi.morphology.morph import Analyzer, Morph, analyze

_LINES_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class AnalysedLine:
    """A line of text as several analysers see it."""

    line: int
    """From 1."""
    text: str
    analyses: dict[str, list[Morph]]
    """By analyser; those that failed are missing."""
    failures: list[str]
    """What went wrong, a message an analyser."""


def analyze_lines(lines: Iterable[str], analyzers: Sequence[Analyzer]) -> Iterator[AnalysedLine]:
    """Analyse line after line by several analysers; one that fails on a line costs that line only."""
    numbered = enumerate(lines, 1)
    while batch := list(islice(numbered, _LINES_AT_ONCE)):
        answers = [_analyze_all(analyzer, [text for _, text in batch]) for analyzer in analyzers]
        for place, (number, text) in enumerate(batch):
            found = {a.name: answer[place] for a, answer in zip(analyzers, answers, strict=True)}
            analyses = {name: morphs for name, morphs in found.items() if not isinstance(morphs, AnalyzerError)}
            failures = [str(error) for error in found.values() if isinstance(error, AnalyzerError)]
            yield AnalysedLine(number, text, analyses, failures)


def _analyze_all(analyzer: Analyzer, texts: Sequence[str]) -> list[list[Morph] | AnalyzerError]:
    """All at once, which is fast; one by one where something fails."""
    try:
        return list(analyze(analyzer, texts))
    except AnalyzerError:
        return [_analyze_one(analyzer, text) for text in texts]


def _analyze_one(analyzer: Analyzer, text: str) -> list[Morph] | AnalyzerError:
    try:
        return next(analyze(analyzer, [text]))
    except AnalyzerError as error:
        return error


def side_by_side(text: str, analyses: Mapping[str, Sequence[Morph]]) -> str:
    """A table of what each analyser makes of each eojeol of `text`; columns line up in a fixed-width font."""
    rows = [["", *analyses]]
    start = 0
    for eojeol in text.split():
        start = text.index(eojeol, start)
        end = start + len(eojeol)
        rows.append([eojeol, *(_cell(morphs, start, end) for morphs in analyses.values())])
        start = end
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _cell(morphs: Sequence[Morph], start: int, end: int) -> str:
    return " ".join(f"{m.form}/{m.tag}" for m in morphs if start <= m.start < end)


def _width(cell: str) -> int:
    """Columns in a terminal: Hangul and ideographs take two, marks none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in cell
    )
