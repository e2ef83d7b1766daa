"""The page about a pre-training run: curves, held-out text with its guesses, options, machine.

Made from the run's own files (`run.json`, `log.jsonl`, `evaluations.jsonl`), also while it is still running.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from malmoi.errors import InputError
from malmoi.page import figures
from malmoi.report.html import key_table, options_table, plots, read_log, read_object, run_page
from malmoi.report.plots import Curve, draw

_NATS_A_BIT = math.log(2)
_ACCURACIES = {
    "masked_lm_accuracy": "Hidden pieces guessed (share)",
    "next_sentence_accuracy": "Next sentences told from others (share)",
    "sentence_order_accuracy": "Order of two texts told (share)",
}
RUN_FILE = "run.json"


@dataclass(frozen=True, kw_only=True)
class Records:
    """The files of a run."""

    run: dict[str, Any]
    log: list[dict[str, Any]]
    evaluations: list[dict[str, Any]]


def read_run(directory: Path) -> Records:
    """Read the files of a run.

    Raises:
        InputError: no run, or one that has not logged anything yet.
    """
    run = read_object(directory / RUN_FILE, "malmoi pretrain")
    log = read_log(directory / "log.jsonl")
    if not log:
        raise InputError(f"{directory} has no line in log.jsonl yet: wait for the first of them")
    return Records(run=run, log=log, evaluations=read_log(directory / "evaluations.jsonl"))


def pretraining_page(directory: Path) -> str:
    """The page about the run in `directory`.

    Raises:
        InputError: files that cannot be read, or a run that has not logged anything yet.
        OptionError: matplotlib is not installed.
    """
    records = read_run(directory)
    body = [
        _figures(records),
        *plots(_plots(records)),
        *_samples(records.evaluations),
        "<h2>Model</h2>",
        key_table(records.run.get("model", {})),
        *options_table(records.run.get("options", {})),
        "<h2>Machine</h2>",
        key_table(records.run.get("machine", {})),
    ]
    return run_page(directory.resolve().name, "pre-training", body)


def _figures(records: Records) -> str:
    last = records.log[-1]
    values = [
        (f"{last['step']:,} of {records.run.get('steps', 0):,}", "steps"),
        (f"{last.get('tokens', 0):,}", "tokens"),
        (f"{last['loss']:.3f}", "loss"),
    ]
    if records.evaluations:
        held_out = records.evaluations[-1]
        values += [
            (f"{held_out['masked_lm_accuracy']:.1%}", "hidden pieces guessed, held-out"),
            (f"{held_out['loss_per_character'] / _NATS_A_BIT:.3f}", "bits a hidden character, held-out"),
        ]
    return figures(values)


def _plots(records: Records) -> Iterable[str]:
    log, held_out = records.log, records.evaluations
    masked = {"training": _curve(log, "masked_lm_loss"), "held-out": _curve(held_out, "masked_lm_loss", dotted=True)}
    yield from _plot("Masked-LM loss (nats)", masked)
    by_character = {"": _curve(held_out, "loss_per_character", dotted=True, unit=_NATS_A_BIT)}
    yield from _plot("Held-out masked-LM loss (bits a hidden character)", by_character)
    for name, title in _ACCURACIES.items():
        looked = {"training": _curve(log, name), "held-out": _curve(held_out, name, dotted=True)}
        yield from _plot(title, looked)
    yield from _plot("Learning rate", {"": _curve(log, "lr")})
    yield from _plot("Gradient norm", {"": _curve(log, "grad_norm")})
    yield from _plot("Tokens a second", {"": _curve(log, "tokens_per_second")})
    yield from _plot("Peak memory (GiB)", {"": _curve(log, "peak_memory_bytes", unit=2.0**30)})


def _plot(title: str, curves: Mapping[str, Curve]) -> Iterable[str]:
    there = {name: curve for name, curve in curves.items() if len(curve.x)}
    if there:
        yield draw(title, "million tokens", there)


def _curve(lines: list[dict[str, Any]], name: str, *, dotted: bool = False, unit: float = 1.0) -> Curve:
    there = [line for line in lines if line.get(name) is not None]
    return Curve([line.get("tokens", 0) / 1e6 for line in there], [line[name] / unit for line in there], dotted)


def _samples(evaluations: list[dict[str, Any]]) -> list[str]:
    """Held-out texts with what was guessed at each evaluation, the newest open."""
    lines = ["<h2>Hidden pieces and what was guessed</h2>"] if evaluations else []
    for number, record in enumerate(reversed(evaluations)):
        title = f"step {record['step']:,}, {record['masked_lm_accuracy']:.1%} guessed"
        lines.append(f"<details{' open' * (number == 0)}><summary>{title}</summary>")
        lines += [f"<p>{_sample(sample)}</p>" for sample in record.get("samples", [])]
        lines.append("</details>")
    return lines


def _sample(sample: dict[str, Any]) -> str:
    hidden = {item["place"]: item for item in sample["hidden"]}
    words = []
    for place, piece in enumerate(sample["pieces"]):
        item = hidden.get(place)
        shown = item["right"] if item else piece
        joined = shown.removeprefix("##") if shown.startswith("##") else " " + shown
        words.append(f"<mark>{escape(joined)}</mark>{_guesses(item)}" if item else escape(joined))
    return "".join(words).strip()


def _guesses(item: dict[str, Any]) -> str:
    guesses = (
        f"<span{' class=right' * (piece == item['right'])}>{escape(piece)} {chance:.0%}</span>"
        for piece, chance in item["guesses"]
    )
    return f" <small>({', '.join(guesses)})</small>"
