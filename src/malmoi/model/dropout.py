"""Dropout (Srivastava et al. 2014) whose random numbers cost little on a CPU.

PyTorch draws a float for every element, one after another, compiled or not: in a small model that takes as long as all
of its products (`benchmarks/finetune_speed.py`). Here NumPy draws a byte, eight at a time.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

_BYTE = 256


def dropout(x: Tensor, rate: float) -> Tensor:
    """Set elements to zero by chance and scale the others, so that the mean stays.

    Args:
        x: float, any shape.
        rate: share that is dropped, in [0, 1); on a CPU the nearest 256th that is neither 0 nor 1.

    Returns:
        The same shape; `x` itself where nothing is dropped.
    """
    if not rate:
        return x
    if x.device.type != "cpu":
        return functional.dropout(x, rate)
    n_dropped = min(max(round(_BYTE * rate), 1), _BYTE - 1)
    is_kept = torch.empty(x.shape, dtype=torch.uint8)  # what PyTorch converts many times faster than bool
    _choose(is_kept, n_dropped)
    noise: Tensor = is_kept.to(x.dtype).mul_(_BYTE / (_BYTE - n_dropped))
    return x * noise


# For the compiler one operation, which it calls as it is: what it would make of the inside is slow. It fills what it is
# given, as two calls that return something would be taken for the same.
@torch.library.custom_op("malmoi::choose", mutates_args=("is_kept",))
def _choose(is_kept: Tensor, n_dropped: int) -> None:
    """Set each element to 0 by a chance of `n_dropped` in 256, else to 1."""
    seed = int(torch.empty((), dtype=torch.int64).random_())  # so that PyTorch's state decides, and is all there is
    n_eights = -(-is_kept.numel() // 8)
    eights = np.random.Generator(np.random.PCG64DXSM(seed)).integers(0, 1 << 64, n_eights, dtype=np.uint64)
    bytes_ = eights.view(np.uint8)[: is_kept.numel()]
    np.greater_equal(bytes_, np.uint8(n_dropped), out=is_kept.view(-1).numpy().view(np.bool_))


class Dropout(nn.Module):
    """`dropout` while training."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """float of any shape to the same."""
        return dropout(x, self.rate) if self.training else x
