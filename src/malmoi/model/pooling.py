"""How an encoder's token vectors become one, and where that is written: sentence-transformers' files. No PyTorch here.

A directory with these files was made to give sentence vectors; one without was not. The arithmetic is `vectors.py`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from malmoi.artifact import write_json
from malmoi.errors import CheckpointError
from malmoi.model.directory import read_list, read_object

Pooling = Literal["mean", "cls", "max", "last-four"]
"""The `mean` of all tokens, the first (`cls`), the `max` of each number, or the mean over the `last-four` layers."""

MODULES = "modules.json"
_LENGTH = "sentence_bert_config.json"
_POOLING = "1_Pooling"
_ENDLESS = 10**9
_PREFIX = "sentence_transformers.models."
_OLD_KEYS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls", "pooling_mode_max_tokens": "max"}


@dataclass(frozen=True, kw_only=True)
class EmbeddingSettings:
    """How vectors are made of a model."""

    pooling: Pooling = "mean"
    """What becomes of the token vectors."""
    normalize: bool = True
    """Whether vectors have length one."""
    max_tokens: int | None = None
    """Longest text in tokens, with the two special ones; None: what the model takes."""


def read_embedding_settings(directory: Path) -> EmbeddingSettings | None:
    """The settings of a directory that malmoi or sentence-transformers saved; None where there are none.

    Raises:
        CheckpointError: they cannot be read, or ask for something that is not known here.
    """
    path = directory / MODULES
    if not path.is_file():
        return None
    modules = {_kind(module, path): module for module in read_list(path)}
    if "Transformer" not in modules or "Pooling" not in modules or modules["Transformer"].get("path"):
        raise CheckpointError(
            f"{path} lists {', '.join(modules) or 'nothing'}: expected a Transformer in the directory itself and a "
            "Pooling; save the model anew with sentence-transformers 2 or later"
        )
    place = directory / str(modules["Pooling"].get("path") or _POOLING) / "config.json"
    return EmbeddingSettings(
        pooling=_pooling(read_object(place), place),
        normalize="Normalize" in modules,
        max_tokens=_length(directory),
    )


def _length(directory: Path) -> int | None:
    """The longest text: where version 5 and before, then where version 6 of sentence-transformers writes it."""
    for name, key in ((_LENGTH, "max_seq_length"), ("tokenizer_config.json", "model_max_length")):
        length = read_object(directory / name).get(key) if (directory / name).is_file() else None
        if isinstance(length, int) and 2 < length < _ENDLESS:
            return length
    return None


def _kind(module: Any, path: Path) -> str:
    kind = str(module.get("type") if isinstance(module, dict) else module).rpartition(".")[2]
    if kind not in ("Transformer", "Pooling", "Normalize"):
        raise CheckpointError(f"{path} lists a module {kind}: expected Transformer, Pooling and Normalize only")
    return kind


def _pooling(values: dict[str, Any], path: Path) -> Pooling:
    old = [name for key, name in _OLD_KEYS.items() if values.get(key)]
    other = [key for key in values if key.startswith("pooling_mode_") and values[key] and key not in _OLD_KEYS]
    mode = values.get("pooling_mode", old[0] if len(old) == 1 and not other else [*old, *other])
    for known in get_args(Pooling):
        if mode == known:
            return known  # type: ignore[no-any-return]
    raise CheckpointError(f"{path}: the pooling is {mode!r}: expected one of {', '.join(get_args(Pooling))}")


def write_embedding_settings(directory: Path, settings: EmbeddingSettings, *, width: int) -> None:
    """Write the settings beside a model's files, as sentence-transformers reads them.

    `last-four` is the one pooling that it does not know; it refuses such a directory, malmoi reads it.

    Args:
        directory: a model directory, or one in the making.
        settings: what to write.
        width: numbers in a token's vector.
    """
    places = [("Transformer", ""), ("Pooling", _POOLING)] + [("Normalize", "2_Normalize")] * settings.normalize
    modules = [
        {"idx": number, "name": str(number), "path": place, "type": _PREFIX + kind}
        for number, (kind, place) in enumerate(places)
    ]
    (directory / _POOLING).mkdir(exist_ok=True)
    old = {key: name == settings.pooling for key, name in _OLD_KEYS.items()}
    pooling: dict[str, Any] = {"word_embedding_dimension": width, **old}
    if settings.pooling == "last-four":
        pooling = {"word_embedding_dimension": width, "pooling_mode": settings.pooling}
    write_json(directory / _POOLING / "config.json", pooling)
    write_json(directory / _LENGTH, {"max_seq_length": settings.max_tokens, "do_lower_case": False})
    write_json(directory / MODULES, modules)
