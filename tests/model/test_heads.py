"""What stands on the encoders. Equality with transformers is proved in test_checkpoint.py."""

from typing import Any

import pytest
import torch

from malmoi.errors import OptionError
from malmoi.model.config import ModelConfig
from malmoi.model.heads import PretrainingModel, PretrainingOutput, TaskModel
from malmoi.model.sizes import config_for

ENCODER_NAMES = ["bert", "modernbert"]


def tiny(encoder: Any, **changes: Any) -> ModelConfig:
    config = config_for("tiny", n_tokens=50, encoder=encoder, max_tokens=16, dropout=0.0)
    return ModelConfig(**(vars(config) | {"width": 32, "mlp_width": 64} | changes))


@pytest.mark.parametrize("encoder", ENCODER_NAMES)
def test_predicting_some_positions_equals_picking_from_all(encoder: str) -> None:
    torch.manual_seed(0)
    model = PretrainingModel(tiny(encoder)).eval()
    ids = torch.randint(0, 50, (3, 16))
    some = torch.tensor([2, 17, 40, 47])
    with torch.no_grad():
        everywhere = model(ids, masked_N=torch.arange(48)).masked_logits_NV
        output = model(ids, masked_N=some, first_M=torch.tensor([16, 0]))
    torch.testing.assert_close(output.masked_logits_NV, everywhere[some])
    assert output.next_logits_M2.shape == (2, 2)
    assert model(ids, masked_N=some).next_logits_M2 is None


@pytest.mark.parametrize("encoder", ENCODER_NAMES)
def test_every_weight_learns(encoder: str) -> None:
    torch.manual_seed(0)
    model = PretrainingModel(tiny(encoder))
    ids = torch.randint(0, 50, (2, 16))
    segments = torch.randint(0, 2, (2, 16))
    output = model(ids, segments_BT=segments, masked_N=torch.arange(8), first_M=torch.tensor([0, 16]))
    targets = torch.randint(0, 50, (8,))
    loss = torch.nn.functional.cross_entropy(output.masked_logits_NV, targets)
    loss = loss + torch.nn.functional.cross_entropy(output.next_logits_M2, torch.tensor([0, 1]))
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


def test_the_token_table_is_one_parameter() -> None:
    model = PretrainingModel(tiny("bert"))
    shapes = [tuple(parameter.shape) for parameter in model.parameters()]
    assert shapes.count((50, 32)) == 1


@pytest.mark.parametrize("encoder", ENCODER_NAMES)
@pytest.mark.parametrize(("kind", "shape"), [("pooled", (3, 5)), ("token", (3, 16, 5)), ("masked", (3, 16, 50))])
def test_shapes(encoder: str, kind: Any, shape: tuple[int, ...]) -> None:
    model = TaskModel(tiny(encoder), kind, 5)
    assert model(torch.randint(0, 50, (3, 16))).shape == shape
    assert model.n_outputs == shape[-1]


def test_mean_pooling_leaves_padding_out() -> None:
    torch.manual_seed(0)
    model = TaskModel(tiny("modernbert", pooling="mean"), "pooled", 3).eval()
    ids = torch.randint(0, 50, (1, 9))
    real = (torch.arange(9) < 5)[None, None, None]
    with torch.no_grad():
        torch.testing.assert_close(model(ids, mask=real), model(ids[:, :5]), atol=1e-5, rtol=1e-5)


def test_heads_that_cannot_be() -> None:
    with pytest.raises(OptionError, match="head 'span': expected pooled, token or masked"):
        TaskModel(tiny("bert"), "span", 2)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="n_outputs 0: expected at least 1"):
        TaskModel(tiny("bert"), "pooled", 0)


# torch warns of its own old parts while it compiles.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
@pytest.mark.parametrize("encoder", ENCODER_NAMES)
def test_a_training_step_compiles_whole(encoder: str, backend: str) -> None:
    torch.manual_seed(0)
    model = PretrainingModel(tiny(encoder))
    inputs = {
        "ids_BT": torch.randint(0, 50, (2, 16)),
        "segments_BT": torch.randint(0, 2, (2, 16)),
        "positions_BT": torch.arange(16)[None].expand(2, 16),
        "mask": torch.ones(2, 1, 16, 16, dtype=torch.bool),
        "masked_N": torch.arange(4),
        "first_M": torch.tensor([0, 16]),
    }
    expected = model(**inputs)
    output = torch.compile(model, fullgraph=True, backend=backend)(**inputs)
    assert isinstance(output, PretrainingOutput)
    torch.testing.assert_close(output.masked_logits_NV, expected.masked_logits_NV, atol=1e-5, rtol=1e-4)
    (output.masked_logits_NV.sum() + output.next_logits_M2.sum()).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
