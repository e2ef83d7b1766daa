"""Continuous batching: work of many requests in few batches, on threads beside the event loop.

Each model has a lane; lanes take turns, so that a busy model cannot starve another. A batch is the oldest work of a
lane and what waits beside it of about equal length, up to a budget of tokens. Batches form while the model is busy
with the one before. Nothing here knows HTTP or what the work means.
"""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

_WINDOW = 512
"""How much of the waiting work of a lane is looked at for a batch of even lengths."""
_RATE_MEMORY = 0.9
"""Weight of the past in the running mean of tokens a second."""


class OverloadedError(Exception):
    """The queue is full, or work waited in it past its deadline."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(eq=False)
class Work:
    """One thing to compute: an example with all its rows."""

    payload: Any
    n_rows: int
    n_tokens: int
    """Of its longest row."""
    request: "Request"
    place: int
    """Which of the request's results it is."""


@dataclass(eq=False)
class Request:
    """What belongs together: all its work is done, or it fails as one."""

    future: "asyncio.Future[list[Any]]"
    results: list[Any]
    deadline: float
    """`time.monotonic()` after which what still waits is dropped."""
    n_left: int

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for it any more: answered, failed, or cancelled by its client."""
        return self.future.done()


@dataclass(eq=False)
class Lane:
    """The waiting work of one model, and how it is done."""

    name: str
    compute: Callable[[Sequence[Any]], Iterable[Any]]
    """Payloads in, one result each out; called from the batcher's threads."""
    at_once: int = 1
    """How many batches may be computed at a time."""
    waiting: deque[Work] = field(default_factory=deque)
    n_running: int = 0

    @property
    def n_free(self) -> int:
        """How many more batches may begin now."""
        return self.at_once - self.n_running


@dataclass(frozen=True, kw_only=True)
class BatchRecord:
    """What a batch was, for the metrics."""

    lane: str
    n_rows: int
    n_tokens: int
    """Without padding between rows."""
    seconds: float


class Batcher:
    """Threads that compute, and a bounded queue before them."""

    def __init__(
        self,
        *,
        max_queue: int = 1024,
        batch_tokens: int = 2048,
        max_wait_ms: float = 0.0,
        n_threads: int = 1,
        observe: Callable[[BatchRecord], None] = lambda record: None,
    ) -> None:
        """Make a batcher; `start` starts its threads.

        Args:
            max_queue: pieces of work that may wait; more is refused.
            batch_tokens: tokens of a batch, padding included.
            max_wait_ms: how long a batch that is not full waits for company.
            n_threads: how many compute; each lane says how many of them it bears.
            observe: called with every batch, from the batcher's threads.
        """
        self.max_queue, self.batch_tokens, self.max_wait_s = max_queue, batch_tokens, max_wait_ms / 1000
        self._observe = observe
        self._changed = threading.Condition()
        self._lanes: deque[Lane] = deque()  # those with waiting work, the next to serve first
        self._n_waiting = 0
        self._tokens_waiting = 0
        self._tokens_per_s = 0.0
        self._is_stopping = False
        self._threads = [threading.Thread(target=self._work, name="batcher", daemon=True) for _ in range(n_threads)]

    @property
    def n_waiting(self) -> int:
        """Pieces of work in the queue."""
        return self._n_waiting

    def start(self) -> None:
        """Start computing."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish what waits, then end the threads."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    async def submit(
        self, lane: Lane, payloads: Sequence[Any], sizes: Sequence[tuple[int, int]], timeout_s: float
    ) -> Any:
        """Results of payloads, in order.

        Args:
            lane: whose work it is.
            payloads: what `lane.compute` takes.
            sizes: rows of each, and tokens of its longest row.
            timeout_s: how long they may wait.

        Raises:
            OverloadedError: the queue is full, or they waited too long.
        """
        if not payloads:
            return []
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        request = Request(future, [None] * len(payloads), time.monotonic() + timeout_s, len(payloads))
        works = [
            Work(payload, n_rows, n_tokens, request, place)
            for place, (payload, (n_rows, n_tokens)) in enumerate(zip(payloads, sizes, strict=True))
        ]
        with self._changed:
            if self._n_waiting + len(works) > self.max_queue:
                raise OverloadedError(
                    f"{self._n_waiting} of {self.max_queue} places in the queue are taken: try again later",
                    self._seconds_to_drain(),
                )
            if not lane.waiting:
                self._lanes.append(lane)
            lane.waiting.extend(works)
            self._count(works, +1)
            self._changed.notify()
        return await future  # cancelled with its client, which the thread sees

    def _count(self, works: Sequence[Work], sign: int) -> None:
        self._n_waiting += sign * len(works)
        self._tokens_waiting += sign * sum(work.n_rows * work.n_tokens for work in works)

    def _seconds_to_drain(self) -> int:
        if not self._tokens_per_s:
            return 1
        return min(60, max(1, math.ceil(self._tokens_waiting / self._tokens_per_s)))

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            lane, batch = taken
            if batch:
                self._compute(lane, batch)

    def _free(self, lane: Lane) -> None:
        with self._changed:
            lane.n_running -= 1
            if lane.waiting or self._is_stopping:
                self._changed.notify_all()  # others may have found no lane free

    def _take(self) -> tuple[Lane, list[Work]] | None:
        """The next batch; None when stopped and done."""
        with self._changed:
            has_waited = not self.max_wait_s
            while True:
                lane = next((lane for lane in self._lanes if lane.n_free), None)
                if lane is None:
                    if self._is_stopping and not self._lanes:
                        return None
                    self._changed.wait()
                elif not has_waited and self._tokens_waiting < self.batch_tokens and not self._is_stopping:
                    self._changed.wait(self.max_wait_s)
                    has_waited = True
                else:
                    break
            self._lanes.remove(lane)
            batch = self._choose(lane)
            lane.n_running += bool(batch)  # all of it may have been dropped
            if lane.waiting:
                self._lanes.append(lane)
                if lane.n_free:
                    self._changed.notify()
            return lane, batch

    def _choose(self, lane: Lane) -> list[Work]:
        """Take a batch from a lane: the oldest, and its neighbours by length as far as the budget goes."""
        self._drop_dead(lane)
        if not lane.waiting:
            return []
        oldest = lane.waiting[0]
        window = [lane.waiting[i] for i in range(min(len(lane.waiting), _WINDOW))]
        window.sort(key=lambda work: abs(work.n_tokens - oldest.n_tokens))  # stable: of equals the older first
        batch: list[Work] = []
        n_rows, longest = 0, 0
        for work in window[: -(-len(window) // lane.n_free)]:  # what is left is for the threads beside this one
            longest = max(longest, work.n_tokens)
            if batch and (n_rows + work.n_rows) * longest > self.batch_tokens:
                break
            batch.append(work)
            n_rows += work.n_rows
        taken = set(map(id, batch))
        lane.waiting = deque(work for work in lane.waiting if id(work) not in taken)
        self._count(batch, -1)
        return batch

    def _drop_dead(self, lane: Lane) -> None:
        """Forget what nobody waits for, and refuse what waited too long."""
        now = time.monotonic()
        dead = [work for work in lane.waiting if work.request.is_over or work.request.deadline < now]
        if not dead:
            return
        gone = set(map(id, dead))
        lane.waiting = deque(work for work in lane.waiting if id(work) not in gone)
        self._count(dead, -1)
        error = OverloadedError("it waited longer than its deadline: try again later", self._seconds_to_drain())
        for request in {work.request for work in dead}:
            _in_loop(request, _fail, error)

    def _compute(self, lane: Lane, batch: list[Work]) -> None:
        started = time.perf_counter()
        try:
            results = lane.compute([work.payload for work in batch])
        except Exception as error:  # whatever it is, those who wait must hear of it
            for request in {work.request for work in batch}:
                _in_loop(request, _fail, error)
            return
        finally:
            self._free(lane)
        seconds = time.perf_counter() - started
        n_tokens = sum(work.n_rows * work.n_tokens for work in batch)
        self._tokens_per_s += (1 - _RATE_MEMORY) * (n_tokens / seconds - self._tokens_per_s)
        self._observe(
            BatchRecord(lane=lane.name, n_rows=sum(w.n_rows for w in batch), n_tokens=n_tokens, seconds=seconds)
        )
        self._deliver(batch, results)

    def _deliver(self, batch: Sequence[Work], results: Iterable[Any]) -> None:
        whole = []
        with self._changed:  # another thread may hold the rest of a request
            for work, result in zip(batch, results, strict=True):
                work.request.results[work.place] = result
                work.request.n_left -= 1
                if not work.request.n_left:
                    whole.append(work.request)
        for request in whole:
            _in_loop(request, _finish, None)


def _in_loop(request: Request, act: Callable[[Request, Any], None], value: Any) -> None:
    """Futures belong to the event loop's thread; a loop that is closed has nobody left who waits."""
    loop = request.future.get_loop()
    if not loop.is_closed():
        loop.call_soon_threadsafe(act, request, value)


def _finish(request: Request, _: None) -> None:
    if not request.future.done():
        request.future.set_result(request.results)


def _fail(request: Request, error: Exception) -> None:
    if not request.future.done():
        request.future.set_exception(error)
