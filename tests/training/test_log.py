"""The log: averages since the line before, and no line twice after a resume."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from malmoi.errors import OutputError
from malmoi.progress import progress_bar
from malmoi.training.fit import Step
from malmoi.training.log import StepLog


@dataclass(frozen=True)
class Batch:
    n_examples: int = 4
    n_tokens: int = 100


def step(number: int, **values: float) -> Step[Batch]:
    return Step(number, Batch(), float(number), values, lr=0.1 * number, grad_norm=2.0, seconds=0.5)


def write(path: Path, numbers: range, *, after_step: int = 0) -> StepLog:
    with StepLog(path, after_step=after_step) as log:
        for number in numbers:
            log.add(step(number))
            if number % 5 == 0:
                log.write(tokens=100 * number)
    return log


def lines(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_averages_the_steps_since_the_line_before(tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl", range(1, 11))
    first, second = lines(tmp_path / "log.jsonl")
    assert (first["step"], first["loss"], first["lr"]) == (5, 3.0, 0.5)
    assert (second["step"], second["loss"], second["tokens"]) == (10, 8.0, 1000)
    for line in (first, second):
        assert line["tokens_per_second"] == pytest.approx(100 * line["steps_per_second"], rel=0.01)
        assert line["examples_per_second"] == pytest.approx(4 * line["steps_per_second"], rel=0.01)
    assert log.last == second
    assert "loss 8.000" in log.note


def test_a_line_after_a_save_in_between_is_the_same_line(tmp_path: Path) -> None:
    write(tmp_path / "whole.jsonl", range(1, 11))
    first = write(tmp_path / "log.jsonl", range(1, 9))
    saved = json.loads(json.dumps(first.pending))
    assert saved == {"loss": [6.0, 7.0, 8.0], "grad_norm": [2.0, 2.0, 2.0]}
    with StepLog(tmp_path / "log.jsonl", after_step=8, pending=saved) as log:
        for number in (9, 10):
            log.add(step(number))
        log.write(tokens=1000)
        assert log.pending == {}
    names = ("step", "loss", "grad_norm", "lr", "tokens")
    for mine, whole in zip(lines(tmp_path / "log.jsonl"), lines(tmp_path / "whole.jsonl"), strict=True):
        assert [mine[name] for name in names] == [whole[name] for name in names]


def test_a_value_is_averaged_over_the_steps_that_have_it(tmp_path: Path) -> None:
    # Once a batch without a pair of texts counted as one with a next-sentence loss of 0.
    with StepLog(tmp_path / "log.jsonl") as log:
        log.add(step(1, next_sentence_loss=0.6))
        log.add(step(2))
        log.add(step(3, next_sentence_loss=0.4))
        log.write()
    assert lines(tmp_path / "log.jsonl")[0]["next_sentence_loss"] == 0.5


@pytest.mark.parametrize("n_steps, written", [(60, [50, 100]), (50, []), (49, [50])])
def test_an_epoch_leaves_the_line_of_its_last_step_to_the_caller(
    tmp_path: Path, n_steps: int, written: list[int]
) -> None:
    with StepLog(tmp_path / "log.jsonl") as log, progress_bar("steps", 2 * n_steps) as bar:
        for epoch in range(2):
            steps = (step(epoch * n_steps + number) for number in range(1, n_steps + 1))
            log.follow(steps, bar, n_steps, epoch=epoch)
    assert [line["step"] for line in lines(tmp_path / "log.jsonl")] == written
    assert [line["epoch"] for line in lines(tmp_path / "log.jsonl")] == [(n - 1) // n_steps for n in written]


def test_a_resume_cuts_what_came_after_the_save(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write(path, range(1, 21))
    with path.open("a", encoding="utf-8") as file:
        file.write('{"step": 5, "lo')  # cut by a kill
    write(path, range(11, 26), after_step=10)
    assert [line["step"] for line in lines(path)] == [5, 10, 15, 20, 25]


def test_a_resume_with_nothing_left_knows_the_last_line(tmp_path: Path) -> None:
    write(tmp_path / "log.jsonl", range(1, 11))
    assert write(tmp_path / "log.jsonl", range(0), after_step=10).last["step"] == 10
    assert write(tmp_path / "log.jsonl", range(0), after_step=0).last == {}
    assert lines(tmp_path / "log.jsonl") == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").symlink_to("/dev/full")
    with (
        pytest.raises(OutputError, match=r"cannot write .*log\.jsonl.*free some space"),
        StepLog(tmp_path / "log.jsonl") as log,
    ):
        log.add(step(1))
        log.write()
