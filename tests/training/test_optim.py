"""Optimisers: the schedule's shape, and which weight is whose."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from malmoi.errors import MalmoiError, OptionError
from malmoi.model.heads import PretrainingModel
from malmoi.model.sizes import config_for
from malmoi.training.optim import Optimizers, build_optimizers, warmup_decay
from malmoi.training.options import OptimizerOptions


def model_of(encoder: str) -> PretrainingModel:
    torch.manual_seed(1)
    return PretrainingModel(config_for("tiny", n_tokens=50, encoder=encoder))


def names_of(model: nn.Module, weights: list[Tensor]) -> set[str]:
    names = {id(weight): name for name, weight in model.named_parameters()}
    return {names[id(weight)] for weight in weights}


def test_bert_schedule() -> None:
    factor = warmup_decay(100, 0.1, 0.9)
    factors = [factor(step) for step in range(101)]
    assert factors[0] == pytest.approx(1 / 11)
    assert factors[10] == 1.0 == max(factors)
    assert np.diff(factors[:11]) == pytest.approx(1 / 11)
    assert np.diff(factors[10:]) == pytest.approx(-1 / 90)
    assert factors[99] == pytest.approx(1 / 90) and factors[100] == 0.0


def test_a_plateau_between_warm_up_and_decay() -> None:
    factor = warmup_decay(200, 0.1, 0.5)
    factors = [factor(step) for step in range(200)]
    assert all(np.diff(factors[:21]) > 0)
    assert set(factors[20:101]) == {1.0}
    assert all(np.diff(factors[100:]) < 0)
    assert factors[150] == pytest.approx(0.5)


@pytest.mark.parametrize("n_steps", [1, 2, 3, 7])
@pytest.mark.parametrize(("warmup", "decay"), [(0.0, 0.0), (0.1, 0.9), (1.0, 0.0), (0.5, 0.5)])
def test_short_runs_always_learn(n_steps: int, warmup: float, decay: float) -> None:
    factor = warmup_decay(n_steps, warmup, decay)
    assert all(0 < factor(step) <= 1 for step in range(n_steps))
    assert factor(n_steps) == factor(n_steps + 1) == 0.0


@pytest.mark.parametrize("encoder", ["bert", "modernbert"])
def test_muon_has_the_matrices_of_the_blocks_and_nothing_else(encoder: str) -> None:
    model = model_of(encoder)
    optimizers = build_optimizers(
        model, OptimizerOptions(optimizer="muon", weight_decay=0.02, muon_weight_decay=0.3), 10
    )
    muon, adamw = optimizers.optimizers
    (blocks,) = muon.param_groups
    matrices = ("qkv", "attention_out", "mlp_in", "mlp_out")
    assert names_of(model, blocks["params"]) == {
        f"encoder.layers.{layer}.{name}.weight" for layer in range(2) for name in matrices
    }
    assert blocks["weight_decay"] == 0.3
    decayed, plain = adamw.param_groups
    embeddings = {"token_embedding"} | ({"position_embedding", "segment_embedding"} if encoder == "bert" else set())
    assert names_of(model, decayed["params"]) == {f"encoder.{name}.weight" for name in embeddings} | {
        "masked_head.transform.dense.weight",
        "next_head.transform.dense.weight",
        "next_head.out.weight",
    }
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.02, 0.0)
    assert all(weight.ndim == 1 for weight in plain["params"])
    n_weights = sum(len(group["params"]) for o in optimizers.optimizers for group in o.param_groups)
    assert n_weights == len(list(model.parameters()))


@pytest.mark.parametrize("encoder", ["bert", "modernbert"])
def test_adamw_has_all_and_spares_norms_and_biases(encoder: str) -> None:
    model = model_of(encoder)
    (adamw,) = build_optimizers(model, OptimizerOptions(optimizer="adamw"), 10).optimizers
    decayed, plain = adamw.param_groups
    assert names_of(model, plain["params"]) == {
        name for name, _ in model.named_parameters() if "norm" in name or name.endswith("bias")
    }
    assert len(decayed["params"]) + len(plain["params"]) == len(list(model.parameters()))


def test_frozen_weights_stay() -> None:
    model = model_of("bert")
    model.encoder.token_embedding.weight.requires_grad_(False)
    optimizers = build_optimizers(model, OptimizerOptions(optimizer="muon"), 10)
    weights = [weight for o in optimizers.optimizers for group in o.param_groups for weight in group["params"]]
    assert "encoder.token_embedding.weight" not in names_of(model, weights)


def test_rates_follow_the_schedule() -> None:
    model = nn.Sequential(nn.Linear(3, 3))
    optimizers = build_optimizers(model, OptimizerOptions(lr=0.1, warmup=0.2, decay=0.5), 10)
    rates = []
    for _ in range(10):
        rates.append(optimizers.lr)
        model(torch.ones(1, 3)).sum().backward()
        optimizers.step()
        assert all(weight.grad is None for weight in model.parameters())
    factor = warmup_decay(10, 0.2, 0.5)
    assert rates == pytest.approx([0.1 * factor(step) for step in range(10)])


def test_a_large_gradient_is_clipped_and_its_norm_told() -> None:
    weight = nn.Parameter(torch.zeros(4))
    optimizers = Optimizers([torch.optim.SGD([weight], lr=1.0)], lambda _: 1.0, max_grad_norm=1.0)
    weight.grad = torch.full((4,), 5.0)
    assert optimizers.step() == pytest.approx(10.0)
    assert torch.allclose(weight, torch.full((4,), -0.5))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gradient_that_is_no_number_touches_nothing(value: float) -> None:
    weight = nn.Parameter(torch.ones(4))
    optimizers = Optimizers([torch.optim.SGD([weight], lr=1.0)], lambda _: 1.0, max_grad_norm=1.0)
    weight.grad = torch.tensor([1.0, value, 1.0, 1.0])
    with pytest.raises(MalmoiError, match=r"gradients' norm is (nan|inf): expected a finite number; lower"):
        optimizers.step()
    assert torch.equal(weight, torch.ones(4))


class _Blocks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.layers = nn.ModuleList([nn.Linear(5, 5), nn.LayerNorm(5)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.encoder.layers:
            x = layer(x)
        return x


def test_state_goes_on_bit_for_bit() -> None:
    def train(model: nn.Module, optimizers: Optimizers, steps: range) -> None:
        for step in steps:
            torch.manual_seed(step)
            model(torch.randn(4, 5)).square().sum().backward()
            optimizers.step()

    def fresh(seed: int) -> tuple[nn.Module, Optimizers]:
        torch.manual_seed(seed)
        model = _Blocks()
        options = OptimizerOptions(optimizer="muon", lr=0.01, warmup=0.3, decay=0.5)
        return model, build_optimizers(model, options, 12)

    whole, whole_optimizers = fresh(0)
    train(whole, whole_optimizers, range(12))
    first, first_optimizers = fresh(0)
    train(first, first_optimizers, range(5))
    second, second_optimizers = fresh(1)
    second.load_state_dict(first.state_dict())
    second_optimizers.load_state_dict(first_optimizers.state_dict())
    assert len(second_optimizers.optimizers) == 2
    assert second_optimizers.lr == first_optimizers.lr
    train(second, second_optimizers, range(5, 12))
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), second.parameters(), strict=True))
    assert whole_optimizers.lr == second_optimizers.lr


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lr": 0.0}, "lr is 0.0: expected a number above 0"),
        ({"muon_lr": -1.0}, "muon_lr is -1.0"),
        ({"max_grad_norm": float("nan")}, "max_grad_norm is nan"),
        ({"warmup": 1.5}, "warmup is 1.5: expected a share"),
        ({"decay": -0.1}, "decay is -0.1"),
        ({"warmup": 0.6, "decay": 0.6}, "warmup 0.6 and decay 0.6 together pass 1"),
    ],
)
def test_impossible_options(values: dict[str, float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        OptimizerOptions(**values)  # type: ignore[arg-type]
