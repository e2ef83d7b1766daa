"""Order, laziness and failure. Workers import what they run, so the functions here are of libraries."""

import operator
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from malmoi.artifact import read_manifest
from malmoi.engine import PIECES_AHEAD, map_ordered
from malmoi.errors import InputError, MalmoiError, OptionError


def test_processes_give_the_results_of_one_process_in_order() -> None:
    items = list(range(50))
    assert list(map_ordered(operator.neg, items, 2)) == list(map_ordered(operator.neg, items, 1))


def test_a_slow_first_piece_still_comes_first() -> None:
    assert list(map_ordered(time.sleep, [0.3, 0.0, 0.0], 2)) == [None] * 3


@pytest.mark.parametrize("workers", [1, 2])
def test_items_are_drawn_only_a_few_ahead(workers: int) -> None:
    drawn = []

    def items() -> Iterator[int]:
        for number in range(1, 100):
            drawn.append(number)
            yield number

    results = map_ordered(operator.neg, items(), workers)
    assert next(iter(results)) == -1
    assert len(drawn) <= workers * PIECES_AHEAD
    if workers > 1:
        results.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_the_function_arrives_as_itself(workers: int, tmp_path: Path) -> None:
    results = map_ordered(partial(read_manifest, kind="corpus"), [tmp_path], workers)
    with pytest.raises(InputError, match="has no manifest"):
        next(iter(results))


def test_a_worker_that_dies_is_an_error_with_a_remedy() -> None:
    with pytest.raises(MalmoiError, match="smaller --workers"):
        list(map_ordered(os._exit, [1], 2))


def test_no_workers_is_an_option_error() -> None:
    with pytest.raises(OptionError, match="workers is 0"):
        map_ordered(operator.neg, [1], 0)
