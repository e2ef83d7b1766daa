"""Losses of tasks against their definitions, written out example by example."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from malmoi.tasks.task import Head
from malmoi.training.batch import Batch
from malmoi.training.task_loss import task_loss


def batch(targets: np.ndarray, choices: list[int] | None = None, counts: list[int] | None = None) -> Batch:
    ids = np.zeros((len(targets), 1), np.int64)
    return Batch(
        ids,
        ids,
        None,
        targets,
        np.ones(len(targets), np.int64),
        choices=None if choices is None else np.array(choices),
        row_counts=None if counts is None else np.array(counts),
    )


def test_numbers() -> None:
    loss = task_loss(Head("pooled", 1, "mean_squared_error"), torch.tensor([[1.0], [0.0]]), batch(np.float32([0, 2])))
    assert loss.item() == 2.5


def test_classes_with_and_without_weights() -> None:
    outputs, targets = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 3.0]]), np.array([0, 0, 1])
    head = Head("pooled", 2, "cross_entropy")
    assert torch.equal(task_loss(head, outputs, batch(targets)), cross_entropy(outputs, torch.tensor([0, 0, 1])))
    each = cross_entropy(outputs, torch.tensor([0, 0, 1]), reduction="none")
    weighted = task_loss(head, outputs, batch(targets), torch.tensor([1.0, 4.0]))
    assert weighted.item() == pytest.approx((each[0] + each[1] + 4 * each[2]).item() / 6)


def test_choices_of_different_numbers_and_of_several_rows() -> None:
    """Example 0: choices 0 and 1, the second of two rows; example 1: three choices of a row each, in any order."""
    outputs = torch.tensor([[1.0], [0.5], [0.25], [3.0], [-1.0], [2.0]], requires_grad=True)
    rows = batch(np.array([1, 1, 1, 0, 0, 0]), [0, 1, 1, 2, 0, 1], [3, 3])
    loss = task_loss(Head("pooled", 1, "choice"), outputs, rows)
    first = cross_entropy(torch.tensor([[1.0, 0.375]]), torch.tensor([1]))
    second = cross_entropy(torch.tensor([[-1.0, 2.0, 3.0]]), torch.tensor([0]))
    assert loss.item() == pytest.approx(((first + second) / 2).item())
    loss.backward()  # type: ignore[no-untyped-call]
    assert outputs.grad is not None and torch.isfinite(outputs.grad).all()
    # A masked head gives a number a token; a row's score is their sum.
    by_token = torch.cat([outputs.detach() / 2, outputs.detach() / 2], dim=1)
    assert task_loss(Head("masked", 0, "choice"), by_token, rows).item() == pytest.approx(loss.item())
