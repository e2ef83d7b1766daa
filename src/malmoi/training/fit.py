"""The training loop: a generator that takes one optimiser step at a time. The caller logs, evaluates and saves."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from malmoi.errors import NotFiniteError
from malmoi.training.device import autocast, keep_freed_memory
from malmoi.training.distributed import ALONE, Group
from malmoi.training.optim import Optimizers
from malmoi.training.options import Precision

BatchT = TypeVar("BatchT")
BatchT_co = TypeVar("BatchT_co", covariant=True)


@dataclass(frozen=True)
class Losses:
    """What one forward pass gives."""

    total: Tensor
    """Scalar, with its graph: what is minimised."""
    values: dict[str, Tensor]
    """Scalars to be logged."""


@dataclass(frozen=True)
class Step(Generic[BatchT_co]):
    """What one optimiser step did."""

    number: int
    """From 1."""
    batch: BatchT_co
    loss: float
    values: dict[str, float]
    lr: float
    grad_norm: float
    seconds: float
    """Wall-clock time of this step, waiting for its batch included."""


def fit(
    model: nn.Module,
    batches: Iterable[BatchT],
    compute_losses: Callable[[BatchT], Losses | Iterator[Losses]],
    optimizers: Optimizers,
    *,
    precision: Precision = "auto",
    first_step: int = 1,
    group: Group = ALONE,
) -> Iterator[Step[BatchT]]:
    """Train `model` on `batches`, one step a batch.

    Args:
        model: its weights are changed; it is put into training mode before every step.
        batches: one item a step; the loop ends with it.
        compute_losses: forward pass of one batch; or its parts, one after another, whose losses add up.
        optimizers: stepped once a batch.
        precision: see `autocast`.
        first_step: number of the first step (after a resume).
        group: processes whose losses are averaged, as their gradients are.

    Raises:
        NotFiniteError: the loss or the gradients are no longer finite; no weight was touched.
    """
    device = next(model.parameters()).device
    if device.type == "cpu":
        keep_freed_memory()
    started = time.perf_counter()
    for number, batch in enumerate(batches, start=first_step):
        model.train()
        losses = _backward(compute_losses, batch, lambda: autocast(device, precision), optimizers)
        logged = group.mean({"loss": losses.total, **losses.values})
        loss = logged.pop("loss").item()
        if not math.isfinite(loss):
            raise NotFiniteError(
                f"the loss is {loss} at step {number}: expected a finite number; lower the learning rate, "
                "the last save is intact"
            )
        lr = optimizers.lr
        grad_norm = optimizers.step()
        values = {name: value.item() for name, value in logged.items()}
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        now = time.perf_counter()
        yield Step(number, batch, loss, values, lr, grad_norm, now - started)
        started = time.perf_counter()


def _backward(
    compute_losses: Callable[[BatchT], Losses | Iterator[Losses]],
    batch: BatchT,
    context: Callable[[], AbstractContextManager[object]],
    optimizers: Optimizers,
) -> Losses:
    """Add the gradients of a batch to the weights'; where it comes in parts, only one is in memory at a time."""
    with context():
        found = compute_losses(batch)
    if isinstance(found, Losses):
        optimizers.scaled(found.total).backward()  # type: ignore[no-untyped-call]
        return found
    total, values = torch.zeros(()), dict[str, Tensor]()
    while True:
        with context():
            part = next(found, None)
        if part is None:
            return Losses(total, values)
        optimizers.scaled(part.total).backward()  # type: ignore[no-untyped-call]
        total = total.to(part.total.device) + part.total.detach()
        for name, value in part.values.items():
            values[name] = values[name] + value if name in values else value
