"""Batches: whole requests, even lengths, fair turns; full, late and abandoned work is told apart."""

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from malmoi.serving.batcher import Batcher, BatchRecord, Lane, OverloadedError


class Gated:
    """Work that waits for permission, and notes what it was given at once."""

    def __init__(self) -> None:
        self.open, self.begun, self.batches = threading.Event(), threading.Event(), []

    def __call__(self, payloads: Sequence[Any]) -> list[Any]:
        self.batches.append(list(payloads))
        self.begun.set()
        assert self.open.wait(10)
        return [payload * 2 for payload in payloads]


async def begin(batcher: Batcher, lane: Lane, work: Gated) -> "asyncio.Task[Any]":
    """One request that holds the batcher's thread until `work.open`."""
    first = asyncio.create_task(batcher.submit(lane, [0], [(1, 1)], 10))
    await asyncio.to_thread(work.begun.wait, 10)
    return first


def run(story: Any, **options: Any) -> None:
    batcher = Batcher(**options)
    batcher.start()
    try:
        asyncio.run(asyncio.wait_for(story(batcher), 20))
    finally:
        batcher.stop()


def test_what_waits_is_computed_together_up_to_the_budget_and_by_length() -> None:
    seen: list[BatchRecord] = []

    async def story(batcher: Batcher) -> None:
        work = Gated()
        lane = Lane("m", work)
        first = await begin(batcher, lane, work)
        sizes = {1: 10, 2: 90, 3: 10, 4: 10, 5: 90}
        others = [asyncio.create_task(batcher.submit(lane, [n], [(1, size)], 10)) for n, size in sizes.items()]
        await asyncio.sleep(0.05)
        work.open.set()
        assert await asyncio.gather(first, *others) == [[0], [2], [4], [6], [8], [10]]
        assert work.batches == [[0], [1, 3, 4], [2], [5]]

    run(story, batch_tokens=100, observe=seen.append)
    assert [record.n_rows for record in seen] == [1, 3, 1, 1]


def test_models_take_turns() -> None:
    async def story(batcher: Batcher) -> None:
        work = Gated()
        busy, quiet = Lane("busy", work), Lane("quiet", work)
        tasks = [await begin(batcher, busy, work)]
        tasks.append(asyncio.create_task(batcher.submit(busy, list(range(1, 6)), [(1, 60)] * 5, 10)))
        await asyncio.sleep(0.02)
        tasks.append(asyncio.create_task(batcher.submit(quiet, [100], [(1, 60)], 10)))
        await asyncio.sleep(0.02)
        work.open.set()
        await asyncio.gather(*tasks)
        assert work.batches.index([100]) == 2  # not behind all five

    run(story, batch_tokens=100)


def test_a_full_queue_refuses_and_keeps_what_it_has() -> None:
    async def story(batcher: Batcher) -> None:
        work = Gated()
        lane = Lane("m", work)
        first = await begin(batcher, lane, work)
        second = asyncio.create_task(batcher.submit(lane, [1, 2], [(1, 1)] * 2, 10))
        await asyncio.sleep(0.02)
        with pytest.raises(OverloadedError) as refused:
            await batcher.submit(lane, [3], [(1, 1)], 10)
        assert refused.value.retry_after_s >= 1
        work.open.set()
        assert await first == [0] and await second == [2, 4]
        assert batcher.n_waiting == 0

    run(story, max_queue=2)


def test_late_and_abandoned_work_is_not_computed() -> None:
    async def story(batcher: Batcher) -> None:
        work = Gated()
        lane = Lane("m", work)
        first = await begin(batcher, lane, work)
        late = asyncio.create_task(batcher.submit(lane, [1], [(1, 1)], 0.01))
        abandoned = asyncio.create_task(batcher.submit(lane, [2], [(1, 1)], 10))
        good = asyncio.create_task(batcher.submit(lane, [3], [(1, 1)], 10))
        await asyncio.sleep(0.05)
        abandoned.cancel()
        await asyncio.sleep(0.01)
        work.open.set()
        with pytest.raises(OverloadedError, match="deadline"):
            await late
        assert await first == [0] and await good == [6]
        assert work.batches == [[0], [3]]

    run(story)


def test_a_fault_reaches_those_who_wait_and_the_next_are_served() -> None:
    async def story(batcher: Batcher) -> None:
        def broken(payloads: Sequence[Any]) -> list[Any]:
            raise RuntimeError("broken")

        with pytest.raises(RuntimeError, match="broken"):
            await batcher.submit(Lane("bad", broken), [1], [(1, 1)], 10)
        assert await batcher.submit(Lane("good", list), ["a"], [(1, 1)], 10) == ["a"]

    run(story)


def test_a_lane_computes_as_many_batches_at_once_as_it_bears() -> None:
    together = threading.Barrier(2)

    def meets(payloads: Sequence[Any]) -> list[Any]:
        together.wait(10)  # returns only where another batch is being computed
        return [payload * 2 for payload in payloads]

    async def story(batcher: Batcher) -> None:
        lane = Lane("m", meets, at_once=2)
        for _ in range(50):  # one request, its parts in two batches: whole only when both are done
            assert await batcher.submit(lane, [1, 2, 3, 4], [(1, 10)] * 4, 10) == [2, 4, 6, 8]

    run(story, n_threads=2)


def test_a_lane_that_bears_one_batch_has_one_whatever_threads_there_are() -> None:
    busy = threading.Lock()

    def alone(payloads: Sequence[Any]) -> list[Any]:
        assert busy.acquire(blocking=False)
        time.sleep(0.001)
        busy.release()
        return list(payloads)

    async def story(batcher: Batcher) -> None:
        lane = Lane("m", alone)
        works = [batcher.submit(lane, [n], [(1, 60)], 10) for n in range(60)]
        assert await asyncio.gather(*works) == [[n] for n in range(60)]

    run(story, n_threads=3, batch_tokens=100)


def test_threads_that_stand_idle_end_too() -> None:
    async def story() -> None:
        work = Gated()
        batcher, lane = Batcher(n_threads=3), Lane("m", work)
        batcher.start()
        first = await begin(batcher, lane, work)
        second = asyncio.create_task(batcher.submit(lane, [1], [(1, 1)], 10))
        await asyncio.sleep(0.02)
        stopping = asyncio.create_task(asyncio.to_thread(batcher.stop))
        await asyncio.sleep(0.02)
        work.open.set()
        assert await asyncio.gather(first, second) == [[0], [2]]
        await stopping

    asyncio.run(asyncio.wait_for(story(), 20))


def test_stopping_finishes_what_waits() -> None:
    async def story() -> None:
        work = Gated()
        batcher, lane = Batcher(), Lane("m", work)
        batcher.start()
        first = await begin(batcher, lane, work)
        second = asyncio.create_task(batcher.submit(lane, [1], [(1, 1)], 10))
        await asyncio.sleep(0.02)
        stopping = asyncio.create_task(asyncio.to_thread(batcher.stop))
        work.open.set()
        assert await asyncio.gather(first, second) == [[0], [2]]
        await stopping

    asyncio.run(asyncio.wait_for(story(), 20))
