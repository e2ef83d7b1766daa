"""Map a function over pieces of work, in this process, in several, or on a Ray cluster, with the results in order.

Not a scheduler: no shared state, no graph of tasks. A stage that uses it writes the same bytes for every number of
workers and either engine: pieces are cut before they are handed out, and results come back in their order.
A worker that is killed costs its piece another try, so a piece done twice must be as good as done once.
"""

import gc
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import Any, Literal, TypeVar

from malmoi.errors import MalmoiError, OptionError

Item = TypeVar("Item")
Result = TypeVar("Result")
Engine = Literal["local", "ray"]

PIECES_AHEAD = 2
"""Pieces handed out per worker: one at work and one waiting. What is in flight bounds the memory."""
_MAX_DEATHS = 3
"""Workers that may die in a row while no result comes: with the third it is no accident any more."""


def map_ordered(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, engine: Engine = "local"
) -> Iterator[Result]:
    """Yield `function(item)` for every item, in order; `items` is drawn lazily, a few pieces ahead.

    With `workers` > 1 or Ray, `function`, items and results cross processes and must pickle; local processes are
    started fresh (never forked: threads of other libraries do not survive that), so a script needs the usual
    `if __name__ == "__main__":`. If a worker process is killed, its pieces are done again: `function` must not mind.

    Args:
        function: what is done with a piece; with Ray it must be importable on every node.
        items: the pieces.
        workers: pieces worked on at the same time; 1 with `local` works in this process.
        engine: `local` processes, or `ray`: the cluster that `RAY_ADDRESS` names or this machine belongs to,
            else one started for the occasion.

    Raises:
        OptionError: `workers` below 1, an unknown engine, or Ray is not installed.
        MalmoiError: worker processes died again and again.
        Whatever `function` raises, at its place in the order.
    """
    if workers < 1:
        raise OptionError(f"workers is {workers}: expected 1 or more (1 works in this process)")
    if engine == "ray":
        return _map_on_ray(function, items, workers, _load_ray())
    if engine != "local":
        raise OptionError(f"engine is {engine!r}: expected local or ray")
    if workers == 1:
        return map(function, items)
    return _map_in_processes(function, items, workers)


def _map_in_processes(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    pool = _start_pool(workers)
    pending: deque[tuple[Item, Future[Result]]] = deque()
    source = iter(items)
    n_deaths = 0
    try:
        while True:
            try:
                while len(pending) < workers * PIECES_AHEAD and (head := next(source, _END)) is not _END:
                    pending.append((head, Future()))  # in the queue before anything can fail
                    pending[-1] = (head, pool.submit(function, head))
                if not pending:
                    return
                result = pending[0][1].result()
            except BrokenProcessPool as error:
                n_deaths += 1
                if n_deaths == _MAX_DEATHS:
                    raise _died(workers) from error
                pool.shutdown(wait=True, cancel_futures=True)
                pool = _start_pool(workers)
                pending = deque((i, f if _is_good(f) else pool.submit(function, i)) for i, f in pending)
                continue
            pending.popleft()
            n_deaths = 0
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_END: Any = object()


def _is_good(future: Future[Any]) -> bool:
    """Whether a piece was done (well, or with an error of its own) before its pool broke."""
    return future.done() and not future.cancelled() and not isinstance(future.exception(), BrokenProcessPool)


def _died(workers: int) -> MalmoiError:
    return MalmoiError(
        f"{_MAX_DEATHS} times in a row one of {workers} worker processes died, likely for want of memory: "
        "pass a smaller --workers"
    )


def _start_pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin_worker)


_OBJECTS_BETWEEN_COLLECTIONS = 100_000


def _begin_worker() -> None:
    # Morphemes are made by the million and lie in no circle: looking for circles among them cost a tenth of the time.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    # A worker dies silently on Ctrl-C; the traceback of the parent is the only one anybody needs.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    assert parent is not None
    # A parent that is killed cannot stop its workers, and each would wait forever for the next piece.
    threading.Thread(target=_die_with, args=(parent.sentinel,), daemon=True).start()


def _die_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


def _load_ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise OptionError("engine is 'ray', which is not installed: pip install 'malmoi[ray]'") from error
    return ray


def _map_on_ray(function: Callable[[Item], Result], items: Iterable[Item], workers: int, ray: Any) -> Iterator[Result]:
    started = not ray.is_initialized()
    if started:
        _connect(ray, workers)
    # Ray itself tries a piece again whose worker or node died.
    task = ray.remote(num_cpus=1, max_retries=_MAX_DEATHS - 1)(_call)
    shared = ray.put(function)
    pending: deque[Any] = deque()
    try:
        for item in items:
            pending.append(task.remote(shared, item))
            if len(pending) >= workers * PIECES_AHEAD:
                yield ray.get(pending.popleft())
        while pending:
            yield ray.get(pending.popleft())
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except (ray.exceptions.RaySystemError, ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as error:
        raise _died(workers) from error
    finally:
        for reference in pending:
            with suppress(Exception):  # a cluster that is gone has nothing left to cancel
                ray.cancel(reference, force=True)
        if started:
            ray.shutdown()


def _connect(ray: Any, workers: int) -> None:
    """Join the cluster that is there, or start one on this machine."""
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        ray.init(address="auto", **quiet)
    except ConnectionError:
        if os.environ.get("RAY_ADDRESS"):
            raise MalmoiError(
                f"no Ray cluster answers at {os.environ['RAY_ADDRESS']} (RAY_ADDRESS): start it, or unset the variable"
            ) from None
        ray.init(num_cpus=workers, include_dashboard=False, **quiet)


def _call(function: Callable[[Item], Result], item: Item) -> Result:
    return function(item)
