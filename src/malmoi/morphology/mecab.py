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
            yield _morphs(found, len(text) - len(bare))

    def _load(self) -> Any:
        if self._mecab is None:
            try:
                from mecab import MeCab
            except ImportError as error:
                raise not_installed("mecab", _INSTALL, error) from error
            self._mecab = MeCab()
        return self._mecab


def _morphs(found: list[Any], offset: int) -> list[Morph]:
    morphs: list[Morph] = []
    new, add, parts_of = tuple.__new__, morphs.append, _parts  # half the time of calling the class
    for node in found:
        start, end = node.span
        start += offset
        feature = node.feature
        for form, tag, first, last, lemma in parts_of(node.surface, feature.pos, feature.expression):
            add(new(Morph, (form, tag, start + first, end + offset if last is None else start + last, lemma)))
    return morphs


@lru_cache(maxsize=1 << 18)
def _parts(surface: str, pos: str, expression: str | None) -> list[tuple[str, str, int, int | None, str]]:
    """`신다`, `EP+EF` and `시/EP/*+ᆫ다/EF/*` to forms, tags, places in the surface (None: its end) and lemmas."""
    if "+" not in pos or not expression:
        tag = _sejong(pos.partition("+")[0])
        return [(surface, tag, 0, None, lemma_of(surface, tag))]
    parts = _PART.findall(expression)
    forms = [unicodedata.normalize("NFC", form).translate(COMPATIBILITY) for form, _ in parts]
    tags = [_sejong(tag) for _, tag in parts]
    places = trace(surface, forms)
    return [
        (form, tag, first, last, lemma_of(form, tag))
        for form, tag, (first, last) in zip(forms, tags, places, strict=True)
    ]


def _sejong(tag: str) -> str:
    return MECAB.get(tag, tag if tag in TAGS else "NA")
