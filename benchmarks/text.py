"""Text for the benchmarks of vocabularies and of encoding: real where MALMOI_DATA names it, else the sample."""

import lzma
import os
from collections.abc import Iterator
from importlib.resources import files
from itertools import chain, islice
from pathlib import Path

from malmoi.corpus.readers import iter_corpus, read_documents

SAMPLE_COPIES = 20


def wiki_lines(n_lines: int) -> tuple[str, list[str]]:
    """What the text is, and up to `n_lines` paragraphs of it."""
    folder = os.environ.get("MALMOI_DATA")
    paths = sorted(Path(folder, "kowiki").glob("*.xz")) if folder else []
    if paths:
        documents = chain.from_iterable(map(read_documents, paths))
        lines = (line for document in documents for line in document.text.split("\n") if line)
        return "Korean Wikipedia", list(islice(lines, n_lines))
    sample = Path(str(files("malmoi.sample"))) / "articles.jsonl"
    lines_of_sample = [line for document in iter_corpus(sample) for line in document.text.split("\n") if line]
    return f"the sample that ships, {SAMPLE_COPIES} times", (lines_of_sample * SAMPLE_COPIES)[:n_lines]


def review_lines(n_lines: int) -> list[str]:
    """Up to `n_lines` reviews; none without MALMOI_DATA."""
    folder = os.environ.get("MALMOI_DATA")
    return list(islice(_reviews(Path(folder)), n_lines)) if folder else []


def _reviews(folder: Path) -> Iterator[str]:
    with lzma.open(folder / "nsmc" / "reviews_unlabelled.txt.xz", "rt", encoding="utf-8") as file:
        yield from (line.rstrip("\n") for line in file)


def n_megabytes(lines: list[str]) -> float:
    """Of UTF-8."""
    return sum(len(line.encode()) for line in lines) / 1e6
