"""The analysers that a name on the command line, or in a tokenizer's directory, may mean."""

import warnings
from collections.abc import Callable

from malmoi.errors import OptionError
from malmoi.morphology.http import HttpAnalyzer, HttpOptions
from malmoi.morphology.kiwi import KiwiAnalyzer
from malmoi.morphology.mecab import MecabAnalyzer
from malmoi.morphology.morph import Analyzer, AnalyzerVersionWarning
from malmoi.morphology.okt import OktAnalyzer

ANALYZERS: dict[str, Callable[[int | None], Analyzer]] = {
    "kiwi": lambda threads: KiwiAnalyzer(threads=threads),
    "mecab": lambda _: MecabAnalyzer(),
    "okt": lambda _: OktAnalyzer(),
}


def make_analyzer(name: str, *, threads: int | None = None) -> Analyzer:
    """The analyser of this name; `threads` is for those that have their own (all cores by default).

    Raises:
        OptionError: no such analyser. AnalyzerError: it is not installed; the message says how to.
    """
    if name not in ANALYZERS:
        raise OptionError(f"analyzer is {name!r}: expected one of {', '.join(ANALYZERS)}")
    return ANALYZERS[name](threads)


def make_analyzers(names: str, *, http: HttpOptions | None = None) -> list[Analyzer]:
    """The analysers of `names`, apart by commas; `http` may be among them where its options are given.

    Raises:
        OptionError: no such analyser, or one twice. AnalyzerError: one is not installed.
    """
    chosen = [name.strip() for name in names.split(",")]
    if len(set(chosen)) < len(chosen):
        raise OptionError(f"analyzer is {names!r}: expected every analyser once")
    analyzers: list[Analyzer] = []
    for name in chosen:
        if name == HttpAnalyzer.name and http is None:
            raise OptionError("the analyser http needs an address: pass --url, or set MALMOI_ANALYZER_URL")
        if name != HttpAnalyzer.name and name not in ANALYZERS:
            raise OptionError(f"analyzer is {name!r}: expected one or several of {', '.join(ANALYZERS)}, http")
        analyzers.append(HttpAnalyzer(http) if http and name == HttpAnalyzer.name else make_analyzer(name))
    return analyzers


def check_version(analyzer: Analyzer, version: str, place: str) -> None:
    """Warn (`AnalyzerVersionWarning`) where `analyzer` is not of the version that `place` was made with."""
    if analyzer.version != version:
        warnings.warn(
            f"{place} was made with {analyzer.name} {version}, here is {analyzer.name} {analyzer.version}: some text "
            "may be cut otherwise than it was learnt on; install that version, or make the tokenizer again",
            AnalyzerVersionWarning,
            stacklevel=3,
        )
