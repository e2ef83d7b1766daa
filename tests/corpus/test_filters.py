from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.corpus.filters import (
    Verdict,
    has_few_digits,
    has_few_symbols,
    is_content,
    is_korean,
    is_long_enough,
    is_no_disambiguation,
    is_prose,
    is_varied,
    is_written,
    judge,
    make_filters,
    says_it_once,
)
from malmoi.corpus.options import CorpusOptions

OPTIONS = CorpusOptions(min_chars=10)
FILTERS = make_filters(OPTIONS)
PROSE = "옛날 어느 마을에 한 나그네가 살았다.\n그는 날마다 고개를 넘어 장에 갔다.\n어느 날 길을 잃고 말았다.\n끝이다."


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("", (False, "empty")),
        ("짧은 글", (False, "too-short")),
        ("This page has hardly any 한글 in it.", (False, "low-hangul")),
        ("これは日本語の文章で、とても長いです。한글도 있다.", (False, "low-hangul")),
        ("12,345 + 67,890 = 80,235", (False, "low-hangul")),
        ("漢字만 가득한 文章과 書冊의 題目들", True),
        ("누르세요\n누르세요\n누르세요\n한 번만 누르세요", (False, "repeated-lines")),
        ("ㅋㅋㅋㅎㅎㅎㅠㅠㅠㄷㄷㄷ웃겨", (False, "lone-jamo")),
        ("재미있게 봤어요 ㅋㅋㅋㅋㅋㅋ", True),
        ("굿!!!!!!!!!!!!!!!!~~~~~~", (False, "symbols")),
        ("집합과 곱집합은 formula_1, formula_2", (False, "symbols")),
        ("좋네요.... 또 볼게요!!!", True),
        ("결과는 1998, 2002, 2006, 2010, 2014, 2018", (False, "digits")),
        ("최고최고최고최고최고최고최고", (False, "repeated-ngrams")),
        ("어제는 비가 왔고 오늘은 맑다.", True),
        ("해달(海獺)은 다음을 가리키는 말이다.", (False, "disambiguation")),
        ("홍길동은 다음 사람의 이름이다.\n홍길동 (배우)\n홍길동 (가수)", (False, "disambiguation")),
        ("수록곡 목록.\n봄비\n여름 바람\n가을 하늘\n겨울 나무\n새벽", (False, "list")),
        ("오늘 비가 온다.\n무단 전재 및 재배포 금지\n로그인이 필요합니다", (False, "boilerplate")),
        (PROSE, True),
    ],
)
def test_the_reason_is_told(text: str, verdict: Verdict) -> None:
    assert judge(text, FILTERS) == verdict


def test_lengths_and_shares_at_the_threshold_are_kept() -> None:
    assert is_long_enough("가나다라마", 5) is True
    assert is_korean("가 abc", 0.25) is True
    assert is_korean("가 abcd", 0.25) == (False, "low-hangul")
    assert is_varied("가나다\n가나다\n라마바사", 0.3) is True  # 3 of 10 characters
    assert is_varied("가나다\n가나다\n라마바", 0.3) == (False, "repeated-lines")
    assert is_written("가ㅋㅋㅋ", 0.75) is True
    assert is_written("가ㅋㅋㅋ", 0.74) == (False, "lone-jamo")
    assert has_few_symbols("가나!?", 0.5) is True
    assert has_few_symbols("가나!?", 0.49) == (False, "symbols")
    assert has_few_digits("가나12", 0.5) is True
    assert has_few_digits("가나12", 0.49) == (False, "digits")


def test_jamo_count_as_hangul_where_syllables_do_not_suffice() -> None:
    assert is_korean("ㅋㅋㅋㅋ lol", 0.5) is True


def test_zero_keeps_every_language() -> None:
    assert is_korean("1234", 0.0) is True


def test_runs_of_five_words_are_counted_in_long_texts() -> None:
    words = [f"낱말{number}" for number in range(100)]
    assert says_it_once(" ".join(words), 0.3) is True
    assert says_it_once(" ".join(words + words[:40]), 0.3) is True  # 36 of 136 runs
    assert says_it_once(" ".join(words + words[:60]), 0.3) == (False, "repeated-ngrams")  # 56 of 156
    # The same words in another order are no repetition.
    assert says_it_once(" ".join(words + words[::-1]), 0.3) is True


def test_a_page_that_tells_more_than_meanings_stays() -> None:
    page = "배는 다음을 뜻한다.\n배나무의 열매로, 가을에 익으며 물이 많고 달아 널리 먹는다."
    assert is_no_disambiguation(page) is True
    assert is_no_disambiguation("그는 다음 날 아침 일찍 배를 타고 떠났다.") is True
    assert is_no_disambiguation("이거 보고 다음날 뜻을 알았다.") is True
    keeping = make_filters(replace(OPTIONS, keep_disambiguation=True))
    assert judge("해달(海獺)은 다음을 가리키는 말이다.", keeping) is True


def test_few_lines_are_no_list_and_one_word_no_boilerplate() -> None:
    assert is_prose("봄비\n여름 바람\n가을 하늘", 0.5) is True
    assert is_content("이 영화 때문에 처음으로 로그인했다", 0.3) is True
    article = "누구나 글을 쓸 수 있지만, 그러려면 로그인해야 한다는 규칙이 지난해 생겼다. " * 3
    assert is_content(article, 0.1) is True


@given(st.text(), st.sampled_from(["max_symbols", "max_digits", "max_jamo", "max_repeated", "max_repeated_ngrams"]))
def test_a_share_of_one_turns_a_filter_off(text: str, name: str) -> None:
    off = {"min_chars": 0, "min_hangul": 0.0, "keep_disambiguation": True, "max_list": 1.0, "max_boilerplate": 1.0}
    reasons = {"max_symbols": "symbols", "max_digits": "digits", "max_jamo": "lone-jamo"}
    reasons |= {"max_repeated": "repeated-lines", "max_repeated_ngrams": "repeated-ngrams"}
    verdict = judge(text, make_filters(CorpusOptions(**off, **{name: 1.0})))  # type: ignore[arg-type]
    assert verdict is True or verdict[1] not in (reasons[name], "list", "boilerplate", "low-hangul")


def test_prose_in_other_scripts_is_no_list() -> None:
    line = "The crane crossed the pass before winter came. It rested by the river for a while."
    assert is_prose("\n".join([line] * 5), 0.85) is True
    assert is_prose("\n".join(["鶴は川のほとりで休み、それから山を越えて南へ飛んで行った。"] * 5), 0.85) is True
    items = [f"Crane and River Trading Co., Ltd. number {n}, of St. Mary street" for n in range(5)]
    assert is_prose("\n".join(items), 0.85) == (False, "list")
