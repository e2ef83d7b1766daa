"""Time and peak memory of the stages from text to token shards, each a command, as a user runs them.

No peer does the same, so these figures stand alone: seconds by the clock, processor seconds, MB of text a second a
core, and the most memory that all processes of a stage held together (proportional shares, so that what processes
share counts once), looked up ten times a second.

    python benchmarks/stages.py [--quick] [--workers 2]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib.resources import files
from pathlib import Path

from machine import describe


def memory_of(pid: int) -> int:
    """KB held by a process and all below it; 0 once it is gone."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, ProcessLookupError):
        return 0
    own = next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
    return own + sum(memory_of(int(child)) for child in children)


def run(*arguments: str | Path) -> tuple[float, float, float]:
    """Seconds by the clock, seconds of processor and peak MB of a command."""
    before, started, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), 0
    command = [Path(sys.executable).with_name("malmoi"), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, memory_of(process.pid))
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, arguments))} ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, cpu, peak / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the sample that ships, a small vocabulary")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    data = os.environ.get("MALMOI_DATA")
    full = bool(data) and not arguments.quick
    sample = Path(str(files("malmoi.sample"))) / "articles.jsonl"
    inputs = sorted(Path(str(data), "kowiki").glob("*.xz")) if full else [sample]
    size, workers = ("32000" if full else "3000"), ("--workers", str(arguments.workers))
    print(describe("tokenizers", "numpy"))
    with tempfile.TemporaryDirectory() as name:
        corpus, tokenizer, shards = (Path(name) / stage for stage in ("corpus", "tokenizer", "shards"))
        commands: list[tuple[str | Path, ...]] = [
            ("corpus", *inputs, "--min-chars", "100", "--out", corpus, *workers),
            ("vocab", corpus, "--size", size, "--out", tokenizer, *workers),
            ("shards", corpus, tokenizer, "--out", shards, *workers),
        ]
        for command in commands:
            seconds, cpu, peak = run(*command)
            n_mb = sum(part.stat().st_size for part in corpus.glob("part-*")) / 1e6
            print(
                f"{command[0]:<8}{seconds:>7.1f} s, {cpu:>7.1f} s of processor, {peak:>7,.0f} MB; "
                f"{n_mb / cpu:.1f} MB of kept text a second a core",
                flush=True,
            )


if __name__ == "__main__":
    main()
