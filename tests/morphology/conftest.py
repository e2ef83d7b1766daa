"""Analysers, loaded once; those that are not installed here skip their tests."""

import pytest

from malmoi.errors import AnalyzerError
from malmoi.morphology.catalog import make_analyzer
from malmoi.morphology.morph import Analyzer, analyze

_LOADED: dict[str, Analyzer] = {}


def _loaded(name: str) -> Analyzer:
    if name not in _LOADED:
        try:
            analyzer = make_analyzer(name)
            next(analyze(analyzer, ["가"]))
        except AnalyzerError as error:
            pytest.skip(str(error))
        _LOADED[name] = analyzer
    return _LOADED[name]


@pytest.fixture(scope="session", params=["kiwi", "mecab", "okt"])
def analyzer(request: pytest.FixtureRequest) -> Analyzer:
    return _loaded(request.param)


@pytest.fixture(scope="session", params=["kiwi", "mecab"])
def fine_analyzer(request: pytest.FixtureRequest) -> Analyzer:
    """One that takes verbs apart."""
    return _loaded(request.param)


@pytest.fixture(scope="session")
def kiwi() -> Analyzer:
    return _loaded("kiwi")
