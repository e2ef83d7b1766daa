"""Rows kept compactly are the rows that the task made, and cost a small part of their memory."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from malmoi.tasks.choice import Choice, ChoiceExample
from malmoi.tasks.classification import Classification, ClassificationExample
from malmoi.tasks.cloze import Cloze, ClozeExample
from malmoi.tasks.regression import Regression, RegressionExample
from malmoi.tasks.task import Row
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training import rows as module
from malmoi.training.rows import _store, encode_compactly

CASES: list[tuple[Any, Callable[[int], Any]]] = [
    (Classification(("0", "1")), lambda i: ClassificationExample("비가 온다 " * (i % 5), str(i % 2))),
    (Regression(low=0, high=9), lambda i: RegressionExample("비가", "온다" * (i % 4), float(i % 9))),
    (Choice(), lambda i: ChoiceExample("비가", ("온다",) * (2 + i % 3), i % 2)),
    (Cloze(), lambda i: ClozeExample("비가 ___ 온다", ("많이", "조금씩"), i % 2)),
]


@pytest.mark.parametrize(("task", "make"), CASES)
def test_the_same_rows(quick_run: Path, monkeypatch: pytest.MonkeyPatch, task: Any, make: Any) -> None:
    monkeypatch.setattr(module, "_EXAMPLES_AT_ONCE", 3)
    tokenizer = Tokenizer.load(quick_run / "tokenizer")
    examples = [make(i) for i in range(10)]
    expected = task.encode_many(examples, tokenizer, 16)
    store = encode_compactly(task, examples, tokenizer, 16)
    assert len(store) == 10
    for ours, theirs in zip(store, expected, strict=True):
        assert [values(row) for row in ours] == [values(row) for row in theirs]
    assert [values(row) for row in store[-1]] == [values(row) for row in expected[-1]]
    assert [len(rows) for rows in store[2:5]] == [len(rows) for rows in expected[2:5]]
    with pytest.raises(IndexError):
        store[10]


def values(row: Row) -> tuple[Any, ...]:
    asked = None if row.asked is None else row.asked.tolist()
    return row.ids.tolist(), row.segments.tolist(), row.target, row.choice, asked


def test_targets_by_token() -> None:
    row = Row(np.arange(3, dtype=np.int32), np.zeros(3, np.uint8), np.array([-100, 1, -100]))
    again = _store([[row, row]])[0][1]
    assert again.target.tolist() == [-100, 1, -100]  # type: ignore[union-attr]


def test_a_million_rows_would_need_no_gigabytes(quick_run: Path) -> None:
    tokenizer = Tokenizer.load(quick_run / "tokenizer")
    examples = [ClassificationExample(f"비가 오는 날에는 {i}번 버스를 탄다", str(i % 2)) for i in range(20_000)]
    tracemalloc.start()
    store = encode_compactly(Classification(("0", "1")), examples, tokenizer, 64)
    held = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, module.__file__)])
    tracemalloc.stop()
    n_bytes = sum(trace.size for trace in held.traces)
    assert 5 * len(store.ids) < n_bytes < 5 * len(store.ids) + 60 * len(store)
