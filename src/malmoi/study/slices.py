"""The text of a study: of a corpus as much as there is time for, and some that nobody learns from.

Documents are taken evenly from everywhere, so that a slice has the proportions of the whole: articles and reviews.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from malmoi.artifact import staged_directory
from malmoi.corpus.document import Document
from malmoi.corpus.readers import iter_corpus
from malmoi.errors import InputError

_PART_CHARS = 500_000
"""Characters of a part: a unit of work for the stages that follow."""
_HELD_OUT_SHARE = 0.05
_HELD_OUT_CHARS = 300_000


@dataclass(frozen=True, kw_only=True)
class CorpusSize:
    """How much text there is."""

    n_documents: int
    n_characters: int


def corpus_size(corpus: Path) -> CorpusSize:
    """Count a corpus.

    Raises:
        InputError: it cannot be read, or holds too little to put something aside.
    """
    n_documents = n_characters = 0
    for document in iter_corpus(corpus):
        n_documents += 1
        n_characters += len(document.text)
    if n_documents < 2 / _HELD_OUT_SHARE:
        raise InputError(
            f"{corpus} has {n_documents} documents: expected {2 / _HELD_OUT_SHARE:.0f} or more, some of which are "
            "put aside to judge by"
        )
    return CorpusSize(n_documents=n_documents, n_characters=n_characters)


class Evenly:
    """Says yes to a share of what passes, at even distances."""

    def __init__(self, share: float) -> None:
        self.share, self._sum = share, 0.5

    def __call__(self) -> bool:
        """Whether this one is taken."""
        self._sum += self.share
        if self._sum < 1:
            return False
        self._sum -= 1
        return True


def write_slices(
    corpus: Path, size: CorpusSize, max_characters: int, learnt: Path, held_out: Path
) -> tuple[CorpusSize, CorpusSize]:
    """Write two corpus directories without a common document: to learn from, and to judge by.

    Args:
        corpus: a corpus directory or a file.
        size: as `corpus_size` counts it.
        max_characters: about so many to learn from.
        learnt: directory to make.
        held_out: directory to make.

    Returns:
        The sizes of both.
    """
    held_out_share = min(_HELD_OUT_SHARE, _HELD_OUT_CHARS / size.n_characters)
    share = min(1.0, max_characters / (size.n_characters * (1 - held_out_share)))
    sizes = []
    for number, out in enumerate((learnt, held_out)):
        options = {"corpus": str(corpus), "share": (share, held_out_share)[number]}
        with staged_directory(out, kind="corpus", options=options, force=True) as directory:
            documents = _chosen(corpus, share, held_out_share, is_held_out=bool(number))
            sizes.append(_write_parts(documents, directory))
    return sizes[0], sizes[1]


def _chosen(corpus: Path, share: float, held_out_share: float, *, is_held_out: bool) -> Iterator[Document]:
    put_aside, learn = Evenly(held_out_share), Evenly(share)
    for document in iter_corpus(corpus):
        if put_aside():
            if is_held_out:
                yield document
        elif learn() and not is_held_out:
            yield document


def _write_parts(documents: Iterator[Document], directory: Path) -> CorpusSize:
    n_documents = n_characters = n_parts = 0
    while first := list(islice(documents, 1)):
        room = _PART_CHARS
        with (directory / f"part-{n_parts:05d}.jsonl").open("w", encoding="utf-8") as part:
            for document in _with_first(first, documents):
                part.write(json.dumps(asdict(document), ensure_ascii=False) + "\n")
                n_documents += 1
                n_characters += len(document.text)
                room -= len(document.text)
                if room <= 0:
                    break
        n_parts += 1
    return CorpusSize(n_documents=n_documents, n_characters=n_characters)


def _with_first(first: list[Document], rest: Iterator[Document]) -> Iterator[Document]:
    yield from first
    yield from rest
