"""Devices and precision."""

import pytest
import torch

from malmoi.errors import OptionError
from malmoi.training.device import autocast, has_fast_bfloat16, select_device

CPU = torch.device("cpu")


def test_a_device_that_is_there() -> None:
    best = "cuda" if torch.cuda.is_available() else "cpu"
    assert select_device().type == select_device("auto").type == best
    assert select_device("cpu") == CPU


@pytest.mark.parametrize("name", ["cuda:63", "gpu", "cpu:x", ""])
def test_a_device_that_is_not_there(name: str) -> None:
    with pytest.raises(OptionError, match=rf"device '{name}' is not available here: use `cpu`"):
        select_device(name)


def test_precision_is_what_was_asked_for() -> None:
    left, right = torch.ones(2, 2), torch.ones(2, 2)
    with autocast(CPU, "bf16"):
        assert (left @ right).dtype == torch.bfloat16
    with autocast(CPU, "fp32"):
        assert (left @ right).dtype == torch.float32
    with autocast(CPU, "auto"):
        assert (left @ right).dtype == (torch.bfloat16 if has_fast_bfloat16(CPU) else torch.float32)
