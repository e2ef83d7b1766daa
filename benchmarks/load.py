"""The service under load, at twice what it can do, among clients that misbehave, while reloading, and at its end.

One `malmoi serve` in a process of its own on the loopback, a small model with random weights in fp32 (int8 answers
depend in their third digit on what was computed beside them). Every answer is compared with that of the same model in
this process, and must be nearer to its own text's than to any other's. It prints what it saw and fails where
something was lost, swapped or a fault. Latencies include this process, which shares the machine's cores.

    python benchmarks/load.py [--seconds 300] [--clients 64] [--quick]
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from machine import describe
from service_process import HEAD, MAX_QUEUE, Client, Server
from serving_models import make_small, sample_texts

from malmoi.export import export_model
from malmoi.search.embedder import Embedder, RawVectorsWarning


@dataclass
class Seen:
    """What clients saw."""

    statuses: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    seconds: list[float] = field(default_factory=list)
    without_hint: int = 0
    """Refusals that do not say when to come back."""

    def __str__(self) -> str:
        p50, p99 = (
            (1000 * statistics.quantiles(self.seconds, n=100)[i] for i in (49, 98)) if self.n_good > 1 else (0, 0)
        )
        counts = ", ".join(f"{status}: {n:,}" for status, n in sorted(self.statuses.items()))
        return f"{counts}; wrong {self.wrong}; p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {self.longest_ms:.0f} ms"

    @property
    def n_good(self) -> int:
        return len(self.seconds)

    @property
    def longest_ms(self) -> float:
        return 1000 * max(self.seconds, default=0.0)


class Load:
    """Texts, what is right for them, and what was found wrong with the service."""

    def __init__(self, server: Server, texts: list[str], expected: np.ndarray) -> None:
        self.server, self.texts, self.expected = server, texts, expected
        self.faults: list[str] = []
        self.turn = 0

    def check(self, good: bool, fault: str) -> None:
        if not good:
            self.faults.append(fault)
            print(f"    FAULT: {fault}", flush=True)

    async def ask(self, client: Client, seen: Seen, n_texts: int = 1) -> None:
        """One request for the next texts; its answer compared."""
        which = [(self.turn + i) % len(self.texts) for i in range(n_texts)]
        self.turn += n_texts
        started = time.perf_counter()
        try:
            status, headers, body = await client.ask([self.texts[i] for i in which])
        except (OSError, asyncio.IncompleteReadError):
            seen.statuses["closed"] += 1
            return
        seen.statuses[str(status)] += 1
        if status == 200:
            seen.seconds.append(time.perf_counter() - started)
            seen.wrong += sum(not self.is_right(i, vector) for i, vector in zip(which, body, strict=True))
        elif status == 429:
            seen.without_hint += not headers.get("retry-after", "").isdigit()

    def is_right(self, which: int, vector: list[float]) -> bool:
        distances = ((self.expected - np.array(vector, np.float32)) ** 2).sum(1)
        return bool(distances[which] < 1e-6 and distances[which] <= distances.min() + 1e-9)

    async def clients(
        self, n: int, seconds: float, n_texts: int = 1, *, while_they: Awaitable[None] | None = None
    ) -> Seen:
        """So many clients that ask one request after the other."""
        seen, end = Seen(), time.monotonic() + seconds

        async def client() -> None:
            own = Client(self.server.port)
            while time.monotonic() < end:
                await self.ask(own, seen, n_texts)
            own.close()

        await asyncio.gather(*(client() for _ in range(n)), *([while_they] if while_they else []))
        return seen

    async def steady(self, n_clients: int, seconds: float) -> float:
        """Mixed lengths; nothing lost, nothing swapped. Requests a second."""
        seen = await self.clients(n_clients, seconds)
        print(f"  {n_clients} clients, {seconds:.0f} s: {seen.n_good / seconds:.0f} a second; {seen}", flush=True)
        self.check(set(seen.statuses) == {"200"} and not seen.wrong, "an answer was refused, lost or wrong")
        return seen.n_good / seconds

    async def overload(self, seconds: float) -> None:
        """Requests of many texts, arriving at twice the rate at which they can be answered."""
        n_texts = 16
        capacity = (await self.clients(8, min(seconds, 10), n_texts)).n_good / min(seconds, 10)
        seen, end, running = Seen(), time.monotonic() + seconds, set[asyncio.Task[None]]()
        idle = [Client(self.server.port) for _ in range(200)]

        async def one() -> None:
            client = idle.pop() if idle else Client(self.server.port)
            await self.ask(client, seen, n_texts)
            idle.append(client)

        started = following = time.monotonic()
        while following < end:
            await asyncio.sleep(max(0, following - time.monotonic()))
            running.add(task := asyncio.create_task(one()))
            task.add_done_callback(running.discard)
            following += 1 / (2 * capacity)
        await asyncio.gather(*running)
        # At most a full queue waits, and goes at the rate that was seen; thrice that on a machine with company.
        rate = min(capacity, seen.n_good / (time.monotonic() - started))
        bound_s = 3 * (MAX_QUEUE + n_texts) / n_texts / max(rate, 0.1) + 0.5
        print(f"  twice the capacity of {capacity:.0f} requests of {n_texts} texts a second: {seen}", flush=True)
        self.check(set(seen.statuses) == {"200", "429"} and not seen.wrong, "expected 200 and 429, and right answers")
        self.check(not seen.without_hint, "a refusal without Retry-After")
        self.check(seen.longest_ms < 1000 * bound_s, f"an accepted request took more than {bound_s:.1f} s")

    async def hang_ups(self, n: int) -> None:
        """Clients that leave: before their body is whole, while they wait, or at once."""
        body = json.dumps({"inputs": self.texts[:32]}).encode()
        whole = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body

        async def one(number: int) -> None:
            _, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
            writer.write((whole, whole[:-20], whole[:30], b"")[number % 4])
            with suppress(OSError):
                await writer.drain()
            writer.transport.abort()

        for start in range(0, n, 100):
            await asyncio.gather(*(one(number) for number in range(start, min(n, start + 100))))
        seen = await self.clients(4, 2)
        print(f"  {n} clients that hung up; then: {seen}", flush=True)
        self.check(set(seen.statuses) == {"200"} and not seen.wrong, "the next were not answered")

    async def slow_clients(self, n: int) -> None:
        """Clients that send a byte now and then, and are cut off in time."""
        cut_off = 0

        async def one(number: int) -> None:
            nonlocal cut_off
            reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
            rest = HEAD[20:] + (
                b"Content-Length: 1000\r\n\r\n" + b" " * 400 if number % 2 else b"X-Slow: " + b"a" * 400
            )
            writer.write(HEAD[:20] if number % 2 == 0 else HEAD[:20] + rest[:-400])
            with suppress(OSError):
                for _ in range(100):
                    writer.write(b"a")
                    await writer.drain()
                    await asyncio.sleep(0.25)
                    if reader.at_eof() or writer.is_closing():
                        break
                    with suppress(TimeoutError):
                        if await asyncio.wait_for(reader.read(100), 0.01):
                            break  # the refusal
            cut_off += 1
            writer.close()

        seen, *_ = await asyncio.gather(self.clients(16, 10), *(one(number) for number in range(n)))
        print(f"  {n} slow clients beside: {seen}; {cut_off} cut off", flush=True)
        self.check(set(seen.statuses) == {"200"} and not seen.wrong, "slow clients held up the others")
        self.check(self.server.count("request", status=408) >= n // 2, "slow bodies were not cut off")

    async def large_body(self) -> None:
        """A hundred megabytes, in chunks of unknown number."""
        before = self.server.resident_mb
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        sent, answer = 0, b""
        with suppress(OSError):
            for _ in range(100):
                writer.write(b"%x\r\n%s\r\n" % (1_000_000, b"a" * 1_000_000))
                await writer.drain()
                sent += 1
        with suppress(OSError):
            answer = await reader.read(12)
        writer.close()
        more = self.server.resident_mb - before
        print(f"  a body of 100 MB: {answer.decode() or 'closed'} after {sent} MB; memory {more:+.0f} MB", flush=True)
        self.check(self.server.count("request", status=413) == 1 and more < 50, "it was not refused, or held in memory")

    async def reloads(self, model: Path, seconds: float) -> None:
        """The model is replaced while clients ask."""

        async def replace() -> None:
            for _ in range(3):
                os.utime(model / "manifest.json")
                before = self.server.count("reloaded")
                self.server.process.send_signal(signal.SIGHUP)
                while self.server.count("reloaded") == before:
                    await asyncio.sleep(0.05)

        seen = await self.clients(16, seconds, while_they=replace())
        print(f"  three reloads under load: {seen}", flush=True)
        self.check(set(seen.statuses) == {"200"} and not seen.wrong, "a reload lost or changed an answer")

    async def end(self) -> None:
        """SIGTERM under load: what was taken is answered."""
        before = self.server.count("request", route="/embed", status=200)

        async def stop() -> None:
            await asyncio.sleep(1)
            self.server.process.terminate()

        seen = await self.clients(64, 4, 4, while_they=stop())
        code = await asyncio.to_thread(self.server.process.wait, 60)
        await asyncio.sleep(0.5)
        taken = self.server.count("request", route="/embed", status=200) - before
        print(f"  SIGTERM under load: taken {taken:,}, answered {seen.n_good:,}, exit code {code}", flush=True)
        self.check(taken == seen.n_good and code == 0 and not seen.wrong, "something that was taken was not answered")
        self.check(set(seen.statuses) <= {"200", "closed"}, f"statuses {dict(seen.statuses)}")


async def run(load: Load, model: Path, n_clients: int, seconds: float) -> None:
    steps: list[Callable[[], Awaitable[object]]] = [
        lambda: load.steady(n_clients, seconds),
        lambda: load.overload(max(3, seconds / 5)),
        lambda: load.hang_ups(1000),
        lambda: load.slow_clients(100),
        load.large_body,
        lambda: load.reloads(model, max(5, seconds / 10)),
        load.end,
    ]
    for step in steps:
        await step()
    faults = sum(line.get("status", 0) >= 500 for line in load.server.log)
    load.check(not faults, f"{faults} answers were faults of the service")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300, help="of the steady load")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--quick", action="store_true", help="a few seconds of each")
    options = parser.parse_args()
    seconds = 5.0 if options.quick else options.seconds
    print(describe("onnxruntime", "fastapi", "uvicorn"))
    texts = list(dict.fromkeys(sample_texts(600)))
    with tempfile.TemporaryDirectory() as name:
        model = Path(name) / "model"
        export_model(make_small(Path(name) / "weights"), model)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RawVectorsWarning)
            expected = Embedder.load(model).encode(texts)
        server = Server(model)
        try:
            load = Load(server, texts, expected)
            asyncio.run(run(load, model, options.clients, seconds))
        finally:
            server.process.kill()
    print("nothing lost, nothing swapped, no fault" if not load.faults else f"{len(load.faults)} faults")
    raise SystemExit(bool(load.faults))


if __name__ == "__main__":
    main()
