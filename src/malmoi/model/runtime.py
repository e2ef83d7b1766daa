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
        """float32 [B, C] (pooled), [B, T, C] (token) or, of what the batch asks for, [B, T] (masked)."""
        self.model.eval()
        with autocast(self.device, self.precision):
            outputs = forward(self.model, batch)
        array: np.ndarray = outputs.float().cpu().numpy()
        return array

    def run_examples(self, examples: Sequence[Sequence[Row]]) -> list[list[np.ndarray]]:
        """Outputs of every row of every example, in order; padding is cut off."""
        is_by_token = self.model.kind != "pooled"
        outputs: list[list[np.ndarray]] = [[] for _ in examples]
        for numbers, batch in batches_of(examples, self.model.config.pad_id):
            # Only one example may be more than a batch: a long text, whose rows need not be run together.
            parts = batch.parts(_BATCH_TOKENS) if len(numbers) == 1 else [batch]
            answers = (answer for part in parts for answer in self.run(part))
            rows = iter(zip(answers, batch.row_lengths, strict=True))
            for number in numbers:
                for _ in examples[number]:
                    output, length = next(rows)
                    outputs[number].append(output[:length] if is_by_token else output)
        return outputs


def batches_of(examples: Sequence[Sequence[Row]], pad_id: int) -> Iterator[tuple[list[int], Batch]]:
    """Numbers of examples and their rows as a batch, each batch of about equal lengths."""
    for numbers in sorted_batches(examples, _BATCH_TOKENS):
        yield numbers, collate([row for number in numbers for row in examples[number]], pad_id)


def forward(model: TaskModel, batch: Batch) -> torch.Tensor:
    """A task model's outputs for a batch, on the model's device; of a masked head what the batch asks for."""
    device = next(model.parameters()).device
    ids_BT, segments_BT = torch.from_numpy(batch.ids).to(device), torch.from_numpy(batch.segments).to(device)
    mask = None if batch.mask is None else torch.from_numpy(batch.mask).to(device)[:, None, None, :]
    if batch.asked is not None:
        hidden_BTD = model.encoder(ids_BT, segments_BT=segments_BT, mask=mask)
        return _asked_log_probabilities(model, hidden_BTD, torch.from_numpy(batch.asked).to(device))
    return torch.as_tensor(model(ids_BT, segments_BT=segments_BT, mask=mask))


def _asked_log_probabilities(model: TaskModel, hidden_BTD: torch.Tensor, asked_BT: torch.Tensor) -> torch.Tensor:
    """float32 [B, T]: the log-probability of the token asked for at each place, 0 where none is.

    Places first: the product with the vocabulary is by far the dearest, and needed at few of them.
    """
    is_asked_BT = asked_BT >= 0
    logits_NV = model.head(hidden_BTD[is_asked_BT], model.encoder.token_embedding.weight)
    chances_N = logits_NV.float().log_softmax(-1).gather(1, asked_BT[is_asked_BT][:, None]).squeeze(1)
    return torch.zeros(asked_BT.shape, device=asked_BT.device).masked_scatter(is_asked_BT, chances_N)
