import pytest

from malmoi.corpus.filters import Verdict, is_korean, is_long_enough, is_varied, judge, make_filters

FILTERS = make_filters(min_chars=10, min_hangul=0.25, max_repeated=0.3)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("", (False, "empty")),
        ("짧은 글", (False, "too-short")),
        ("This page has hardly any 한글 in it.", (False, "low-hangul")),
        ("12,345 + 67,890 = 80,235", (False, "low-hangul")),
        ("漢字만 가득한 文章과 書冊의 題目들", True),
        ("누르세요\n누르세요\n누르세요\n한 번만 누르세요", (False, "repeated-lines")),
        ("어제는 비가 왔고 오늘은 맑다.", True),
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


def test_jamo_count_as_hangul_where_syllables_do_not_suffice() -> None:
    assert is_korean("ㅋㅋㅋㅋ lol", 0.5) is True


def test_zero_keeps_every_language() -> None:
    assert is_korean("1234", 0.0) is True
