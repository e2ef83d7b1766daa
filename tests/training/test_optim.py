"""Optimisers: the schedule's shape, Muon beside torch's own, and which weight is whose."""

import json

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from malmoi.errors import MalmoiError, OptionError
from malmoi.model.config import config_for
from malmoi.model.heads import PretrainingModel
from malmoi.training.optim import Float32Muon, Optimizers, build_optimizers, orthogonalize, warmup_decay
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


@pytest.mark.parametrize("shape", [(64, 64), (192, 64), (64, 160), (1, 8), (8, 1)])
def test_orthogonal_updates(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalize(torch.randn(shape) * 1e-3))
    # Jordan et al. 2024: five steps bring singular values between 0.5 and 1.5, about; tiny ones may lag.
    assert values.max() < 1.3
    assert values.median() > 0.6
    assert torch.equal(orthogonalize(torch.zeros(shape)), torch.zeros(shape))


def test_singular_vectors_stay() -> None:
    torch.manual_seed(0)
    matrix = torch.randn(20, 40)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    turned = left.T @ orthogonalize(matrix) @ right.T
    assert (turned - torch.diag(turned.diag())).abs().max() < 1e-4


def _muon_run(kind: type[torch.optim.Muon], n_steps: int, state: dict | None = None) -> tuple[Tensor, torch.optim.Muon]:
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(24, 16) if state is None else state["weight"].clone())
    muon = kind([weight], lr=0.02, weight_decay=0.1)
    if state is not None:
        muon.load_state_dict(json_round_trip(state["muon"]))
    target = torch.ones(24, 16)
    for _ in range(n_steps):
        (weight - target).square().sum().backward()
        muon.step()
        muon.zero_grad()
    return weight.detach(), muon


def json_round_trip(state: dict) -> dict:
    """The group's options as they come back from a save: tuples are lists."""
    return {"state": state["state"], "param_groups": json.loads(json.dumps(state["param_groups"]))}


def test_muon_is_torchs() -> None:
    torch.manual_seed(0)
    start = torch.randn(24, 16)
    ours, our_muon = _muon_run(Float32Muon, 8)
    theirs, their_muon = _muon_run(torch.optim.Muon, 8)
    moved = (theirs - start).norm()
    assert (ours - theirs).norm() < 0.02 * moved  # theirs multiplies in bf16, with 8 bits
    assert our_muon.state_dict()["param_groups"] == their_muon.state_dict()["param_groups"]
    assert our_muon.state_dict()["state"].keys() == their_muon.state_dict()["state"].keys()
    assert our_muon.state_dict()["state"][0].keys() == their_muon.state_dict()["state"][0].keys()


def test_a_run_may_go_from_one_muon_to_the_other() -> None:
    for first, second in ((Float32Muon, torch.optim.Muon), (torch.optim.Muon, Float32Muon)):
        weight, muon = _muon_run(first, 4)
        state = {"weight": weight, "muon": muon.state_dict()}
        stayed, _ = _muon_run(first, 4, state)
        changed, _ = _muon_run(second, 4, state)
        assert (stayed - changed).norm() < 0.02 * (stayed - weight).norm()


def test_float32_muon_is_exact() -> None:
    """One step by hand: decay, then the orthogonal direction of the Nesterov momentum, scaled for tall matrices."""
    torch.manual_seed(0)
    start, gradient = torch.randn(6, 3), torch.randn(6, 3)
    weight = nn.Parameter(start.clone())
    muon = Float32Muon([weight], lr=0.02, weight_decay=0.1)
    weight.grad = gradient.clone()
    muon.step()
    momentum = 0.05 * gradient
    expected = start * (1 - 0.02 * 0.1) - 0.02 * 2**0.5 * orthogonalize(0.05 * gradient + 0.95 * momentum)
    assert torch.allclose(weight, expected, atol=1e-6)
    assert torch.equal(weight.grad, gradient)


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
