"""The pre-training run: shards in, a model directory out; it can be killed anywhere and goes on bit for bit.

The output directory holds `run.json` (options), `log.jsonl` (one line every few steps), `checkpoints/` (state to resume
from) and, at the end, the model itself with its tokenizer.
"""

import json
import shutil
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from malmoi.artifact import MANIFEST, check_output, read_manifest, staged_files, write_json, write_text
from malmoi.errors import CheckpointError, InputError, OptionError, OutputError
from malmoi.model.card import pretraining_card
from malmoi.model.checkpoint import save_model
from malmoi.pretraining.examples import DataPosition
from malmoi.pretraining.recipe import PretrainOptions, optimizer_options, parse_duration
from malmoi.pretraining.run import PretrainingRun, time_steps
from malmoi.pretraining.shards import Shards, load_shards
from malmoi.progress import progress_bar
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.fit import fit
from malmoi.training.log import StepLog
from malmoi.training.optim import build_optimizers
from malmoi.training.state import load_latest_state, save_state

LOG, RUN, CHECKPOINTS = "log.jsonl", "run.json", "checkpoints"
_FREE_TO_CHANGE = ("save_every", "keep", "log_every", "device", "budget")
"""Options that a resumed run may give other values: they do not change what is learnt."""
_EPOCHS_BY_DEFAULT = 10
_COMPILE_FROM_S = 600.0
_PROBE_STEPS = 3


@dataclass(frozen=True, kw_only=True)
class PretrainReport:
    """How a run ended."""

    steps: int
    n_tokens: int
    """Tokens seen, padding not counted."""
    seconds: float
    """Of this process; a resumed run counts from its resume."""
    values: dict[str, float]
    """The last logged values."""
    finished: bool
    """False when a signal stopped it; the state is saved."""

    def __str__(self) -> str:
        state = "done" if self.finished else "stopped, state saved"
        shown = ", ".join(f"{name} {value:.4g}" for name, value in self.values.items())
        return f"{state} after {self.steps:,} steps, {self.n_tokens:,} tokens, {self.seconds:,.0f} s: {shown}"


def pretrain(
    shards_directory: Path,
    tokenizer_directory: Path,
    out: Path,
    options: PretrainOptions = PretrainOptions(),
    *,
    resume: bool = False,
    force: bool = False,
) -> PretrainReport:
    """Pre-train a model on token shards.

    Args:
        shards_directory: made by `build_shards`.
        tokenizer_directory: the tokenizer the shards were made with.
        out: the run's directory; at its end a model directory.
        options: the recipe.
        resume: go on from the newest save in `out`; starts from the beginning where there is none.
        force: start over, dropping what `out` holds.

    Raises:
        InputError: the shards are missing, damaged, or of another tokenizer.
        OptionError: an option cannot work, or differs from the run's own on resume.
        OutputError: `out` holds a run already, or cannot be written.
        MalmoiError: the loss is no longer finite.
    """
    tokenizer = Tokenizer.load(tokenizer_directory)
    shards = load_shards(shards_directory)
    if shards.report.tokenizer != tokenizer.fingerprint:
        raise InputError(
            f"{shards_directory} was made with another tokenizer than {tokenizer_directory}: "
            "make shards again with `malmoi shards`, or name the tokenizer they were made with"
        )
    run = PretrainingRun(shards, tokenizer, options)
    plan = _open_run(out, run, shards, resume=resume, force=force)
    if plan.compile:
        run.compile()
    report = _train(run, out, plan.n_steps)
    if report.finished:
        _write_model(run, tokenizer, out, shards, report)
    return report


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What was decided when the run began and holds when it is resumed, bit for bit."""

    n_steps: int
    compile: bool
    """Compiled or not: both learn alike, but not the same last bits."""


def _open_run(out: Path, run: PretrainingRun, shards: Shards, *, resume: bool, force: bool) -> _Plan:
    """Create or take up the run's directory."""
    wanted = asdict(run.options) | {"shards": shards.content_hash}
    path = out / RUN
    if resume and path.is_file():
        return _read_plan(path, wanted)
    if path.is_file() and not force:
        raise OutputError(f"{out} holds a run already: pass --resume to go on with it, or --force to start over")
    if not path.is_file():
        check_output(out, force=force)
    plan = _plan(run)
    _remove_run(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_json(path, {"steps": plan.n_steps, "compile": plan.compile, "options": wanted})
    except OSError as error:
        raise OutputError(f"cannot write {out} ({error.strerror}): choose another --out") from error
    return plan


def _read_plan(path: Path, wanted: dict[str, Any]) -> _Plan:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        before = dict(record["options"])
        plan = _Plan(n_steps=int(record["steps"]), compile=bool(record["compile"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} cannot be read ({error!r}): start over with --force") from error
    for name, value in wanted.items():
        if name not in _FREE_TO_CHANGE and before.get(name) != value:
            raise OptionError(
                f"{name} is {value!r}, the run in {path.parent} was started with {before.get(name)!r}: "
                "resume with the same options, or start another run"
            )
    return plan


def _remove_run(out: Path) -> None:
    """Drop the files of an earlier run, its model included, and nothing else."""
    if (out / MANIFEST).is_file():
        for name in read_manifest(out, "model").files:
            (out / name).unlink(missing_ok=True)
    for name in (MANIFEST, RUN, LOG):
        (out / name).unlink(missing_ok=True)
    shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)


def _plan(run: PretrainingRun) -> _Plan:
    """Steps that the options ask for (a number, a time, or some epochs), and whether compiling pays."""
    options, shape = run.options, run.source.options
    if options.budget is not None:
        seconds, started = parse_duration(options.budget), time.monotonic()
        compiled = seconds >= _COMPILE_FROM_S if options.compile is None else options.compile
        if compiled:
            run.compile()
        step_seconds = statistics.median(time_steps(run, _PROBE_STEPS))
        left = seconds - (time.monotonic() - started)
        return _Plan(n_steps=max(_PROBE_STEPS, int(left / step_seconds)), compile=compiled)
    n_batches = run.source.n_row_tokens / (shape.batch_rows * shape.max_tokens)
    n_steps = options.steps or max(1, round(_EPOCHS_BY_DEFAULT * n_batches))
    if options.compile is not None:
        return _Plan(n_steps=n_steps, compile=options.compile)
    is_worth_timing = n_steps > 10 * _PROBE_STEPS
    compiled = is_worth_timing and min(time_steps(run, _PROBE_STEPS)) * n_steps > _COMPILE_FROM_S
    return _Plan(n_steps=n_steps, compile=compiled)


def _train(run: PretrainingRun, out: Path, n_steps: int) -> PretrainReport:
    """Take the steps that are left; log and save on the way."""
    options, checkpoints = run.options, out / CHECKPOINTS
    optimizers = build_optimizers(run.model, optimizer_options(options), n_steps)
    position, n_tokens = DataPosition(), 0
    loaded = load_latest_state(checkpoints, run.model, optimizers)
    if loaded is not None:
        position, n_tokens = DataPosition.from_json(loaded["position"]), loaded["n_tokens"]
    started = time.monotonic()
    with (
        StepLog(out / LOG, after_step=position.step) as log,
        progress_bar("pre-training", n_steps, position.step) as bar,
        stop_signals() as stopped,
    ):
        for step in fit(
            run.model,
            run.batches(position, n_steps),
            run.losses,
            optimizers,
            precision=options.precision,
            first_step=position.step + 1,
        ):
            position, n_tokens = step.batch.following, n_tokens + step.batch.n_tokens
            log.add(step, n_examples=step.batch.n_examples, n_tokens=step.batch.n_tokens)
            is_last = step.number == n_steps or stopped()
            if step.number % options.log_every == 0 or is_last:
                log.write(tokens=n_tokens, epoch=position.epoch)
            if step.number % options.save_every == 0 or is_last:
                values = {"position": asdict(position), "n_tokens": n_tokens}
                save_state(checkpoints, step.number, run.model, optimizers, values, keep=options.keep)
            bar.update(note=log.note)
            if is_last:
                break
    return PretrainReport(
        steps=position.step,
        n_tokens=n_tokens,
        seconds=time.monotonic() - started,
        values=log.last,
        finished=position.step >= n_steps,
    )


def _write_model(run: PretrainingRun, tokenizer: Tokenizer, out: Path, shards: Shards, report: PretrainReport) -> None:
    """Put the finished model and its tokenizer beside the run's own files."""
    options = {name: value for name, value in asdict(run.options).items() if value is not None}
    with staged_files(out, kind="model", options=options) as directory:
        save_model(run.model, directory)
        tokenizer.save(directory)
        card = pretraining_card(run.model.config, options, asdict(shards.report), report.values)
        write_text(directory / "README.md", card)


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Turn Ctrl-C and SIGTERM into a question, so that a step is never cut in half."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # only the main thread may handle signals
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda received_number, _: received.append(received_number)) for number in numbers]
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
