"""The fine-tuning run: a pre-trained directory and labelled examples in, a model for one task out."""

import statistics
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss

from malmoi.artifact import check_output, staged_directory, write_json, write_text
from malmoi.errors import InputError
from malmoi.model.card import finetuning_card
from malmoi.model.checkpoint import load_config, new_task_model, save_model
from malmoi.model.heads import TaskModel
from malmoi.model.torch_runtime import TorchRuntime, forward
from malmoi.predictor import TASK_FILE, Predictor, check_vocabulary
from malmoi.progress import progress_bar
from malmoi.tasks.catalog import AnyTask, read_examples, task_type
from malmoi.tasks.task import Row
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.batch import Batch, collate, shuffled_batches
from malmoi.training.device import select_device
from malmoi.training.fit import Losses, fit
from malmoi.training.log import StepLog
from malmoi.training.optim import build_optimizers
from malmoi.training.options import FinetuneOptions, OptimizerOptions

LOG = "log.jsonl"
_LOG_EVERY = 50
_LR_BY_WIDTH = ((128, 1e-3), (256, 5e-4), (768, 5e-5))
_LR_OF_LARGER = 2e-5
"""Narrow models want larger steps; 5e-5 and 2e-5 are from Devlin et al. 2019, §A.3, the others measured here."""


@dataclass(frozen=True, kw_only=True)
class FinetuneReport:
    """What a fine-tuning run reached."""

    task: str
    n_train: int
    n_dev: int
    best_seed: int
    dev: dict[int, dict[str, float]]
    """Metrics on dev in percent, by seed, each at its best epoch; empty without dev examples."""
    mean: dict[str, float]
    """Over the seeds."""
    spread: dict[str, float]
    """Standard deviation over the seeds; zero for one."""

    def __str__(self) -> str:
        lines = [f"{self.task}: {self.n_train:,} training examples, {self.n_dev:,} for development"]
        for name, mean in self.mean.items():
            spread = f" ± {self.spread[name]:.2f} over {len(self.dev)} seeds" if len(self.dev) > 1 else ""
            lines.append(f"dev {name}: {mean:.2f}{spread}")
        return "\n".join(lines)


def finetune(
    task_name: str,
    model_directory: Path,
    train: Path,
    out: Path,
    options: FinetuneOptions = FinetuneOptions(),
    *,
    dev: Path | None = None,
    format: str = "auto",
    force: bool = False,
) -> FinetuneReport:
    """Fine-tune a model for a task.

    Args:
        task_name: a key of `tasks.catalog.TASKS`.
        model_directory: any BERT or ModernBERT directory with its tokenizer.
        train: labelled examples.
        out: directory to make.
        options: the recipe.
        dev: labelled examples to choose the best epoch and seed by; without them the last epoch of the first seed.
        format: format of both files, or `auto`.
        force: replace `out`.

    Raises:
        InputError: examples that cannot be read, without labels, or with labels in dev that train lacks.
        CheckpointError: the model cannot be read.
        OutputError: `out` exists, or cannot be written.
    """
    check_output(out, force=force)
    tokenizer = Tokenizer.load(model_directory)
    config = load_config(model_directory)
    check_vocabulary(tokenizer, config.n_tokens, model_directory)
    options = replace(options, max_tokens=min(options.max_tokens, config.max_tokens))
    kind = task_type(task_name)
    train_examples = read_examples(kind, train, format)
    task = kind.from_examples(train_examples)
    dev_examples = read_examples(task, dev, format) if dev is not None else []
    if any(example.label is None for example in dev_examples):
        raise InputError(f"{dev} has examples without a label: expected one in each, add them or leave --dev out")
    run = FinetuningRun(task, tokenizer, model_directory, options)
    rows = task.encode_many(train_examples, tokenizer, options.max_tokens)
    recorded = asdict(options) | {"task": task_name, "model": str(model_directory)}
    with staged_directory(out, kind="model", options=recorded, force=force) as directory:
        results = {}
        best: Result | None = None
        with StepLog(directory / LOG) as log:
            for seed in range(options.seed, options.seed + options.seeds):
                result = run.train(rows, dev_examples, seed, log)
                results[seed] = result.metrics
                if best is None or _metric(result, task) > _metric(best, task):
                    best = result
        assert best is not None
        report = _report(task, len(rows), len(dev_examples), best, results)
        _write(run, best, directory, recorded, report)
    return report


@dataclass(frozen=True)
class Result:
    """The best weights of one seed."""

    seed: int
    weights: dict[str, Tensor]
    metrics: dict[str, float]


class FinetuningRun:
    """What all seeds share; the benchmarks use it as well."""

    def __init__(self, task: AnyTask, tokenizer: Tokenizer, model_directory: Path, options: FinetuneOptions) -> None:
        self.task, self.tokenizer, self.options = task, tokenizer, options
        self.model_directory = model_directory
        self.device = select_device(options.device)

    def new_model(self, seed: int) -> TaskModel:
        """Pre-trained weights under a new head, or random ones of the same shape."""
        torch.manual_seed(seed)
        head = self.task.head
        # [CLS] learns only from next sentences, which sentence-level corpora do not have; the mean needs no [CLS].
        default: Literal["cls", "mean"] = "mean" if load_config(self.model_directory).encoder == "modernbert" else "cls"
        model = new_task_model(
            self.model_directory,
            head.kind,
            head.n_outputs,
            dropout=self.options.dropout,
            pooling=self.options.pooling or default,
        )
        if self.options.from_scratch:
            model = TaskModel(model.config, head.kind, head.n_outputs)
        return model.to(self.device)

    def batches(self, examples: Sequence[Sequence[Row]], seed: int, epoch: int) -> Iterator[Batch]:
        """One epoch."""
        generator = np.random.default_rng([seed, epoch])
        for numbers in shuffled_batches(examples, self.options.batch_size, generator):
            yield collate([row for n in numbers for row in examples[n]], self.tokenizer.pad_id)

    def losses(self, model: TaskModel, batch: Batch) -> Losses:
        """The task's loss over a batch."""
        assert batch.targets is not None, "training examples have labels"
        outputs = forward(model, batch).float()
        targets = torch.from_numpy(batch.targets).to(self.device)
        if self.task.head.loss == "mean_squared_error":
            return Losses(mse_loss(outputs.squeeze(-1), targets), {})
        return Losses(cross_entropy(outputs.flatten(0, -2), targets.flatten(), ignore_index=-100), {})

    def train(self, examples: Sequence[Sequence[Row]], dev: Sequence[Any], seed: int, log: StepLog) -> Result:
        """Train with one seed; after every epoch measure on dev and keep the best weights."""
        options, model = self.options, self.new_model(seed)
        steps_per_epoch = -(-len(examples) // options.batch_size)
        n_steps = steps_per_epoch * options.epochs
        optimizers = build_optimizers(model, self._optimizer_options(model), n_steps)
        best: Result | None = None
        with progress_bar(f"fine-tuning, seed {seed}", n_steps) as bar:
            for epoch in range(options.epochs):
                steps = fit(
                    model,
                    self.batches(examples, seed, epoch),
                    lambda batch: self.losses(model, batch),
                    optimizers,
                    precision=options.precision,
                    first_step=epoch * steps_per_epoch + 1,
                )
                for step in steps:
                    n_tokens = int(step.batch.row_lengths.sum())
                    log.add(step, n_examples=len(step.batch.row_lengths), n_tokens=n_tokens)
                    if step.number % _LOG_EVERY == 0 or step.number % steps_per_epoch == 0:
                        log.write(seed=seed, epoch=epoch)
                    bar.update(note=log.note)
                result = Result(seed, {}, self._evaluate(model, dev))
                # Of equals the later epoch: it is further down the schedule, and surer.
                if best is None or _metric(result, self.task) >= _metric(best, self.task):
                    best = replace(result, weights=deepcopy(model.state_dict()))
        assert best is not None
        return best

    def _optimizer_options(self, model: TaskModel) -> OptimizerOptions:
        by_width = (lr for width, lr in _LR_BY_WIDTH if model.config.width <= width)
        lr = self.options.lr or next(by_width, _LR_OF_LARGER)
        warmup = self.options.warmup
        return OptimizerOptions(
            lr=lr, weight_decay=self.options.weight_decay, warmup=warmup, decay=1 - warmup, beta2=0.999
        )

    def _evaluate(self, model: TaskModel, examples: Sequence[Any]) -> dict[str, float]:
        if not examples:
            return {}
        return self._predictor(model).evaluate(examples).metrics

    def _predictor(self, model: TaskModel) -> Predictor:
        runtime = TorchRuntime(model, precision=self.options.precision)
        return Predictor(self.task, self.tokenizer, runtime, self.options.max_tokens)


def _metric(result: Result, task: AnyTask) -> float:
    """What results are compared by; all are equal without dev examples."""
    return result.metrics[task.main_metric] if result.metrics else 0.0


def _report(
    task: AnyTask, n_train: int, n_dev: int, best: Result, results: dict[int, dict[str, float]]
) -> FinetuneReport:
    names = list(best.metrics)
    values = {name: [metrics[name] for metrics in results.values()] for name in names}
    return FinetuneReport(
        task=task.name,
        n_train=n_train,
        n_dev=n_dev,
        best_seed=best.seed,
        dev=results if names else {},
        mean={name: statistics.fmean(v) for name, v in values.items()},
        spread={name: statistics.stdev(v) if len(v) > 1 else 0.0 for name, v in values.items()},
    )


def _write(run: FinetuningRun, best: Result, directory: Path, recorded: dict[str, Any], report: FinetuneReport) -> None:
    model = run.new_model(best.seed)
    model.load_state_dict(best.weights)
    task = run.task
    save_model(model, directory, labels=task.labels or None)
    run.tokenizer.save(directory)
    write_json(directory / TASK_FILE, task.to_json() | {"max_tokens": run.options.max_tokens})
    write_json(directory / "report.json", asdict(report))
    card = finetuning_card(model.config, task.name, task.labels, recorded, {"mean": report.mean, "dev": report.dev})
    write_text(directory / "README.md", card)
