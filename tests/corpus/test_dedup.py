import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from malmoi.corpus.dedup import content_hash, find_duplicates


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
