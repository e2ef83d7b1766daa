"""A model as it is served: what it can be asked, and its replacement while requests run. No HTTP here."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from malmoi.artifact import MANIFEST
from malmoi.errors import CheckpointError, InputError, OptionError
from malmoi.model.directory import read_config
from malmoi.model.load import load_runtime
from malmoi.model.pooling import EmbeddingSettings, read_embedding_settings
from malmoi.model.runtime import Runtime
from malmoi.predictor import TASK_FILE, check_vocabulary, load_task
from malmoi.search.embedder import Embedder, name_of, unit
from malmoi.serving.batcher import Batcher, Lane
from malmoi.shipped import find_model
from malmoi.tasks.catalog import AnyTask
from malmoi.tasks.task import Row
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.batch import collate

_INLINE_CHARS = 4_000
"""Text up to this size is cut on the event loop: handing it to a thread costs as much."""
Submit = Callable[[Lane, Sequence[Any], Sequence[tuple[int, int]]], Awaitable[list[Any]]]


@dataclass(frozen=True)
class Candidate:
    """A token for a mask."""

    piece: str
    probability: float


class Loaded:
    """One version of a model in memory, with its lanes."""

    def __init__(self, name: str, directory: Path, *, device: str | None, n_threads: int | None) -> None:
        """Load a model directory.

        Raises:
            CheckpointError: not a model, or damaged. VocabularyError: a tokenizer that does not fit.
        """
        read_config(directory)  # what is no model at all is said first
        self.version = version_of(directory)
        self.task: AnyTask | None = None
        self.runtime = load_runtime(directory, device=device, n_threads=n_threads, shared=True)
        self.tokenizer = Tokenizer.load(directory)
        check_vocabulary(self.tokenizer, self.runtime.config.n_tokens, directory)
        self.max_tokens = self.runtime.config.max_tokens
        if (directory / TASK_FILE).is_file():
            self.task, self.max_tokens = load_task(directory)
        learnt = read_embedding_settings(directory)
        self.compares_texts = learnt is not None
        """Whether its vectors were trained to."""
        settings = replace(learnt or EmbeddingSettings(), pooling=self.runtime.pooling)
        self.embedder = Embedder(self.tokenizer, self.runtime, settings)
        at_once = self.runtime.at_once
        self.run_lane = Lane(name, self.runtime.run_examples, at_once)
        self.embed_lane = Lane(name, self.runtime.embed_examples, at_once)
        self.fill_lane = Lane(name, lambda pairs: _fill(self.runtime, pairs), at_once)

    @property
    def can_fill(self) -> bool:
        """Whether masks can be filled."""
        return self.task is None and self.runtime.kind == "masked"

    def named_embedder(self, directory: Path) -> Embedder | None:
        """The embedder with the name by which an index knows it; None where the directory holds another one by now.

        The name is a hash of the weights, so it is made only where there is an index that asks.
        """
        if not self.embedder.name and version_of(directory) == self.version:
            self.embedder.name = name_of(directory, self.embedder.settings)
        return self.embedder if self.embedder.name else None

    async def predict(self, records: Sequence[Mapping[str, Any]], submit: Submit) -> list[Any]:
        """Predictions for JSON objects with the task's fields, in order.

        Raises:
            InputError: one of them is no example.
            OverloadedError: see `Batcher.submit`.
        """
        assert self.task is not None, "only asked of models with a task"
        task = self.task
        examples = [_example(task, number, record) for number, record in enumerate(records)]
        return await self.predict_examples(examples, submit, n_chars=sum(map(_n_chars, records)))

    async def predict_examples(self, examples: Sequence[Any], submit: Submit, *, n_chars: int = 0) -> list[Any]:
        """Predictions for the task's own examples, in order; `n_chars`: how long they are together."""
        assert self.task is not None, "only asked of models with a task"
        task = self.task
        rows = await cut(lambda: task.encode_many(examples, self.tokenizer, self.max_tokens), n_chars)
        outputs = await submit(self.run_lane, rows, sizes(rows))
        return [task.decode(*parts) for parts in zip(examples, rows, outputs, strict=True)]

    async def embed(self, texts: Sequence[str], submit: Submit, *, normalize: bool = True) -> tuple[np.ndarray, int]:
        """Vectors float32 [n, D] of texts, and their tokens together."""
        rows = await cut(lambda: self.embedder.rows(texts), sum(map(len, texts)))
        vectors = np.array(await submit(self.embed_lane, rows, sizes(rows)))
        return unit(vectors) if normalize else vectors, sum(len(row.ids) for example in rows for row in example)

    async def fill(self, text: str, top_k: int, submit: Submit) -> list[list[Candidate]]:
        """The likeliest tokens for every `[MASK]` of a text.

        Raises:
            InputError: there is no mask, or it stands beyond what the model reads.
        """
        [[row]] = self.embedder.rows([text])
        places = np.flatnonzero(row.ids == self.tokenizer.mask_id)
        if not len(places):
            raise InputError(f"no [MASK] among the first {len(row.ids)} tokens: expected one or more, write [MASK]")
        [chances_NV] = await submit(self.fill_lane, [(row, places)], [(1, len(row.ids))])
        return [self._candidates(chances_V, top_k) for chances_V in chances_NV]

    def _candidates(self, chances_V: np.ndarray, top_k: int) -> list[Candidate]:
        best = np.argsort(-chances_V)[:top_k]
        pieces = self.tokenizer.vocabulary.tokens
        return [Candidate(pieces[i], float(np.exp(chances_V[i]))) for i in best if i < len(pieces)]


class Served:
    """A name with the newest version of its model."""

    def __init__(self, name: str, directory: Path, *, device: str | None = None, n_threads: int | None = None) -> None:
        self.name, self.directory = name, directory
        self._device, self._n_threads = device, n_threads
        self.current = self._load()

    def _load(self) -> Loaded:
        return Loaded(self.name, self.directory, device=self._device, n_threads=self._n_threads)

    async def reload(self) -> bool:
        """Take the directory's present content, if it changed; requests under way keep the version they began with.

        Raises:
            MalmoiError: it cannot be loaded or has another task; the old version goes on.
        """
        if version_of(self.directory) == self.current.version:
            return False
        new = await asyncio.to_thread(self._load)
        old_task, new_task = (None if one.task is None else one.task.name for one in (self.current, new))
        if old_task != new_task:
            raise CheckpointError(
                f"{self.directory} has now the task {new_task}: expected {old_task}, as its route; restart the service"
            )
        self.current = new
        return True


def name_directories(directories: Iterable[str | Path], kind: Literal["model", "index"]) -> dict[str, Path]:
    """Names for directories: their last part, or what stands before `=` in `name=directory`.

    Raises:
        OptionError: two of one name.
    """
    named: dict[str, Path] = {}
    for given in map(str, directories):
        name, separator, path = given.partition("=")
        directory = Path(path if separator else given)
        if kind == "model":
            directory = find_model(directory)
        name = name if separator else directory.resolve().name
        if name in named:
            both = {"model": "two models", "index": "two indexes"}[kind]
            raise OptionError(f"{both} are called {name!r}: name one of them, as in other={directory}")
        named[name] = directory
    return named


def version_of(directory: Path) -> str:
    """What changes when a directory is replaced: its manifest's time and place on the disk, or the directory's."""
    manifest = directory / MANIFEST
    state = (manifest if manifest.is_file() else directory).stat()
    return f"{state.st_ino}-{state.st_mtime_ns}-{state.st_size}"


def _example(task: AnyTask, number: int, record: Mapping[str, Any]) -> Any:
    try:
        return task.example_from_json(record)
    except InputError as error:
        raise InputError(f"example {number}: {error}") from None


async def cut(encode: Callable[[], list[list[Row]]], n_chars: int) -> list[list[Row]]:
    """Rows of texts, made here or, where the texts are long, in a thread."""
    return encode() if n_chars <= _INLINE_CHARS else await asyncio.to_thread(encode)


def _n_chars(record: Mapping[str, Any]) -> int:
    return sum(len(value) for value in record.values() if isinstance(value, str))


def sizes(examples: Sequence[Sequence[Row]]) -> list[tuple[int, int]]:
    """Rows of each, and tokens of its longest row."""
    return [(len(rows), max(len(row.ids) for row in rows)) for rows in examples]


def _fill(runtime: Runtime, pairs: Sequence[tuple[Row, np.ndarray]]) -> list[np.ndarray]:
    batch = collate([row for row, _ in pairs], runtime.config.pad_id)
    flat = [number * batch.ids.shape[1] + places for number, (_, places) in enumerate(pairs)]
    counts = np.cumsum([len(places) for places in flat])[:-1]
    return np.split(runtime.fill(batch, np.concatenate(flat)), counts)


def work_on(batcher: Batcher, timeout_s: float) -> Submit:
    """The way into a batcher's queue for one request, all of whose steps together may wait so long."""
    deadline = time.monotonic() + timeout_s

    async def submit(lane: Lane, payloads: Sequence[Any], sizes: Sequence[tuple[int, int]]) -> list[Any]:
        results: list[Any] = await batcher.submit(lane, payloads, sizes, deadline - time.monotonic())
        return results

    return submit
