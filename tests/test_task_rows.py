"""The rows of the table of all tasks name tasks and files that are there, and divide a file as they say."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from malmoi.tasks.catalog import TASKS, detect_format, task_type


@pytest.fixture(scope="module")
def rows() -> ModuleType:
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    try:
        import task_rows
    finally:
        sys.path.pop(0)
    return task_rows


def test_every_task_has_a_row_and_every_row_a_task(rows: ModuleType) -> None:
    assert {row.task for row in rows.ROWS.values()} == set(TASKS)
    for row in rows.ROWS.values():
        assert row.metrics and row.elsewhere
        assert bool(row.judged) + bool(row.division) + bool(row.split) == 1, f"{row.title}: one way to judge"


def test_a_file_is_divided_without_loss(rows: ModuleType) -> None:
    for division in (rows.last(3), rows.every(5)):
        learnt, judged = division.divide(range(20))
        assert sorted([*learnt, *judged]) == list(range(20))
    assert rows.last(3).divide(range(20))[1] == [17, 18, 19]
    assert rows.every(5).divide(range(20))[1] == [4, 9, 14, 19]


@pytest.mark.data
def test_the_files_of_every_row_are_recognised(rows: ModuleType, data_dir: Path) -> None:
    for row in rows.ROWS.values():
        files = [data_dir / file for file in (row.train, row.judged) if file is not None]
        assert all(detect_format(task_type(row.task), path) for path in files)
        assert row.split is None or (data_dir / row.split).is_file()
