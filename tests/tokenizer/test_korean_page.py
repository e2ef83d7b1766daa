"""docs/korean.md shows what the commands print."""

import re

import pytest
from snippets import ROOT

from malmoi.errors import AnalyzerError
from malmoi.morphology.catalog import make_analyzers
from malmoi.morphology.kiwi import KiwiAnalyzer
from malmoi.morphology.table import analyze_lines, side_by_side
from malmoi.tokenizer.segment import WAYS
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.tokenizer.vocab import SPECIAL_TOKENS, Vocabulary

_PAGE = (ROOT / "docs" / "korean.md").read_text(encoding="utf-8")


def test_the_table_of_ways() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.* [./SF_]+) \|$", _PAGE, re.MULTILINE))
    text = re.search(r"^\| way \| `(.+)` \|$", _PAGE, re.MULTILINE)
    assert text
    assert set(rows) == {name for name, way in WAYS.items() if way.analyzed} | {"eojeol"}
    kiwi, vocabulary = KiwiAnalyzer(), Vocabulary((*SPECIAL_TOKENS, "가"))
    for name, words in rows.items():
        tokenizer = Tokenizer.from_vocabulary(vocabulary, segment=name, analyzer=kiwi)
        assert tokenizer.words(text[1]) == words.split(), name


def test_the_analysers_side_by_side() -> None:
    shown = re.search(r"^```text\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)
    assert shown
    try:
        analyzers = make_analyzers("kiwi,mecab,okt")
    except AnalyzerError as error:
        pytest.skip(str(error))
    [line] = analyze_lines(["아버지가방에들어가신다."], analyzers)
    if line.failures:
        pytest.skip(line.failures[0])
    assert shown[1].rstrip("\n") == side_by_side(line.text, line.analyses)
