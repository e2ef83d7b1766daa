"""The fine-tuning run: a pre-trained directory and labelled examples in, a model for one task out."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from malmoi import __version__
from malmoi.artifact import check_output, file_hash, staged_directory, write_json, write_text
from malmoi.baseline import check_baseline, linear_baseline
from malmoi.errors import InputError, OptionError
from malmoi.finetune_run import FinetuningRun
from malmoi.finetune_sweep import Sweep, kept_runs, run_all
from malmoi.model.card import finetuning_card
from malmoi.model.checkpoint import save_model
from malmoi.model.names import Architecture
from malmoi.predictor import TASK_FILE, check_vocabulary
from malmoi.progress import Tally
from malmoi.shipped import find_model
from malmoi.tasks.catalog import AnyTask, ExampleFile, ExampleStream, learn_task, read_example_file, task_type
from malmoi.tasks.options import TaskOptions
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.machine import describe_machine
from malmoi.training.options import FinetuneOptions
from malmoi.training.rows import encode_compactly

LOG = "log.jsonl"
_ARCHITECTURES: dict[str, Architecture] = {"choice": "MultipleChoice", "qa": "QuestionAnswering"}
"""What transformers opens a task's model as, where that is not the usual class for its head."""


@dataclass(frozen=True, kw_only=True)
class FinetuneReport:
    """What a fine-tuning run reached."""

    task: str
    n_train: int
    n_dev: int
    epochs: int
    """How many were to be run."""
    lr: float
    """The learning rate that was kept."""
    best_seed: int
    dev: dict[int, dict[str, float]]
    """Metrics on dev in percent, by seed, each at its best epoch, with this rate; empty without dev examples."""
    mean: dict[str, float]
    """Over the seeds."""
    spread: dict[str, float]
    """Standard deviation over the seeds; zero for one."""
    scores: dict[str, Any] = field(default_factory=dict)
    """All that `malmoi evaluate` would say of the kept model on dev, by label too; empty without dev examples."""
    rates: dict[float, dict[str, float]] = field(default_factory=dict)
    """Means over the seeds by learning rate, where several were tried."""
    baseline: dict[str, float] = field(default_factory=dict)
    """Metrics on dev of the linear baseline, where it was asked for."""
    dropped: dict[str, dict[str, int]] = field(default_factory=dict)
    """What the files' format says to leave out: file → reason → how many."""
    n_resumed: int = 0
    """Runs taken over from a process that was stopped."""

    def __str__(self) -> str:
        lines = [f"{self.task}: {self.n_train:,} training examples, {self.n_dev:,} for development"]
        for path, reasons in self.dropped.items():
            lines += [f"{path}: left out {n:,} {reason}" for reason, n in reasons.items()]
        for lr, means in self.rates.items():
            lines.append(f"rate {lr:g}: {', '.join(f'{name} {mean:.2f}' for name, mean in means.items())}")
        for name, mean in self.mean.items():
            spread = f" ± {self.spread[name]:.2f} over {len(self.dev)} seeds" if len(self.dev) > 1 else ""
            baseline = f" (linear baseline {self.baseline[name]:.2f})" if name in self.baseline else ""
            lines.append(f"dev {name}: {mean:.2f}{spread}{baseline}")
        return "\n".join(lines)


def finetune(
    task_name: str,
    model_directory: Path,
    train: Path,
    out: Path,
    options: FinetuneOptions = FinetuneOptions(),
    *,
    task_options: TaskOptions = TaskOptions(),
    dev: Path | None = None,
    format: str = "auto",
    baseline: bool = False,
    force: bool = False,
) -> FinetuneReport:
    """Fine-tune a model for a task.

    Several learning rates and seeds are run one after the other. When they are stopped half-way, the same call again
    goes on behind the last one that finished.

    Args:
        task_name: a key of `tasks.catalog.TASKS`.
        model_directory: any BERT or ModernBERT directory with its tokenizer.
        train: labelled examples.
        out: directory to make.
        options: the recipe.
        task_options: what only this task has.
        dev: labelled examples to choose the best epoch and seed by; without them the last epoch of the first seed.
        format: format of both files, or `auto`.
        baseline: whether a linear model on the same examples is measured beside, for tasks with labels.
        force: replace `out`.

    Raises:
        InputError: examples that cannot be read, without labels, or with labels in dev that train lacks.
        CheckpointError: the model cannot be read.
        OutputError: `out` exists, or cannot be written.
    """
    check_output(out, force=force)
    model_directory = find_model(model_directory)
    kind = task_type(task_name)
    _check_comparisons(kind, options, dev, baseline=baseline)
    tokenizer = Tokenizer.load(model_directory)
    # Gone through twice or thrice and never held: there may be millions.
    train_file = ExampleStream(kind, train, format)
    task = learn_task(kind, Tally(train_file, "examples looked at"), train).with_options(task_options)
    run = FinetuningRun(task, tokenizer, model_directory, options)
    check_vocabulary(tokenizer, run.config.n_tokens, model_directory)
    dev_file = _read_dev(task, dev, format)
    examples = Tally(task.training_examples(train_file), "examples cut into tokens")
    rows = encode_compactly(task, examples, tokenizer, run.max_tokens)
    n_train = len(rows)
    if task.head.kind == "token":
        rows = rows.each_row_by_itself()
    scores = _baseline(task, train_file, dev_file) if baseline else {}
    n_epochs = run.n_epochs(len(rows))
    recorded = _recorded(run, n_epochs, task_options)
    with kept_runs(out, _plan(recorded, model_directory, train, dev)) as directory:
        sweep = run_all(run, rows, dev_file.examples, directory)
        dropped = {str(p): f.dropped for p, f in ((train, train_file), (dev, dev_file)) if f.dropped}
        report = _report(task, n_train, len(dev_file.examples), n_epochs, sweep)
        report = replace(report, baseline=scores, dropped=dropped)
        with staged_directory(out, kind="model", options=recorded, force=force) as staged:
            _write(run, sweep, staged, recorded, report)
    return report


def _baseline(task: AnyTask, train: ExampleStream, dev: ExampleFile) -> dict[str, float]:
    return linear_baseline(task, list(task.training_examples(train)), dev.examples).metrics


def _check_comparisons(kind: type[AnyTask], options: FinetuneOptions, dev: Path | None, *, baseline: bool) -> None:
    """Refuse what needs dev examples where there are none, and a baseline for a task that has none."""
    if dev is None and (baseline or len(options.rates) > 1):
        raise OptionError("without dev examples nothing can be compared: add --dev, or leave --lrs and --baseline out")
    if baseline:
        check_baseline(kind)


def _read_dev(task: AnyTask, dev: Path | None, format: str) -> ExampleFile:
    """The examples to judge by, each with a label; none without a file."""
    dev_file = ExampleFile([], {}) if dev is None else read_example_file(task, dev, format)
    if not all(map(task.is_labelled, dev_file.examples)):
        raise InputError(f"{dev} has examples without a label: expected one in each, add them or leave --dev out")
    return dev_file


def _recorded(run: FinetuningRun, n_epochs: int, task_options: TaskOptions) -> dict[str, Any]:
    """All options as they were settled; those of single tasks where they were given."""
    settled = replace(run.options, epochs=n_epochs, batch_size=run.batch_size, max_tokens=run.max_tokens)
    given = {name: value for name, value in asdict(task_options).items() if value is not None}
    return asdict(settled) | given | {"task": run.task.name, "model": str(run.model_directory)}


def _plan(recorded: dict[str, Any], model: Path, train: Path, dev: Path | None) -> dict[str, Any]:
    """What must be the same for a run to be gone on with."""
    weights = sorted(path for path in model.iterdir() if path.suffix in (".safetensors", ".bin", ".json", ".txt"))
    files = [train, *([] if dev is None else [dev]), *weights]
    return {"version": __version__, "options": recorded, "files": [file_hash(path) for path in files]}


def _report(task: AnyTask, n_train: int, n_dev: int, n_epochs: int, sweep: Sweep) -> FinetuneReport:
    by_seed = sweep.metrics[sweep.best.lr]
    means = {lr: _over_seeds(metrics.values(), statistics.fmean) for lr, metrics in sweep.metrics.items()}
    return FinetuneReport(
        task=task.name,
        n_train=n_train,
        n_dev=n_dev,
        epochs=n_epochs,
        lr=sweep.best.lr,
        best_seed=sweep.best.seed,
        dev=by_seed if n_dev else {},
        mean=means[sweep.best.lr],
        spread=_over_seeds(by_seed.values(), lambda values: statistics.stdev(values) if len(values) > 1 else 0.0),
        scores={} if sweep.best.scores is None else sweep.best.scores.to_json(),
        rates=means if len(means) > 1 else {},
        n_resumed=sweep.n_resumed,
    )


def _over_seeds(metrics: Iterable[dict[str, float]], combine: Callable[[Sequence[float]], float]) -> dict[str, float]:
    """One value a metric from those of all seeds."""
    by_seed = list(metrics)
    return {name: combine([values[name] for values in by_seed]) for name in by_seed[0]}


def _write(run: FinetuningRun, sweep: Sweep, directory: Path, recorded: dict[str, Any], report: FinetuneReport) -> None:
    model = run.new_model(sweep.best.seed)
    model.load_state_dict(sweep.best.weights)
    task = run.task
    save_model(model, directory, labels=task.output_names or None, architecture=_ARCHITECTURES.get(task.name))
    run.tokenizer.save(directory)
    write_json(directory / TASK_FILE, task.to_json() | {"max_tokens": run.max_tokens})
    write_json(directory / "report.json", asdict(report) | {"machine": describe_machine(run.device)})
    write_text(directory / LOG, sweep.log)
    card = finetuning_card(model.config, task.name, task.labels, recorded, {"mean": report.mean, "dev": report.dev})
    write_text(directory / "README.md", card)
