"""Dropout keeps the mean, drops the share it was told, and leaves prediction alone."""

import pytest
import torch

from malmoi.model.dropout import Dropout, dropout


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("rate", "share"), [(0.1, 26 / 256), (0.5, 0.5), (0.001, 1 / 256), (0.999, 255 / 256)])
def test_share_that_is_dropped(rate: float, share: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    found = dropout(torch.ones(400, 501, dtype=dtype), rate)  # no multiple of eight
    assert found.dtype == dtype
    assert found.count_nonzero().item() / found.numel() == pytest.approx(1 - share, abs=3e-3)
    kept = found[found != 0]
    assert torch.equal(kept, torch.full_like(kept, 1 / (1 - share)))


def test_every_place_is_dropped_as_often() -> None:
    torch.manual_seed(0)
    shares = (dropout(torch.ones(20_000, 17), 0.25) == 0).float().mean(0)
    assert shares.sub(0.25).abs().max() < 0.015


def test_gradient_passes_where_values_did() -> None:
    x = torch.randn(33, 7, requires_grad=True)
    found = dropout(x, 0.3)
    found.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad * x, found)


def test_same_seed_same_places() -> None:
    x = torch.randn(1000)
    torch.manual_seed(3)
    first = dropout(x, 0.4)
    torch.manual_seed(3)
    assert torch.equal(dropout(x, 0.4), first)
    assert not torch.equal(dropout(x, 0.4), first)


def test_nothing_is_dropped_without_a_rate_or_training() -> None:
    x = torch.randn(10)
    assert dropout(x, 0.0) is x
    assert Dropout(0.5).eval()(x) is x
    assert (Dropout(0.5).train()(torch.ones(1000)) == 0).any()


@pytest.mark.filterwarnings("ignore:.torch.jit.script_method:DeprecationWarning")  # PyTorch's own compiler calls it
def test_compiled_with_its_gradient() -> None:
    """Two calls are two draws, and the way back does not draw again."""

    @torch.compile(fullgraph=True, backend="aot_eager_decomp_partition")
    def twice(x: torch.Tensor) -> torch.Tensor:
        return torch.stack((dropout(x.sin(), 0.5), dropout(x.sin(), 0.5)))

    x = torch.rand(4000).requires_grad_()
    found = twice(x)
    assert not torch.equal(found[0], found[1])
    assert all(1700 < row.count_nonzero() < 2300 for row in found)
    found.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, (found != 0).sum(0) * 2 * x.detach().cos())
