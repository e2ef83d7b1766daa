"""Every task with its official metric: from a pre-trained base, from random weights, and by a linear baseline.

    python benchmarks/tasks.py --data DATA --base pretrained --out tasks                      # all rows, one seed
    python benchmarks/tasks.py --data DATA --base pretrained --out tasks --rows nsmc --seeds 3 --scratch --baseline
    python benchmarks/tasks.py --data DATA --base pretrained --out rehearsal --max-train 500 --max-judged 200

DATA is a folder of data sets, by default $MALMOI_DATA; which files are looked for is in `task_rows.py`, and a row whose
files are not there is passed over. Each run is a `malmoi finetune` and a `malmoi evaluate`, printed as they can be
typed, with the defaults of the task: nothing is tuned, and nothing (no epoch, no seed) is chosen by the examples that
judge.
The table, Markdown with mean ± standard deviation over the seeds, is printed and written to OUT/table.md after every
run. A run that is done is not done again, unless its commands, the base or the examples differ.

A Korean vocabulary cuts English into letters and short pieces: the English rows of a Korean base show that formats and
metrics work, not what such a model is for. The peers' figures have other sizes, text and often other examples.
"""

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from machine import describe
from task_files import Files, find_files
from task_rows import ROWS, TaskRow

from malmoi.artifact import file_hash, write_json, write_text
from malmoi.baseline import linear_baseline
from malmoi.errors import MalmoiError
from malmoi.model.directory import weights_file
from malmoi.shipped import find_model
from malmoi.tasks.catalog import learn_task, read_examples, task_type

VARIANTS = {"pretrained": "pre-trained", "scratch": "from scratch", "baseline": "linear baseline"}
_WITH_BASELINE = ("classification", "pair")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One row with one seed, in one of the ways."""

    row: str
    variant: str
    seed: int
    commands: tuple[tuple[str, ...], ...]
    """Each begins with `malmoi`; the last prints the scores."""
    files: tuple[Path, ...]
    """What else decides the result."""

    @property
    def name(self) -> str:
        return f"{self.row}.{self.variant}.{self.seed}"


def runs_of(name: str, row: TaskRow, files: Files, arguments: argparse.Namespace) -> Iterator[Run]:
    """All runs of a row; the baseline has none."""
    base, model = arguments.base, arguments.out / "models"
    if files.train is None:
        command = ("malmoi", "evaluate", str(base), str(files.judged), "--task", row.task)
        yield Run(row=name, variant="pretrained", seed=1, commands=(command,), files=(files.judged,))
        return
    for variant in ("pretrained", "scratch") if arguments.scratch else ("pretrained",):
        for seed in range(arguments.first_seed, arguments.seeds + 1):
            out = str(model / f"{name}-{variant}-{seed}")
            extra = [*row.options, *arguments.options, *(("--from-scratch",) if variant == "scratch" else ())]
            train = ("malmoi", "finetune", row.task, str(base), "--train", str(files.train), "--seed", str(seed))
            commands = ((*train, *extra, "--out", out), ("malmoi", "evaluate", out, str(files.judged)))
            yield Run(row=name, variant=variant, seed=seed, commands=commands, files=(files.train, files.judged))


def call(*command: str) -> dict[str, Any]:
    """The last line that a command prints, as JSON; its messages go where ours go."""
    print("$", shlex.join(command), file=sys.stderr, flush=True)
    process = subprocess.run([sys.executable, "-m", "malmoi.cli", *command[1:]], stdout=subprocess.PIPE, text=True)
    if process.returncode:
        raise MalmoiError(f"{shlex.join(command)} ended with {process.returncode}")
    result: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return result


def done(run: Run, arguments: argparse.Namespace) -> dict[str, Any] | None:
    """The result of a run, which is done where it is not yet; None where nothing is to be done."""
    weights = weights_file(find_model(arguments.base))
    if weights is None:
        raise MalmoiError(f"{arguments.base} has no weights: expected a pre-trained model directory")
    key = {
        "commands": [shlex.join(command) for command in run.commands],
        "files": [file_hash(path) for path in (*run.files, weights)],
    }
    if (result := kept(arguments.out, run.name, key)) is not None:
        return result
    if arguments.table:
        return None
    started = time.perf_counter()
    model = Path(run.commands[0][-1])
    if len(run.commands) > 1 and model.is_dir():
        shutil.rmtree(model)  # of a run that was stopped before it was judged, or is done anew
    reports = [call(*command) for command in run.commands]
    result = {"seconds": round(time.perf_counter() - started), "n_judged": reports[-1]["n_examples"]}
    if len(reports) > 1:
        result |= {name: reports[0][name] for name in ("n_train", "epochs", "lr")}
        if not arguments.keep_models:
            shutil.rmtree(model)
    return keep(arguments.out, run.name, key, result | {"metrics": reports[-1]["metrics"]})


def baseline_done(name: str, row: TaskRow, files: Files, arguments: argparse.Namespace) -> dict[str, Any] | None:
    """The linear baseline's result: what `malmoi finetune --dev JUDGED --baseline` prints beside."""
    assert files.train is not None
    key = {"commands": ["linear_baseline"], "files": [file_hash(files.train), file_hash(files.judged)]}
    if (result := kept(arguments.out, f"{name}.baseline.1", key)) is not None:
        return result
    if arguments.table:
        return None
    print(f"linear baseline of {name}", file=sys.stderr, flush=True)
    kind, started = task_type(row.task), time.perf_counter()
    train = read_examples(kind, files.train)
    task = learn_task(kind, train, files.train)
    metrics = linear_baseline(task, train, read_examples(task, files.judged)).metrics
    result = {"seconds": round(time.perf_counter() - started), "metrics": metrics}
    return keep(arguments.out, f"{name}.baseline.1", key, result)


def kept(out: Path, name: str, key: dict[str, Any]) -> dict[str, Any] | None:
    """A result that is there already, of the same commands and files."""
    path = out / "results" / f"{name}.json"
    saved = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return saved if all(saved.get(field) == value for field, value in key.items()) else None


def keep(out: Path, name: str, key: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    """Write a result down, for this table and the next."""
    path = out / "results" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, key | result)
    return key | result


def table(results: dict[str, dict[str, list[dict[str, Any]]]], variants: Sequence[str]) -> str:
    """All rows that have a result, and below it their commands."""
    head = ["task", "metrics", "learnt from, epochs", "judged", *(VARIANTS[v] for v in variants), "elsewhere"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for name, by_variant in results.items():
        if "pretrained" not in by_variant:
            continue
        row, first = ROWS[name], by_variant["pretrained"][0]
        learnt = f"{first['n_train']:,}, {first['epochs']}" if "n_train" in first else "nothing"
        cells = [cell(row, by_variant.get(variant, [])) for variant in variants]
        texts = [row.title, " / ".join(row.metrics), learnt, f"{first['n_judged']:,}", *cells, row.elsewhere]
        lines.append(f"| {' | '.join(texts)} |")
    return "\n".join(lines)


def cell(row: TaskRow, results: Sequence[dict[str, Any]]) -> str:
    """`mean ± standard deviation` of each metric over the seeds."""
    texts = []
    for name in row.metrics if results else ():
        values = [r["metrics"][name] for r in results if r["metrics"].get(name) is not None]
        spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
        texts.append(f"{statistics.fmean(values):.2f}{spread}" if values else "n/a")
    return " / ".join(texts)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("MALMOI_DATA"), help="folder of data sets")
    parser.add_argument("--base", type=Path, required=True, help="pre-trained model directory, or malmoi-small")
    parser.add_argument("--out", type=Path, required=True, help="folder for results, kept from run to run")
    parser.add_argument("--rows", default=",".join(ROWS), help=f"apart by commas: {', '.join(ROWS)}")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=1, help="seeds from it to --seeds, to share work out")
    parser.add_argument("--scratch", action="store_true", help="also from random weights of the same shape")
    parser.add_argument("--baseline", action="store_true", help="also the linear baseline")
    parser.add_argument("--max-train", type=int, help="learn from at most so many")
    parser.add_argument("--max-judged", type=int, help="judge by at most so many")
    parser.add_argument("--keep-models", action="store_true", help="keep every model in OUT/models")
    parser.add_argument("--options", type=shlex.split, default=[], help="more options of malmoi finetune, as one word")
    parser.add_argument("--table", action="store_true", help="run nothing: the table of what is done")
    parser.add_argument("--commands", action="store_true", help="make the files, print the commands and run none")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("--data or MALMOI_DATA must name the folder of data sets")
    if unknown := set(arguments.rows.split(",")) - set(ROWS):
        parser.error(f"row {', '.join(sorted(unknown))} is not known: expected some of {', '.join(ROWS)}")
    return arguments


def main() -> None:
    arguments = parse()
    page = Page(arguments.out, ["pretrained", *(v for v in ("scratch", "baseline") if getattr(arguments, v))])
    n_failed = 0
    for name in arguments.rows.split(","):
        try:
            run_row(name, arguments, page)
        except MalmoiError as error:  # the other rows go on
            print(f"{name} is passed over: {error}", file=sys.stderr)
            n_failed += 1
    print("\n".join(page.commands) if arguments.commands else page.text())
    raise SystemExit(1 if n_failed else 0)


def run_row(name: str, arguments: argparse.Namespace, page: "Page") -> None:
    """Do what is asked of a row, and write the page anew after each part of it."""
    limits = {"max_train": arguments.max_train, "max_judged": arguments.max_judged}
    files = find_files(name, ROWS[name], arguments.data, arguments.out / "data", **limits)
    runs = list(runs_of(name, ROWS[name], files, arguments))
    page.commands.append(f"# {name}: {files.preparation or 'files as they are published'}")
    page.commands += [shlex.join(command) for run in runs for command in run.commands]
    if arguments.commands:
        return
    for run in runs:
        page.add(name, run.variant, done(run, arguments))
    if arguments.baseline and ROWS[name].task in _WITH_BASELINE:
        page.add(name, "baseline", baseline_done(name, ROWS[name], files, arguments))


@dataclass
class Page:
    """The table as far as it is done, and the commands of its rows."""

    out: Path
    variants: list[str]
    commands: list[str] = field(default_factory=list)
    results: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)

    def add(self, row: str, variant: str, result: dict[str, Any] | None) -> None:
        if result is None:
            return
        self.results.setdefault(row, {}).setdefault(variant, []).append(result)
        write_text(self.out / "table.md", self.text())

    def text(self) -> str:
        commands = "\n".join(self.commands)
        return (
            f"{table(self.results, self.variants)}\n\n{describe('tokenizers', 'numpy')}\n\n```bash\n{commands}\n```\n"
        )


if __name__ == "__main__":
    main()
