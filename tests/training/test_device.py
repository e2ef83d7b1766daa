"""Devices and precision."""

import pytest
import torch

from malmoi.errors import OptionError
from malmoi.training.device import autocast, chosen_precision, has_fast_bfloat16, loss_scaler, select_device

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


@pytest.mark.parametrize(
    ("bf16", "capability", "expected"), [(True, (9, 0), "bf16"), (False, (7, 5), "fp16"), (False, (6, 1), "fp32")]
)
def test_what_auto_means_on_a_gpu(
    monkeypatch: pytest.MonkeyPatch, bf16: bool, capability: tuple[int, int], expected: str
) -> None:
    """An H100, a T4 and a P100; the driver's answers stand in for the hardware."""
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation=True: bf16)
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda device: capability)
    assert chosen_precision(torch.device("cuda:0"), "auto") == expected
    assert chosen_precision(torch.device("cuda:0"), "fp32") == "fp32"


def test_only_fp16_needs_its_losses_scaled() -> None:
    assert loss_scaler(CPU, "fp16") is not None
    assert loss_scaler(CPU, "bf16") is loss_scaler(CPU, "fp32") is None
