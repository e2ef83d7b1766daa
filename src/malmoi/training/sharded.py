"""A model whose weights, gradients and optimiser state are shared out among the processes (FSDP2), a part to each.

A layer's weights are put together while it works, and taken apart again. They stay in fp32; 16-bit products are
autocast's, so that a step's numbers are those of one process. How such a state is saved is `sharded_state.py`'s.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Replicate

from malmoi.model.heads import PretrainingModel
from malmoi.training.device import has_fast_bfloat16
from malmoi.training.muon import apply_update, momentum_update, orthogonalize


def shard(model: PretrainingModel, n_processes: int) -> None:
    """Share the weights of `model` out, in place: each layer is a unit, and all that is outside of them is one."""
    mesh = init_device_mesh(next(model.parameters()).device.type, (n_processes,))
    for layer in model.encoder.layers:
        fully_shard(layer, mesh=mesh)
    # The outermost unit would stay whole until the next backward pass, which never comes where text is only looked at.
    fully_shard(model, mesh=mesh, reshard_after_forward=True)


def is_sharded(model: nn.Module) -> bool:
    """Whether this process holds only its part of the weights."""
    return any(isinstance(weight, DTensor) for weight in model.parameters())


def whole_model(model: PretrainingModel) -> PretrainingModel:
    """The model with all its weights, in the memory of the processor; every process must ask for it."""
    with torch.device("meta"):
        whole = PretrainingModel(model.config)
    weights = {name: _whole(tensor).cpu() for name, tensor in model.state_dict().items()}
    whole.load_state_dict(weights, assign=True)
    return whole


def laid_out_as(whole: Tensor, model: Tensor | None) -> Tensor:
    """This process's part of a tensor that all have whole; itself where `model` is not in such parts."""
    if not isinstance(model, DTensor) or model.shape != whole.shape:
        return whole
    mesh = model.device_mesh
    everywhere = DTensor.from_local(whole.to(model.device), mesh, [Replicate()] * mesh.ndim, run_check=False)
    return everywhere.redistribute(placements=model.placements)


def _whole(tensor: Tensor) -> Tensor:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


class ShardedMuon(torch.optim.Muon):
    """`torch.optim.Muon` for weights in parts. Its step needs whole matrices.

    Momentum is kept in parts. Matrices take turns, as many at once as there are processes: all gather them, each
    process works one, and hands its result to the others. So the products are shared out as well.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of every matrix that has a gradient."""
        loss = closure() if closure else None
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            n_processes = weights[0].device_mesh.size() if weights else 1
            for start in range(0, len(weights), n_processes):
                self._step_together(weights[start : start + n_processes], group)
        return loss

    def _step_together(self, weights: list[DTensor], group: dict[str, Any]) -> None:
        mesh = weights[0].device_mesh
        own = torch.empty(0)
        for number, weight in enumerate(weights):
            direction = self._direction(weight, group)
            if number == mesh.get_local_rank():
                own = orthogonalize(direction, group["ns_steps"]).contiguous()
        for number, weight in enumerate(weights):
            is_own = number == mesh.get_local_rank()
            update = own if is_own else torch.empty(weight.shape, dtype=_product_type(weight), device=weight.device)
            dist.broadcast(update, group=mesh.get_group(), group_src=number)
            apply_update(weight, laid_out_as(update.float(), weight), group)

    def _direction(self, weight: DTensor, group: dict[str, Any]) -> Tensor:
        """The whole momentum of a matrix, after its gradient has been added to this process's part."""
        update = momentum_update(weight, self.state[weight], group)
        return _whole(update.to(_product_type(weight)))


def _product_type(weight: Tensor) -> torch.dtype:
    """What the matrices are multiplied in: as torch's Muon in bf16, but where that is slow."""
    return torch.bfloat16 if has_fast_bfloat16(weight.device) else torch.float32
