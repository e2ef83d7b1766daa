"""Where and how exactly to compute: device, precision, threads. Nothing is chosen at import time."""

import ctypes
import sys
from contextlib import AbstractContextManager, nullcontext

import torch

from malmoi.errors import OptionError
from malmoi.training.options import Precision


def select_device(name: str | None = None) -> torch.device:
    """The named device, or the best one here.

    Raises:
        OptionError: the device is not there.
    """
    if name is None or name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise OptionError(f"device {name!r} is not available here: use `cpu`, or leave --device out") from error
    return device


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bf16 products run in hardware; without it they are a hundred times slower than fp32 on a CPU."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported() and torch.cpu._is_avx512_bf16_supported())
    return False


def chosen_precision(device: torch.device, precision: Precision) -> Precision:
    """What `auto` means on a device: bf16 where it is fast, fp16 on GPUs that have tensor cores for that only."""
    if precision != "auto":
        return precision
    if has_fast_bfloat16(device):
        return "bf16"
    return "fp16" if device.type == "cuda" and torch.cuda.get_device_capability(device) >= (7, 0) else "fp32"


_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """The context in which a step computes: 16-bit products over fp32 weights where asked for or where fast."""
    chosen = chosen_precision(device, precision)
    return torch.autocast(device.type, dtype=_TYPES[chosen]) if chosen in _TYPES else nullcontext()


def loss_scaler(device: torch.device, precision: Precision) -> torch.amp.GradScaler | None:
    """What keeps small gradients from vanishing in fp16; None where nothing has to."""
    return torch.amp.GradScaler(device.type) if chosen_precision(device, precision) == "fp16" else None


_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
"""Parameters of glibc's mallopt(3)."""


def keep_freed_memory() -> bool:
    """Let freed memory stay with the process, for training on a CPU; True where that could be arranged.

    glibc asks the kernel anew for every tensor of more than 32 MiB and gives it back when it is freed. The kernel
    then clears every page again, at every step: for logits over a vocabulary that costs more than the product
    that fills them. Has an effect with glibc only.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    largest = 2**31 - 1
    return all([mallopt(_M_MMAP_MAX, 0), mallopt(_M_TRIM_THRESHOLD, largest), mallopt(_M_TOP_PAD, 64 << 20)])
