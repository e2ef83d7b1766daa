"""Several fine-tuning runs, every learning rate with every seed, and the best of them; resumed after a kill.

What finished is kept in a hidden directory beside the output until the output is there: for each run its scores
and log, for each rate the best weights so far. The same command again goes on behind the last finished run;
another plan (options, data, model) starts over.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from malmoi.artifact import write_json
from malmoi.errors import OutputError
from malmoi.finetune_run import FinetuningRun, Result
from malmoi.tasks.task import Row, Scores
from malmoi.training.log import StepLog

_PLAN = "plan.json"
_RUN = "run-*.json"


@dataclass(frozen=True)
class Sweep:
    """All runs."""

    metrics: dict[float, dict[int, dict[str, float]]]
    """Learning rate → seed → scores on dev."""
    best: Result
    log: str
    """The logs of all runs, one after the other: JSON Lines."""
    n_resumed: int
    """Runs that an earlier process had finished."""


@contextmanager
def kept_runs(out: Path, plan: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the directory that keeps finished runs of `plan` for `out`; it goes when the block ends well.

    Raises:
        OutputError: the disk refuses.
    """
    directory = out.with_name(f".{out.name}.runs")
    try:
        if not _is_of(directory, plan):
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True)
            write_json(directory / _PLAN, plan)
        yield directory
        shutil.rmtree(directory)
    except OSError as error:
        if error.filename is not None and not Path(error.filename).is_relative_to(directory):
            raise
        raise _refused(directory, error) from error
    finally:
        if not any(directory.glob(_RUN)):
            shutil.rmtree(directory, ignore_errors=True)


def run_all(run: FinetuningRun, rows: Sequence[Sequence[Row]], dev: Sequence[Any], directory: Path) -> Sweep:
    """Run every rate with every seed, but for those whose result `directory` holds.

    The best rate is that with the best mean over its seeds, and of its seeds the best is kept.
    """
    rates = run.options.rates or (run.default_lr,)
    seeds = range(run.options.seed, run.options.seed + run.options.seeds)
    results: dict[float, list[Result]] = {lr: [] for lr in rates}
    n_resumed = 0
    for lr in rates:
        for seed in seeds:
            result = _read_result(directory, lr, seed)
            if result is None:
                result = _run_one(run, rows, dev, directory, lr, seed)
            else:
                n_resumed += 1
            results[lr].append(result)
            _forget_weights(directory, results[lr], run)
    rate = max(rates, key=lambda lr: sum(result.rank(run.task) for result in results[lr]))
    best = _best(results[rate], run)
    logs = [_path(directory, lr, seed, ".jsonl").read_text(encoding="utf-8") for lr in rates for seed in seeds]
    return Sweep(
        metrics={lr: {result.seed: result.metrics for result in results[lr]} for lr in rates},
        best=replace(best, weights=load_file(_path(directory, best.lr, best.seed, ".safetensors"))),
        log="".join(logs),
        n_resumed=n_resumed,
    )


def _run_one(
    run: FinetuningRun, rows: Sequence[Sequence[Row]], dev: Sequence[Any], directory: Path, lr: float, seed: int
) -> Result:
    log_path = _path(directory, lr, seed, ".jsonl")
    log_path.unlink(missing_ok=True)
    with StepLog(log_path) as log:
        result = run.train(rows, dev, seed, log, lr)
    weights = {name: tensor.cpu().contiguous() for name, tensor in result.weights.items()}
    try:
        save_file(weights, _path(directory, lr, seed, ".safetensors"))
    except SafetensorError as error:
        raise OutputError(f"cannot write into {directory} ({error}): free some space") from error
    # The scores last: where they are, the weights are whole.
    write_json(
        _path(directory, lr, seed, ".json"),
        {"lr": lr, "seed": seed, "scores": result.scores and result.scores.to_json()},
    )
    return replace(result, weights={})


def _read_result(directory: Path, lr: float, seed: int) -> Result | None:
    """The scores of a run that is finished, without its weights."""
    path = _path(directory, lr, seed, ".json")
    if not path.is_file():
        return None
    scores = json.loads(path.read_text(encoding="utf-8"))["scores"]
    return Result(lr, seed, {}, scores and Scores(**scores))


def _forget_weights(directory: Path, results: Sequence[Result], run: FinetuningRun) -> None:
    """Of one rate's runs only the best keeps its weights: those of a large model fill disks."""
    best = _best(results, run)
    for result in results:
        if result is not best:
            _path(directory, result.lr, result.seed, ".safetensors").unlink(missing_ok=True)


def _best(results: Sequence[Result], run: FinetuningRun) -> Result:
    """The first of the best."""
    return max(results, key=lambda result: result.rank(run.task))


def _path(directory: Path, lr: float, seed: int, suffix: str) -> Path:
    return directory / f"run-lr{lr!r}-seed{seed}{suffix}"


def _is_of(directory: Path, plan: Mapping[str, Any]) -> bool:
    """Whether a directory of finished runs is there, and of this plan."""
    try:
        saved = json.loads((directory / _PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(saved == json.loads(json.dumps(plan)))


def _refused(directory: Path, error: OSError) -> OutputError:
    return OutputError(
        f"cannot write {directory} ({error.strerror or error}): finished runs are kept; free some space, then run the "
        "same command again"
    )
