"""Analysers by name: those that are none, those that are not installed, those of another version."""

import importlib.metadata

import pytest

from malmoi.errors import AnalyzerError, OptionError
from malmoi.morphology.catalog import ANALYZERS, check_version, make_analyzer, make_analyzers
from malmoi.morphology.morph import Analyzer, AnalyzerVersionWarning


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("kiwi", "pip install kiwipiepy"),
        ("mecab", r"pip install 'malmoi\[mecab\]'"),
        ("okt", r"pip install 'malmoi\[okt\]'"),
    ],
)
def test_what_is_not_installed_says_how_to(name: str, remedy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> str:
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(AnalyzerError, match=f"analyser {name} is not installed .*: run `{remedy}`"):
        make_analyzer(name)


def test_names_that_are_none() -> None:
    with pytest.raises(OptionError, match="analyzer is 'khaiii': expected one of kiwi, mecab, okt"):
        make_analyzer("khaiii")
    with pytest.raises(OptionError, match="expected every analyser once"):
        make_analyzers("kiwi,kiwi")
    with pytest.raises(OptionError, match="needs an address: pass --url"):
        make_analyzers("http")
    assert list(ANALYZERS) == ["kiwi", "mecab", "okt"]


def test_another_version_warns_with_both(kiwi: Analyzer) -> None:
    check_version(kiwi, kiwi.version, "here")
    with pytest.warns(AnalyzerVersionWarning, match=r"here was made with kiwi 0\.1, here is kiwi \d"):
        check_version(kiwi, "0.1", "here")
