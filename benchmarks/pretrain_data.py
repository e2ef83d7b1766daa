"""Does the data pipeline starve the processor? Steps of `malmoi pretrain` on shards, against steps on one batch.

Both are the same run (model, losses, optimiser, shapes); the second has its batch made before the clock starts. They
take turns, a few steps each. Target: the first keeps 90 % of the second's tokens a second.

    python benchmarks/pretrain_data.py SHARDS TOKENIZER [--size small] [--steps 10] [--rounds 5] [--compile]
"""

import argparse
import itertools
import statistics
from collections.abc import Iterator
from pathlib import Path

from machine import describe

from malmoi.pretraining.batch import DataPosition, PretrainingBatch
from malmoi.pretraining.recipe import PretrainOptions
from malmoi.pretraining.run import PretrainingRun
from malmoi.pretraining.shards import load_shards
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.fit import fit


def rates(run: PretrainingRun, n_steps: int, n_rounds: int) -> dict[str, float]:
    """Tokens a second with batches from the shards, and with one that is there already."""
    optimizers = run.optimizers(2 * (n_steps + 1) * n_rounds)
    ready = run.source.batch(DataPosition())
    from_shards = run.source.batches(DataPosition(), (n_steps + 1) * n_rounds)
    seen: dict[str, list[float]] = {"shards": [], "ready": []}
    for _ in range(n_rounds):
        feeds: dict[str, Iterator[PretrainingBatch]] = {"shards": from_shards, "ready": itertools.repeat(ready)}
        for name, batches in feeds.items():
            steps = fit(run.replica, itertools.islice(batches, n_steps + 1), run.losses, optimizers)
            done = list(steps)[1:]  # the first one warms up
            seen[name].append(sum(s.batch.n_tokens for s in done) / sum(s.seconds for s in done))
    return {name: statistics.median(values) for name, values in seen.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("--size", default="small")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compile", action="store_true")
    asked = parser.parse_args()
    options = PretrainOptions(size=asked.size)
    run = PretrainingRun(load_shards(asked.shards), Tokenizer.load(asked.tokenizer), options)
    if asked.compile:
        run.compile()
    found = rates(run, asked.steps, asked.rounds)
    print(describe())
    print(f"{asked.size}: from shards {found['shards']:,.0f} tokens/s, from one batch {found['ready']:,.0f} tokens/s")
    print(f"ratio: {found['shards'] / found['ready']:.3f} (target: 0.9 or more)")


if __name__ == "__main__":
    main()
