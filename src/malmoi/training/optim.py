"""Optimisers and schedules: AdamW (Loshchilov & Hutter 2019), Muon (Jordan et al. 2024), warm-up and decay.

Muon moves only the matrices of the encoder's blocks; everything else (embeddings, norms, biases, heads) is AdamW's.
"""

import math
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim.lr_scheduler import LambdaLR

from malmoi.errors import NotFiniteError
from malmoi.training.device import has_fast_bfloat16, loss_scaler
from malmoi.training.muon import Float32Muon
from malmoi.training.options import OptimizerOptions, Precision


class Optimizers:
    """One or two optimisers under one schedule, with one state."""

    def __init__(
        self,
        optimizers: list[torch.optim.Optimizer],
        schedule: Callable[[int], float],
        max_grad_norm: float,
        scaler: torch.amp.GradScaler | None = None,
    ) -> None:
        self.optimizers, self.max_grad_norm, self.scaler = optimizers, max_grad_norm, scaler
        self._schedules = [LambdaLR(optimizer, schedule) for optimizer in optimizers]
        self._weights = [w for o in optimizers for group in o.param_groups for w in group["params"]]

    @property
    def lr(self) -> float:
        """AdamW's learning rate for the next step."""
        return float(self.optimizers[-1].param_groups[0]["lr"])

    @property
    def weights_by_place(self) -> dict[str, Tensor]:
        """The weight to which the state at a place of `state_dict` belongs."""
        return {
            f"optimizers/{number}/state/{index}": weight
            for number, optimizer in enumerate(self.optimizers)
            for index, weight in enumerate(w for group in optimizer.param_groups for w in group["params"])
        }

    def scaled(self, loss: Tensor) -> Tensor:
        """What is to be differentiated: the loss, for fp16 many times the loss."""
        return loss if self.scaler is None else self.scaler.scale(loss)

    def step(self) -> float:
        """Clip, update, advance the schedule, drop the gradients; returns the gradients' norm before clipping.

        In fp16 a norm that is not finite means that the loss was scaled too much: the weights stay, the scale falls.

        Raises:
            NotFiniteError: the norm is not finite; no weight was touched.
        """
        if self.scaler is not None:
            for optimizer in self.optimizers:
                self.scaler.unscale_(optimizer)
        total = nn.utils.clip_grad_norm_(self._weights, self.max_grad_norm)
        norm = float(total.full_tensor() if isinstance(total, DTensor) else total)
        if self.scaler is not None:
            return self._scaled_step(self.scaler, norm)
        if not math.isfinite(norm):
            raise NotFiniteError(f"the gradients' norm is {norm}: expected a finite number; lower the learning rate")
        for optimizer, schedule in zip(self.optimizers, self._schedules, strict=True):
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            schedule.step()
        return norm

    def _scaled_step(self, scaler: torch.amp.GradScaler, norm: float) -> float:
        if not math.isfinite(norm) and scaler.get_scale() < 1:
            raise NotFiniteError(f"the gradients' norm is {norm} however small the loss: lower the learning rate")
        for optimizer, schedule in zip(self.optimizers, self._schedules, strict=True):
            scaler.step(optimizer)
            optimizer.zero_grad(set_to_none=True)
            # PyTorch warns where a schedule is ahead of its optimiser, and a step that is left out looks like that.
            if math.isfinite(norm):
                schedule.step()
        scaler.update()
        return norm

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on bit for bit."""
        state: dict[str, Any] = {
            "optimizers": [o.state_dict() for o in self.optimizers],
            "schedules": [schedule.state_dict() for schedule in self._schedules],
        }
        return state if self.scaler is None else state | {"scaler": self.scaler.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a saved state; the schedule itself is this run's own, only its step is taken up."""
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        for schedule, saved in zip(self._schedules, state["schedules"], strict=True):
            schedule.load_state_dict(saved)
        if self.scaler is not None:
            self.scaler.load_state_dict(state["scaler"])


def warmup_decay(n_steps: int, warmup: float, decay: float) -> Callable[[int], float]:
    """Factor of the peak rate by step: linear rise, plateau, linear fall to zero at `n_steps`.

    With warmup + decay = 1 this is BERT's schedule, else warm-up, stable, decay.
    """
    n_warmup, n_decay = round(n_steps * warmup), max(1, round(n_steps * decay))

    def factor(step: int) -> float:
        if step < n_warmup:
            return (step + 1) / (n_warmup + 1)
        return max(0.0, min(1.0, (n_steps - step) / n_decay))

    return factor


def build_optimizers(
    model: nn.Module,
    options: OptimizerOptions,
    n_steps: int,
    share_of_rate: Callable[[str], float] = lambda name: 1.0,
    *,
    precision: Precision = "fp32",
    muon: type[torch.optim.Muon] | None = None,
) -> Optimizers:
    """Sort the weights of `model` into groups and give each its optimiser.

    Args:
        model: what is trained.
        options: optimiser, rates and schedule.
        n_steps: length of the schedule.
        share_of_rate: of AdamW's rate, for the weight of this name.
        precision: of the steps; fp16 needs its losses scaled.
        muon: another one than torch's, which suits whole weights.
    """
    block_matrices: list[Tensor] = []
    groups: dict[tuple[float, bool], list[Tensor]] = {}
    for name, weight in model.named_parameters():
        if not weight.requires_grad:
            continue
        if options.optimizer == "muon" and weight.ndim == 2 and ".layers." in name:
            block_matrices.append(weight)
        else:
            groups.setdefault((share_of_rate(name), weight.ndim >= 2), []).append(weight)
    device = next(model.parameters()).device
    optimizers: list[torch.optim.Optimizer] = []
    if block_matrices:
        muon = muon or (torch.optim.Muon if has_fast_bfloat16(device) else Float32Muon)
        optimizers.append(muon(block_matrices, lr=options.muon_lr, weight_decay=options.muon_weight_decay))
    # The largest rate first: it is the one that is logged.
    adamw_groups = [
        {
            "params": groups[share, is_matrix],
            "lr": options.lr * share,
            "weight_decay": options.weight_decay if is_matrix else 0.0,
        }
        for share, is_matrix in sorted(groups, reverse=True)
    ]
    optimizers.append(
        torch.optim.AdamW(
            cast(Any, adamw_groups),
            lr=options.lr,
            betas=(0.9, options.beta2),
            eps=1e-8,
            fused=device.type in ("cpu", "cuda"),
        )
    )
    schedule = warmup_decay(n_steps, options.warmup, options.decay)
    return Optimizers(optimizers, schedule, options.max_grad_norm, loss_scaler(device, precision))
