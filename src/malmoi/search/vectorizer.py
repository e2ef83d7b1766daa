"""What turns texts into vectors for an index: an embedder or Sent2Vec, whichever a directory holds."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from malmoi.artifact import MANIFEST
from malmoi.model.pooling import MODULES
from malmoi.search.embedder import Embedder
from malmoi.search.sent2vec import Sent2Vec


class Vectorizer(Protocol):
    """`Embedder` and `Sent2Vec`."""

    name: str
    """Directory's name, and in brackets what decides its vectors."""

    @property
    def width(self) -> int:
        """Numbers in a vector."""

    def encode(self, texts: Sequence[str], batch_size: int | None = None, *, normalize: bool = True) -> np.ndarray:
        """float32 [n_texts, width]"""


def is_sent2vec(directory: Path) -> bool:
    """Whether `malmoi sent2vec` made a directory."""
    path = directory / MANIFEST
    try:
        return path.is_file() and json.loads(path.read_text(encoding="utf-8")).get("kind") == "sent2vec"
    except (ValueError, AttributeError):
        return False


def compares_texts(directory: Path) -> bool:
    """Whether a directory holds Sent2Vec, or an embedder that malmoi or sentence-transformers saved."""
    return is_sent2vec(directory) or (directory / MODULES).is_file()


def load_vectorizer(directory: Path, *, device: str | None = None, n_threads: int | None = None) -> Vectorizer:
    """Load what a directory holds.

    Raises:
        CheckpointError: no model, or a damaged one.
    """
    if is_sent2vec(directory):
        return Sent2Vec.load(directory)
    return Embedder.load(directory, device=device, n_threads=n_threads)


def fingerprint(name: str) -> str:
    """Of a vectorizer's name what decides its vectors: a directory may be renamed."""
    return name.rpartition(" (")[2].rstrip(")")
