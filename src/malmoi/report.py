"""A pre-training run as one HTML page: curves, held-out text with its guesses, options, machine. No PyTorch.

Made from the run's own files (`run.json`, `log.jsonl`, `evaluations.jsonl`), also while it is still running; the page
fetches nothing.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from malmoi.artifact import write_text
from malmoi.errors import InputError, OutputError
from malmoi.report_plots import Curve, draw

_NATS_A_BIT = math.log(2)
_ACCURACIES = {
    "masked_lm_accuracy": "Hidden pieces guessed (share)",
    "next_sentence_accuracy": "Next sentences told from others (share)",
    "sentence_order_accuracy": "Order of two texts told (share)",
}
_STYLE = """
:root { color-scheme: light dark; --ink: #1d2433; --soft: #5d6675; --line: #dfe3ea; --paper: #fff; --right: #3a8a5c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ef; --soft: #9aa4b5; --line: #333b49; --paper: #161a21; --right: #7ccf9f; }
}
body { font: 16px/1.6 "Noto Sans KR", "Apple SD Gothic Neo", "Malgun Gothic", system-ui, sans-serif;
  color: var(--ink); background: var(--paper); max-width: 64rem; margin: 2rem auto; padding: 0 1rem;
  overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p.figures { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; }
p.figures b { display: block; font-size: 1.5rem; font-weight: 600; color: var(--ink); }
p.figures span, small { color: var(--soft); }
div.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr));
  gap: 1.5rem; }
figure { margin: 0; } th { white-space: nowrap; }
svg { width: 100%; height: auto; } table { border-collapse: collapse; }
td, th { text-align: left; padding: .15rem 1.2rem .15rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
details { border-bottom: 1px solid var(--line); padding: .3rem 0; } summary { cursor: pointer; }
mark { background: none; border-bottom: 2px solid var(--soft); color: inherit; }
.right { color: var(--right); font-weight: 600; }
"""


@dataclass(frozen=True, kw_only=True)
class Records:
    """The files of a run."""

    run: dict[str, Any]
    log: list[dict[str, Any]]
    evaluations: list[dict[str, Any]]


def write_report(run: Path, out: Path, *, force: bool = False) -> None:
    """Write the page about the run in the directory `run` to the file `out`.

    Raises:
        InputError: no run, or one that has not logged anything yet.
        OptionError: matplotlib is not installed.
        OutputError: `out` exists, or cannot be written.
    """
    records = read_run(run)
    if out.exists() and not (force and out.is_file()):
        raise OutputError(f"{out} exists already: choose another --out, or pass --force to replace it")
    page = report_page(run.resolve().name, records)
    try:
        write_text(out, page)
    except OSError as error:
        raise OutputError(f"cannot write {out} ({error.strerror}): choose another --out") from error


def read_run(directory: Path) -> Records:
    """Read the files of a run.

    Raises:
        InputError: no run, or one that has not logged anything yet.
    """
    path = directory / "run.json"
    if not path.is_file():
        raise InputError(f"{directory} has no run.json: expected the --out of `malmoi pretrain`")
    try:
        run = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} cannot be read ({error}): expected what `malmoi pretrain` wrote") from error
    log = _lines(directory / "log.jsonl")
    if not log:
        raise InputError(f"{directory} has no line in log.jsonl yet: wait for the first of them")
    return Records(run=run, log=log, evaluations=_lines(directory / "evaluations.jsonl"))


def _lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a log; the last line may be half written while the run goes on."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(dict(json.loads(line)))
        except (ValueError, TypeError) as error:
            if number < len(lines):
                raise InputError(f"{path}:{number}: {error}: expected a JSON object") from error
    return records


def report_page(name: str, records: Records) -> str:
    """The page."""
    body = [
        f"<h1>{escape(name)}</h1>",
        _figures(records),
        "<h2>Curves</h2>",
        "<div class=plots>",
        *(f"<figure>{svg}</figure>" for svg in _plots(records)),
        "</div>",
        *_samples(records.evaluations),
        "<h2>Model</h2>",
        _table(records.run.get("model", {})),
        "<h2>Options</h2>",
        _table({key: value for key, value in records.run.get("options", {}).items() if value is not None}),
        "<h2>Machine</h2>",
        _table(records.run.get("machine", {})),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="ko">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(name)}: pre-training</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _figures(records: Records) -> str:
    last = records.log[-1]
    figures = [
        (f"{last['step']:,} of {records.run.get('steps', 0):,}", "steps"),
        (f"{last.get('tokens', 0):,}", "tokens"),
        (f"{last['loss']:.3f}", "loss"),
    ]
    if records.evaluations:
        held_out = records.evaluations[-1]
        figures += [
            (f"{held_out['masked_lm_accuracy']:.1%}", "hidden pieces guessed, held-out"),
            (f"{held_out['loss_per_character'] / _NATS_A_BIT:.3f}", "bits a hidden character, held-out"),
        ]
    return "<p class=figures>" + "".join(f"<span><b>{value}</b>{what}</span>" for value, what in figures) + "</p>"


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


def _table(values: Mapping[str, Any]) -> str:
    rows = (f"<tr><th>{escape(key)}<td>{escape(_shown(key, value))}</tr>" for key, value in values.items())
    return "\n".join(["<table>", *rows, "</table>"])


def _shown(key: str, value: Any) -> str:
    if key.endswith("_bytes"):
        return f"{value / 2**30:.1f} GiB"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
