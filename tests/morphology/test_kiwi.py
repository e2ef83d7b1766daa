"""Kiwi's own ways: tags with suffixes, omitted morphemes, errors in the middle of a batch."""

from typing import Any

import pytest

from malmoi.errors import AnalyzerError
from malmoi.morphology.kiwi import KiwiAnalyzer
from malmoi.morphology.morph import Analyzer, analyze


def test_irregular_verbs_and_web_tags(kiwi: Analyzer) -> None:
    [morphs] = analyze(kiwi, ["도와라 http://a.kr 😀"])
    assert [(m.form, m.tag) for m in morphs] == [("돕", "VV"), ("어라", "EC"), ("http://a.kr", "SL"), ("😀", "SW")]


def test_an_omitted_morpheme_stands_at_the_ending_that_follows(kiwi: Analyzer) -> None:
    [morphs] = analyze(kiwi, ["친구다"])
    assert [(m.form, m.start, m.end) for m in morphs] == [("친구", 0, 2), ("이", 2, 3), ("다", 2, 3)]


def test_a_failure_names_the_text_it_was() -> None:
    class Broken:
        def tokenize(self, texts: Any) -> Any:
            for text in texts:
                if text == "나쁘다":
                    raise ValueError("no")
                yield []

    analyzer = KiwiAnalyzer()
    analyzer._kiwi = Broken()
    answers = analyzer.analyze(["좋다", "나쁘다", "좋다"])
    assert next(answers) == []
    with pytest.raises(AnalyzerError, match=r"kiwi .* failed on '나쁘다' .ValueError: no.: leave this text out"):
        next(answers)
