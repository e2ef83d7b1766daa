"""MeCab-ko (python-mecab-ko with mecab-ko-dic; BSD, Apache-2.0): fast, one thread. Extra `[mecab]`."""

import importlib.metadata
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from malmoi.morphology.morph import Morph, failed, not_installed
from malmoi.morphology.sejong import COMPATIBILITY, MECAB, TAGS, lemma_of
from malmoi.morphology.trace import trace

_INSTALL = "pip install 'malmoi[mecab]'"
_PART = re.compile(r"([^/]+)/([A-Z]+)/[^+]*\+?")


class MecabAnalyzer:
    """MeCab-ko; what it gives as one (`신다/EP+EF`) is taken apart by the expression its dictionary has for it."""

    name = "mecab"

    def __init__(self) -> None:
        """Raises: AnalyzerError: python-mecab-ko is not installed."""
        try:
            versions = [importlib.metadata.version(p) for p in ("python-mecab-ko", "python-mecab-ko-dic")]
        except importlib.metadata.PackageNotFoundError as error:
            raise not_installed("mecab", _INSTALL, error) from error
        self.version = "{} (dictionary {})".format(*versions)
        self._mecab: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """The tagger does not go to worker processes; these make their own."""
        return self.__dict__ | {"_mecab": None}

    def analyze(self, texts: Iterable[str]) -> Iterator[list[Morph]]:
        """See `Analyzer`."""
        parse = self._load().parse
        for text in texts:
            # It counts places from the first character that is none of the blanks at the start.
            bare = text.lstrip(" ")
            try:
                found = parse(bare)
            except Exception as error:  # the library raises what its C++ code throws
                raise failed(self, text, error) from error
            offset = len(text) - len(bare)
            yield [morph for node in found for morph in _morphs(node, offset)]

    def _load(self) -> Any:
        if self._mecab is None:
            try:
                from mecab import MeCab
            except ImportError as error:
                raise not_installed("mecab", _INSTALL, error) from error
            self._mecab = MeCab()
        return self._mecab


def _morphs(node: Any, offset: int) -> list[Morph]:
    (start, end), surface, feature = node.span, node.surface, node.feature
    start, end = start + offset, end + offset
    if "+" in feature.pos and feature.expression:
        return [
            Morph(form, tag, start + first, start + last, lemma_of(form, tag))
            for form, tag, first, last in _parts(surface, feature.expression)
        ]
    tag = _sejong(feature.pos.partition("+")[0])
    return [Morph(surface, tag, start, end, lemma_of(surface, tag))]


@lru_cache(maxsize=100_000)
def _parts(surface: str, expression: str) -> list[tuple[str, str, int, int]]:
    """`신다` and `시/EP/*+ᆫ다/EF/*` to forms, tags and places in the surface."""
    parts = _PART.findall(expression)
    forms = [unicodedata.normalize("NFC", form).translate(COMPATIBILITY) for form, _ in parts]
    places = trace(surface, forms)
    return [(form, _sejong(tag), *place) for form, (_, tag), place in zip(forms, parts, places, strict=True)]


def _sejong(tag: str) -> str:
    return MECAB.get(tag, tag if tag in TAGS else "NA")
