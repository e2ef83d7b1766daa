import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from malmoi.corpus.document import clean_text

MESSY = st.text(
    st.sampled_from(
        "가힣각ᄀ\u1161\u11a8ab .\n\r\t\x0b\x00\x1c\x85\xa0\u3000\u200b\ufeff\xad\ud800\ue000\u3164\u0301\u2000"
    )
)


def test_white_space_is_folded_and_empty_lines_go() -> None:
    assert clean_text("  봄이\t 왔다.\r\n\n\u3000꽃이\xa0핀다. \u2028끝") == "봄이 왔다.\n꽃이 핀다.\n끝"


def test_decomposed_syllables_are_composed_even_around_junk() -> None:
    assert clean_text(unicodedata.normalize("NFD", "한글")) == "한글"
    assert clean_text("ᄒ\u200b\u1161ᆫ") == "한"  # the order matters: first the junk, then NFC


def test_controls_invisible_characters_and_lone_surrogates_go() -> None:
    assert clean_text("\ufeff가\x00나\u200d다\xad라\ud83d마\ufffd\ue001") == "가나다라마"


def test_the_hangul_filler_is_a_blank() -> None:
    assert clean_text("이름\u3164\u3164없음\u3164") == "이름 없음"


@given(MESSY | st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once


@given(MESSY | st.text())
def test_clean_text_is_nfc_folded_and_can_be_written(text: str) -> None:
    clean = clean_text(text)
    assert unicodedata.is_normalized("NFC", clean)
    assert all(line and line == " ".join(line.split()) for line in clean.split("\n") if clean)
    clean.encode()


@given(st.text(st.characters(categories=["L", "N", "P"], exclude_characters="\u3164\uffa0")))
def test_letters_digits_and_punctuation_all_stay(text: str) -> None:
    assert clean_text(text) == unicodedata.normalize("NFC", text)
