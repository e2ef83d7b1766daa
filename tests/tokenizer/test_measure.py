"""What is counted is what single encoding gives; what is shown can be found in the text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.tokenizer.measure import longest_pieces, measure, pick_sentences, script_shares
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.tokenizer.vocab import SPECIAL_TOKENS


def test_unknown_pieces_are_measured(tokenizer: Tokenizer) -> None:
    # 말모이 is one piece, 한글말 two, 뷁 and a word with it one [UNK] each.
    measured = measure(tokenizer, ["말모이 말모이 말모이\n한글말 한글말", "뷁 말뷁 말뷁 말뷁 말뷁"])
    assert (measured.n_eojeols, measured.n_characters) == (10, 3 * 3 + 2 * 3 + 1 + 4 * 2)
    assert measured.fertility == pytest.approx((3 + 4 + 1 + 4) / 10)
    assert measured.unk_rate == pytest.approx(5 / 12)
    assert measured.pieces_per_character == pytest.approx(12 / 24)
    assert measured.unknown == {"말뷁": 4, "뷁": 1}


@pytest.mark.parametrize("fixture", ["tokenizer"])
@settings(deadline=None)
@given(text=st.text("말모이뷁 .\n\x0b\u200b漢"))
def test_counts_are_those_of_single_encoding(fixture: str, text: str, request: pytest.FixtureRequest) -> None:
    tokenizer: Tokenizer = request.getfixturevalue(fixture)
    measured = measure(tokenizer, [text])
    ids = tokenizer.encode(text, special_tokens=False).ids
    assert measured.n_pieces == len(ids)
    assert measured.n_unknown == ids.count(tokenizer.unk_id) == sum(measured.unknown.values())


def test_nothing_to_measure(tokenizer: Tokenizer) -> None:
    measured = measure(tokenizer, [])
    assert (measured.fertility, measured.unk_rate, measured.pieces_per_character) == (0.0, 0.0, 0.0)


def test_scripts_of_entries() -> None:
    tokens = [*SPECIAL_TOKENS, "[unused1]", "말", "##이", "漢", "##12", "KBS", "a1", "##", ".", "ㅋㅋ"]
    shares = script_shares(tokens)
    assert {name: round(share * 9) for name, share in shares.items()} == {
        "hangul": 3, "hanja": 1, "digits": 1, "latin": 1, "other": 3
    }  # fmt: skip
    assert longest_pieces(tokens)[0] == "KBS"
    assert "[unused1]" not in longest_pieces(tokens)


def test_sentences_to_show_are_far_apart_and_short_enough() -> None:
    texts = [f"{i}번째 글의 첫 문장은 이만하면 읽을 만하다. 다음 문장이다." for i in range(100)]
    picked = pick_sentences(texts, 4)
    assert [sentence.split("번째")[0] for sentence in picked] == ["0", "25", "50", "75"]
    assert pick_sentences(["짧다.", "길다" * 100], 4) == []
