"""A progress bar on standard error: rate, time left, the latest values. Plain lines when nobody watches a terminal."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")

_LINE_EVERY_S = 60.0


def say(message: str) -> None:
    """Print a message for people to standard error."""
    print(message, file=sys.stderr, flush=True)


class Tally(Iterable[T]):
    """Items that say once a minute how many there have been: for what has no known end. Gone through anew, they are
    counted anew.
    """

    def __init__(self, items: Iterable[T], description: str) -> None:
        self.items, self.description = items, description

    def __iter__(self) -> Iterator[T]:
        shown = time.monotonic()
        for n, item in enumerate(self.items, start=1):
            if (now := time.monotonic()) - shown >= _LINE_EVERY_S:
                shown = now
                say(f"{self.description}: {n:,} so far")
            yield item


class Bar:
    """Counts what is done; `update` shows it."""

    def __init__(self, description: str, total: int, done: int) -> None:
        self.description, self.total, self.done = description, total, done
        self.note = ""

    def update(self, advance: int = 1, note: str | None = None) -> None:
        """Count `advance` more; `note` replaces the text beside the bar."""
        self.done += advance
        self.note = self.note if note is None else note


class _TerminalBar(Bar):
    def __init__(self, progress: "Progress", description: str, total: int, done: int) -> None:
        super().__init__(description, total, done)
        self._progress = progress
        self._task = progress.add_task(description, total=total, completed=done, note="")

    def update(self, advance: int = 1, note: str | None = None) -> None:
        super().update(advance, note)
        self._progress.update(self._task, completed=self.done, note=self.note)


class _LineBar(Bar):
    def __init__(self, description: str, total: int, done: int) -> None:
        super().__init__(description, total, done)
        self._first, self._began = done, time.monotonic()
        self._shown = self._began

    def update(self, advance: int = 1, note: str | None = None) -> None:
        super().update(advance, note)
        now = time.monotonic()
        if now - self._shown >= _LINE_EVERY_S:
            self._shown = now
            left = (now - self._began) / max(1, self.done - self._first) * (self.total - self.done)
            time_left = f"{left / 60:.0f} min" if left >= 100 else f"{left:.0f} s"
            line = f"{self.description} {self.done:,}/{self.total:,}  {self.note}  {time_left} left"
            print(line, file=sys.stderr, flush=True)


@contextmanager
def progress_bar(description: str, total: int, done: int = 0) -> Iterator[Bar]:
    """A bar over `total` units of which `done` are done already."""
    if not sys.stderr.isatty():
        yield _LineBar(description, total, done)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield _TerminalBar(progress, description, total, done)
