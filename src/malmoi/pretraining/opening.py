"""Where a run begins or is taken up again: its directory, its number of steps, and what must not change on resume.

`run.json` is written once and holds for the whole run. Not here: the steps themselves (`pretrain.py`).
"""

import json
import shutil
import statistics
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from malmoi.artifact import MANIFEST, check_output, read_manifest, write_json
from malmoi.errors import CheckpointError, OptionError, OutputError
from malmoi.pretraining.course import stage_at
from malmoi.pretraining.recipe import PretrainOptions, parse_duration
from malmoi.pretraining.run import PretrainingRun, time_steps
from malmoi.training.machine import describe_machine

LOG, RUN, CHECKPOINTS, EVALUATIONS = "log.jsonl", "run.json", "checkpoints", "evaluations.jsonl"
_FREE_TO_CHANGE = (
    "save_every",
    "keep",
    "log_every",
    "eval_every",
    "tensorboard",
    "device",
    "budget",
    "accumulate",
    "parallel",
)
"""Options that a resumed run may give other values: they do not change what is learnt, but for rounding."""
_DEFAULTS = PretrainOptions()
_HASHED = {"shards": "the hash of the shards", "from": "the hash of the weights of --from"}
_EPOCHS_BY_DEFAULT = 10
_COMPILE_FROM_S = 600.0
_PROBE_STEPS = 3


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was decided when the run began and holds when it is resumed, bit for bit."""

    n_steps: int
    compile: bool
    """Compiled or not: both learn alike, but not the same last bits."""


def open_run(
    out: Path, run: PretrainingRun, learnt_from: Mapping[str, str | None], *, resume: bool, force: bool
) -> Plan:
    """Create or take up the run's directory.

    Args:
        out: the directory.
        run: what is to be trained.
        learnt_from: hashes of the text and of the model that it begins with, which must not change either.
        resume: take up what is there.
        force: drop what is there.
    """
    wanted = asdict(run.options) | dict(learnt_from)
    path = out / RUN
    if resume and path.is_file():
        return _read_plan(path, wanted)
    if path.is_file() and not force:
        raise OutputError(f"{out} holds a run already: pass --resume to go on with it, or --force to start over")
    if not path.is_file():
        check_output(out, force=force)
    plan = _make_plan(run)
    _remove_run(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_json(path, _record(plan, run, wanted))
    except OSError as error:
        raise OutputError(f"cannot write {out} ({error.strerror}): choose another --out") from error
    return plan


def _record(plan: Plan, run: PretrainingRun, wanted: dict[str, Any]) -> dict[str, Any]:
    config = run.model.config
    facts = {"encoder": config.encoder, "n_layers": config.n_layers, "width": config.width, "n_tokens": config.n_tokens}
    facts |= {"n_parameters": sum(weight.numel() for weight in run.model.parameters())}
    return {
        "steps": plan.n_steps,
        "compile": plan.compile,
        "options": wanted,
        "model": facts,
        "machine": describe_machine(run.device),
    }


def _read_plan(path: Path, wanted: dict[str, Any]) -> Plan:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        before = dict(record["options"])
        plan = Plan(n_steps=int(record["steps"]), compile=bool(record["compile"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} cannot be read ({error!r}): start over with --force") from error
    for name, value in wanted.items():
        # An option that an older malmoi did not have was at its default.
        started_with = before.get(name, getattr(_DEFAULTS, name, None))
        if name not in _FREE_TO_CHANGE and started_with != value:
            raise OptionError(
                f"{_HASHED.get(name, name)} is {_said(value, name)}, the run in {path.parent} was started with "
                f"{_said(started_with, name)}: resume with the same options, or start another run"
            )
    return plan


def _said(value: Any, name: str) -> str:
    """An option's value as a message shows it; of a hash the beginning."""
    if name in _HASHED:
        return "none" if value is None else f"{str(value)[:12]}…"
    return "left out" if value is None else repr(value)


def _remove_run(out: Path) -> None:
    """Drop the files of an earlier run, its model included, and nothing else."""
    if (out / MANIFEST).is_file():
        for name in read_manifest(out, "model").files:
            (out / name).unlink(missing_ok=True)
    for path in (out / MANIFEST, out / RUN, out / LOG, out / EVALUATIONS, *out.glob("bad-batch-*.npz")):
        path.unlink(missing_ok=True)
    shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)


def _make_plan(run: PretrainingRun) -> Plan:
    """Steps that the options ask for (a number, a time, or some epochs), and whether compiling pays."""
    options = run.options
    if run.group.size > 1:
        return _make_shared_plan(run)
    if options.budget is not None:
        seconds, started = parse_duration(options.budget), time.monotonic()
        compiled = seconds >= _COMPILE_FROM_S if options.compile is None else options.compile
        if compiled:
            run.compile()
        step_seconds = _mean_step_seconds(run)
        left = seconds - (time.monotonic() - started)
        return Plan(n_steps=max(_PROBE_STEPS, int(left / step_seconds)), compile=compiled)
    n_steps = options.steps or _steps_by_default(run)
    if options.compile is not None:
        return Plan(n_steps=n_steps, compile=options.compile)
    is_worth_timing = n_steps > 10 * _PROBE_STEPS
    compiled = is_worth_timing and min(time_steps(run, _PROBE_STEPS)) * n_steps > _COMPILE_FROM_S
    return Plan(n_steps=n_steps, compile=compiled)


def _steps_by_default(run: PretrainingRun) -> int:
    shape = run.source.options
    return max(1, round(_EPOCHS_BY_DEFAULT * run.source.n_row_tokens / (shape.batch_rows * shape.max_tokens)))


def _make_shared_plan(run: PretrainingRun) -> Plan:
    """Of several processes, none of which can time a step alone."""
    options, n_parts = run.options, run.options.accumulate * run.group.size
    if options.budget is not None:
        raise OptionError(
            f"budget {options.budget} for {run.group.size} processes: pass --steps instead; `malmoi plan` says how many"
        )
    if run.source.options.batch_rows % n_parts:
        raise OptionError(
            f"batch_rows is {run.source.options.batch_rows}: expected a multiple of {n_parts}, the processes "
            "times --accumulate"
        )
    compiled = run.device.type == "cuda" if options.compile is None else options.compile
    return Plan(n_steps=options.steps or _steps_by_default(run), compile=compiled)


def _mean_step_seconds(run: PretrainingRun) -> float:
    """Seconds of an average step over the run: fewer rows at the start and longer ones at the end counted in."""
    options = run.options
    usual = statistics.median(time_steps(run, _PROBE_STEPS))
    if options.long_tokens is None and not options.batch_ramp:
        return usual
    long = usual
    if options.long_tokens is not None:
        long = statistics.median(time_steps(run, _PROBE_STEPS, run.long_source))
    n_sample = 1000
    stages = [stage_at(options, step, n_sample) for step in range(n_sample)]
    return statistics.fmean(
        long if stage.max_tokens == options.long_tokens else usual * stage.n_rows / run.source.options.batch_rows
        for stage in stages
    )
