"""Okt (Open Korean Text, through konlpy; needs Java): cuts particles but leaves verbs whole. Extra `[okt]`."""

import importlib.metadata
from collections.abc import Iterable, Iterator
from typing import Any

from malmoi.errors import AnalyzerError
from malmoi.morphology.morph import Morph, failed, not_installed
from malmoi.morphology.sejong import OKT, OKT_PARTICLES, OKT_SIGNS
from malmoi.text import is_cjk

_INSTALL = "pip install 'malmoi[okt]'"


class OktAnalyzer:
    """Okt; `form` is what is written, the lemma of verbs is Okt's own."""

    name = "okt"

    def __init__(self) -> None:
        """Raises: AnalyzerError: konlpy is not installed."""
        try:
            self.version = f"konlpy {importlib.metadata.version('konlpy')}"
        except importlib.metadata.PackageNotFoundError as error:
            raise not_installed("okt", _INSTALL, error) from error
        self._okt: Any = None
        self._lemmas: dict[str, str] = {}

    def __getstate__(self) -> dict[str, Any]:
        """The Java machine does not go to worker processes; these start their own."""
        return self.__dict__ | {"_okt": None}

    def analyze(self, texts: Iterable[str]) -> Iterator[list[Morph]]:
        """See `Analyzer`."""
        okt = self._load()
        for text in texts:
            try:
                words = [str(token) for token in okt.tokenize(text, False, False)]
                lemmas = self._lemmas_of(text, words)
            except Exception as error:  # whatever Java throws
                raise failed(self, text, error) from error
            yield list(self._morphs(text, words, lemmas))

    def _load(self) -> Any:
        if self._okt is None:
            try:
                from konlpy.tag import Okt
            except ImportError as error:
                raise not_installed("okt", _INSTALL, error) from error
            try:
                self._okt = Okt().jki
            except Exception as error:  # JVMNotFoundException and its like
                raise AnalyzerError(
                    f"okt needs Java, which did not start ({error}): install a JRE "
                    "(`apt-get install default-jre-headless`) and set JAVA_HOME if it is not found"
                ) from error
        return self._okt

    def _lemmas_of(self, text: str, words: list[str]) -> dict[str, str]:
        """Okt's lemma of each word, which depends on nothing but the word and its tag: so each is asked for once."""
        known = self._lemmas
        if any(word.endswith(("/Verb", "/Adjective")) and word not in known for word in words):
            stems = [str(token) for token in self._okt.tokenize(text, False, True)]
            if len(stems) == len(words):
                known.update({word: _split(stem)[0] for word, stem in zip(words, stems, strict=True)})
        return known

    def _morphs(self, text: str, words: list[str], lemmas: dict[str, str]) -> Iterator[Morph]:
        at = 0
        for word in words:
            form, tag = _split(word)
            start = text.find(form, at)
            if start < 0 or not form.strip():
                continue  # white space comes back as a token of its own
            at = start + len(form)
            is_verb = tag in ("Verb", "Adjective")
            yield Morph(form, _sejong(form, tag), start, at, lemmas.get(word, form) if is_verb else form)


def _split(word: str) -> tuple[str, str]:
    form, _, tag = word.rpartition("/")
    # A word that Okt guessed is marked `…(start, length)*` or the tag with a star.
    return form, tag.partition("(")[0].rstrip("*")


def _sejong(form: str, tag: str) -> str:
    if tag == "Josa":
        return OKT_PARTICLES.get(form, "JX")
    if tag in ("Punctuation", "Foreign"):
        return "SH" if all(map(is_cjk, form)) else OKT_SIGNS.get(form[0], "SW")
    return OKT.get(tag, "NA")
