"""Where contracted base forms stand in what is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.morphology.trace import trace


@pytest.mark.parametrize(
    ("surface", "forms", "spans"),
    [
        ("했", "하 았", [(0, 1), (0, 1)]),
        ("신다", "시 ㄴ다", [(0, 1), (0, 2)]),
        ("이루어져", "이루어지 어", [(0, 4), (3, 4)]),
        ("도와", "돕 아", [(0, 1), (1, 2)]),
        ("커서", "크 어서", [(0, 1), (0, 2)]),
        ("거예요", "거 이 에요", [(0, 1), (1, 2), (2, 3)]),
        ("가", "가 아", [(0, 1), (0, 1)]),
    ],
)
def test_contractions(surface: str, forms: str, spans: list[tuple[int, int]]) -> None:
    assert trace(surface, forms.split()) == spans


@given(
    st.text("가났ㄴ했다져", min_size=1, max_size=5),
    st.lists(st.text("가나하았ㄴ다지어", min_size=1, max_size=3), min_size=1),
)
def test_spans_are_in_order_inside_and_leave_nothing_out(surface: str, forms: list[str]) -> None:
    spans = trace(surface, forms)
    assert len(spans) == len(forms)
    assert all(0 <= start < end <= len(surface) for start, end in spans)
    assert [start for start, _ in spans] == sorted(start for start, _ in spans)
    assert {place for start, end in spans for place in range(start, end)} == set(range(len(surface)))
