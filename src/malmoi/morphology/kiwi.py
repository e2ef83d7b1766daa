"""Kiwi (kiwipiepy; LGPL): the analyser of the base install. Its own threads do the work."""

import importlib.metadata
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from malmoi.morphology.morph import Morph, failed, not_installed
from malmoi.morphology.sejong import COMPATIBILITY, KIWI, TAGS, VERBAL


@cache
def load_kiwi(threads: int | None = None) -> Any:
    """The library's own object, once a process (a second, 500 MB of memory): nothing here changes it.

    Raises:
        AnalyzerError: kiwipiepy is not installed.
    """
    try:
        from kiwipiepy import Kiwi
    except ImportError as error:
        raise not_installed("kiwi", "pip install kiwipiepy", error) from error
    return Kiwi(num_workers=threads)


class _Tags(dict[str, str]):
    """Kiwi's tags to Sejong's, filled as they are met."""

    def __missing__(self, tag: str) -> str:
        bare = tag.partition("-")[0]
        self[tag] = sejong = KIWI.get(bare, bare if bare in TAGS else "NA")
        return sejong


class KiwiAnalyzer:
    """Kiwi; the model is loaded at first use."""

    name = "kiwi"

    def __init__(self, *, threads: int | None = None) -> None:
        """`threads`: how many it uses; all cores by default. Its answers are the same for any number.

        Raises:
            AnalyzerError: kiwipiepy is not installed.
        """
        try:
            versions = [importlib.metadata.version(package) for package in ("kiwipiepy", "kiwipiepy_model")]
        except importlib.metadata.PackageNotFoundError as error:
            raise not_installed("kiwi", "pip install kiwipiepy", error) from error
        self.version = "{} (model {})".format(*versions)
        self._threads = threads
        self._kiwi: Any = None
        self._tags = _Tags()

    def __getstate__(self) -> dict[str, Any]:
        """Loaded models do not go to worker processes; these load their own."""
        return self.__dict__ | {"_kiwi": None}

    def analyze(self, texts: Iterable[str]) -> Iterator[list[Morph]]:
        """See `Analyzer`. Texts are analysed in parallel, ahead of what is asked for."""
        seen: list[str] = []  # those in flight: an error does not say which text it was
        kiwi, answers = self._load(), None
        while True:
            try:
                answers = answers or iter(kiwi.tokenize(_remember(texts, seen)))
                tokens = next(answers)
            except StopIteration:
                return
            except Exception as error:  # the library raises what its C++ code throws
                raise failed(self, seen[0] if seen else "", error) from error
            seen.pop(0)
            yield self._morphs(tokens)

    def _load(self) -> Any:
        if self._kiwi is None:
            self._kiwi = load_kiwi(self._threads)
        return self._kiwi

    def _morphs(self, tokens: list[Any]) -> list[Morph]:
        morphs: list[Morph] = []
        new = tuple.__new__  # half the time of calling the class
        add, tags, verbal, last, traceless = morphs.append, self._tags, VERBAL, 0, False
        for token in tokens:
            form, tag, start, end = token.form, tags[token.tag], token.start, token.end
            if form < "\u11c3" and form >= "\u11a8":  # begins with a trailing jamo; syllables are beyond
                form = form.translate(COMPATIBILITY)
            if end <= start:
                traceless = True
            elif start < last:
                start = last
                end = max(end, start + 1)
            last = start
            add(new(Morph, (form, tag, start, end, form + "다" if tag in verbal else form)))
        return _give_places(morphs) if traceless else morphs


def _give_places(morphs: list[Morph]) -> list[Morph]:
    """Morphemes that left no trace (an omitted 이) stand at the syllable that follows, or else at the one before."""
    placed = list(morphs)
    for number, morph in enumerate(morphs):
        if morph.end <= morph.start:
            follows = number + 1 < len(morphs) and morphs[number + 1].start == morph.start < morphs[number + 1].end
            start = morph.start if follows else max(morph.start - 1, 0)
            placed[number] = morph._replace(start=start, end=start + 1)
    return placed


def _remember(texts: Iterable[str], seen: list[str]) -> Iterator[str]:
    for text in texts:
        seen.append(text)
        yield text
