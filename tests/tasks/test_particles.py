"""Particles are cut where they surely are some, and nouns that look like it stay whole."""

import pytest

from malmoi.tasks.particles import trim_particle, trimmed_end


@pytest.mark.parametrize(
    ("answer", "noun"),
    [
        ("임꺽정을", "임꺽정"),
        ("나침반으로", "나침반"),
        ("연필로써", "연필"),
        ("부산에서", "부산"),
        ("황진이는", "황진이"),
        ("빨간 지붕의 학교에서", "빨간 지붕의 학교"),
        ("NASA는", "NASA"),
        ("1894년부터", "1894년"),
        ("세종의", "세종"),
        ("두 나라의 협약이다", "두 나라의 협약"),
        ("강원도", "강원도"),
        # forms that cannot be the particle after this syllable
        ("작가", "작가"),
        ("마을", "마을"),
        ("가을", "가을"),
        # nothing left to be a noun
        ("은", "은"),
        ("", ""),
    ],
)
def test_by_form_alone(answer: str, noun: str) -> None:
    assert trim_particle(answer) == noun


@pytest.mark.parametrize(
    ("answer", "text", "noun"),
    [
        ("민주주의", "민주주의는 어렵고, 민주주의를 지킨다", "민주주의"),
        ("거북이", "거북이와 거북이를 보다", "거북이"),
        ("거북이", "거북이 온다", "거북"),
        ("강원도", "강원도에 가다, 강원의 산", "강원도"),
        ("공장도", "공장도 있고 공장이 있다", "공장"),
        ("이가은", "이가은은 왔고 이가은의 동생도", "이가은"),
    ],
)
def test_where_the_syllable_may_be_the_nouns_own_the_text_decides(answer: str, text: str, noun: str) -> None:
    assert trim_particle(answer, (text,)) == noun


def test_a_span_that_ends_within_an_eojeol_stays() -> None:
    text = "이순신에게는 거북선이 있었다"
    assert text[: trimmed_end(text, 0, 3)] == "이순신"
    assert text[: trimmed_end(text, 0, 5)] == "이순신에게", "the particle goes on: somebody cut here on purpose"
    assert text[: trimmed_end(text, 0, 6)] == "이순신"
    text = "이순신에게 거북선이 있었다"
    assert text[: trimmed_end(text, 0, 5)] == "이순신"
