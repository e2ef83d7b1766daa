"""What every analyser gives: morphemes with Sejong tags and their places. It finds none itself: see the adapters.

Adapters (`kiwi.py`, `mecab.py`, `okt.py`, `http.py`) see plain text only (see `plain.py`), so that each need not
care for decomposed Hangul, zero-width characters or half surrogates; `analyze` leads their spans back.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from malmoi.errors import AnalyzerError
from malmoi.morphology.plain import Plain, chunks, make_plain

_EXCERPT_CHARS = 60


class Morph(NamedTuple):
    """One morpheme. (A named tuple: a frozen dataclass takes five times as long to make, and they are many.)"""

    form: str
    """Its base form; consonants that close the syllable before are compatibility jamo (`ㄴ다`)."""
    tag: str
    """Its Sejong tag."""
    start: int
    """Its first character in the text."""
    end: int
    """Where it ends, exclusive; never empty. Morphemes that a syllable contracts (`했`: 하, 었) share it."""
    lemma: str
    """As a dictionary lists it: verbs with `다`."""


class Analyzer(Protocol):
    """Anything that finds morphemes in plain text."""

    @property
    def name(self) -> str:
        """What it is called on the command line."""

    @property
    def version(self) -> str:
        """Version of the program and of its dictionary: what decides its answers."""

    def analyze(self, texts: Iterable[str]) -> Iterator[list[Morph]]:
        """The morphemes of each text, in order of place.

        Raises:
            AnalyzerError: it is not installed, or fails on a text (which the message quotes).
        """


class AnalyzerVersionWarning(UserWarning):
    """A tokenizer was learnt with another version of its analyser: pieces may differ from those it was learnt on."""


def analyze(analyzer: Analyzer, texts: Sequence[str]) -> Iterator[list[Morph]]:
    """The morphemes of each of `texts`, whatever stands in them, with spans in the text as it was passed.

    Raises:
        AnalyzerError: the analyser is not installed or fails on a text.
    """
    plains = [make_plain(text) for text in texts]
    pieces = [list(chunks(plain.text)) for plain in plains]
    found = analyzer.analyze(chunk for group in pieces for _, chunk in group)
    for plain, group in zip(plains, pieces, strict=True):
        yield [_place(morph, offset, plain) for offset, _ in group for morph in next(found)]


def _place(morph: Morph, offset: int, plain: Plain) -> Morph:
    start, end = plain.original(morph.start + offset, morph.end + offset)
    return morph._replace(start=start, end=end)


def failed(analyzer: Analyzer, text: str, error: Exception) -> AnalyzerError:
    """The error to raise when a library fails on a text."""
    excerpt = text if len(text) <= _EXCERPT_CHARS else text[:_EXCERPT_CHARS] + "…"
    return AnalyzerError(
        f"{analyzer.name} {analyzer.version} failed on {excerpt!r} ({type(error).__name__}: {error}): "
        "leave this text out, or choose another --analyzer"
    )


def not_installed(name: str, command: str, error: Exception) -> AnalyzerError:
    """The error to raise when a library is not there."""
    return AnalyzerError(f"the analyser {name} is not installed ({error}): run `{command}`")
