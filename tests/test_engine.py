"""Order, laziness and failure. Workers import what they run, so the functions here are of libraries."""

import operator
import os
import signal
import subprocess
import sys
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


def test_a_worker_that_dies_again_and_again_is_an_error_with_a_remedy() -> None:
    with pytest.raises(MalmoiError, match=r"3 times in a row one of 2 worker processes died.*smaller --workers"):
        list(map_ordered(os._exit, [1], 2))


# A piece for `sh`: the first worker that comes to the mark removes it and is killed, the others go on.
_DIE_ONCE = "if rm {0}/mark 2> {0}/none; then kill -9 $PPID; sleep 1; fi"


def test_pieces_of_a_worker_that_was_killed_are_done_again(tmp_path: Path) -> None:
    (tmp_path / "mark").touch()
    commands = ["exit 1", "exit 2", _DIE_ONCE.format(tmp_path) + "; exit 3", "exit 4", "exit 5", "exit 6"]
    codes = map_ordered(os.system, commands, 2)
    assert [os.waitstatus_to_exitcode(code) for code in codes] == [1, 2, 3, 4, 5, 6]
    assert not (tmp_path / "mark").exists()


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys, time\n"
        "from malmoi.engine import map_ordered\n"
        "if __name__ == '__main__':\n"
        f"    command = 'echo $PPID > {tmp_path}/worker'\n"
        "    for _ in map_ordered(os.system, [command, 'sleep 0.1', 'sleep 0.1', 'sleep 0.1'], 2):\n"
        "        os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, str(script)], timeout=60).returncode == -signal.SIGKILL
    worker = int((tmp_path / "worker").read_text())
    for _ in range(100):
        if not _is_running(worker):
            return
        time.sleep(0.1)
    raise AssertionError(f"worker {worker} outlives its parent")


def _is_running(process: int) -> bool:
    """Whether it is there, and not only waiting to be buried."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_an_unknown_engine_is_an_option_error() -> None:
    with pytest.raises(OptionError, match="engine is 'spark': expected local or ray"):
        map_ordered(operator.neg, [1], 1, "spark")  # type: ignore[arg-type]


def test_without_ray_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(OptionError, match=r"not installed: pip install 'malmoi\[ray\]'"):
        map_ordered(operator.neg, [1], 2, "ray")


def test_no_workers_is_an_option_error() -> None:
    with pytest.raises(OptionError, match="workers is 0"):
        map_ordered(operator.neg, [1], 0)
