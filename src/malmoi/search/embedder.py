"""Texts to vectors: an encoder's token vectors, pooled. Not an index; training one is `contrastive.py`."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Self

import numpy as np

from malmoi.artifact import file_hash
from malmoi.errors import OptionError
from malmoi.model.directory import onnx_file
from malmoi.model.load import load_runtime
from malmoi.model.pooling import EmbeddingSettings, Pooling, read_embedding_settings
from malmoi.model.runtime import Runtime
from malmoi.predictor import check_vocabulary
from malmoi.shipped import find_model
from malmoi.tasks.task import Row
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.options import Precision

_WEIGHTS = {".safetensors", ".bin"}


class RawVectorsWarning(UserWarning):
    """The model never learnt to compare texts: its vectors are poor, a lexical search is better."""


class Embedder:
    """An encoder, its tokenizer, and how its vectors are pooled.

    >>> vectors = Embedder.load("embedder").encode(["말모이는 사전이다.", "사전의 이름은 말모이다."])
    >>> float(vectors[0] @ vectors[1])  # cosine
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        runtime: Runtime,
        settings: EmbeddingSettings,
        *,
        name: str = "",
    ) -> None:
        self.tokenizer, self.runtime, self.settings, self.name = tokenizer, runtime, settings, name
        self.max_tokens = min(settings.max_tokens or runtime.config.max_tokens, runtime.config.max_tokens)

    @classmethod
    def load(
        cls,
        directory: str | Path,
        *,
        device: str | None = None,
        precision: Precision = "auto",
        pooling: Pooling | None = None,
        n_threads: int | None = None,
    ) -> Self:
        """Load a model directory: an embedder's, also one of sentence-transformers; or any other, with a warning.

        Args:
            directory: exported, pre-trained or fine-tuned.
            device: None for the best one here.
            precision: for PyTorch.
            pooling: in place of what the directory says, which is `mean` where it says nothing.
            n_threads: for ONNX Runtime; None for every core.

        Raises:
            CheckpointError: not a model, or damaged.
            VocabularyError: its tokenizer cannot be read or has more entries than the model.
            OptionError: an exported model has another pooling.
        """
        directory = find_model(directory)
        runtime = load_runtime(directory, device=device, precision=precision, n_threads=n_threads)
        tokenizer = Tokenizer.load(directory)
        check_vocabulary(tokenizer, runtime.config.n_tokens, directory)
        saved = read_embedding_settings(directory)
        if saved is None:
            warnings.warn(
                f"{directory} never learnt to compare texts: its vectors find little; train it with "
                "`malmoi finetune embedding`, or search with `lexical`",
                RawVectorsWarning,
                stacklevel=2,
            )
        if pooling is not None and pooling != runtime.pooling:
            if onnx_file(directory) is not None:
                raise OptionError(f"{directory} was exported with pooling {runtime.pooling!r}, not {pooling!r}: "
                                  "export it again, or take the model with its weights")  # fmt: skip
            runtime.pooling = pooling
        settings = replace(saved or EmbeddingSettings(), pooling=runtime.pooling)
        return cls(tokenizer, runtime, settings, name=name_of(directory, settings))

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return self.runtime.config.width

    def encode(
        self, texts: Sequence[str], batch_size: int | None = None, *, normalize: bool | None = None
    ) -> np.ndarray:
        """Vectors of texts.

        Args:
            texts: of a text that is too long the beginning counts.
            batch_size: texts at once; None: as many as suit the machine. It changes time and memory only.
            normalize: to length one; None: as the model was saved.

        Returns:
            float32 [n_texts, width], in order.
        """
        if isinstance(texts, str):
            raise OptionError(f"encode was given the text {texts[:40]!r}: expected a list of texts, as in [text]")
        if batch_size is not None and batch_size < 1:
            raise OptionError(f"batch_size is {batch_size}: expected 1 or more")
        vectors = self.runtime.embed_examples(self.rows(texts), batch_size)
        return unit(vectors) if (self.settings.normalize if normalize is None else normalize) else vectors

    def rows(self, texts: Sequence[str]) -> list[list[Row]]:
        """`[CLS] text [SEP]`, one row a text."""
        special = self.tokenizer.cls_id, self.tokenizer.sep_id
        rows = []
        for ids in self.tokenizer.encode_ids(texts):
            row = np.concatenate([special[:1], ids[: self.max_tokens - 2], special[1:]]).astype(np.int32)
            rows.append([Row(row, np.zeros(len(row), np.uint8))])
        return rows


def name_of(directory: Path, settings: EmbeddingSettings) -> str:
    """What an index knows a model by: its directory's name, its pooling, and a hash of what decides its vectors."""
    graph = onnx_file(directory)
    files = [graph] if graph else sorted(path for path in directory.iterdir() if path.suffix in _WEIGHTS)
    tokenizer = [path for name in ("tokenizer.json", "vocab.txt") if (path := directory / name).is_file()]
    digest = sha256("".join(map(file_hash, [*files, *tokenizer])).encode()).hexdigest()[:12]
    return f"{directory.resolve().name} ({settings.pooling}, {digest})"


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors [n, D] scaled to length one; zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: np.ndarray = vectors / np.maximum(lengths, 1e-12)
    return scaled
