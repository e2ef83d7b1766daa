"""Texts to vectors: the mean of an encoder's token vectors, of length one. Not an index, not a trained similarity."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from malmoi.model.load import load_runtime
from malmoi.model.runtime import Runtime, batches_of
from malmoi.predictor import check_vocabulary
from malmoi.tasks.task import Row
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.options import Precision


class Embedder:
    """An encoder and its tokenizer.

    >>> vectors = Embedder.load("pretrained").encode(["말모이는 사전이다.", "사전의 이름은 말모이다."])
    >>> float(vectors[0] @ vectors[1])  # cosine
    """

    def __init__(self, tokenizer: Tokenizer, runtime: Runtime, max_tokens: int) -> None:
        self.tokenizer, self.runtime, self.max_tokens = tokenizer, runtime, max_tokens

    @classmethod
    def load(cls, directory: str | Path, *, device: str | None = None, precision: Precision = "auto") -> Self:
        """Load any model directory, exported, pre-trained or fine-tuned.

        Raises:
            CheckpointError: not a model, or damaged.
            VocabularyError: its tokenizer cannot be read or has more entries than the model.
        """
        directory = Path(directory)
        runtime = load_runtime(directory, device=device, precision=precision)
        tokenizer = Tokenizer.load(directory)
        check_vocabulary(tokenizer, runtime.config.n_tokens, directory)
        return cls(tokenizer, runtime, runtime.config.max_tokens)

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return self.runtime.config.width

    def encode(self, texts: Sequence[str], *, normalize: bool = True) -> np.ndarray:
        """float32 [n_texts, width], in order; of a text that is too long the beginning counts."""
        rows = self.rows(texts)
        vectors = np.empty((len(rows), self.width), np.float32)
        for numbers, batch in batches_of(rows, self.tokenizer.pad_id, self.runtime.batch_tokens):
            vectors[numbers] = self.runtime.embed(batch)
        return unit(vectors) if normalize else vectors

    def rows(self, texts: Sequence[str]) -> list[list[Row]]:
        """`[CLS] text [SEP]`, one row a text."""
        special = self.tokenizer.cls_id, self.tokenizer.sep_id
        rows = []
        for ids in self.tokenizer.encode_ids(texts):
            row = np.concatenate([special[:1], ids[: self.max_tokens - 2], special[1:]]).astype(np.int32)
            rows.append([Row(row, np.zeros(len(row), np.uint8))])
        return rows


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors [n, D] scaled to length one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: np.ndarray = vectors / np.maximum(lengths, 1e-12)
    return scaled
