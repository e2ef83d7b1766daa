"""The export stage: a model directory in, a smaller one or one without PyTorch out; nothing that was not checked.

Making the graph is `model/onnx_graph.py`, running it `model/onnx_runtime.py`. An exported directory is a model
directory with `model.onnx`, `model.int8.onnx` or `model.int8.safetensors` in place of the weights.
"""

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from malmoi.artifact import check_output, staged_directory, write_text
from malmoi.errors import CheckpointError, OptionError
from malmoi.model.checkpoint import write_packed
from malmoi.model.directory import CONFIG, ONNX, ONNX_INT8, PACKED, WEIGHTS, onnx_file
from malmoi.model.load import load_runtime
from malmoi.model.onnx_graph import write_graph, write_int8_graph
from malmoi.model.pooling import read_embedding_settings, write_embedding_settings
from malmoi.model.runtime import NO_PLACES, Runtime
from malmoi.model.torch_loading import load_torch_runtime
from malmoi.model.torch_runtime import TorchRuntime
from malmoi.predictor import TASK_FILE, Predictor, check_vocabulary, load_task
from malmoi.tasks.catalog import read_examples
from malmoi.tasks.task import Row
from malmoi.tokenizer.tokenizer import Tokenizer

_N_SENTENCES = 64
_LARGEST_ERROR = {ONNX: 1e-3, ONNX_INT8: 0.25, PACKED: 0.1}
"""Of all outputs together, relative to their size. fp32 differs in the order of sums, seen at 1e-6; int8 was seen
at 0.01 to 0.05."""
_LARGEST_LOSS = 0.3
"""Points of the task's main metric that int8 may cost on --dev."""
_COPIED = (CONFIG, TASK_FILE, "tokenizer.json", "vocab.txt", "tokenizer_config.json", "malmoi.json")


class _TooDifferentError(CheckpointError):
    """What was written does not answer as the model does."""


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How a model is exported."""

    int8: bool = False
    """Matrices and token table as bytes: a quarter of the size, about twice as fast on a CPU."""
    trainable: bool = False
    """No graph but the weights, as bytes: a quarter of the size, to be trained further. PyTorch runs them."""

    @property
    def file(self) -> str:
        """Name of what is written."""
        if self.trainable:
            return PACKED
        return ONNX_INT8 if self.int8 else ONNX


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What was written and how close it is to the original."""

    file: str
    n_bytes: int
    """Size of what was written."""
    bytes_before: int
    """Size of the weights it was made of."""
    relative_error: float
    """Of the outputs for sample sentences, against PyTorch in fp32: norm of the difference over norm."""
    metric: str | None = None
    """The task's main metric, where dev examples were given."""
    before: float | None = None
    """It, in percent, by PyTorch in fp32."""
    after: float | None = None
    """It, in percent, by the exported model."""
    careful: bool = False
    """In int8 it lost too much at first: the feed-forward's second products stayed in fp32."""

    def __str__(self) -> str:
        lines = [
            f"{self.file}: {self.n_bytes / 1e6:.1f} MB, weights were {self.bytes_before / 1e6:.1f} MB",
            f"outputs differ by {self.relative_error:.2g} of their size",
        ]
        if self.careful:
            lines.append("int8 throughout lost too much: each feed-forward's second product stayed in fp32")
        if self.metric is not None:
            lines.append(f"dev {self.metric}: {self.before:.2f} before, {self.after:.2f} exported")
        return "\n".join(lines)


def export_model(
    directory: Path,
    out: Path,
    options: ExportOptions = ExportOptions(),
    *,
    dev: Path | None = None,
    format: str = "auto",
    force: bool = False,
) -> ExportReport:
    """Write a model as an ONNX graph that runs on the base install.

    Args:
        directory: a fine-tuned or pre-trained model.
        out: directory to make.
        options: fp32 or int8.
        dev: labelled examples; the exported model may lose at most 0.3 points of the task's main metric on them.
        format: format of `dev`, or `auto`.
        force: replace `out`.

    Raises:
        CheckpointError: the model cannot be read, or the graph's answers differ too much from its own.
        OutputError: `out` exists, or cannot be written.
        InputError: `dev` cannot be read.
        OptionError: `dev` without a task.
    """
    check_output(out, force=force)
    if onnx_file(directory) is not None:
        raise CheckpointError(f"{directory} is an exported model: expected one with weights, export from that")
    original = load_torch_runtime(directory, device="cpu", precision="fp32")
    tokenizer = Tokenizer.load(directory)
    check_vocabulary(tokenizer, original.config.n_tokens, directory)
    examples = _dev_examples(directory, dev, format)
    recorded = asdict(options) | {"model": str(directory)}
    settings = read_embedding_settings(directory)
    with staged_directory(out, kind="model", options=recorded, force=force) as stage:
        for name in _COPIED:
            if (directory / name).is_file():
                shutil.copyfile(directory / name, stage / name)
        if settings is not None:
            write_embedding_settings(stage, settings, width=original.config.width)
        report = _write(directory, tokenizer, original, stage, examples, options)
        write_text(stage / "README.md", _card(directory, report))
    return report


def _dev_examples(directory: Path, dev: Path | None, format: str) -> list[object]:
    if dev is None:
        return []
    if not (directory / TASK_FILE).is_file():
        raise OptionError(
            f"--dev {dev} for {directory}, which has no task: expected a fine-tuned model, leave --dev out"
        )
    task, _ = load_task(directory)
    return read_examples(task, dev, format)


def _write(
    directory: Path,
    tokenizer: Tokenizer,
    original: TorchRuntime,
    stage: Path,
    examples: Sequence[object],
    options: ExportOptions,
) -> ExportReport:
    """Write what was asked for and check it; in int8 a second time, carefully, where the first lost too much."""
    if options.trainable:
        write_packed(directory, stage)
        return _check(directory, tokenizer, original, stage, examples, options)
    has_head = original.kind != "none"
    if not options.int8:
        write_graph(original.model, stage / options.file, has_head=has_head, pooling=original.pooling)
        return _check(directory, tokenizer, original, stage, examples, options)
    write = partial(write_int8_graph, original.model, stage / options.file, has_head=has_head, pooling=original.pooling)
    write()
    try:
        return _check(directory, tokenizer, original, stage, examples, options)
    except _TooDifferentError:
        write(careful=True)
    return replace(_check(directory, tokenizer, original, stage, examples, options), careful=True)


def _check(
    directory: Path,
    tokenizer: Tokenizer,
    original: Runtime,
    stage: Path,
    examples: Sequence[object],
    options: ExportOptions,
) -> ExportReport:
    """Compare on sample sentences and, where there are examples, by the task's metric.

    Raises:
        _TooDifferentError: they differ too much.
    """
    exported = load_runtime(stage, device="cpu", precision="fp32")
    error = relative_error(original, exported, tokenizer)
    if not error <= _LARGEST_ERROR[options.file]:  # also where it is not a number
        raise _TooDifferentError(
            f"{directory}: outputs of {options.file} differ from the model's by {error:.2g} of their size: expected at "
            f"most {_LARGEST_ERROR[options.file]:g}; nothing was written, "
            + ("export without --int8" if options.int8 else "the weights are broken, or please report this model")
        )
    report = ExportReport(
        file=options.file,
        n_bytes=(stage / options.file).stat().st_size,
        bytes_before=sum(path.stat().st_size for path in directory.glob(WEIGHTS)),
        relative_error=error,
    )
    if not examples:
        return report
    task, max_tokens = load_task(directory)
    before, after = (
        Predictor(task, tokenizer, runtime, max_tokens).evaluate(examples).metrics[task.main_metric]
        for runtime in (original, exported)
    )
    if before - after > _LARGEST_LOSS:
        raise _TooDifferentError(
            f"{directory}: dev {task.main_metric} is {before:.2f} before and {after:.2f} as {options.file}: expected a "
            f"loss of at most {_LARGEST_LOSS}; nothing was written, "
            + ("export without --int8" if options.int8 else "please report this model")
        )
    return replace(report, metric=task.main_metric, before=before, after=after)


def relative_error(original: Runtime, exported: Runtime, tokenizer: Tokenizer) -> float:
    """Norm of the difference of all outputs for sample sentences, over the norm of the original's."""
    differences, sizes = 0.0, 0.0
    rows = _sample_rows(tokenizer, original.config.max_tokens)
    for _, batch in original.batches(rows):
        real = np.flatnonzero(np.arange(batch.ids.shape[1]) < batch.row_lengths[:, None])
        if original.kind == "none":
            ours, theirs = original.embed(batch), exported.embed(batch)
        elif original.kind == "masked":
            ours, theirs = original.fill(batch, real[::7]), exported.fill(batch, real[::7])
        else:
            ours, theirs = original.run(batch), exported.run(batch)
            if original.kind == "token":
                ours, theirs = (x.reshape(-1, x.shape[-1])[real] for x in (ours, theirs))
        differences += float(((ours.astype(np.float64) - theirs) ** 2).sum())
        sizes += float((ours.astype(np.float64) ** 2).sum())
    return math.sqrt(differences / sizes)


def _sample_rows(tokenizer: Tokenizer, max_tokens: int) -> list[list[Row]]:
    """Sentences of the text that ships, pairs of them, and one row as long as the model takes."""
    articles = (files("malmoi.sample") / "articles.jsonl").read_text(encoding="utf-8").splitlines()[:_N_SENTENCES]
    ids = tokenizer.encode_ids([json.loads(line)["text"].split("\n")[0] for line in articles])
    rows = [_row(tokenizer, first, second, max_tokens) for first, second in pairwise(ids)]
    rows += [_row(tokenizer, first, NO_PLACES, max_tokens) for first in ids]
    return [[row] for row in [*rows, _row(tokenizer, np.concatenate(ids), NO_PLACES, min(max_tokens, 512))]]


def _row(tokenizer: Tokenizer, first: np.ndarray, second: np.ndarray, max_tokens: int) -> Row:
    parts: list[Any] = [[tokenizer.cls_id], first, [tokenizer.sep_id]]
    segments = np.zeros(len(first) + 2, np.uint8)
    if len(second):
        parts += [second, [tokenizer.sep_id]]
        segments = np.concatenate([segments, np.ones(len(second) + 1, np.uint8)])
    return Row(np.concatenate(parts).astype(np.int32)[:max_tokens], segments[:max_tokens])


def _card(directory: Path, report: ExportReport) -> str:
    """The original's card and what the export changed."""
    path = directory / "README.md"
    before = path.read_text(encoding="utf-8").rstrip() if path.is_file() else f"# {directory.name}"
    return f"{before}\n\n## Exported\n\nBy malmoi. " + ". ".join(str(report).splitlines()) + ".\n"
