"""Losses of tasks: what the outputs of a head are compared with. Not those of pre-training."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss

from malmoi.tasks.task import Head
from malmoi.training.batch import Batch
from malmoi.training.span_loss import span_loss


def task_loss(head: Head, outputs: Tensor, batch: Batch, class_weights: Tensor | None = None) -> Tensor:
    """Scalar: the loss that `head` names, over a batch whose rows have targets.

    Args:
        head: what the task wants.
        outputs: [B, C] (pooled), [B, T, C] (token) or [B, T] (masked), any float type.
        batch: its rows.
        class_weights: float32 [C], how much an example of each class counts; for `cross_entropy` only.
    """
    assert batch.targets is not None, "training examples have labels"
    outputs = outputs.float()
    targets = torch.from_numpy(batch.targets).to(outputs.device)
    if head.loss == "mean_squared_error":
        return mse_loss(outputs.squeeze(-1), targets)
    if head.loss == "span":
        return span_loss(outputs, targets)
    if head.loss == "choice":
        return _choice_loss(outputs, targets, batch)
    return cross_entropy(outputs.flatten(0, -2), targets.flatten(), weight=class_weights, ignore_index=-100)


def _choice_loss(outputs: Tensor, targets_B: Tensor, batch: Batch) -> Tensor:
    """Cross-entropy over the choices of each example; a choice's score is the mean over its rows, as in `ChoiceTask`.

    Examples may have different numbers of choices, and choices of rows: the scores are gathered in a table, and
    choices that an example does not have count as impossible.
    """
    assert batch.choices is not None and batch.row_counts is not None, "rows that speak for choices"
    scores_B = outputs.flatten(1).sum(1)
    choices_B = torch.from_numpy(batch.choices).to(outputs.device)
    counts_E = torch.from_numpy(batch.row_counts).to(outputs.device)
    examples_B = torch.repeat_interleave(torch.arange(len(counts_E), device=outputs.device), counts_E)
    table_EC = outputs.new_zeros(len(counts_E), int(choices_B.max()) + 1)
    n_rows_EC = table_EC.index_put((examples_B, choices_B), torch.ones_like(scores_B), accumulate=True)
    table_EC = table_EC.index_put((examples_B, choices_B), scores_B, accumulate=True) / n_rows_EC.clamp(min=1)
    firsts_E = counts_E.cumsum(0) - counts_E
    return cross_entropy(table_EC.masked_fill(n_rows_EC == 0, -torch.inf), targets_B[firsts_E])
