"""What of a text is compared when words are: its content morphemes, or what stands between blanks.

Content morphemes are nouns, verb stems, adverbs, roots, numbers and foreign words, each in its base form; particles,
endings and punctuation go. `경찰청에서` and `경찰청은` share `경찰청`, for white space they have nothing in common.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import get_args

from malmoi.errors import OptionError
from malmoi.morphology.catalog import make_analyzer
from malmoi.morphology.morph import Analyzer, Morph, analyze
from malmoi.search.options import Unit

_CONTENT = frozenset(
    "NNG NNP NNB NR NP VV VA VX XR MAG MM MMA MMD MMN SL SH SN XPN XSN NA IC".split()  # noqa: SIM905
)
_NOUNS = frozenset(("NNG", "NNP", "XSN", "XPN", "SL", "SN", "XR"))
_LONGEST_TERM_CHARS = 60


class Terms:
    """Cuts texts into terms."""

    def __init__(self, unit: Unit = "morpheme", *, compounds: bool = True, analyzer: str = "kiwi") -> None:
        """Choose how.

        Args:
            unit: see `Unit`.
            compounds: whether neighbouring nouns also count as one term: 검찰, 개혁 and 검찰개혁.
            analyzer: what finds morphemes; loaded at first use.

        Raises:
            OptionError: an unknown unit or analyser. AnalyzerError: it is not installed.
        """
        if unit not in get_args(Unit):
            raise OptionError(f"unit is {unit!r}: expected one of {', '.join(get_args(Unit))}")
        self.unit, self.compounds = unit, compounds and unit == "morpheme"
        self._analyzer: Analyzer | None = make_analyzer(analyzer) if unit == "morpheme" else None

    @property
    def name(self) -> str:
        """What cuts, with its version: terms of two names do not fit together."""
        if self._analyzer is None:
            return self.unit
        return f"{self.unit}{'+compounds' * self.compounds}, {self._analyzer.name} {self._analyzer.version}"

    def __call__(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """The terms of each text, in order of place; repeated ones are repeated."""
        plain = [unicodedata.normalize("NFKC", text).casefold() for text in texts]
        if self._analyzer is None:
            yield from (_words(text) for text in plain)
            return
        for morphs in analyze(self._analyzer, plain):
            yield list(_content(morphs, self.compounds))


def _words(text: str) -> list[str]:
    """What stands between blanks, without punctuation at its ends: that alone would spoil every last word."""
    words = (_bare(word) for word in text.split())
    return [word[:_LONGEST_TERM_CHARS] for word in words if word]


def _bare(word: str) -> str:
    start, end = 0, len(word)
    while start < end and not word[start].isalnum():
        start += 1
    while end > start and not word[end - 1].isalnum():
        end -= 1
    return word[start:end]


def _content(morphs: Iterable[Morph], compounds: bool) -> Iterator[str]:
    """Forms of content morphemes; behind the last of several nouns without a blank between them, these as one."""
    run: list[Morph] = []
    for morph, following in pairwise([*morphs, None]):
        if morph is None or morph.tag not in _CONTENT:
            continue
        yield morph.form[:_LONGEST_TERM_CHARS]
        if not compounds or morph.tag not in _NOUNS:
            continue
        run.append(morph)
        if following is not None and following.tag in _NOUNS and following.start == morph.end:
            continue
        if len(run) > 1:
            yield "".join(part.form for part in run)[:_LONGEST_TERM_CHARS]
        run = []
