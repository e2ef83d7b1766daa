import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.corpus.dedup import N_BINS, Signer, content_hash, find_duplicates, find_near_duplicates, n_band_rows


def test_white_space_and_case_make_no_difference() -> None:
    assert content_hash("잘 봤어요 OK") == content_hash("잘봤어요\nok")
    assert content_hash("잘 봤어요") != content_hash("잘 봤어요.")


@given(st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=6))
def test_the_first_in_input_order_stays(pieces: list[list[int]]) -> None:
    seen: set[int] = set()
    expected = []
    for piece in pieces:
        expected.append([value in seen or bool(seen.add(value)) for value in piece])
    found = find_duplicates([np.array(piece, dtype=np.uint64) for piece in pieces])
    assert [piece.tolist() for piece in found] == expected


def _text(rng: random.Random, n_chars: int) -> str:
    return "".join(chr(rng.randrange(ord("가"), ord("힣"))) for _ in range(n_chars))


def _near(texts: list[str], threshold: float, n_pieces: int = 1) -> list[bool]:
    bands, minima = [], []
    for chosen in np.array_split(np.arange(len(texts)), n_pieces):
        signer = Signer(threshold)
        for number in chosen:
            signer.add(texts[number])
        band, minimum = signer.finish()
        bands.append(band)
        minima.append(minimum)
    return list(map(bool, find_near_duplicates(bands, minima, np.zeros(len(texts), np.bool_), threshold)))


def _jaccard(first: str, second: str) -> float:
    a, b = ({text[i : i + 5] for i in range(len(text) - 4)} for text in (first, second))
    return len(a & b) / len(a | b)


def test_what_is_much_alike_goes_and_what_is_half_alike_stays() -> None:
    rng = random.Random(1)
    texts, expected = [], []
    for _ in range(100):
        text = _text(rng, 400)
        alike = text[:195] + _text(rng, 10) + text[205:]  # about 0.93
        half = text[:300] + _text(rng, 100)  # about 0.6
        texts += [text, alike, half]
        expected += [False, True, False]
    assert _jaccard(texts[0], texts[1]) > 0.9 and _jaccard(texts[0], texts[2]) < 0.65
    found = _near(texts, 0.8)
    assert [text for text, near, right in zip(texts, found, expected, strict=True) if near != right] == []
    assert _near(texts, 0.8, n_pieces=7) == found  # pieces make no difference


def test_the_estimate_is_that_of_the_jaccard_similarity() -> None:
    rng = random.Random(2)
    text = _text(rng, 2000)
    for n_same in (500, 1000, 1500, 1900):
        other = text[:n_same] + _text(rng, 2000 - n_same)
        signer = Signer(0.8)
        signer.add(text)
        signer.add(other)
        minima = signer.finish()[1]
        estimate = (float((minima[0] == minima[1]).mean()) - 1 / 256) * 256 / 255
        assert estimate == pytest.approx(_jaccard(text, other), abs=0.13)  # three standard deviations


def test_a_chain_loses_its_middle_not_its_end() -> None:
    """What is like a document that has gone, but not like one that stays, stays."""
    rng = random.Random(3)
    first = _text(rng, 1000)
    second = first[120:] + _text(rng, 120)
    third = second[120:] + _text(rng, 120)
    assert _jaccard(first, second) > 0.75 > 0.65 > _jaccard(first, third)
    assert _near([first, second, third], 0.7) == [False, True, False]


def test_remarks_are_only_compared_as_a_whole() -> None:
    assert _near(["정말 재미있는 영화였어요", "정말 재미있는 영화였어요."], 0.5) == [False, False]
    assert _near(["", "가"], 0.5) == [False, False]


def test_what_is_out_is_no_reason() -> None:
    rng = random.Random(4)
    text = _text(rng, 300)
    signer = Signer(0.8)
    signer.add(text)
    signer.add(text + "끝")
    bands, minima = signer.finish()
    assert find_near_duplicates([bands], [minima], np.array([True, False]), 0.8).tolist() == [False, False]


def test_bands_find_what_is_at_the_threshold() -> None:
    for threshold in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        rows = n_band_rows(threshold)
        assert 1 - (1 - threshold**rows) ** (N_BINS // rows) >= 0.94


def test_turned_off_nothing_is_kept_for_a_document() -> None:
    signer = Signer(None)
    signer.add("글")
    bands, minima = signer.finish()
    assert (bands.shape, minima.shape) == ((1, 0), (1, 0))
