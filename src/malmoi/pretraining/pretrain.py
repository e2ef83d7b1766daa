"""The pre-training run: shards in, a model directory out; it can be killed anywhere and goes on bit for bit.

The output directory holds `run.json` (options), `log.jsonl` (one line every few steps), `checkpoints/` (state to resume
from) and, at the end, the model itself with its tokenizer.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from malmoi.artifact import staged_files, write_text
from malmoi.errors import InputError, NotFiniteError, OptionError
from malmoi.model.card import pretraining_card
from malmoi.model.checkpoint import save_model
from malmoi.model.heads import PretrainingModel
from malmoi.pretraining.batch import DataPosition
from malmoi.pretraining.mishap import Remembering, put_aside, too_large
from malmoi.pretraining.opening import CHECKPOINTS, Plan, open_run
from malmoi.pretraining.recipe import PretrainOptions, longest_row
from malmoi.pretraining.run import PretrainingRun
from malmoi.pretraining.shards import Shards, load_shards
from malmoi.pretraining.start import load_start
from malmoi.pretraining.watch import Looks, Watch
from malmoi.progress import Bar, progress_bar, say
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.distributed import Group, joined_group
from malmoi.training.fit import fit
from malmoi.training.memory import is_out_of_memory
from malmoi.training.optim import Optimizers
from malmoi.training.sharded import whole_model
from malmoi.training.state import load_latest_state, save_state

_ONLY_LOGGED = frozenset(
    ("step", "tokens", "epoch", "grad_norm", "lr", "steps_per_second", "examples_per_second", "peak_memory_bytes")
)
"""Values of `log.jsonl` that the last line for people leaves out: they stand before, or say nothing at the end."""


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
        shown = ", ".join(f"{name} {value:.4g}" for name, value in self.values.items() if name not in _ONLY_LOGGED)
        return f"{state} after {self.steps:,} steps, {self.n_tokens:,} tokens, {self.seconds:,.0f} s: {shown}"


def pretrain(
    shards_directory: Path,
    tokenizer_directory: Path,
    out: Path,
    options: PretrainOptions = PretrainOptions(),
    *,
    start: Path | None = None,
    resume: bool = False,
    force: bool = False,
) -> PretrainReport:
    """Pre-train a model on token shards.

    Args:
        shards_directory: made by `build_shards`.
        tokenizer_directory: the tokenizer the shards were made with.
        out: the run's directory; at its end a model directory.
        options: the recipe.
        start: a model directory to go on from; its shape and encoder are taken, the recipe is that of the size.
        resume: go on from the newest save in `out`; starts from the beginning where there is none.
        force: start over, dropping what `out` holds.

    Raises:
        InputError: the shards are missing, damaged, or of another tokenizer.
        OptionError: an option cannot work, differs from the run's own on resume, or asks for more memory than there is.
        OutputError: `out` holds a run already, or cannot be written.
        NotFiniteError: the loss is no longer finite; its batch was put aside.
    """
    with joined_group(options.device) as group:
        return _pretrain(shards_directory, tokenizer_directory, out, options, start, group, resume=resume, force=force)


def _pretrain(
    shards_directory: Path,
    tokenizer_directory: Path,
    out: Path,
    options: PretrainOptions,
    start: Path | None,
    group: Group,
    *,
    resume: bool,
    force: bool,
) -> PretrainReport:
    tokenizer = Tokenizer.load(tokenizer_directory)
    shards = load_shards(shards_directory)
    if shards.report.tokenizer != tokenizer.fingerprint:
        raise InputError(
            f"{shards_directory} was made with another tokenizer than {tokenizer_directory}: "
            "make shards again with `malmoi shards`, or name the tokenizer they were made with"
        )
    begun = None if start is None else load_start(start, tokenizer, longest_row(options), seed=options.seed)
    if begun is not None and group.is_first:
        say(str(begun.report))
    run = PretrainingRun(shards, tokenizer, options, None if begun is None else begun.model, group)
    learnt_from = {"shards": shards.content_hash, "from": None if begun is None else begun.weights_hash}
    try:
        plan = _opened(out, run, learnt_from, resume=resume, force=force)
        if plan.compile:
            run.compile()
        report = _train(run, tokenizer, out, plan.n_steps)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        if group.size > 1:  # the others do not try with this one
            raise OptionError(
                f"process {group.rank} of {group.size}: a step is too much for the memory of {run.device}: pass a "
                f"larger --accumulate than {options.accumulate} for the same steps in more parts"
            ) from None
        report, reason = None, str(error).partition("\n")[0]
    if report is None:  # outside of the handler: the error holds what the step had in memory
        raise too_large(run, reason)
    if report.finished:
        model = whole_model(run.model) if run.is_sharded else run.model
        with group.first_acts():
            if group.is_first:
                _write_model(model, run.options, tokenizer, out, shards, report)
    return report


def _opened(
    out: Path, run: PretrainingRun, learnt_from: Mapping[str, str | None], *, resume: bool, force: bool
) -> Plan:
    """The first process opens the run's directory, the others read what it wrote there."""
    with run.group.first_acts():
        if run.group.is_first:
            plan = open_run(out, run, learnt_from, resume=resume, force=force)
    return plan if run.group.is_first else open_run(out, run, learnt_from, resume=True, force=False)


def _train(run: PretrainingRun, tokenizer: Tokenizer, out: Path, n_steps: int) -> PretrainReport:
    """Take the steps that are left; log and save on the way."""
    options, checkpoints, group = run.options, out / CHECKPOINTS, run.group
    optimizers = run.optimizers(n_steps)
    position, n_tokens, pending = DataPosition(), 0, None
    loaded = load_latest_state(checkpoints, run.model, optimizers, may_write=group.is_first)
    if loaded is not None:
        position, n_tokens = DataPosition.from_json(loaded["position"]), loaded["n_tokens"]
        pending = loaded.get("pending")  # not in the saves of versions before
    group.wait()
    started = time.monotonic()
    batches = Remembering(run.batches(position, n_steps))
    last: dict[str, float] = {}
    with (
        _watch(run, tokenizer, out, position.step, pending) as watch,
        _bar(n_steps, position.step, shown=group.is_first) as bar,
        stop_signals() as stopped,
        _bad_batch_put_aside(batches, out, is_first=group.is_first),
    ):
        last = watch.log.last if watch else {}
        looks = Looks(run, tokenizer) if run.is_sharded and watch is None else None
        for step in fit(
            run.replica,
            batches,
            run.losses,
            optimizers,
            precision=options.precision,
            first_step=position.step + 1,
            group=group,
        ):
            position, n_tokens = step.batch.following, n_tokens + step.batch.n_tokens
            is_last = step.number == n_steps or group.any(stopped(), run.device)
            if watch is not None:
                watch.step(step, n_tokens, position, is_last=is_last)
                last = watch.log.last
                bar.update(note=watch.log.note)
            elif looks is not None:
                looks.after(step.number, is_last=is_last)
            if step.number % options.save_every == 0 or is_last:
                values = {"position": asdict(position), "n_tokens": n_tokens, "pending": watch and watch.log.pending}
                _save(checkpoints, step.number, run, optimizers, values)
            if is_last:
                break
    group.wait()
    return PretrainReport(
        steps=position.step,
        n_tokens=n_tokens,
        seconds=time.monotonic() - started,
        values=last,
        finished=position.step >= n_steps,
    )


def _save(directory: Path, step: int, run: PretrainingRun, optimizers: Optimizers, values: dict[str, Any]) -> None:
    """The first process saves what all have alike; where each has a part, all save together."""
    if run.is_sharded:
        save_state(directory, step, run.model, optimizers, values, keep=run.options.keep, group=run.group)
        return
    with run.group.first_acts():
        if run.group.is_first:
            save_state(directory, step, run.model, optimizers, values, keep=run.options.keep)


def _watch(
    run: PretrainingRun, tokenizer: Tokenizer, out: Path, after_step: int, pending: dict[str, list[float]] | None
) -> AbstractContextManager[Watch | None]:
    """What is written on the way, by the first process alone."""
    return Watch(run, tokenizer, out, after_step=after_step, pending=pending) if run.group.is_first else nullcontext()


def _bar(n_steps: int, n_done: int, *, shown: bool) -> AbstractContextManager[Bar]:
    """The progress bar; one that nobody sees where another process shows its own."""
    if shown:
        return progress_bar("pre-training", n_steps, n_done)
    return nullcontext(Bar("pre-training", n_steps, n_done))


@contextmanager
def _bad_batch_put_aside(batches: Remembering, out: Path, *, is_first: bool) -> Iterator[None]:
    try:
        yield
    except NotFiniteError as error:
        assert batches.last is not None, "no loss without a batch"
        where = put_aside(batches.last, out) if is_first else out
        raise NotFiniteError(f"{error}; the batch is in {where}") from None


def _write_model(
    model: PretrainingModel,
    asked: PretrainOptions,
    tokenizer: Tokenizer,
    out: Path,
    shards: Shards,
    report: PretrainReport,
) -> None:
    """Put the finished model and its tokenizer beside the run's own files."""
    options = {name: value for name, value in asdict(asked).items() if value is not None}
    with staged_files(out, kind="model", options=options) as directory:
        save_model(model, directory)
        tokenizer.save(directory)
        card = pretraining_card(model.config, options, asdict(shards.report), report.values)
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
