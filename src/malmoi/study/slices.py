"""The text of a study: of a corpus as much as there is time for, and some that nobody learns from.

Documents are taken evenly from everywhere, so that a slice has the proportions of the whole: articles and reviews.
"""

import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from malmoi.artifact import staged_directory
from malmoi.corpus.document import Document
from malmoi.corpus.readers import iter_corpus
from malmoi.errors import InputError

_PART_CHARS = 500_000
"""Characters of a part: a unit of work for the stages that follow."""
_HELD_OUT_OF_LEARNT = 0.05
_LEAST_HELD_OUT_CHARS, _MOST_HELD_OUT_CHARS = 60_000, 300_000
_MOST_HELD_OUT_SHARE = 0.1
"""Put aside is a twentieth of what is learnt from, within these bounds, but never more than this of the whole."""


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
    if n_documents < 2 / _MOST_HELD_OUT_SHARE:
        raise InputError(
            f"{corpus} has {n_documents} documents: expected {2 / _MOST_HELD_OUT_SHARE:.0f} or more, some of which are "
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
    put_aside_chars = min(_MOST_HELD_OUT_CHARS, max(_LEAST_HELD_OUT_CHARS, _HELD_OUT_OF_LEARNT * max_characters))
    put_aside = Evenly(min(_MOST_HELD_OUT_SHARE, put_aside_chars / size.n_characters))
    learn = Evenly(min(1.0, max_characters / (size.n_characters * (1 - put_aside.share))))
    shares = {learnt: learn.share, held_out: put_aside.share}
    with ExitStack() as outputs:
        writers = [
            _Parts(
                outputs.enter_context(
                    staged_directory(out, kind="corpus", options={"corpus": str(corpus), "share": share}, force=True)
                )
            )
            for out, share in shares.items()
        ]
        for document in iter_corpus(corpus):
            if put_aside():
                writers[1].add(document)
            elif learn():
                writers[0].add(document)
        return writers[0].close(), writers[1].close()


class _Parts:
    """Writes documents into the part files of a corpus."""

    def __init__(self, directory: Path) -> None:
        self._directory, self._lines = directory, list[str]()
        self._n_parts = self._n_waiting = self._n_documents = self._n_characters = 0

    def add(self, document: Document) -> None:
        self._lines.append(json.dumps(asdict(document), ensure_ascii=False) + "\n")
        self._n_documents += 1
        self._n_characters += len(document.text)
        self._n_waiting += len(document.text)
        if self._n_waiting >= _PART_CHARS:
            self.close()

    def close(self) -> CorpusSize:
        """Write what waits; how much there is."""
        if self._lines:
            (self._directory / f"part-{self._n_parts:05d}.jsonl").write_text("".join(self._lines), encoding="utf-8")
            self._n_parts += 1
            self._lines, self._n_waiting = [], 0
        return CorpusSize(n_documents=self._n_documents, n_characters=self._n_characters)
