"""The training log: one JSON object a line, averaged over the steps since the line before."""

import json
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from malmoi.artifact import write_text
from malmoi.errors import OutputError
from malmoi.progress import Bar
from malmoi.training.fit import Step

_EVERY = 50


class Counted(Protocol):
    """A batch that knows how much it holds."""

    @property
    def n_examples(self) -> int:
        """Rows, or pairs of texts."""

    @property
    def n_tokens(self) -> int:
        """Without padding."""


class StepLog:
    """Appends to a log file; lines after `after_step` (of a run that was killed later) are cut off first."""

    def __init__(self, path: Path, *, after_step: int = 0, pending: Mapping[str, list[float]] | None = None) -> None:
        self.last: dict[str, float] = {}
        """The newest line, also one of an earlier process."""
        self.note = ""
        kept = cut_log(path, after_step)
        self.last = json.loads(kept[-1]) if kept else {}
        # Unbuffered: a line that the disk refuses must not come up again when the file is closed.
        self._file = path.open("ab", buffering=0)
        self._begin()
        self._values.update(pending or {})

    @property
    def pending(self) -> dict[str, list[float]]:
        """Values of the steps since the last line: saved with a run's state, the next line is the same after a kill."""
        return dict(self._values)

    def _begin(self) -> None:
        self._values: defaultdict[str, list[float]] = defaultdict(list)
        self._n_steps = self._n_examples = self._n_tokens = 0
        self._since = time.perf_counter()

    def add(self, step: Step[Counted]) -> None:
        """Count one step."""
        for name, value in {"loss": step.loss, **step.values, "grad_norm": step.grad_norm}.items():
            if math.isfinite(value):  # a step in fp16 whose gradients ran over was left out
                self._values[name].append(value)
        self._number, self._lr = step.number, step.lr
        self._n_steps += 1
        self._n_examples += step.batch.n_examples
        self._n_tokens += step.batch.n_tokens

    def follow(self, steps: Iterable[Step[Counted]], bar: Bar, n_steps: int, **values: float) -> None:
        """Take the steps of an epoch of `n_steps` and write a line for every fifty.

        The line of the last step is left to the caller, who knows what dev says; `values` are added as they are.
        """
        for step in steps:
            self.add(step)
            if step.number % _EVERY == 0 and step.number % n_steps:
                self.write(**values)
            bar.update(note=self.note)

    def write(self, **values: float) -> None:
        """Write the averages since the last line; `values` are added as they are.

        Raises:
            OutputError: the disk refuses.
        """
        seconds = max(1e-9, time.perf_counter() - self._since)
        record: dict[str, float] = {
            "step": self._number,
            # Not every step has every value: a batch may be without a pair of texts.
            **{name: round(sum(seen) / len(seen), 6) for name, seen in self._values.items()},
            "lr": self._lr,
            "steps_per_second": round(self._n_steps / seconds, 4),
            "examples_per_second": round(self._n_examples / seconds, 2),
            "tokens_per_second": round(self._n_tokens / seconds, 1),
            **values,
        }
        try:
            self._file.write(json.dumps(record).encode() + b"\n")
        except OSError as error:
            raise _refused(Path(self._file.name), error) from error
        self.last = record
        self.note = f"loss {record['loss']:.3f}  {record['tokens_per_second']:,.0f} tokens/s"
        self._begin()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time that does not count as training, such as an evaluation's."""
        began = time.perf_counter()
        yield
        self._since += time.perf_counter() - began

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def log_names(metrics: Mapping[str, float]) -> dict[str, float]:
    """Metrics on dev by the names that they have in a log; without those that could not be computed."""
    return {f"dev_{name}": value for name, value in metrics.items() if math.isfinite(value)}


def cut_log(path: Path, after_step: int) -> list[str]:
    """Drop the lines of a log after a step; returns those that stay. A file that is not there stays so."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if _step_of(line) <= after_step]
    write_text(path, "".join(kept))
    return kept


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Add a line to a log.

    Raises:
        OutputError: the disk refuses.
    """
    try:
        with path.open("ab", buffering=0) as file:
            file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write {path} ({error.strerror}): the last save is intact; free some space, then resume")


def _step_of(line: str) -> float:
    """A line's step; a line that a kill cut in half counts as too late."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
