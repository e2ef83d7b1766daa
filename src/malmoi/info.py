"""What a directory is, read from its plain files; no PyTorch."""

import json
import math
from pathlib import Path
from typing import Any

from safetensors import safe_open

from malmoi.artifact import MANIFEST
from malmoi.errors import InputError
from malmoi.model.directory import SCALE, weights_file

_DETAILS = {"corpus": "report.json", "tokenizer": "report.json", "shards": "shards.json"}


def describe(path: Path) -> dict[str, Any]:
    """Facts about a directory that malmoi or transformers made.

    Returns:
        `{"path", "kind", ...}`: counts and options of a stage, shape and size of a model.

    Raises:
        InputError: nothing is there, or nothing that is known.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist: expected a directory that malmoi or transformers made")
    manifest = _json(path / MANIFEST)
    found: dict[str, Any] = {"path": str(path), "kind": manifest.get("kind")}
    if manifest:
        found |= {"content_hash": manifest["content_hash"], "options": manifest["options"]}
        found |= {"report": _json(path / _DETAILS[found["kind"]])} if found["kind"] in _DETAILS else {}
    if (path / "run.json").is_file():
        found |= {
            "kind": found["kind"] or "run",
            "run": _json(path / "run.json"),
            "last_log": _last_line(path),
        }
    if (path / "config.json").is_file():
        found |= {
            "kind": "model",
            "task": _json(path / "task.json") or None,
            "config": _json(path / "config.json"),
        }
        found |= _weights(path)
    if found["kind"] is None and (path / "vocab.txt").is_file():
        n_tokens = len((path / "vocab.txt").read_text(encoding="utf-8").splitlines())
        found |= {"kind": "tokenizer", "n_tokens": n_tokens}
    if found["kind"] is None:
        raise InputError(
            f"{path} is nothing malmoi knows: expected a directory with {MANIFEST}, config.json or vocab.txt"
        )
    return found


def _json(path: Path) -> dict[str, Any]:
    """The object in a file; empty when there is no file."""
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} cannot be read ({error}): expected a JSON object") from error


def _last_line(path: Path) -> dict[str, Any]:
    log = path / "log.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    return dict(json.loads(lines[-1])) if lines else {}


def _weights(path: Path) -> dict[str, Any]:
    weights = weights_file(path)
    if weights is None:
        return {"n_parameters": None}
    with safe_open(weights, framework="np") as file:
        names = [name for name in file.keys() if not name.endswith(SCALE)]  # noqa: SIM118  (not a dict)
        sizes = [file.get_slice(name).get_shape() for name in names]
    return {"n_parameters": sum(map(math.prod, sizes)), "bytes": weights.stat().st_size}
