"""Plain text is what BERT's clean-up leaves, and every character of it knows its place."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from malmoi.morphology.plain import MAX_CHARS, chunks, make_plain
from malmoi.text import is_clean, is_control, is_whitespace

_TEXT = st.text(st.sampled_from("가한ᄒ\u1161\u11abe\u0301 \t\n\u200b\ufeff\ud800😀漢\u3000\x85a."), max_size=30)


def test_worked_example() -> None:
    text = "\u1112\u1161\u11ab글\u200b을\t봤다"
    plain = make_plain(text)
    assert plain.text == "한글을 봤다"
    assert plain.original(0, 1) == (0, 3)
    assert plain.original(1, 3) == (3, 6)
    assert make_plain("한글을 봤다") == ("한글을 봤다", None)


@given(_TEXT)
def test_every_character_stands_where_it_says(text: str) -> None:
    plain = make_plain(text)
    assert is_clean(plain.text) or unicodedata.normalize("NFC", plain.text) != plain.text
    for place, char in enumerate(plain.text):
        start, end = plain.original(place, place + 1)
        written = unicodedata.normalize("NFC", text[start:end])
        assert char in written or (char == " " and is_whitespace(written))
    assert plain.text.replace(" ", "") == "".join(
        char
        for char in unicodedata.normalize("NFC", text.replace("\ud800", "\ufffd"))
        if not is_control(char) and not is_whitespace(char)
    )


@given(st.text("가 \n\u200b\x85\u3000", max_size=20))
def test_clean_text_has_nothing_to_clean(text: str) -> None:
    dirty = any(is_control(char) or (char != " " and is_whitespace(char)) for char in text)
    assert is_clean(text) == (not dirty)


def test_long_texts_are_cut_at_blanks_if_they_can() -> None:
    for text in ("말모이 " * 3000, "말" * (2 * MAX_CHARS + 1), "말"):
        parts = list(chunks(text))
        assert "".join(part for _, part in parts) == text
        assert [start for start, _ in parts] == [sum(len(p) for _, p in parts[:i]) for i in range(len(parts))]
        assert max(len(part) for _, part in parts) <= MAX_CHARS
        assert " " not in text or all(part.endswith(" ") for _, part in parts)
