"""What of a text is compared: content morphemes without particles and endings, compounds also by parts."""

import pytest

from malmoi.errors import OptionError
from malmoi.search.terms import Terms


def test_particles_and_endings_go_so_that_forms_of_a_word_meet() -> None:
    first, second = Terms()(["도서관에서 책을 빌렸습니다.", "책은 도서관에 빌리러 간다"])
    assert {"도서관", "책", "빌리"} <= set(first) & set(second)
    assert not {"에서", "을", "은", "."} & {*first, *second}


def test_compound_nouns_stand_whole_and_by_parts() -> None:
    [terms] = Terms()(["국어사전편찬회를 열었다"])
    assert {"국어", "사전", "편찬", "국어사전편찬회"} <= set(terms)
    [parts] = Terms(compounds=False)(["국어사전편찬회를 열었다"])
    assert parts == [term for term in terms if term != "국어사전편찬회"]
    [apart] = Terms()(["국어 사전"])
    assert apart == ["국어", "사전"]


def test_white_space_keeps_particles_and_drops_punctuation_at_the_ends() -> None:
    assert list(Terms("eojeol")(["“책을”  빌렸다!", "...", "", "ＡＢＣ는 abc"])) == [
        ["책을", "빌렸다"],
        [],
        [],
        ["abc는", "abc"],
    ]


def test_odd_texts_neither_hang_nor_fail() -> None:
    odd = ["", " ", "\x00\u200b", "가" * 100_000, "ㅋㅋㅋ" * 1000, "\ud800 반쪽"]
    for unit in ("morpheme", "eojeol"):
        terms = list(Terms(unit)(odd))  # type: ignore[arg-type]
        assert len(terms) == len(odd) and terms[0] == terms[1] == []
        assert max(len(term) for found in terms for term in found) <= 60


def test_the_name_says_what_cuts() -> None:
    assert Terms().name.startswith("morpheme+compounds, kiwi ")
    assert Terms("eojeol").name == "eojeol"
    with pytest.raises(OptionError, match="morpheme, eojeol"):
        Terms("word")  # type: ignore[arg-type]
