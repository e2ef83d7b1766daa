"""One fine-tuning run: one learning rate and one seed, from pre-trained weights to the best epoch's.

Not here: several runs and what is kept of them (`finetune_sweep.py`), files and reports (`finetune.py`).
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from malmoi.errors import OptionError
from malmoi.model.checkpoint import load_config, new_task_model
from malmoi.model.heads import TaskModel
from malmoi.model.torch_runtime import TorchRuntime, forward
from malmoi.predictor import Predictor
from malmoi.progress import progress_bar
from malmoi.tasks.catalog import AnyTask
from malmoi.tasks.task import Row, Scores
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.batch import Batch, collate, shuffled_batches
from malmoi.training.device import select_device
from malmoi.training.fit import Losses, fit
from malmoi.training.log import StepLog, log_names
from malmoi.training.optim import build_optimizers
from malmoi.training.options import FinetuneOptions
from malmoi.training.task_loss import task_loss

_LR_BY_WIDTH = ((128, 1e-3), (256, 5e-4), (768, 5e-5))
_LR_OF_LARGER = 2e-5
"""Narrow models want larger steps; 5e-5 and 2e-5 are from Devlin et al. 2019, §A.3, the others measured here."""
_EPOCHS_BY_EXAMPLES = ((1_000, 20), (5_000, 10), (20_000, 5))
_EPOCHS_OF_MORE = 3
"""Three epochs are from Devlin et al. 2019; of few examples they are too few steps (Mosbach et al. 2021)."""


@dataclass(frozen=True)
class Result:
    """The best weights of one run."""

    lr: float
    seed: int
    weights: dict[str, Tensor]
    scores: Scores | None
    """On dev; None without dev examples."""

    @property
    def metrics(self) -> dict[str, float]:
        """On dev, in percent; empty without dev examples."""
        return {} if self.scores is None else self.scores.metrics

    def rank(self, task: AnyTask) -> float:
        """What results are compared by; all are equal without dev examples."""
        value = self.metrics[task.main_metric] if self.metrics else 0.0
        return -math.inf if math.isnan(value) else value


class FinetuningRun:
    """What all runs of a task share; the benchmarks use it as well."""

    def __init__(self, task: AnyTask, tokenizer: Tokenizer, model_directory: Path, options: FinetuneOptions) -> None:
        self.task, self.tokenizer, self.options = task, tokenizer, options
        self.model_directory = model_directory
        self.config = load_config(model_directory)
        self.device = select_device(options.device)
        self.batch_size = options.batch_size or task.batch_size
        self.max_tokens = min(options.max_tokens or task.max_tokens, self.config.max_tokens)
        if options.reinit_layers > self.config.n_layers:
            raise OptionError(f"reinit_layers is {options.reinit_layers}: the model has {self.config.n_layers} layers")

    @property
    def default_lr(self) -> float:
        """The rate for a model of this width."""
        return default_lr(self.config.width)

    def n_epochs(self, n_examples: int) -> int:
        """The epochs that were asked for, or what suits so many examples."""
        return self.options.epochs or default_epochs(n_examples)

    def new_model(self, seed: int) -> TaskModel:
        """Pre-trained weights under a new head, or random ones of the same shape."""
        torch.manual_seed(seed)
        head = self.task.head
        # [CLS] learns only from next sentences, which sentence-level corpora do not have; the mean needs no [CLS].
        default: Literal["cls", "mean"] = "mean" if self.config.encoder == "modernbert" else "cls"
        model = new_task_model(
            self.model_directory,
            head.kind,
            head.n_outputs,
            dropout=self.options.dropout,
            pooling=self.options.pooling or default,
        )
        if self.options.from_scratch:
            model = TaskModel(model.config, head.kind, head.n_outputs)
        elif self.options.reinit_layers:
            reinitialise(model, self.options.reinit_layers)
        return model.to(self.device)

    def batches(self, examples: Sequence[Sequence[Row]], seed: int, epoch: int) -> Iterator[Batch]:
        """One epoch."""
        generator = np.random.default_rng([seed, epoch])
        for numbers in shuffled_batches(examples, self.batch_size, generator):
            parts = [examples[n] for n in numbers]
            batch = collate([row for rows in parts for row in rows], self.tokenizer.pad_id, self.max_tokens)
            yield replace(batch, row_counts=np.array([len(rows) for rows in parts], np.int64))

    def losses(self, model: TaskModel, batch: Batch, class_weights: Tensor | None = None) -> Losses:
        """The task's loss over a batch."""
        return Losses(task_loss(self.task.head, forward(model, batch), batch, class_weights), {})

    def train(
        self, examples: Sequence[Sequence[Row]], dev: Sequence[Any], seed: int, log: StepLog, lr: float | None = None
    ) -> Result:
        """Train with one seed and rate; after every epoch measure on dev and keep the best weights.

        Args:
            examples: rows of each training example.
            dev: labelled examples, perhaps none.
            seed: of the new head and of the order.
            log: where losses go.
            lr: peak rate; None for the default.
        """
        model, lr = self.new_model(seed), lr or self.default_lr
        n_epochs, steps_per_epoch = self.n_epochs(len(examples)), -(-len(examples) // self.batch_size)
        n_steps = steps_per_epoch * n_epochs
        share = layer_shares(self.options.layer_decay, self.config.n_layers)
        optimizers = build_optimizers(model, self.options.optimizer(lr), n_steps, share)
        class_weights = self._class_weights(examples)
        best: Result | None = None
        n_worse = 0
        with progress_bar(f"fine-tuning, seed {seed}", n_steps) as bar:
            for epoch in range(n_epochs):
                steps = fit(
                    model,
                    self.batches(examples, seed, epoch),
                    lambda batch: self.losses(model, batch, class_weights),
                    optimizers,
                    precision=self.options.precision,
                    first_step=epoch * steps_per_epoch + 1,
                )
                log.follow(steps, bar, steps_per_epoch, seed=seed, epoch=epoch)
                with log.paused():
                    result = Result(lr, seed, {}, self._evaluate(model, dev))
                log.write(seed=seed, epoch=epoch, **log_names(result.metrics))
                # Of equals the later epoch: it is further down the schedule, and surer.
                is_better = best is None or result.rank(self.task) > best.rank(self.task)
                if best is None or result.rank(self.task) >= best.rank(self.task):
                    best = replace(result, weights=deepcopy(model.state_dict()))
                n_worse = 0 if is_better else n_worse + 1
                if dev and n_worse == self.options.patience:
                    break
        assert best is not None
        return best

    def _class_weights(self, examples: Sequence[Sequence[Row]]) -> Tensor | None:
        """float32 [n_labels]: n / (n_labels * n of this label), as scikit-learn's `balanced`; None where off."""
        if not self.options.class_weights:
            return None
        if not self.task.labels or self.task.head.kind != "pooled":
            raise OptionError(f"class_weights is for tasks with a label an example, not for {self.task.name}")
        targets = np.array([rows[0].target for rows in examples], np.int64)
        counts = np.bincount(targets, minlength=len(self.task.labels))
        weights = len(targets) / (len(counts) * np.maximum(1, counts))
        return torch.from_numpy(weights.astype(np.float32)).to(self.device)

    def _evaluate(self, model: TaskModel, examples: Sequence[Any]) -> Scores | None:
        if not examples:
            return None
        runtime = TorchRuntime(model, precision=self.options.precision)
        return Predictor(self.task, self.tokenizer, runtime, self.max_tokens).evaluate(examples)


def default_lr(width: int) -> float:
    """The learning rate for a model of this width."""
    return next((lr for widest, lr in _LR_BY_WIDTH if width <= widest), _LR_OF_LARGER)


def default_epochs(n_examples: int) -> int:
    """The epochs that suit so many examples."""
    return next((epochs for n, epochs in _EPOCHS_BY_EXAMPLES if n_examples < n), _EPOCHS_OF_MORE)


def layer_shares(decay: float, n_layers: int) -> Callable[[str], float]:
    """For a weight's name the share of the learning rate that it gets: the head all of it, each layer less than the one
    above it (Howard & Ruder 2018), the embeddings least.
    """

    def share(name: str) -> float:
        if name.startswith("head."):
            return 1.0
        layer = re.match(r"encoder\.layers\.(\d+)\.", name)
        if layer is not None:
            return float(decay ** (n_layers - int(layer[1])))
        return float(decay if name.startswith("encoder.final_norm") else decay ** (n_layers + 1))

    return share


def reinitialise(model: TaskModel, n_layers: int) -> None:
    """Give the uppermost layers new random weights, and what stands between them and the new last layer."""
    fresh = TaskModel(model.config, model.kind, model.n_outputs).state_dict()
    first = model.config.n_layers - n_layers
    renewed = {f"encoder.layers.{number}." for number in range(first, model.config.n_layers)}
    if model.kind != "masked":
        renewed.add("head.transform.")
    state = model.state_dict()
    model.load_state_dict({n: fresh[n] if n.startswith(tuple(renewed)) else w for n, w in state.items()})
