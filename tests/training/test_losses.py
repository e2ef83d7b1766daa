"""One pass gives the loss, the accuracy and the gradient that PyTorch's cross-entropy gives."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from malmoi.training.losses import IGNORED, cross_entropy_with_accuracy


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_equal_to_pytorch(dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    logits = (5 * torch.randn(12, 40)).to(dtype).requires_grad_()
    targets = torch.randint(0, 40, (12,))
    targets[:3] = logits[:3].argmax(-1)
    targets[[4, 7]] = IGNORED
    reference = logits.detach().float().requires_grad_()
    expected = cross_entropy(reference, targets, ignore_index=IGNORED)
    loss, accuracy = cross_entropy_with_accuracy(logits, targets)
    torch.testing.assert_close(loss, expected)
    counts = targets != IGNORED
    assert accuracy.item() == pytest.approx((logits.argmax(-1) == targets)[counts].float().mean().item())
    (3 * loss).backward()
    (3 * expected).backward()
    assert logits.grad is not None and reference.grad is not None and logits.grad.dtype == dtype
    tolerance = 1e-6 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(logits.grad.float(), reference.grad, atol=tolerance, rtol=tolerance)


def test_nothing_to_predict_is_no_loss() -> None:
    logits = torch.randn(2, 5, requires_grad=True)
    loss, accuracy = cross_entropy_with_accuracy(logits, torch.full((2,), IGNORED))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == accuracy.item() == 0
    assert logits.grad is not None and not logits.grad.any()


def test_huge_logits_stay_finite() -> None:
    logits = torch.tensor([[1e30, -1e30, 0.0]], requires_grad=True)
    loss, _ = cross_entropy_with_accuracy(logits, torch.tensor([0]))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0 and logits.grad is not None and torch.isfinite(logits.grad).all()
