"""The files of a model directory by name, and its `config.json`; no weights, no PyTorch (`checkpoint.py`)."""

import json
from pathlib import Path
from typing import Any

from malmoi.artifact import directory_without
from malmoi.errors import CheckpointError
from malmoi.model.config import ModelConfig, from_hugging_face

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
PACKED = "model.int8.safetensors"
"""Weights as bytes; see `packed.py`."""
SCALE = ".scale"
"""Behind a matrix's name: what its rows were divided by."""
ONNX = "model.onnx"
ONNX_INT8 = "model.int8.onnx"


def read_config(directory: Path) -> tuple[ModelConfig, list[str]]:
    """The configuration of a model directory, and the names of the classes that wrote it.

    Raises:
        CheckpointError: no such directory or file, no JSON, another model type, or values that cannot work.
    """
    path = directory / CONFIG
    if not path.is_file():
        state = directory_without(directory, CONFIG)
        raise CheckpointError(f"{directory} {state}: expected a model directory with {CONFIG} and {WEIGHTS}")
    values = read_object(path)
    try:
        return from_hugging_face(values), list(values.get("architectures") or [])
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a model directory.

    Raises:
        CheckpointError: no file, no JSON, or no object.
    """
    values = _read_json(path)
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} holds a {type(values).__name__}: expected a JSON object, fetch it again")
    return values


def read_list(path: Path) -> list[Any]:
    """The JSON list in a file of a model directory.

    Raises:
        CheckpointError: no file, no JSON, or no list.
    """
    values = _read_json(path)
    if not isinstance(values, list):
        raise CheckpointError(f"{path} holds a {type(values).__name__}: expected a JSON list, fetch it again")
    return values


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}): fetch it again") from error


def weights_file(directory: Path) -> Path | None:
    """The weights in one file: as they were trained before those as bytes; None where the directory has neither."""
    return next((directory / name for name in (WEIGHTS, PACKED) if (directory / name).is_file()), None)


def onnx_file(directory: Path) -> Path | None:
    """The graph that is run from here: int8 before fp32; None where the directory has neither."""
    return next((directory / name for name in (ONNX_INT8, ONNX) if (directory / name).is_file()), None)
