"""Cross-entropy over a large vocabulary: loss, accuracy and gradient in one pass over the logits.

The textbook way turns the logits to fp32, keeps a second fp32 copy for the backward pass and makes a third there:
for a vocabulary of tens of thousands that is most of a step's memory and a third of a small model's time. Here
the gradient is made with the loss, in the logits' own type.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

IGNORED = -100
"""Targets with this value do not count."""
_LEAST_LOGARITHM = -70.0
"""Smaller ones count as this: e⁻⁷⁰ is nothing beside 1 in any of our types, and what lies below the smallest normal
number (e⁻⁸⁷) takes a processor three times as long."""


class CrossEntropy(NamedTuple):
    """What one pass gives."""

    loss: Tensor
    """float32 scalar: mean over the targets that count"""
    accuracy: Tensor
    """float32 scalar: share of them whose logit is the largest"""
    gradient_NV: Tensor  # noqa: N815
    """of the loss, in the type of the logits"""


def cross_entropy_pass(logits_NV: Tensor, targets_N: Tensor) -> CrossEntropy:
    """Loss, accuracy and gradient of logits (float [N, V]) for targets (int64 [N]); compile it to fuse it."""
    wide_NV = logits_NV.float()
    counts_N1 = (targets_N != IGNORED)[:, None]
    n = counts_N1.sum().clamp(min=1)
    safe_N1 = targets_N.clamp(min=0)[:, None]
    largest_N1 = wide_NV.amax(-1, keepdim=True)
    log_sum_N1 = largest_N1 + (wide_NV - largest_N1).clamp(min=_LEAST_LOGARITHM).exp().sum(-1, keepdim=True).log()
    right_N1 = wide_NV.gather(1, safe_N1)
    loss = ((log_sum_N1 - right_N1) * counts_N1).sum() / n
    accuracy = ((right_N1 == largest_N1) & counts_N1).sum() / n
    share_N1 = counts_N1 / n
    gradient_NV = ((wide_NV - log_sum_N1).clamp(min=_LEAST_LOGARITHM).exp() * share_N1).to(logits_NV.dtype)
    # Written over: to ask of every element whether it is the target is a quarter of the whole pass.
    of_targets_N1 = ((right_N1 - log_sum_N1).exp() - 1) * share_N1
    gradient_NV.scatter_(1, safe_N1, of_targets_N1.to(logits_NV.dtype))
    return CrossEntropy(loss, accuracy, gradient_NV)


class _CrossEntropyFunction(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, logits_NV: Tensor, targets_N: Tensor, one_pass: Callable[[Tensor, Tensor], CrossEntropy]
    ) -> tuple[Tensor, Tensor]:
        result = one_pass(logits_NV, targets_N)
        ctx.save_for_backward(result.gradient_NV)
        ctx.mark_non_differentiable(result.accuracy)
        return result.loss, result.accuracy

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient_NV,) = ctx.saved_tensors
        # Nearly always 1, and a pass over the gradient to multiply by it is a twentieth of a small model's step. (Not
        # asked on a GPU, which would have to be waited for.)
        if gradients[0].device.type == "cpu" and gradients[0].item() == 1:
            return gradient_NV, None, None
        return gradient_NV * gradients[0].to(gradient_NV.dtype), None, None


def cross_entropy_with_accuracy(
    logits_NV: Tensor,
    targets_N: Tensor,
    one_pass: Callable[[Tensor, Tensor], CrossEntropy] = cross_entropy_pass,
) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy and accuracy, both float32 scalars; the loss has its gradient.

    Args:
        logits_NV: any float type.
        targets_N: int64; `IGNORED` does not count. Where none counts, both are 0.
        one_pass: `cross_entropy_pass`, or what `torch.compile` makes of it.
    """
    loss, accuracy = _CrossEntropyFunction.apply(logits_NV, targets_N, one_pass)  # type: ignore[no-untyped-call]
    return loss, accuracy
