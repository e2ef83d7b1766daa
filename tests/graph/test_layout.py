"""Boxes lie over none of each other, near what they are linked with, and always in the same places."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.graph.layout import Layout, place_boxes

SIZES = np.array([[100.0, 34.0], [60.0, 34.0], [140.0, 34.0]])


def assert_apart(sizes: np.ndarray, layout: Layout) -> None:
    low, high = layout.centers - sizes / 2, layout.centers + sizes / 2
    assert (
        (low > -1e-6).all() and (high[:, 0] < layout.width + 1e-6).all() and (high[:, 1] < layout.height + 1e-6).all()
    )
    for i in range(len(sizes)):
        for j in range(i):
            assert (low[i] >= high[j] - 1e-3).any() or (low[j] >= high[i] - 1e-3).any(), (i, j)


@given(st.data())
@settings(max_examples=25)
def test_no_box_over_another(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 25))
    sizes = np.array([[data.draw(st.integers(20, 300)), 34.0] for _ in range(n)])
    ends = st.integers(0, n - 1)
    links = [pair for pair in data.draw(st.lists(st.tuples(ends, ends), max_size=40)) if pair[0] != pair[1]]
    layout = place_boxes(sizes, links)
    assert np.isfinite(layout.centers).all()
    assert_apart(sizes, layout)
    np.testing.assert_array_equal(layout.centers, place_boxes(sizes, links).centers)


@pytest.mark.parametrize("n", [12, 40])
def test_leaves_of_a_star_lie_around_its_middle(n: int) -> None:
    sizes = np.tile([80.0, 34.0], (n + 1, 1))
    layout = place_boxes(sizes, [(0, leaf) for leaf in range(1, n + 1)])
    assert_apart(sizes, layout)
    apart = np.linalg.norm(layout.centers - layout.centers[0], axis=1)
    around = layout.centers[1:].mean(0) - layout.centers[0]
    assert np.linalg.norm(around) < apart.max() / 4


def test_what_is_linked_is_nearer_than_what_is_not() -> None:
    sizes = np.tile([60.0, 34.0], (6, 1))
    centers = place_boxes(sizes, [(i, i + 1) for i in range(5)]).centers
    apart = np.linalg.norm(centers[:, None] - centers, axis=-1)
    assert apart[0, 5] > 3 * apart[0, 1]


def test_parts_that_are_not_linked_lie_side_by_side() -> None:
    layout = place_boxes(SIZES, [])
    assert_apart(SIZES, layout)
    assert place_boxes(np.zeros((0, 2)), []).width == 0
