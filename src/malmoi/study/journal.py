"""What of a study is done: a file of results by step, so that a study that was stopped goes on where it was."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from malmoi.artifact import write_json
from malmoi.errors import InputError, OptionError
from malmoi.progress import say


class Journal:
    """Steps with their results and seconds, in `study.json`."""

    def __init__(self, path: Path, plan: Mapping[str, Any], n_steps: int) -> None:
        """Open or begin a journal.

        Args:
            path: the file.
            plan: what must be the same for a study to be gone on with.
            n_steps: how many there will be, to be shown.

        Raises:
            OptionError: the file is another study's.
            InputError: it cannot be read.
        """
        self._path, self._n_steps, self._n_begun = path, n_steps, 0
        self._plan = json.loads(json.dumps(plan))
        self._steps: dict[str, dict[str, Any]] = {}
        if path.is_file():
            self._read()

    def _read(self) -> None:
        try:
            record = json.loads(self._path.read_text(encoding="utf-8"))
            plan, self._steps = dict(record["plan"]), dict(record["steps"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self._path} cannot be read ({error!r}): start over with --force") from error
        for name, value in self._plan.items():
            if plan.get(name) != value:
                raise OptionError(
                    f"{name} is {value!r}, the study in {self._path.parent} was begun with {plan.get(name)!r}: "
                    "go on with the same, choose another --out, or start over with --force"
                )

    @property
    def seconds(self) -> float:
        """What the steps so far took."""
        return sum(self.seconds_of(name) for name in self._steps)

    def seconds_of(self, name: str) -> float:
        """What a finished step took."""
        return float(self._steps[name]["seconds"])

    def step(self, name: str, title: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The result of a step: as it was noted down, or by doing it now."""
        self._n_begun += 1
        if name not in self._steps:
            say(f"[{self._n_begun}/{self._n_steps}] {title}")
            started = time.monotonic()
            result = work()
            self._steps[name] = {"seconds": time.monotonic() - started, "result": json.loads(json.dumps(result))}
            write_json(self._path, {"plan": self._plan, "steps": self._steps})
        return dict(self._steps[name]["result"])
