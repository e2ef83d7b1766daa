"""Running a model: rows in, one array a row out. How it was trained, and what the numbers mean, is elsewhere."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from malmoi.model.heads import TaskModel
from malmoi.tasks.task import Row
from malmoi.training.batch import Batch, collate, sorted_batches
from malmoi.training.device import autocast
from malmoi.training.options import Precision

_BATCH_TOKENS = 4096
"""Tokens in a batch, padding included: enough to keep two cores busy, small enough for their caches."""


class TorchRuntime:
    """A task model run by PyTorch."""

    def __init__(self, model: TaskModel, *, precision: Precision = "auto") -> None:
        self.model, self.precision = model, precision
        self.device = next(model.parameters()).device

    @torch.inference_mode()
    def run(self, batch: Batch) -> np.ndarray:
        """float32 [B, C] (pooled) or [B, T, C] (token) for a batch."""
        self.model.eval()
        with autocast(self.device, self.precision):
            outputs = forward(self.model, batch)
        array: np.ndarray = outputs.float().cpu().numpy()
        return array

    def run_examples(self, examples: Sequence[Sequence[Row]]) -> list[list[np.ndarray]]:
        """Outputs of every row of every example, in order; padding is cut off."""
        outputs: list[list[np.ndarray]] = [[] for _ in examples]
        for numbers, batch in batches_of(examples, self.model.config.pad_id):
            # Only one example may be more than a batch: a long text, whose rows need not be run together.
            parts = batch.parts(_BATCH_TOKENS) if len(numbers) == 1 else [batch]
            answers = (answer for part in parts for answer in self.run(part))
            rows = iter(zip(answers, batch.row_lengths, strict=True))
            for number in numbers:
                for _ in examples[number]:
                    output, length = next(rows)
                    outputs[number].append(output if output.ndim == 1 else output[:length])
        return outputs


def batches_of(examples: Sequence[Sequence[Row]], pad_id: int) -> Iterator[tuple[list[int], Batch]]:
    """Numbers of examples and their rows as a batch, each batch of about equal lengths."""
    for numbers in sorted_batches(examples, _BATCH_TOKENS):
        yield numbers, collate([row for number in numbers for row in examples[number]], pad_id)


def forward(model: TaskModel, batch: Batch) -> torch.Tensor:
    """A task model's outputs for a batch, on the model's device."""
    device = next(model.parameters()).device
    mask = None if batch.mask is None else torch.from_numpy(batch.mask).to(device)[:, None, None, :]
    return torch.as_tensor(
        model(
            torch.from_numpy(batch.ids).to(device),
            segments_BT=torch.from_numpy(batch.segments).to(device),
            mask=mask,
        )
    )
