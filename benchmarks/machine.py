"""What every benchmark prints beside its figures: versions, machine, product rate; and how it takes times."""

import importlib.metadata
import multiprocessing
import platform
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from malmoi.training.device import has_fast_bfloat16


def describe(*packages: str) -> str:
    """Machine and versions in one line."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        cpu = names[0] if names else cpu
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", *packages))
    fast = has_fast_bfloat16(torch.device("cpu"))
    capability = torch.backends.cpu.get_cpu_capability()
    return f"{cpu}, {capability}, bf16 units: {fast}, {torch.get_num_threads()} threads; {versions}"


def product_rate(size: int = 2048, repeats: int = 5) -> float:
    """FLOP/s of a square matrix product in the precision this machine trains in, best of some."""
    dtype = torch.bfloat16 if has_fast_bfloat16(torch.device("cpu")) else torch.float32
    a, b = torch.randn(size, size, dtype=dtype), torch.randn(size, size, dtype=dtype)
    a @ b
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds)


def medians(candidates: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Median seconds of each candidate, run in turn so that a slow minute of the machine hits all of them."""
    seconds: list[list[float]] = [[] for _ in candidates]
    for candidate in candidates:
        candidate()  # warm-up, compiling included
    for _ in range(repeats):
        for times, candidate in zip(seconds, candidates, strict=True):
            started = time.perf_counter()
            candidate()
            times.append(time.perf_counter() - started)
    return [statistics.median(times) for times in seconds]


@dataclass(frozen=True)
class Apart:
    """What a candidate in a process of its own took."""

    seconds: float
    """Median of its timed calls."""
    peak_bytes: int
    """The most memory its process held, everything it read and warmed up included."""


def _serve(build: Callable[[], Callable[[], object]], connection: Connection) -> None:
    step = build()
    step()  # warm-up, compiling included
    connection.send(None)
    while connection.recv():
        started = time.perf_counter()
        step()
        connection.send(time.perf_counter() - started)
    connection.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def medians_apart(builders: Sequence[Callable[[], Callable[[], object]]], repeats: int) -> list[Apart]:
    """As `medians`, each candidate in a process of its own, where nothing that another one set holds.

    Args:
        builders: picklable; each makes its candidate in its process.
        repeats: timed calls of each, in turn.
    """
    context = multiprocessing.get_context("spawn")
    workers = []
    for build in builders:
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(build, theirs), daemon=True)
        process.start()
        ours.recv()
        workers.append((process, ours))
    seconds: list[list[float]] = [[] for _ in builders]
    for _ in range(repeats):
        for times, (_, connection) in zip(seconds, workers, strict=True):
            connection.send(True)
            times.append(connection.recv())
    peaks = []
    for process, connection in workers:
        connection.send(False)
        peaks.append(connection.recv())
        process.join()
    return [Apart(statistics.median(times), peak) for times, peak in zip(seconds, peaks, strict=True)]
