"""Training state on disk: everything needed to go on bit for bit, written whole or not at all, the newest kept.

A save is a directory `step-00000500` with `model.safetensors` (our own names), `optimizer.safetensors`,
`random.safetensors` and `state.json`; where the weights are shared out among processes, a file of each process stands
in place of the first two. Either kind is read by any number of processes. Nothing is pickled. What a finished model
looks like on disk is `model/checkpoint.py`.
"""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from malmoi.artifact import file_hash, read_manifest, staged_directory, write_json
from malmoi.errors import CheckpointError, InputError, OutputError
from malmoi.progress import say
from malmoi.training.distributed import ALONE, Group
from malmoi.training.optim import Optimizers
from malmoi.training.sharded import is_sharded, laid_out_as
from malmoi.training.sharded_state import read_parts, write_parts

_NAME = re.compile(r"step-(\d{8})")
_WEIGHTS, _OPTIMIZERS = "model.safetensors", "optimizer.safetensors"
_MODEL, _OPTIMIZER = "model", "optimizer"
"""What the names of their tensors begin with where a process has one file for both."""


def save_state(
    directory: Path,
    step: int,
    model: nn.Module,
    optimizers: Optimizers,
    values: dict[str, Any],
    *,
    keep: int,
    group: Group = ALONE,
) -> Path:
    """Write the state after `step` below `directory` and drop all but the `keep` newest.

    Args:
        directory: holds the saves.
        step: number of the last step taken.
        model: weights and buffers are saved.
        optimizers: their state and schedule.
        values: JSON values of the caller's (data position and the like); of several processes the first one's count.
        keep: saves that stay, at least 1.
        group: the processes that share the weights out, each of which must come; where each has all, one comes alone.

    Raises:
        OutputError: the disk refuses; earlier saves are intact.
    """
    out = directory / f"step-{step:08d}"
    (weights, _), (tensors, rest) = _flatten(model.state_dict()), _flatten(optimizers.state_dict())
    with _staged_by_first(out, step, group) as temporary:
        if is_sharded(model):
            write_parts(temporary, {_MODEL: weights, _OPTIMIZER: tensors})
        else:
            _write_tensors(temporary / _WEIGHTS, weights)
            _write_tensors(temporary / _OPTIMIZERS, tensors)
        with group.first_acts():
            if group.is_first:
                _write_tensors(temporary / "random.safetensors", _random_states(model))
                write_json(temporary / "state.json", {"step": step, "optimizer": rest, "values": values})
    for old in _saves(directory)[:-keep] if group.is_first else ():
        shutil.rmtree(old)
    return out


@contextmanager
def _staged_by_first(out: Path, step: int, group: Group) -> Iterator[Path]:
    """The directory that all processes write into; the first one makes it, and in the end the save out of it."""
    temporary = out.with_name(f".{out.name}.tmp")
    with ExitStack() as staged:
        with group.first_acts():
            if group.is_first:
                # What a process that was killed while saving has left is as large as a save.
                for leftover in out.parent.glob(".step-*"):
                    shutil.rmtree(leftover, ignore_errors=True)
                staged.enter_context(
                    staged_directory(out, kind="state", options={"step": step}, force=True, temporary=temporary)
                )
        yield temporary
        with group.first_acts():
            staged.close()


def _write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    try:
        save_file(tensors, path)
    except SafetensorError as error:
        raise OutputError(
            f"cannot write {path} ({error}): earlier saves are intact; free some space, then resume"
        ) from error


def load_latest_state(
    directory: Path, model: nn.Module, optimizers: Optimizers, *, may_write: bool = True
) -> dict[str, Any] | None:
    """Take up the newest intact save below `directory`; returns the caller's values, or None when there is no save.

    A damaged save is passed over, which is said, and set aside as `damaged-step-…`; of several processes only the one
    that `may_write` does so.

    Raises:
        CheckpointError: no save is intact, or the newest intact one belongs to a model of another shape.
    """
    saves = _saves(directory)
    if not saves:
        return None
    damaged: dict[Path, str] = {}
    for path in reversed(saves):
        if (fault := _fault(path)) is None:
            break
        damaged[path] = fault
    else:
        listed = "; ".join(f"{path.name}: {fault}" for path, fault in damaged.items())
        raise CheckpointError(f"no save in {directory} is intact ({listed}): start over with --force")
    for broken, fault in damaged.items() if may_write else ():
        say(f"{broken} is damaged ({fault}): going on from {path.name}")
        aside = broken.with_name(f"damaged-{broken.name}")
        shutil.rmtree(aside, ignore_errors=True)
        broken.rename(aside)
    return _load(path, model, optimizers)


def _load(path: Path, model: nn.Module, optimizers: Optimizers) -> dict[str, Any]:
    state = json.loads((path / "state.json").read_text(encoding="utf-8"))
    try:
        weights, tensors = _read_tensors(path, model, optimizers)
        model.load_state_dict({name[1:]: weight for name, weight in weights.items()})
        optimizers.load_state_dict(_unflatten(state["optimizer"], tensors))
    except (RuntimeError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path} does not fit this model ({str(error).splitlines()[0]})") from error
    _set_random_states(model, load_file(path / "random.safetensors"))
    return dict(state["values"])


def _read_tensors(path: Path, model: nn.Module, optimizers: Optimizers) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A save's weights and its optimisers' tensors by path: whole, or this process's parts of them."""
    layout = {f"{_MODEL}/{name}": tensor for name, tensor in model.state_dict().items()}
    layout |= {f"{_OPTIMIZER}/{place}": weight for place, weight in optimizers.weights_by_place.items()}

    def like(name: str) -> Tensor | None:
        """What of this run is laid out as a saved tensor is to be: itself, or the weight whose state it is."""
        return layout.get(name, layout.get(name.rpartition("/")[0]))

    if not (path / _WEIGHTS).is_file():
        return read_parts(path, _MODEL, like), read_parts(path, _OPTIMIZER, like)
    weights, tensors = load_file(path / _WEIGHTS), load_file(path / _OPTIMIZERS)
    if is_sharded(model):
        weights = {name: laid_out_as(tensor, like(_MODEL + name)) for name, tensor in weights.items()}
        tensors = {name: laid_out_as(tensor, like(_OPTIMIZER + name)) for name, tensor in tensors.items()}
    return weights, tensors


def _saves(directory: Path) -> list[Path]:
    """Complete saves, oldest first."""
    return sorted(p for p in directory.glob("step-*") if _NAME.fullmatch(p.name)) if directory.is_dir() else []


def _fault(path: Path) -> str | None:
    """What is wrong with a save; None when every file has the hash that was written down."""
    try:
        manifest = read_manifest(path, "state")
        changed = [name for name, value in manifest.files.items() if file_hash(path / name) != value]
    except (InputError, OSError) as error:
        return str(error)
    return f"{', '.join(changed)} changed since it was written" if changed else None


def _flatten(value: Any, path: str = "") -> tuple[dict[str, Tensor], Any]:
    """Split a state into its tensors (by path) and the JSON rest, in which a tensor's place names its path."""
    if isinstance(value, Tensor):
        value = value.detach()
        return {path: value if isinstance(value, DTensor) else value.cpu().contiguous()}, {"tensor": path}
    tensors: dict[str, Tensor] = {}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else None
    if items is None:
        return tensors, value
    rest = []
    for key, item in items:
        inner, plain = _flatten(item, f"{path}/{key}")
        tensors |= inner
        rest.append([key, plain])
    return tensors, {"dict": rest} if isinstance(value, dict) else {"list": [plain for _, plain in rest]}


def _unflatten(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Inverse of `_flatten`; tuples come back as lists."""
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    if "list" in value:
        return [_unflatten(item, tensors) for item in value["list"]]
    return {key: _unflatten(item, tensors) for key, item in value["dict"]}


def _random_states(model: nn.Module) -> dict[str, Tensor]:
    device = next(model.parameters()).device
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def _set_random_states(model: nn.Module, states: dict[str, Tensor]) -> None:
    device = next(model.parameters()).device
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
