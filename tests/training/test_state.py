"""Training state: bit for bit, whole or not at all, the newest kept, damage named."""

import os
import resource
from pathlib import Path

import pytest
import torch
from torch import nn

from malmoi.errors import CheckpointError, OutputError
from malmoi.model.heads import PretrainingModel
from malmoi.model.sizes import config_for
from malmoi.training.optim import Optimizers, build_optimizers
from malmoi.training.options import OptimizerOptions
from malmoi.training.state import load_latest_state, save_state

VALUES = {"position": {"step": 3, "set_aside": [1, 2]}, "n_tokens": 12, "share": 0.1}


def fresh(seed: int, encoder: str = "bert", n_tokens: int = 40) -> tuple[PretrainingModel, Optimizers]:
    torch.manual_seed(seed)
    model = PretrainingModel(config_for("tiny", n_tokens=n_tokens, encoder=encoder))  # type: ignore[arg-type]
    return model, build_optimizers(model, OptimizerOptions(optimizer="muon", lr=1e-3), 20)


def train(model: PretrainingModel, optimizers: Optimizers, n_steps: int) -> list[float]:
    """A few steps on random ids, drawn like the dropout from torch's generator."""
    losses = []
    model.train()
    for _ in range(n_steps):
        ids = torch.randint(0, 40, (2, 8))
        loss = model(ids, masked_N=torch.arange(4), first_M=torch.tensor([0, 8]))
        total = loss.masked_logits_NV.square().mean() + loss.next_logits_M2.logsumexp(-1).mean()
        total.backward()
        losses.append(total.item())
        optimizers.step()
    return losses


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


@pytest.mark.parametrize("encoder", ["bert", "modernbert"])
def test_a_loaded_run_goes_on_bit_for_bit(tmp_path: Path, encoder: str) -> None:
    model, optimizers = fresh(0, encoder)
    train(model, optimizers, 3)
    save_state(tmp_path, 3, model, optimizers, VALUES, keep=2)
    losses = train(model, optimizers, 4)

    other, other_optimizers = fresh(1, encoder)
    train(other, other_optimizers, 1)
    assert load_latest_state(tmp_path, other, other_optimizers) == VALUES
    assert train(other, other_optimizers, 4) == losses
    assert same_weights(model, other)
    assert other_optimizers.state_dict()["schedules"] == optimizers.state_dict()["schedules"]
    for one, two in zip(optimizers.optimizers, other_optimizers.optimizers, strict=True):
        for number, values in one.state_dict()["state"].items():
            assert all(torch.equal(v, two.state_dict()["state"][number][name]) for name, v in values.items())


def test_nothing_saved_yet(tmp_path: Path) -> None:
    model, optimizers = fresh(0)
    assert load_latest_state(tmp_path, model, optimizers) is None
    assert load_latest_state(tmp_path / "absent", model, optimizers) is None


def test_the_newest_are_kept(tmp_path: Path) -> None:
    model, optimizers = fresh(0)
    for step in (1, 2, 10, 9_999_999, 10_000_000):
        save_state(tmp_path, step, model, optimizers, {"step": step}, keep=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000010", "step-09999999", "step-10000000"]
    assert load_latest_state(tmp_path, model, optimizers) == {"step": 10_000_000}


@pytest.mark.parametrize(
    "name", ["model.safetensors", "optimizer.safetensors", "random.safetensors", "state.json", "manifest.json"]
)
@pytest.mark.parametrize("damage", ["changed", "cut", "missing"])
def test_a_damaged_save_is_named_and_the_one_before_is_taken(
    tmp_path: Path, name: str, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model, optimizers = fresh(0)
    save_state(tmp_path, 1, model, optimizers, {"step": 1}, keep=2)
    train(model, optimizers, 1)
    newest = save_state(tmp_path, 2, model, optimizers, {"step": 2}, keep=2)
    content = (newest / name).read_bytes()
    if damage == "missing":
        (newest / name).unlink()
    elif damage == "cut":
        (newest / name).write_bytes(content[: len(content) // 2])
    else:
        place = len(content) - 20
        (newest / name).write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    assert load_latest_state(tmp_path, model, optimizers) == {"step": 1}
    said = capsys.readouterr().err
    assert "step-00000002 is damaged (" in said and "going on from step-00000001" in said
    # Set aside, so that the step can be saved anew, and looked at.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged-step-00000002", "step-00000001"]
    save_state(tmp_path, 2, model, optimizers, {"step": 2}, keep=2)
    assert load_latest_state(tmp_path, model, optimizers) == {"step": 2}


def test_no_intact_save_is_an_error_that_touches_nothing(tmp_path: Path) -> None:
    model, optimizers = fresh(0)
    for step in (1, 2):
        path = save_state(tmp_path, step, model, optimizers, {}, keep=2)
        (path / "random.safetensors").write_bytes(b"half")
    train(model, optimizers, 1)
    before = {key: weight.clone() for key, weight in model.state_dict().items()}
    with pytest.raises(
        CheckpointError, match=r"no save in .* is intact \(step-00000002: random.*start over with --force"
    ):
        load_latest_state(tmp_path, model, optimizers)
    assert all(torch.equal(before[key], weight) for key, weight in model.state_dict().items())
    assert len(list(tmp_path.iterdir())) == 2


def test_another_shape_is_refused(tmp_path: Path) -> None:
    model, optimizers = fresh(0)
    save_state(tmp_path, 1, model, optimizers, {}, keep=1)
    for other in (fresh(0, n_tokens=41), fresh(0, "modernbert")):
        with pytest.raises(CheckpointError, match=r"step-00000001 does not fit this model \(.+\)"):
            load_latest_state(tmp_path, *other)


def test_what_a_kill_while_saving_left_does_no_harm(tmp_path: Path) -> None:
    model, optimizers = fresh(0)
    first = save_state(tmp_path, 1, model, optimizers, {"step": 1}, keep=2)
    for name in (".step-00000002.4242.tmp", f".step-00000002.{os.getpid()}.tmp", ".step-00000001.7.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(b"half")
    assert load_latest_state(tmp_path, model, optimizers) == {"step": 1}
    second = save_state(tmp_path, 2, model, optimizers, {"step": 2}, keep=2)
    assert sorted(tmp_path.iterdir()) == [first, second]
    assert load_latest_state(tmp_path, model, optimizers) == {"step": 2}


def test_a_full_disk_leaves_earlier_saves(tmp_path: Path) -> None:
    model, optimizers = fresh(0)
    first = save_state(tmp_path, 1, model, optimizers, {"step": 1}, keep=1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # no file may grow beyond it
    try:
        with pytest.raises(OutputError, match=r"cannot write .*model\.safetensors.*intact; free some space"):
            save_state(tmp_path, 2, model, optimizers, {}, keep=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == [first]
    assert load_latest_state(tmp_path, model, optimizers) == {"step": 1}


def test_nothing_is_pickled(tmp_path: Path) -> None:
    model, optimizers = fresh(0)
    train(model, optimizers, 1)
    path = save_state(tmp_path, 1, model, optimizers, VALUES, keep=1)
    assert {file.name for file in path.iterdir()} == {
        "manifest.json",
        "model.safetensors",
        "optimizer.safetensors",
        "random.safetensors",
        "state.json",
    }
