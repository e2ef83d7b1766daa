"""Dropout (Srivastava et al. 2014) whose random numbers cost little on a CPU.

PyTorch draws a float for every element, one after another, compiled or not: in a small model that takes as long as all
of its products (`benchmarks/finetune_speed.py`). Here a byte is drawn, eight at a time.
"""

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
    bytes_ = torch.empty(x.shape, dtype=torch.uint8)
    _randomise(bytes_)
    noise: Tensor = (bytes_ >= n_dropped).to(x.dtype).mul_(_BYTE / (_BYTE - n_dropped))
    return x * noise


# For the compiler one operation, which it calls as it is: what it would make of the inside is slow. It fills what it is
# given, as two calls that return something would be taken for the same.
@torch.library.custom_op("malmoi::randomise", mutates_args=("bytes_",))
def _randomise(bytes_: Tensor) -> None:
    eights = torch.empty(-(-bytes_.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
    bytes_.copy_(eights.view(torch.uint8)[: bytes_.numel()].view(bytes_.shape))


class Dropout(nn.Module):
    """`dropout` while training."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """float of any shape to the same."""
        return dropout(x, self.rate) if self.training else x
