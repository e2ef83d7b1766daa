"""Both encoders alike: packing, masks, initialisation, dropout, compilation."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from malmoi.model.config import ModelConfig
from malmoi.model.heads import ENCODERS
from malmoi.model.sizes import config_for

ENCODER_NAMES = ["bert", "modernbert"]


def make(encoder: Any, **changes: Any) -> torch.nn.Module:
    """A small encoder with weights large enough that every position matters."""
    config = config_for("tiny", n_tokens=100, encoder=encoder, max_tokens=32)
    config = ModelConfig(**(vars(config) | {"width": 32, "n_heads": 4, "mlp_width": 48} | changes))
    torch.manual_seed(0)
    model = ENCODERS[encoder](config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.3)
    return model.eval()


def packed(lengths: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Positions [1, T] that restart, and a block-diagonal mask [1, 1, T, T]."""
    positions = torch.cat([torch.arange(n) for n in lengths])[None]
    owner = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    return positions, (owner[:, None] == owner[None, :])[None, None]


@pytest.mark.parametrize(
    ("encoder", "changes"),
    [("bert", {}), ("modernbert", {}), ("modernbert", {"local_layers": (1,), "local_window_tokens": 6})],
)
def test_packed_rows_equal_the_sequences_alone(encoder: str, changes: dict[str, Any]) -> None:
    model = make(encoder, **changes)
    first, second = torch.randint(0, 100, (1, 13)), torch.randint(0, 100, (1, 9))
    segments = [torch.randint(0, 2, ids.shape) for ids in (first, second)]
    positions, mask = packed((13, 9))
    with torch.no_grad():
        together = model(
            torch.cat((first, second), 1),
            segments_BT=torch.cat(segments, 1),
            positions_BT=positions,
            mask=mask,
        )
        alone = [model(ids, segments_BT=s) for ids, s in zip((first, second), segments, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone, 1), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("encoder", ENCODER_NAMES)
def test_what_a_mask_hides_has_no_influence(encoder: str) -> None:
    model = make(encoder)
    ids = torch.randint(0, 100, (1, 10))
    other = torch.cat((ids[:, :6], torch.randint(0, 100, (1, 4))), 1)
    real = (torch.arange(10) < 6)[None, None, None]
    with torch.no_grad():
        hidden, changed = (model(x, mask=real)[:, :6] for x in (ids, other))
        short = model(ids[:, :6])
    torch.testing.assert_close(hidden, changed)
    torch.testing.assert_close(hidden, short, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("encoder", ENCODER_NAMES)
def test_order_matters_and_default_positions_count_from_zero(encoder: str) -> None:
    model = make(encoder)
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        hidden = model(ids)
        torch.testing.assert_close(hidden, model(ids, positions_BT=torch.tensor([[0, 1, 2, 3]])))
        assert not torch.allclose(hidden, model(ids, positions_BT=torch.tensor([[0, 2, 1, 3]])), atol=1e-3)


def test_rotary_positions_are_relative() -> None:
    model = make("modernbert")
    ids = torch.randint(0, 100, (2, 8))
    positions = torch.arange(8)[None]
    with torch.no_grad():
        near, far = (model(ids, positions_BT=positions + offset) for offset in (0, 20))
    torch.testing.assert_close(near, far, atol=1e-4, rtol=1e-4)


def test_segments_matter_to_bert_and_default_to_the_first() -> None:
    model = make("bert")
    ids = torch.randint(0, 100, (2, 8))
    with torch.no_grad():
        hidden = model(ids)
        torch.testing.assert_close(hidden, model(ids, segments_BT=torch.zeros_like(ids)))
        assert not torch.allclose(hidden, model(ids, segments_BT=torch.ones_like(ids)), atol=1e-3)


@pytest.mark.parametrize("encoder", ENCODER_NAMES)
def test_initial_weights_are_the_papers(encoder: Any) -> None:
    torch.manual_seed(0)
    model = ENCODERS[encoder](config_for("tiny", n_tokens=1_000, encoder=encoder))
    scaled = 0.02 / math.sqrt(2 * 2) if encoder == "modernbert" else 0.02
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            expected = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            assert torch.all(parameter == expected), name
            continue
        deviation = scaled if name.endswith(("attention_out.weight", "mlp_out.weight")) else 0.02
        if len(parameter) > 2:  # the segment table is too small to measure
            assert parameter.std().item() == pytest.approx(deviation, rel=0.03), name


@pytest.mark.parametrize("encoder", ENCODER_NAMES)
def test_dropout_is_for_training_only(encoder: str) -> None:
    model = make(encoder, dropout=0.5, attention_dropout=0.5)
    ids = torch.randint(0, 100, (2, 8))
    with torch.no_grad():
        torch.testing.assert_close(model(ids), model(ids))
        model.train()
        assert not torch.allclose(model(ids), model(ids), atol=1e-3)


@pytest.mark.parametrize("encoder", ENCODER_NAMES)
def test_bfloat16_weights_keep_positions_precise(encoder: str) -> None:
    model = make(encoder)
    ids = torch.randint(0, 100, (1, 6))
    with torch.no_grad():
        expected = model(ids)
        rounded = model.to(torch.bfloat16)(ids)
    assert rounded.dtype == torch.bfloat16
    assert (rounded.float() - expected).abs().max() < 0.05 * expected.abs().max()


@pytest.mark.parametrize("encoder", ["bert", "modernbert"])
def test_wanted_positions_alone_have_the_same_vectors(encoder: str) -> None:
    torch.manual_seed(1)
    config = config_for("tiny", encoder=encoder, n_tokens=50)
    model = ENCODERS[encoder](config).eval()
    ids = torch.randint(5, 50, (3, 12))
    keep = torch.tensor([0, 5, 12, 35, 5])
    torch.testing.assert_close(model(ids, keep_N=keep), model(ids).flatten(0, 1)[keep])
