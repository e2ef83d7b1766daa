"""Windows hold every token, and characters lead to the tokens they are in."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.tasks.windows import Window, readable, span_array, tokens_of, windows


@given(n_tokens=st.integers(0, 300), room=st.integers(1, 50), stride=st.none() | st.integers(1, 80))
def test_windows_hold_every_token_and_none_is_idle(n_tokens: int, room: int, stride: int | None) -> None:
    found = windows(n_tokens, room, stride)
    held = {token for window in found for token in range(window.start, window.end)}
    assert held == set(range(n_tokens))
    assert all(0 <= window.end - window.start <= room for window in found)
    for before, after in pairwise(found):
        assert before.end - before.start == room, "only the last one may be short"
        assert before.start < after.start <= before.end < after.end
        assert stride is None or after.start - before.start == min(stride, room)


def test_half_a_window_is_shared_unless_told_otherwise() -> None:
    assert windows(10, 4, None) == [Window(0, 4), Window(2, 6), Window(4, 8), Window(6, 10)]
    assert windows(10, 4, 4) == [Window(0, 4), Window(4, 8), Window(8, 10)]
    assert windows(0, 4, None) == [Window(0, 0)]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 2, (0, 0)), (1, 2, (0, 0)), (1, 4, (0, 1)), (3, 9, (1, 2)), (2, 3, None), (20, 30, None)],
)
def test_tokens_that_hold_characters(start: int, end: int, expected: tuple[int, int] | None) -> None:
    assert tokens_of(span_array([(0, 2), (3, 5), (5, 8)]), start, end) == expected


def test_a_row_without_a_text_has_nothing_to_read() -> None:
    assert readable(span_array([(0, 0), (0, 0)])) == (0, 0)
    assert readable(span_array([(0, 0), (4, 6), (6, 7), (0, 0)])) == (1, 3)
    assert span_array([]).shape == (0, 2)
