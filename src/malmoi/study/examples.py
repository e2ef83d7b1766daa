"""Which labelled examples the ways are fine-tuned on: the same for all, as many as there is time for.

They are written as JSON Lines of the task's own fields; fine-tuning itself is `malmoi.finetune`.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from malmoi.artifact import write_text
from malmoi.errors import InputError
from malmoi.finetune_run import FinetuningRun
from malmoi.study.options import StudyTask
from malmoi.tasks.catalog import AnyTask, learn_task, read_example_file, task_type
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.fit import fit
from malmoi.training.optim import build_optimizers
from malmoi.training.options import FinetuneOptions, OptimizerOptions

_PROBE_BATCHES = 4
_JUDGING = 0.4
"""What judging an example takes of what learning from it takes: forward only, and to decode."""
_LEAST = 32
"""Training examples that are taken however little time there is."""


@dataclass(frozen=True, kw_only=True)
class Examples:
    """A task's examples in random order: a smaller study's are the beginning of a larger one's."""

    kind: type[AnyTask]
    train: list[Any]
    dev: list[Any]


@dataclass(frozen=True, kw_only=True)
class ExampleCost:
    """What a training example takes, once through the model."""

    seconds: float
    encoding_seconds: float
    """Once a run, not once an epoch."""


def read_task(task: StudyTask, seed: int) -> Examples:
    """Read and shuffle the examples of a task.

    Raises:
        InputError: a file cannot be read, or an example in it has no label.
    """
    kind = task_type(task.task)
    lists = []
    for number, path in enumerate((Path(task.train), Path(task.dev))):
        examples = read_example_file(kind, path, task.format).examples
        if not all(map(kind.is_labelled, examples)):
            raise InputError(f"{path} has examples without a label: expected one in each")
        order = np.random.default_rng([seed, 5, number]).permutation(len(examples))
        lists.append([examples[i] for i in order])
    return Examples(kind=kind, train=lists[0], dev=lists[1])


def example_cost(examples: Examples, task: StudyTask, model_directory: Path, options: FinetuneOptions) -> ExampleCost:
    """Time a few fine-tuning steps of a pre-trained model."""
    made = learn_task(examples.kind, examples.train, Path(task.train))
    tokenizer = Tokenizer.load(model_directory)
    run = FinetuningRun(made, tokenizer, model_directory, options)
    few = list(made.training_examples(examples.train[: run.batch_size * (_PROBE_BATCHES + 1)]))
    tokenizer.encode_ids(["말모이"])  # an analyser is loaded at its first text
    started = time.monotonic()
    rows = made.encode_many(few, tokenizer, run.max_tokens)
    encoding_seconds = (time.monotonic() - started) / len(few)
    model = run.new_model(options.seed)
    optimizers = build_optimizers(model, OptimizerOptions(lr=run.default_lr), _PROBE_BATCHES + 1)
    if made.head.kind == "token":
        rows = [[row] for windows in rows for row in windows]
    batches = list(run.batches(rows, options.seed, 0))
    steps = list(fit(model, batches, lambda batch: run.losses(model, batch), optimizers))
    timed = steps[1:] or steps
    seconds_a_row = sum(s.seconds for s in timed) / sum(len(s.batch.row_lengths) for s in timed)
    n_rows = sum(map(len, rows))
    return ExampleCost(seconds=seconds_a_row * n_rows / len(few), encoding_seconds=encoding_seconds)


def n_affordable(
    costs: Mapping[str, ExampleCost], seconds: float, *, n_dev: int, epochs: int, seeds: int
) -> tuple[int, int]:
    """How many examples all ways together can learn from and be judged by in about `seconds`.

    Judging gets a quarter of the time at most.

    Args:
        costs: of each way.
        seconds: for all runs of all ways.
        n_dev: examples there are to judge by.
        epochs: passes, each judged at its end.
        seeds: runs of each way.
    """
    once = sum(cost.seconds for cost in costs.values())
    encoding = sum(cost.encoding_seconds for cost in costs.values())
    judging = seeds * epochs * (_JUDGING * once + encoding)
    n_dev = min(n_dev, max(_LEAST, int(seconds / 4 / judging)))
    left = seconds - n_dev * judging
    return max(_LEAST, int(left / (seeds * epochs * once + encoding))), n_dev


def write_examples(examples: Examples, n_train: int, n_dev: int, directory: Path) -> tuple[int, int]:
    """Write `train.jsonl` and `dev.jsonl`.

    Examples to judge by whose label does not occur among those to learn from are passed over.

    Returns:
        How many there are of each.
    """
    train = examples.train[:n_train]
    made = learn_task(examples.kind, train, directory / "train.jsonl")
    dev = [example for example in examples.dev if _is_known(made, example)][:n_dev]
    directory.mkdir(parents=True, exist_ok=True)
    for name, chosen in (("train", train), ("dev", dev)):
        lines = (json.dumps(_without_missing(asdict(example)), ensure_ascii=False) for example in chosen)
        write_text(directory / f"{name}.jsonl", "".join(f"{line}\n" for line in lines))
    return len(train), len(dev)


def _is_known(task: AnyTask, example: Any) -> bool:
    try:
        task.check(example)
    except InputError:
        return False
    return True


def _without_missing(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value is not None}
