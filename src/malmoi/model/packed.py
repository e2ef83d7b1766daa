"""Weights that take a byte a number and can be trained further: `model.int8.safetensors`.

A matrix [N, D] is kept as int8 [N, D] beside `NAME.scale`, float32 [N, 1]: each row is divided by a 127th of its
largest number. Everything else stays as it is. The rounding is at most a 254th of the largest number in a row, a good
deal less than what one epoch of fine-tuning moves. For running without PyTorch there is `model/onnx_graph.py`.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from malmoi.model.directory import SCALE


def packed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Matrices as bytes with their scales; what has another number of axes as it is."""
    made = {}
    for name, tensor in tensors.items():
        if tensor.ndim != 2:
            made[name] = tensor
            continue
        scale_N1 = (tensor.float().abs().amax(1, keepdim=True) / 127).clamp(min=1e-12)
        made[name] = (tensor.float() / scale_N1).round().to(torch.int8)
        made[name + SCALE] = scale_N1
    return made


def unpacked(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What `packed` was given, in float32; other tensors as they are."""
    return {
        name: tensor.float() * tensors[name + SCALE] if name + SCALE in tensors else tensor
        for name, tensor in tensors.items()
        if not name.endswith(SCALE)
    }
