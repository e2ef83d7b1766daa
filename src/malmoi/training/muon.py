"""Muon (Jordan et al. 2024): steps along the nearest orthogonal matrix. Which weights are its own says `optim.py`."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Quintic coefficients of Jordan et al. 2024: singular values go to about 1 in five steps."""


def orthogonalize(matrix: Tensor, n_steps: int = 5) -> Tensor:
    """The nearest semi-orthogonal matrix, about, by Newton-Schulz iterations in the matrix's own precision.

    Shape: matrix [rows, columns] → [rows, columns]
    """
    a, b, c = _NEWTON_SCHULZ
    x = matrix.T if matrix.size(0) > matrix.size(1) else matrix
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(n_steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if matrix.size(0) > matrix.size(1) else x


class Float32Muon(torch.optim.Muon):
    """`torch.optim.Muon` for processors without bf16 units, where its bf16 products would take a hundred times longer.

    State and options are the parent's, so a run may go from one to the other.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of every matrix that has a gradient."""
        loss = closure() if closure else None
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                update = momentum_update(weight, self.state[weight], group)
                apply_update(weight, orthogonalize(update, group["ns_steps"]), group)
        return loss


def momentum_update(weight: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    """The direction before it is made orthogonal: the gradient is added to the momentum in `state`."""
    assert weight.grad is not None, "those without are left out"
    if not state:
        state["momentum_buffer"] = torch.zeros_like(weight)
    momentum: Tensor = state["momentum_buffer"]
    momentum.lerp_(weight.grad, 1 - group["momentum"])
    return weight.grad.lerp(momentum, group["momentum"]) if group["nesterov"] else momentum


def apply_update(weight: Tensor, update: Tensor, group: dict[str, Any]) -> None:
    """A step along an orthogonal matrix, longer for tall ones, after the decay."""
    scale = max(1.0, weight.size(0) / weight.size(1)) ** 0.5
    weight.mul_(1 - group["lr"] * group["weight_decay"])
    weight.add_(update, alpha=-group["lr"] * scale)
