"""A lack of memory is told apart from other errors, and a size that fits is found by trying."""

import pytest
import torch

from malmoi.training.memory import first_that_fits, is_out_of_memory


def test_pytorch_says_so() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(OSError("out of memory"))


def test_the_first_that_fits() -> None:
    tried = []

    def attempt(size: int) -> None:
        tried.append(size)
        if size > 4:
            torch.empty(1 << 60, dtype=torch.uint8)

    assert first_that_fits((32, 16, 8, 4, 2), attempt) == 4
    assert tried == [32, 16, 8, 4]
    assert first_that_fits((32, 16), attempt) is None


def test_other_errors_are_not_hidden() -> None:
    def attempt(size: int) -> None:
        raise RuntimeError("another fault")

    with pytest.raises(RuntimeError, match="another fault"):
        first_that_fits((1,), attempt)
