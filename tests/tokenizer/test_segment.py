"""How far pieces may grow, by way of cutting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.tokenizer.bpe import symbols_of
from malmoi.tokenizer.segment import WAYS


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("말모이", "말 ##모 ##이"),
        ("2019년도", "2019 ##년 ##도"),
        ("코로나19바이러스", "코 ##로 ##나 ##19 ##바 ##이 ##러 ##스"),
        ("KBS", "KBS"),
        ("ㅋㅋok", "ㅋ ##ㅋ ##ok"),
    ],
)
def test_syllables_stay_single_and_runs_between_stay_whole(word: str, pieces: str) -> None:
    assert WAYS["syllable"].largest_pieces(word) == pieces.split()
    assert WAYS["eojeol"].largest_pieces(word) == [word]


@given(st.text("가나aB1漢ㅋ", min_size=1))
def test_every_way_keeps_the_characters(word: str) -> None:
    for way in WAYS.values():
        symbols = [symbol for piece in way.largest_pieces(word) for symbol in symbols_of(piece)]
        assert symbols == symbols_of(word)
