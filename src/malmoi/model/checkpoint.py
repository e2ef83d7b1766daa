"""Models in directories: `config.json` and `model.safetensors`, under Hugging Face's names and in its shapes.

What is saved here opens with `transformers.AutoModel…from_pretrained`; BERT and ModernBERT directories of
others (`.safetensors`, whole or in pieces; `pytorch_model.bin`) load here. Not here: the tokenizer's files,
`task.json`, the model card, the state of a training run. No code of a checkpoint ever runs: pickles are read
with `weights_only`.
"""

import dataclasses
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from malmoi.artifact import write_json
from malmoi.errors import CheckpointError, OptionError, OutputError
from malmoi.model.config import ModelConfig, to_hugging_face
from malmoi.model.directory import CONFIG, PACKED, WEIGHTS, read_config, read_object, weights_file
from malmoi.model.heads import HeadKind, LoadReport, PretrainingModel, TaskModel
from malmoi.model.names import (
    ARCHITECTURES,
    TIED_TABLE,
    TOKEN_TABLE,
    Architecture,
    bare_name,
    class_name,
    output_name,
    present_name,
    their_names,
)
from malmoi.model.packed import packed, unpacked

_INDEX = "model.safetensors.index.json"
_PICKLED = "pytorch_model.bin"


def save_model(
    model: PretrainingModel | TaskModel,
    directory: Path,
    *,
    labels: Sequence[str] | None = None,
    architecture: Architecture | None = None,
) -> None:
    """Write `config.json` and `model.safetensors` into `directory`, which is made where it is missing.

    Args:
        model: its weights are written in the precision they have.
        directory: inside `artifact.staged_directory`, for a directory that appears whole or not at all.
        labels: names of the outputs of a pooled or token head, in order.
        architecture: which class of transformers opens it; None for the usual one of its head
            (`QuestionAnswering` and `MultipleChoice` must be asked for).

    Raises:
        OptionError: `labels` or `architecture` does not fit the model.
        OutputError: the disk refuses.
    """
    architecture = _architecture(model, architecture)
    values = to_hugging_face(model.config)
    values["architectures"] = [class_name(model.config.encoder, architecture)]
    values["dtype"] = str(next(model.parameters()).dtype).removeprefix("torch.")
    values |= _label_values(model, architecture, labels)
    _write(directory, values, _their_weights(model, architecture))


def save_encoder(model: TaskModel, directory: Path) -> None:
    """As `save_model`, without the head: transformers opens it as `AutoModel`."""
    values = to_hugging_face(model.config)
    values["architectures"] = ["BertModel" if model.config.encoder == "bert" else "ModernBertModel"]
    values["dtype"] = str(next(model.parameters()).dtype).removeprefix("torch.")
    weights = _their_weights(model, _architecture(model, None), only="encoder.")
    _write(directory, values, {bare_name(name): tensor for name, tensor in weights.items()})


def write_packed(directory: Path, out: Path) -> None:
    """Write the weights in `directory` into `out` as bytes, under the same names; see `packed.py`.

    Raises:
        CheckpointError: they cannot be read. OutputError: the disk refuses.
    """
    tensors = packed(_read_weights(directory, load_config(directory)))
    _save(tensors, out / PACKED)


def _their_weights(
    model: PretrainingModel | TaskModel, architecture: Architecture, only: str = ""
) -> dict[str, Tensor]:
    state, weights = model.state_dict(), {}
    for name, theirs in their_names(model, architecture).items():
        if name.startswith(only):
            for their_name, part in zip(theirs, state[name].cpu().chunk(len(theirs)), strict=True):
                weights[their_name] = part.contiguous()
    return weights


def _write(directory: Path, values: dict[str, Any], weights: dict[str, Tensor]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / CONFIG, values)
    _save(weights, directory / WEIGHTS)


def _save(weights: dict[str, Tensor], file: Path) -> None:
    try:
        save_file(weights, file, metadata={"format": "pt"})
    except SafetensorError as error:
        raise OutputError(f"cannot write {file} ({error}): free some space") from error


def _architecture(model: PretrainingModel | TaskModel, asked: Architecture | None) -> Architecture:
    fitting: list[Architecture]
    if isinstance(model, PretrainingModel):
        fitting = ["PreTraining" if model.config.encoder == "bert" else "MaskedLM"]
    elif model.kind == "masked":
        fitting = ["MaskedLM"]
    else:
        fitting = [name for name, kind in ARCHITECTURES.items() if kind == model.kind]
    if asked is not None and asked not in fitting:
        raise OptionError(f"architecture {asked!r}: expected {' or '.join(fitting)} for this head")
    needed = {"MultipleChoice": 1, "QuestionAnswering": 2}.get(asked or "")
    if needed and isinstance(model, TaskModel) and model.n_outputs != needed:
        raise OptionError(f"{asked} with {model.n_outputs} outputs: expected a head with {needed}")
    return asked or fitting[0]


def _label_values(
    model: PretrainingModel | TaskModel, architecture: Architecture, labels: Sequence[str] | None
) -> dict[str, Any]:
    if architecture not in ("SequenceClassification", "TokenClassification") or isinstance(model, PretrainingModel):
        if labels is not None:
            raise OptionError(f"{len(labels)} labels for {architecture}: it has none, leave them out")
        return {}
    names = [f"LABEL_{i}" for i in range(model.n_outputs)] if labels is None else list(labels)
    if len(names) != model.n_outputs or len(set(names)) != len(names):
        raise OptionError(f"labels {names}: expected {model.n_outputs} different ones, one an output of the head")
    return {
        "id2label": {str(i): name for i, name in enumerate(names)},
        "label2id": {name: i for i, name in enumerate(names)},
    }


def load_config(directory: str | Path) -> ModelConfig:
    """Read the configuration of a model directory.

    Raises:
        CheckpointError: no such directory or file, no JSON, another model type, or values that cannot work.
    """
    return read_config(Path(directory))[0]


def has_head(directory: str | Path) -> bool:
    """Whether a directory's model is one that `load_task_model` reads, by what its configuration says.

    Raises:
        CheckpointError: as `load_config`.
    """
    return _known_architecture(*read_config(Path(directory))) is not None


def _known_architecture(config: ModelConfig, written: list[str]) -> Architecture | None:
    classes = {class_name(config.encoder, architecture): architecture for architecture in ARCHITECTURES}
    return next((classes[name] for name in written if name in classes), None)


def load_pretraining_model(directory: str | Path) -> PretrainingModel:
    """Read a pre-trained model with its masked head.

    A next-sentence head that the directory lacks is made anew; `load_report` of the model says so.

    Raises:
        CheckpointError: a file or a weight is missing, broken or of another shape.
    """
    directory = Path(directory)
    config, _ = read_config(directory)
    model = PretrainingModel(config)
    _fill(model, "PreTraining", directory, _read_weights(directory, config), may_be_new=("next_head.",))
    return model


def load_task_model(directory: str | Path) -> TaskModel:
    """Read a fine-tuned model; or a pre-trained one with its masked head.

    Raises:
        CheckpointError: no head that is known, or a file or a weight is missing, broken or of another shape.
    """
    directory = Path(directory)
    config, written = read_config(directory)
    architecture = _known_architecture(config, written)
    if architecture is None:
        raise CheckpointError(
            f"{directory / CONFIG}: architectures {written}: expected one of "
            f"{', '.join(class_name(config.encoder, name) for name in ARCHITECTURES)}; "
            "a model without a head must be fine-tuned first"
        )
    weights = _read_weights(directory, config)
    kind, n_outputs = ARCHITECTURES[architecture], config.n_tokens
    if kind != "masked":
        n_outputs = len(_weight(weights, output_name(config.encoder, architecture) + ".weight", directory))
    model = TaskModel(config, kind, n_outputs)
    _fill(model, architecture, directory, weights)
    return model


def new_task_model(
    directory: str | Path,
    kind: HeadKind,
    n_outputs: int,
    *,
    dropout: float | None = None,
    pooling: Literal["cls", "mean"] | None = None,
) -> TaskModel:
    """Put a new head on the encoder of any BERT or ModernBERT directory.

    The last layer is always new, drawn from torch's generator. What stands before it comes from the directory
    wherever transformers would take it from there too, so that fine-tuning starts alike here and there:
    BERT's pooler, and in ModernBERT the masked head's dense layer and norm. A masked head has nothing new and
    must be there. `load_report` of the model says what was new.

    Args:
        directory: pre-trained or fine-tuned.
        kind: `pooled`, `token` or `masked`.
        n_outputs: outputs of the head; the vocabulary's size, whatever is given, for `masked`.
        dropout: in place of the directory's, everywhere; None keeps the directory's.
        pooling: what a pooled head reads, in place of the directory's (`mean` for modernbert only).

    Raises:
        CheckpointError: a file or a weight is missing, broken or of another shape.
        OptionError: `kind`, `n_outputs`, `dropout` or `pooling` cannot work.
    """
    directory = Path(directory)
    config, _ = read_config(directory)
    if dropout is not None:
        config = dataclasses.replace(config, dropout=dropout, attention_dropout=dropout)
    if pooling is not None:
        config = dataclasses.replace(config, pooling=pooling)
    model = TaskModel(config, kind, n_outputs)
    weights = _read_weights(directory, config)
    if kind == "masked":
        _fill(model, "MaskedLM", directory, weights)
    else:
        architecture = _architecture(model, None)
        _fill(model, architecture, directory, weights, may_be_new=("head.",), always_new=("head.out.",))
    return model


def _read_weights(directory: Path, config: ModelConfig) -> dict[str, Tensor]:
    """All weights of a directory, under the names that transformers gives them today."""
    if (whole := weights_file(directory)) is not None:
        files = [whole]
    elif (directory / _INDEX).is_file():
        pieces = read_object(directory / _INDEX).get("weight_map", {})
        files = [directory / name for name in sorted(set(pieces.values()))]
    else:
        files = [directory / _PICKLED]
        if not files[0].is_file():
            raise CheckpointError(
                f"{directory} has no weights: expected {WEIGHTS}, {_INDEX} with its pieces, or {_PICKLED}"
            )
    tensors = {name: tensor for file in files for name, tensor in _read_file(file).items()}
    return {present_name(config.encoder, name): tensor for name, tensor in tensors.items()}


def _read_file(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return unpacked(load_file(path)) if path.name == PACKED else load_file(path)
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise CheckpointError(
            f"{path} cannot be read ({error}): it is not what its name says or was cut short, fetch it again"
        ) from error
    if not isinstance(tensors, dict) or not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
        raise CheckpointError(f"{path} holds no weights by name: expected what transformers saves")
    return tensors


def _fill(
    model: PretrainingModel | TaskModel,
    architecture: Architecture,
    directory: Path,
    weights: dict[str, Tensor],
    *,
    may_be_new: tuple[str, ...] = (),
    always_new: tuple[str, ...] = (),
) -> None:
    """Copy `weights` into `model` and note where all of it came from."""
    if isinstance(model, PretrainingModel) or model.kind == "masked":
        _check_tied(model.config.encoder, directory, weights)
    state, new, used = model.state_dict(), [], {TIED_TABLE[model.config.encoder]}
    for name, theirs in their_names(model, architecture).items():
        there = any(their_name in weights for their_name in theirs)
        if name.startswith(always_new) or (not there and name.startswith(may_be_new)):
            new.append(name)
            continue
        for their_name, part in zip(theirs, state[name].chunk(len(theirs)), strict=True):
            tensor = _weight(weights, their_name, directory)
            if tensor.shape != part.shape:
                raise CheckpointError(
                    f"{directory}: {their_name} has shape {tuple(tensor.shape)}, {CONFIG} asks for "
                    f"{tuple(part.shape)}: they belong to different models, put the right {CONFIG} there"
                )
            part.copy_(tensor)  # a view into the model's own weight
        used.update(theirs)
    # Old files carry the numbers 0, 1, 2 … of the positions as if they were weights.
    unused = (name for name in sorted(weights.keys() - used) if not name.endswith("position_ids"))
    model.load_report = LoadReport(new=tuple(new), unused=tuple(unused))


def _weight(weights: dict[str, Tensor], name: str, directory: Path) -> Tensor:
    if name not in weights:
        raise CheckpointError(
            f"{directory} has no weight {name}, which its {CONFIG} asks for: it is incomplete or another "
            "kind of model, fetch it again or choose another directory"
        )
    return weights[name]


def _check_tied(encoder: str, directory: Path, weights: dict[str, Tensor]) -> None:
    table = weights.get(TOKEN_TABLE[encoder])
    last = weights.get(TIED_TABLE[encoder])
    if table is not None and last is not None and not torch.equal(table, last):
        raise CheckpointError(
            f"{directory}: {TIED_TABLE[encoder]} differs from {TOKEN_TABLE[encoder]}: expected a masked "
            "head that shares the token table; such a model can be fine-tuned, not pre-trained further"
        )
