"""The loop: it learns, it counts, and it stops before a number that is none gets into the weights."""

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from malmoi.errors import MalmoiError
from malmoi.training.fit import Losses, fit
from malmoi.training.optim import build_optimizers
from malmoi.training.options import OptimizerOptions

OPTIONS = OptimizerOptions(lr=0.05, warmup=0.1, decay=0.5)
Pair = tuple[Tensor, Tensor]


def small_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))


def batches(n: int) -> Iterator[Pair]:
    generator = torch.Generator().manual_seed(1)
    for _ in range(n):
        x = torch.randn(32, 4, generator=generator)
        yield x, x.sum(1, keepdim=True)


def losses_of(model: nn.Module, batch: Pair) -> Losses:
    loss = (model(batch[0]) - batch[1]).square().mean()
    return Losses(loss, {"error": loss.detach().sqrt()})


def test_a_model_learns_and_every_step_is_told() -> None:
    model = small_model()
    optimizers = build_optimizers(model, OPTIONS, 60)
    steps = list(fit(model, batches(60), lambda batch: losses_of(model, batch), optimizers, precision="fp32"))
    assert [step.number for step in steps] == list(range(1, 61))
    assert steps[0].loss > 2 and max(step.loss for step in steps[-5:]) < 0.2
    assert steps[3].values["error"] == pytest.approx(steps[3].loss ** 0.5)
    assert max(step.lr for step in steps) == 0.05 and steps[-1].lr < 0.005
    assert all(step.seconds > 0 and step.grad_norm > 0 for step in steps)
    assert torch.equal(steps[7].batch[0], list(batches(8))[7][0])


def test_a_resumed_loop_counts_on() -> None:
    model = small_model()
    optimizers = build_optimizers(model, OPTIONS, 60)
    steps = fit(model, batches(3), lambda batch: losses_of(model, batch), optimizers, first_step=41)
    assert [step.number for step in steps] == [41, 42, 43]


def test_a_step_is_taken_when_it_is_asked_for() -> None:
    model = small_model()
    optimizers = build_optimizers(model, OPTIONS, 60)
    steps = fit(model, batches(9), lambda batch: losses_of(model, batch), optimizers)
    next(steps)
    before = [weight.clone() for weight in model.parameters()]
    model.eval()  # an evaluation between steps
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    next(steps)
    assert model.training
    assert not any(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_touches_nothing(value: float) -> None:
    model = small_model()
    optimizers = build_optimizers(model, OPTIONS, 60)

    def poisoned() -> Iterator[Pair]:
        for number, (x, y) in enumerate(batches(9)):
            yield x, y * value if number == 4 else y

    steps = fit(model, poisoned(), lambda batch: losses_of(model, batch), optimizers)
    for _ in range(4):
        next(steps)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    with pytest.raises(MalmoiError, match=rf"the loss is {value} at step 5: expected a finite number; lower"):
        next(steps)
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())


def test_a_gradient_that_is_no_number_touches_nothing() -> None:
    # sqrt(0) is 0, its slope is infinite: the loss is fine and the weights would not be.
    model = small_model()
    optimizers = build_optimizers(model, OPTIONS, 60)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    steps = fit(model, batches(1), lambda batch: Losses((model(batch[0]) * 0).sqrt().sum(), {}), optimizers)
    with pytest.raises(MalmoiError, match="gradients' norm is nan"):
        next(steps)
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())


def _fp16_run(n_steps: int, scale: float | None = None) -> tuple[nn.Module, list[float]]:
    model = small_model()
    optimizers = build_optimizers(model, OPTIONS, 60, precision="fp16")
    assert optimizers.scaler is not None
    if scale is not None:
        optimizers.load_state_dict(
            optimizers.state_dict() | {"scaler": optimizers.scaler.state_dict() | {"scale": scale}}
        )
    steps = fit(model, batches(n_steps), lambda batch: losses_of(model, batch), optimizers, precision="fp16")
    return model, [step.grad_norm for step in steps]


def test_fp16_learns_with_scaled_losses() -> None:
    model, norms = _fp16_run(60)
    x, y = next(batches(1))
    assert (model(x) - y).square().mean() < 0.3
    finite = [norm for norm in norms if math.isfinite(norm)]  # the first scales are too large
    assert len(finite) > 50 and all(0 < norm < 100 for norm in finite)  # of the gradients, not of the scaled ones


def test_a_step_that_overflows_in_fp16_is_left_out() -> None:
    before = {name: weight.clone() for name, weight in small_model().state_dict().items()}
    model, norms = _fp16_run(1, scale=2.0**100)
    assert not any(map(math.isfinite, norms))
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())
