"""Character classes equal the library's on every code point; composition keeps positions."""

import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import normalizers, pre_tokenizers

from malmoi.text import (
    compose,
    decompose,
    hangul_share,
    is_cjk,
    is_control,
    is_hangul,
    is_punctuation,
    is_whitespace,
    nfc_with_spans,
)

CLEAN = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
IDEOGRAPHS = normalizers.BertNormalizer(
    clean_text=False, handle_chinese_chars=True, strip_accents=False, lowercase=False
)
WORDS = pre_tokenizers.BertPreTokenizer()

# Leads, vowels, tails, syllables, marks of several classes, letters that compose and such that do not.
COMPOSING = st.text(
    st.sampled_from(
        "\u1100\u1112\u1113\u1161\u1175\u1176\u11a8\u11c2\u11c3가각힣\u0301\u0323\u0302\u3099かeaK Ω\u09c7\u09be\u0344x"
    )
)


def blocks() -> Iterator[list[str]]:
    """All planes with characters in them, without surrogates and the letter that stands between characters here."""
    for start in (*range(0, 0x30000, 0x8000), *range(0xE0000, 0x110000, 0x10000)):
        if block := [chr(i) for i in range(start, start + 0x8000) if not 0xD800 <= i < 0xE000 and i != ord("A")]:
            yield block


def test_classes_are_those_of_the_library_on_every_character() -> None:
    for chars in blocks():
        joined = "A".join(chars)
        cleaned = CLEAN.normalize_str(joined).split("A")
        apart = IDEOGRAPHS.normalize_str(joined).split("A")
        words = {start: end for _, (start, end) in WORDS.pre_tokenize_str(joined)}
        ends = set(words.values())
        for i, char in enumerate(chars):
            assert is_control(char) == (cleaned[i] == ""), hex(ord(char))
            assert is_cjk(char) == (apart[i] == f" {char} "), hex(ord(char))
            # Even positions hold the characters, odd ones the letter between.
            assert is_punctuation(char) == (words.get(2 * i) == 2 * i + 1 and not _alone(i, chars)), hex(ord(char))
            at_edge = i == 0 or i == len(chars) - 1
            if not at_edge:
                cut_out = 2 * i in ends and 2 * i + 1 in words and 2 * i not in words
                assert is_whitespace(char) == cut_out, hex(ord(char))
            if is_whitespace(char) and not is_control(char):
                assert cleaned[i] == " "


def _alone(i: int, chars: list[str]) -> bool:
    """A block of one character would be one word whatever it is."""
    return len(chars) == 1 and i == 0


@pytest.mark.parametrize(
    ("text", "share"), [("", 0.0), ("1, 2!", 0.0), ("말모이", 1.0), ("말 ab 1", 1 / 3), ("ㅋㅋk", 2 / 3)]
)
def test_hangul_share_counts_letters_only(text: str, share: float) -> None:
    assert hangul_share(text) == pytest.approx(share)


def test_hangul_is_syllables_and_jamo() -> None:
    assert all(map(is_hangul, "가힣ㄱㅣᄒ\u1161\u11abㆎﾡ"))
    assert not any(map(is_hangul, "a1漢あ·\u3130"))


def test_every_syllable_is_taken_apart_and_put_together() -> None:
    for code in range(0xAC00, 0xD7A4):
        jamo = decompose(chr(code))
        assert jamo == unicodedata.normalize("NFD", chr(code))
        assert compose(jamo) == chr(code)
    assert decompose("a") == "a"


@pytest.mark.parametrize("jamo", ["", "ᄒ", "ㅎㅏ", "ᄒᄒ", "\u1112\u1161\u11a7", "\u1112\u1161\u11ab\u11ab"])
def test_what_is_no_syllable_is_not_composed(jamo: str) -> None:
    with pytest.raises(ValueError, match="no syllable"):
        compose(jamo)


def test_composed_text_needs_no_spans() -> None:
    assert nfc_with_spans("말모이 cafe") == ("말모이 cafe", None)


def test_composition_worked_example() -> None:
    composed, spans = nfc_with_spans("x\u1112\u1161\u11ab\u1100\u1173 e\u0301\u11ab가\u11ab")
    assert composed == "x한그 é\u11ab간"
    assert spans is not None
    assert spans.tolist() == [[0, 1], [1, 4], [4, 6], [6, 7], [7, 9], [9, 10], [10, 12]]


def test_marks_that_do_not_compose_have_their_own_place() -> None:
    composed, spans = nfc_with_spans("漢\u0344e\u0323\u0301a\u0301\u0323")
    assert composed == "漢\u0308\u0301\u1eb9\u0301\u1ea1\u0301"
    assert spans is not None
    assert spans.tolist() == [[0, 1], [1, 2], [1, 2], [2, 4], [4, 5], [5, 8], [5, 8]]


def test_very_many_marks_on_one_letter_do_not_hang() -> None:
    text = "e" + "\u0301" * 200_000
    composed, spans = nfc_with_spans(text)
    assert composed == unicodedata.normalize("NFC", text)
    assert spans is not None
    assert (spans == [0, len(text)]).all()


@given(st.one_of(COMPOSING, st.text()))
def test_spans_say_where_every_character_comes_from(text: str) -> None:
    composed, spans = nfc_with_spans(text)
    assert composed == unicodedata.normalize("NFC", text)
    if spans is None:
        assert composed == text
        return
    assert spans.shape == (len(composed), 2)
    clusters = sorted(set(map(tuple, spans.tolist())))
    # They partition the text, and each is composed by itself.
    assert "".join(text[start:end] for start, end in clusters) == text
    assert "".join(unicodedata.normalize("NFC", text[start:end]) for start, end in clusters) == composed
    assert (spans[1:] >= spans[:-1]).all()
    for char, (start, end) in zip(composed, spans.tolist(), strict=True):
        assert char in unicodedata.normalize("NFC", text[start:end])
