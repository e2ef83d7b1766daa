"""What is said while something runs, where nobody watches a terminal."""

import itertools

import pytest

from malmoi import progress
from malmoi.progress import Tally, progress_bar


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second passes whenever somebody looks at it."""
    seconds = itertools.count()
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(seconds)))


def test_what_has_no_end_is_counted_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally(range(150), "examples")
    for _ in range(2):  # a file of examples is gone through more than once
        assert list(tally) == list(range(150))
        lines = capsys.readouterr().err.splitlines()
        assert lines == ["examples: 60 so far", "examples: 120 so far"]


def test_little_is_passed_on_in_silence(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(Tally("말모이", "letters")) == ["말", "모", "이"]
    assert capsys.readouterr() == ("", "")


def test_a_bar_says_once_a_minute_how_much_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("steps", 240) as bar:
        for number in range(240):
            bar.update(note=f"loss {number}")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert lines[0] == "steps 60/240  loss 59  3 min left"
