"""Map a function over pieces of work, in this process or in several, with the results in order.

This is not a scheduler: no retries, no shared state. A stage that uses it writes the same bytes for every
number of workers: pieces are cut before they are handed out, and results come back in the order of the pieces.
"""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from malmoi.errors import MalmoiError, OptionError

Item = TypeVar("Item")
Result = TypeVar("Result")

PIECES_AHEAD = 2
"""Pieces handed out per worker: one at work and one waiting. What is in flight bounds the memory."""


def map_ordered(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """Yield `function(item)` for every item, in order; `items` is drawn lazily, a few pieces ahead.

    With `workers` > 1, `function`, items and results cross processes and must pickle; the processes are
    started fresh (never forked: threads of other libraries do not survive that), so a script needs the usual
    `if __name__ == "__main__":`.

    Raises:
        OptionError: `workers` below 1.
        MalmoiError: a worker process died.
        Whatever `function` raises, at its place in the order.
    """
    if workers < 1:
        raise OptionError(f"workers is {workers}: expected 1 or more (1 works in this process)")
    if workers == 1:
        return map(function, items)
    return _map_in_processes(function, items, workers)


def _map_in_processes(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    # A worker dies silently on Ctrl-C; the traceback of the parent is the only one anybody needs.
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_DFL),
    )
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= workers * PIECES_AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool as error:
        raise MalmoiError(
            f"one of {workers} worker processes died, likely for want of memory: pass a smaller --workers"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
