"""Muon: the orthogonal update, and ours beside torch's own. In parts: `test_sharded.py`."""

import json

import pytest
import torch
from torch import Tensor, nn

from malmoi.training.muon import Float32Muon, orthogonalize


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
