"""What each process does that `test_sharded.py` starts: a model in parts beside the whole one, and its saves."""

import os
import sys
from pathlib import Path

import pytest
import torch
from torch.distributed.tensor import DTensor

from malmoi.errors import OutputError
from malmoi.model.heads import PretrainingModel
from malmoi.model.sizes import config_for
from malmoi.training.distributed import Group, joined_group
from malmoi.training.optim import Optimizers, build_optimizers
from malmoi.training.options import OptimizerOptions
from malmoi.training.sharded import ShardedMuon, is_sharded, shard, whole_model
from malmoi.training.state import load_latest_state, save_state

OPTIONS = OptimizerOptions(optimizer="muon", lr=1e-3, max_grad_norm=1e9)  # the norm itself is summed in another order


def made(n_processes: int, seed: int = 1) -> tuple[PretrainingModel, Optimizers]:
    """A model whose odd vocabulary parts unevenly; whole for one process."""
    torch.manual_seed(seed)
    model = PretrainingModel(config_for("tiny", n_tokens=51, encoder="bert"))
    if n_processes == 1:
        return model, build_optimizers(model, OPTIONS, 20)
    shard(model, n_processes)
    return model, build_optimizers(model, OPTIONS, 20, muon=ShardedMuon)


def train(model: PretrainingModel, optimizers: Optimizers, seed: int) -> float:
    """A step on ids that all processes have: the mean of their gradients is the gradient of one."""
    torch.manual_seed(seed)
    model.train()
    output = model(torch.randint(0, 51, (2, 8)), masked_N=torch.arange(4), first_M=torch.tensor([0, 8]))
    assert output.next_logits_M2 is not None
    total = output.masked_logits_NV.square().mean() + output.next_logits_M2.logsumexp(-1).mean()
    total.backward()
    optimizers.step()
    return total.item()


def same(one: PretrainingModel, other: PretrainingModel, *, rounding: float = 0.0) -> bool:
    """Bit for bit; `rounding` is for the one bias of odd length, whose parts end within a vector of the processor."""
    mine, theirs = (whole_model(model).state_dict() for model in (one, other))
    uneven = mine.pop("masked_head.bias")
    near = torch.allclose(uneven, theirs["masked_head.bias"], rtol=0.0, atol=rounding)
    return near and all(torch.equal(mine[name], theirs[name]) for name in mine)


def steps_are_those_of_the_whole_model(group: Group) -> None:
    whole, whole_optimizers = made(1)
    parts, parts_optimizers = made(group.size)
    assert is_sharded(parts) and not is_sharded(whole) and same(whole, parts)
    local = sum(w.to_local().numel() for w in parts.parameters() if isinstance(w, DTensor))
    assert local < 0.6 * sum(weight.numel() for weight in whole.parameters())
    for seed in range(3):
        assert train(parts, parts_optimizers, seed) == train(whole, whole_optimizers, seed)
    assert same(whole, parts, rounding=1e-9)
    with torch.no_grad():  # looking leaves no weights behind that the next step would take for new ones
        parts.eval()(torch.zeros(1, 4, dtype=torch.int64), masked_N=torch.arange(2))
    assert train(parts, parts_optimizers, 3) == train(whole, whole_optimizers, 3)
    assert train(parts, parts_optimizers, 4) == train(whole, whole_optimizers, 4)


def a_save_goes_on_in_parts_and_whole(group: Group, directory: Path) -> None:
    parts, optimizers = made(group.size)
    for seed in range(3):
        train(parts, optimizers, seed)
    save_state(directory / "parts", 3, parts, optimizers, {"rank": group.rank}, keep=1, group=group)
    names = {path.name for path in (directory / "parts" / "step-00000003").iterdir()}
    assert sum(name.startswith("shard-") for name in names) == group.size
    assert {"manifest.json", "random.safetensors", "state.json"} == {n for n in names if not n.startswith("shard-")}
    expected = [train(parts, optimizers, seed) for seed in (3, 4)]

    again, again_optimizers = made(group.size, seed=2)
    assert load_latest_state(directory / "parts", again, again_optimizers, may_write=group.is_first) == {"rank": 0}
    assert [train(again, again_optimizers, seed) for seed in (3, 4)] == expected
    assert same(again, parts)

    whole, whole_optimizers = made(1, seed=3)
    load_latest_state(directory / "parts", whole, whole_optimizers, may_write=False)
    if group.is_first:
        save_state(directory / "whole", 3, whole, whole_optimizers, {}, keep=1)
    assert [train(whole, whole_optimizers, seed) for seed in (3, 4)] == expected
    group.wait()

    back, back_optimizers = made(group.size, seed=4)
    load_latest_state(directory / "whole", back, back_optimizers, may_write=group.is_first)
    assert [train(back, back_optimizers, seed) for seed in (3, 4)] == expected


def a_process_that_cannot_write_leaves_the_save_before(group: Group, directory: Path) -> None:
    """The second one's disk is full: all of them say so, and what was saved before stays."""
    model, optimizers = made(group.size)
    save_state(directory / "kept", 1, model, optimizers, {}, keep=1, group=group)
    with pytest.MonkeyPatch.context() as patch:
        if not group.is_first:
            patch.setattr("safetensors.torch.save", _no_space)
        with pytest.raises(OutputError, match=r"No space left on device.*earlier saves are intact; free some space"):
            save_state(directory / "kept", 2, model, optimizers, {}, keep=1, group=group)
    group.wait()
    assert [path.name for path in (directory / "kept").iterdir()] == ["step-00000001"]


def _no_space(*_: object, **__: object) -> None:
    raise OSError(28, os.strerror(28))


if __name__ == "__main__":
    place = Path(sys.argv[1])
    with joined_group("cpu") as processes:
        steps_are_those_of_the_whole_model(processes)
        a_save_goes_on_in_parts_and_whole(processes, place)
        a_process_that_cannot_write_leaves_the_save_before(processes, place)
    print("all held")
