"""Tensors that are shared out among processes, in files: each process writes its own part of them.

`torch.distributed.checkpoint` in safetensors: where a part belongs stands in the header of its file, so any other
number of processes reads it, and nothing is pickled. When a save is whole, rotated or damaged is decided in `state.py`.
"""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.tensor import DTensor

from malmoi.errors import CheckpointError, OutputError


def write_parts(directory: Path, groups: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Write this process's parts of tensors into `directory`, which all see; every process must come.

    Args:
        directory: of nothing else in this format with the same names.
        groups: tensors by name, by the name of what they belong to.

    Raises:
        OutputError: a disk refuses, in whichever process.
    """
    tensors = {group + name: tensor for group, named in groups.items() for name, tensor in named.items()}
    try:
        save(tensors, storage_writer=HuggingFaceStorageWriter(str(directory), save_distributed=True))
    except CheckpointException as error:
        raise OutputError(
            f"cannot write {directory} ({_reason(error)}): earlier saves are intact; free some space, then resume"
        ) from None


def read_parts(directory: Path, group: str, like: Callable[[str], Tensor | None]) -> dict[str, Tensor]:
    """Read the tensors of a group by name, however many processes wrote them, as far as they are this process's.

    Args:
        directory: where `write_parts` wrote.
        group: what they belong to.
        like: the tensor of this run whose parts the one of a name (group included) is to have; else it is read whole.

    Raises:
        CheckpointError: a file lacks a part.
    """
    reader = HuggingFaceStorageReader(str(directory))
    tensors = {}
    for name, found in reader.read_metadata().state_dict_metadata.items():
        if name.startswith(group) and isinstance(found, TensorStorageMetadata):
            tensors[name] = _room(like(name), found)
    in_parts = any(isinstance(tensor, DTensor) for tensor in tensors.values())
    try:
        with warnings.catch_warnings():
            # A single process is what is meant, not what has to be guessed.
            warnings.filterwarnings("ignore", "torch.distributed is disabled, unavailable or uninitialized")
            load(tensors, storage_reader=reader, no_dist=not in_parts)
    except CheckpointException as error:
        raise CheckpointError(f"{directory} cannot be read ({_reason(error)}): start over with --force") from None
    return {name.removeprefix(group): tensor for name, tensor in tensors.items()}


def _room(model: Tensor | None, found: TensorStorageMetadata) -> Tensor:
    if model is not None and model.shape == found.size:
        return torch.zeros_like(model, dtype=found.properties.dtype)
    return torch.zeros(found.size, dtype=found.properties.dtype)


def _reason(error: CheckpointException) -> str:
    """The first failure's own words."""
    failure = next(iter(error.failures.values()))[0]
    return getattr(failure, "strerror", None) or str(failure).splitlines()[0]
