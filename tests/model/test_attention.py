"""The two ways to attend give one result, and each is taken where it is meant to be."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from malmoi.model import attention
from malmoi.model.attention import attend


@pytest.mark.parametrize("masked", [False, True])
def test_the_plain_way_equals_the_fused_one(masked: bool) -> None:
    torch.manual_seed(1)
    q, k, v = (torch.randn(2, 3, 20, 8, dtype=torch.bfloat16).requires_grad_() for _ in range(3))
    sequences = torch.tensor([[1] * 7 + [2] * 9 + [0] * 4, [1] * 20])
    mask = sequences[:, None, :, None] == sequences[:, None, None, :] if masked else None
    wide = [x.detach().float().requires_grad_() for x in (q, k, v)]
    expected = scaled_dot_product_attention(*wide, attn_mask=mask)
    out = attend(q, k, v, mask, 0.0)
    torch.testing.assert_close(out.float(), expected, atol=2e-2, rtol=2e-2)
    gradient = torch.randn_like(expected)
    got = torch.autograd.grad(out, [q, k, v], gradient.bfloat16())
    for ours, reference in zip(got, torch.autograd.grad(expected, wide, gradient), strict=True):
        torch.testing.assert_close(ours.float(), reference, atol=4e-2, rtol=4e-2)


def test_long_rows_and_fp32_take_the_fused_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def fused(*arguments: torch.Tensor, **options: object) -> torch.Tensor:
        calls.append(arguments[0].shape[2])
        return arguments[2]

    monkeypatch.setattr(attention, "scaled_dot_product_attention", fused)
    for dtype, n_tokens in ((torch.float32, 16), (torch.bfloat16, 16), (torch.bfloat16, 1025)):
        x = torch.zeros(1, 1, n_tokens, 4, dtype=dtype)
        attend(x, x, x, None, 0.0)
    assert calls == [16, 1025]
    assert attend(x.float(), x.float(), x.float() + 1, None, 0.5).shape == x.shape
    assert calls == [16, 1025]  # which cannot drop anything


def test_dropped_weights_are_made_up_for() -> None:
    torch.manual_seed(1)
    q, v = torch.zeros(1, 1, 64, 8, dtype=torch.bfloat16), torch.ones(1, 1, 64, 8, dtype=torch.bfloat16)
    out = attend(q, q, v, None, 0.5)
    assert out.float().std() > 0.05 and out.float().mean().item() == pytest.approx(1, abs=0.1)
