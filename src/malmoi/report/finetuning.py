"""The page about a fine-tuned model: curves, scores by seed and rate, by label, what is taken for what, options.

Made from the files in its directory (`report.json`, `log.jsonl`, `manifest.json`), and where it is given from what
`malmoi evaluate` printed.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from malmoi.artifact import MANIFEST
from malmoi.errors import InputError
from malmoi.page import figures
from malmoi.report.html import (
    key_table,
    number_table,
    options_table,
    plots,
    read_log,
    read_object,
    run_page,
)
from malmoi.report.plots import Curve, draw

REPORT_FILE = "report.json"
_DEV = "dev_"
_MADE_BY = "malmoi finetune"


def finetuning_page(directory: Path, scores: Path | None) -> str:
    """The page about the model in `directory`.

    Args:
        directory: what `malmoi finetune` made.
        scores: what `malmoi evaluate` printed, or None.

    Raises:
        InputError: files that cannot be read.
        OptionError: matplotlib is not installed.
    """
    report = read_object(directory / REPORT_FILE, _MADE_BY)
    if "n_train" not in report:
        raise InputError(f"{directory / REPORT_FILE} has no n_train: expected what `{_MADE_BY}` wrote")
    manifest = read_object(directory / MANIFEST, _MADE_BY)
    runs = _runs(read_log(directory / "log.jsonl"))
    body = [
        _figures(report),
        *plots(_plots(runs, report)),
        *_by_run(report),
        *_scores("On dev, the kept model", report.get("scores", {})),
    ]
    if scores is not None:
        body += _scores(f"On {scores.stem}", _read_scores(scores))
    body += options_table(manifest.get("options", {}))
    if "machine" in report:
        body += ["<h2>Machine</h2>", key_table(report["machine"])]
    return run_page(directory.resolve().name, manifest.get("options", {}).get("task", "fine-tuning"), body)


def _read_scores(path: Path) -> dict[str, Any]:
    found = read_object(path, "malmoi evaluate")
    if not isinstance(found.get("metrics"), dict):
        raise InputError(f"{path} has no metrics: expected what `malmoi evaluate` printed")
    return found


def _figures(report: Mapping[str, Any]) -> str:
    values = [(f"{report['n_train']:,}", "examples to learn from"), (f"{report['epochs']:,}", "epochs")]
    if report.get("n_dev"):
        values.append((f"{report['n_dev']:,}", "examples to judge by"))
    spread = report.get("spread", {})
    for name, value in report.get("mean", report.get("dev", {})).items():
        several = len(report.get("dev", {})) > 1 and name in spread
        values.append((f"{value:.2f}" + (f" ± {spread[name]:.2f}" if several else ""), f"{name}, dev"))
    values += [(f"{value:.2f}", f"{name}, dev, before training") for name, value in report.get("before", {}).items()]
    values += [(f"{value:.2f}", f"{name}, linear baseline") for name, value in report.get("baseline", {}).items()]
    return figures(values)


def _runs(log: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The lines of each run: a log holds all rates and seeds, one after the other."""
    runs: list[list[dict[str, Any]]] = []
    for line in log:
        if not runs or line["step"] <= runs[-1][-1]["step"]:
            runs.append([])
        runs[-1].append(line)
    return runs


def _plots(runs: Sequence[Sequence[dict[str, Any]]], report: Mapping[str, Any]) -> Iterable[str]:
    names = _run_names(runs, report)

    def curves(name: str, *, by_epoch: bool = False) -> dict[str, Curve]:
        found = {}
        for run_name, run in zip(names, runs, strict=True):
            lines = [line for line in run if line.get(name) is not None]
            x = [line["epoch"] + 1 if by_epoch else line["step"] for line in lines]
            if lines:
                found[run_name] = Curve(x, [line[name] for line in lines], dotted=by_epoch)
        return found

    if loss := curves("loss"):
        yield draw("Training loss", "steps", loss)
    metrics = dict.fromkeys(name for run in runs for line in run for name in line if name.startswith(_DEV))
    for name in metrics:
        yield draw(f"{name.removeprefix(_DEV)} on dev (percent)", "epochs", curves(name, by_epoch=True))
    if rates := curves("lr"):
        yield draw("Learning rate", "steps", rates)


def _run_names(runs: Sequence[Sequence[dict[str, Any]]], report: Mapping[str, Any]) -> list[str]:
    """What tells the runs apart: the seed, and the rate where several were tried."""
    rates = list(report.get("rates", {}))
    n_seeds = max(1, len(runs) // max(1, len(rates)))
    seeds = [f"seed {run[0]['seed']}" if "seed" in run[0] else "" for run in runs]
    return [f"{rates[place // n_seeds]}, {seed}" if rates else seed for place, seed in enumerate(seeds)]


def _by_run(report: Mapping[str, Any]) -> list[str]:
    """Scores by seed and by rate, where there are several."""
    lines: list[str] = []
    by_seed = report.get("dev", {}) if "best_seed" in report else {}  # an embedder is one run: its scores stand there
    if len(by_seed) > 1:
        kept = str(report["best_seed"])
        rows = {f"seed {seed}{' (kept)' * (seed == kept)}": metrics for seed, metrics in by_seed.items()}
        lines += ["<h2>By seed</h2>", _metric_table(rows | {"mean": report["mean"], "deviation": report["spread"]})]
    if rates := report.get("rates", {}):
        lines += ["<h2>By learning rate</h2>", _metric_table(rates)]
    return lines


def _metric_table(rows: Mapping[str, Mapping[str, float]]) -> str:
    names = list(next(iter(rows.values())))
    return number_table(["", *names], [[name, *(f"{metrics[n]:.2f}" for n in names)] for name, metrics in rows.items()])


def _scores(title: str, scores: Mapping[str, Any]) -> list[str]:
    """What `malmoi evaluate` says: metrics, each label, what was taken for what."""
    if not scores:
        return []
    lines = [f"<h2>{escape(title)}: {scores.get('n_examples', 0):,} examples</h2>"]
    lines.append(figures((f"{value:.2f}", name) for name, value in scores["metrics"].items()))
    if scores.get("per_label"):
        lines += ["<h3>By label</h3>", _label_table(scores["per_label"])]
    if scores.get("confusion"):
        lines += ["<h3>What was taken for what</h3>", _confusion_table(scores["confusion"])]
    return lines


def _label_table(labels: Mapping[str, Mapping[str, float]]) -> str:
    """The labels, the most frequent first, with their F1 as a bar."""
    rows = []
    for label, values in sorted(labels.items(), key=lambda item: -item[1]["n"]):
        numbers = (f"{values['n']:,.0f}", *(f"{values[name]:.1f}" for name in ("precision", "recall", "f1")))
        cells = "".join(f"<td class=n>{number}" for number in numbers)
        rows.append(f'<tr><th>{escape(label)}{cells}<td class=bar><i style="width: {values["f1"]:.1f}%"></i></tr>')
    head = "<tr><th>label<th class=n>examples<th class=n>precision<th class=n>recall<th class=n>F1<th></tr>"
    return "\n".join(["<div class=wide><table>", head, *rows, "</table></div>"])


def _confusion_table(confusion: Mapping[str, Mapping[str, int]]) -> str:
    """Rows are the right labels, columns the predictions; the darker, the larger the share of its row."""
    names = list(confusion)
    rows = []
    for gold, counts in confusion.items():
        n_row = max(1, sum(counts.values()))
        cells = ""
        for name in names:
            n = counts.get(name, 0)
            cells += f'<td class="cell{" same" * (gold == name)}" style="--share: {n / n_row:.0%}">{n:,}'
        rows.append(f"<tr><th>{escape(gold)}{cells}</tr>")
    head = "".join(f"<th class=n>{escape(name)}" for name in names)
    return "\n".join(
        [
            "<p><small>Rows: the right label. Columns: what was predicted. Shade: share of the row.</small></p>",
            "<div class=wide><table>",
            f"<tr><th>{head}</tr>",
            *rows,
            "</table></div>",
        ]
    )
