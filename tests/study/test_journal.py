"""What is done is not done again; another study's journal is refused."""

from pathlib import Path
from typing import Any

import pytest

from malmoi.errors import InputError, OptionError
from malmoi.study.journal import Journal


def test_a_finished_step_is_read_and_not_done_again(tmp_path: Path) -> None:
    path = tmp_path / "study.json"
    first = Journal(path, {"seed": 1}, 2)
    assert first.step("a", "first", lambda: {"n": 3}) == {"n": 3}
    with pytest.raises(ZeroDivisionError):
        first.step("b", "second", lambda: {"n": 1 // 0})
    second = Journal(path, {"seed": 1}, 2)
    assert second.step("a", "first", lambda: {"n": 1 // 0}) == {"n": 3}
    assert second.step("b", "second", lambda: {"n": 4}) == {"n": 4}
    assert second.seconds == second.seconds_of("a") + second.seconds_of("b")


@pytest.mark.parametrize("plan", [{"seed": 2, "ways": ["x"]}, {"seed": 1, "ways": ["y"]}])
def test_another_plan(tmp_path: Path, plan: dict[str, Any]) -> None:
    path = tmp_path / "study.json"
    Journal(path, {"seed": 1, "ways": ("x",)}, 1).step("a", "first", dict)
    Journal(path, {"seed": 1, "ways": ("x",)}, 1)
    with pytest.raises(OptionError, match="--force"):
        Journal(path, plan, 1)


def test_a_damaged_journal(tmp_path: Path) -> None:
    path = tmp_path / "study.json"
    path.write_text('{"plan"', encoding="utf-8")
    with pytest.raises(InputError, match="--force"):
        Journal(path, {}, 1)
