"""Vectors of very many texts: in this process, in several, or on a Ray cluster. One text at a time is `embedder.py`."""

from collections.abc import Iterable, Iterator
from functools import cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from malmoi.engine import Engine, map_ordered
from malmoi.search.embedder import Embedder

_TEXTS_A_PIECE = 2048
Item = TypeVar("Item")


@cache
def _embedder(directory: Path, device: str | None) -> Embedder:
    """Once a worker process."""
    return Embedder.load(directory, device=device)


def _encode(directory: Path, device: str | None, texts: list[str]) -> np.ndarray:
    return _embedder(directory, device).encode(texts)


def encode_all(
    directory: Path, texts: Iterable[str], *, device: str | None = None, workers: int = 1, engine: Engine = "local"
) -> Iterator[np.ndarray]:
    """Vectors of `texts`, in order, some thousand at a time; `texts` is drawn lazily.

    Args:
        directory: an embedder's; with Ray every node must see it under this path.
        texts: any number of them.
        device: see `Embedder.load`.
        workers: see `engine.map_ordered`.
        engine: likewise.

    Yields:
        float32 [n, width]
    """
    yield from map_ordered(partial(_encode, directory, device), pieces(texts), workers, engine)


def pieces(items: Iterable[Item], size: int = _TEXTS_A_PIECE) -> Iterator[list[Item]]:
    """Lists of `size` items; the last may be shorter."""
    remaining = iter(items)
    while piece := list(islice(remaining, size)):
        yield piece


def embed_records(
    directory: Path,
    records: Iterable[dict[str, Any]],
    *,
    device: str | None = None,
    workers: int = 1,
    engine: Engine = "local",
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Objects with a `text`, in order, each with its vector (float32 [width])."""
    waiting: list[dict[str, Any]] = []

    def texts() -> Iterator[str]:
        for record in records:
            waiting.append(record)
            yield record["text"]

    vectors = chain.from_iterable(encode_all(directory, texts(), device=device, workers=workers, engine=engine))
    for vector in vectors:
        yield waiting.pop(0), vector


def write_vectors(path: Path, vectors: Iterable[np.ndarray]) -> tuple[int, int]:
    """Write vectors (float32 [width] each) as one NumPy file, streamed, whole or not at all; its shape.

    Raises:
        InputError: there is none.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    n_rows, width = 0, 0
    try:
        with temporary.open("wb") as file:
            file.write(_header(0, 0))
            for vector in vectors:
                file.write(np.ascontiguousarray(vector, "<f4").tobytes())
                n_rows, width = n_rows + 1, len(vector)
            file.seek(0)
            file.write(_header(n_rows, width))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return n_rows, width


def _header(n_rows: int, width: int) -> bytes:
    """NumPy's format 1.0, of the same length for any shape."""
    text = repr({"descr": "<f4", "fortran_order": False, "shape": (n_rows, width)})
    return b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + f"{text:<117}\n".encode()
