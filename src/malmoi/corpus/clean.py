"""What a worker makes of a piece: clean, filtered documents, what was dropped and why, and what tells duplicates.

The outcome of a piece is a directory of the working directory that appears whole or not at all, so a worker that is
killed leaves nothing, and two that do the same piece leave one.
"""

import json
import shutil
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from malmoi.artifact import write_json
from malmoi.corpus.brackets import PageTooComplexError
from malmoi.corpus.dedup import Signer, content_hash
from malmoi.corpus.document import Document
from malmoi.corpus.filters import Filter, Verdict, judge, make_filters
from malmoi.corpus.options import CorpusOptions
from malmoi.corpus.pieces import Piece, read_span
from malmoi.corpus.readers import clean_document
from malmoi.errors import InputError

MAX_EXAMPLES = 3
EXAMPLE_CHARS = 200
KEPT, REJECTS, SIGNATURES, OUTCOME = "kept.jsonl", "rejects.jsonl", "signatures.npz", "outcome.json"
_quote = json.JSONEncoder(ensure_ascii=False).encode


class Example(NamedTuple):
    """A document that was dropped, for people to look at."""

    id: str
    title: str
    text: str  # its beginning


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a piece; the documents themselves are in the files beside it."""

    source: int
    n_kept: int
    dropped: dict[str, int]
    broken: dict[str, int]
    unreadable: dict[str, str]
    examples: dict[str, list[Example]]


class Signatures(NamedTuple):
    """What is known of the documents that were kept, in their order."""

    hashes: np.ndarray  # uint64 [n_kept]: equal texts, equal hashes
    n_chars: np.ndarray  # int64 [n_kept]
    bands: np.ndarray  # uint64 [n_kept, n_bands], or [n_kept, 0]: similar texts have one in common
    minima: np.ndarray  # uint8 [n_kept, n_bins], or [n_kept, 0]: similar texts have many in common


def clean_piece(piece: Piece, *, work: Path, options: tuple[CorpusOptions, ...], keep_rejects: bool) -> None:
    """Clean and filter a piece into its directory below `work`, unless that is there. Runs in a worker.

    Args:
        piece: the piece.
        work: the working directory.
        options: those of every source.
        keep_rejects: whether what is dropped is kept as well.
    """
    directory = piece_directory(work, piece.number)
    if directory.exists():
        return
    temporary = work / f"{directory.name}.{uuid.uuid4().hex}.tmp"
    temporary.mkdir()
    try:
        _clean(piece, temporary, options[piece.source], keep_rejects)
        temporary.rename(directory)
    except OSError:
        if not directory.exists():  # where it does, another worker was faster
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def piece_directory(work: Path, number: int) -> Path:
    """Where the outcome of a piece lies."""
    return work / f"piece-{number:06d}"


def _clean(piece: Piece, directory: Path, options: CorpusOptions, keep_rejects: bool) -> None:
    filters = make_filters(options)
    signer = Signer(options.near_duplicates)
    dropped: Counter[str] = Counter()
    broken = Counter(piece.broken)
    unreadable = dict(piece.unreadable)
    examples: dict[str, list[Example]] = {}
    hashes: list[int] = []
    n_chars: list[int] = []
    with (directory / KEPT).open("wb") as kept_file, (directory / REJECTS).open("wb") as rejects_file:
        for raw, format in _documents(piece, options.namespaces, broken, unreadable):
            document, verdict = _clean_and_judge(raw, format, filters, options.headings)
            if verdict is True:
                kept_file.write(json_line(document))
                hashes.append(content_hash(document.text))
                n_chars.append(len(document.text))
                signer.add(document.text)
                continue
            reason = verdict[1]
            dropped[reason] += 1
            add_example(examples, reason, document)
            if keep_rejects:
                rejects_file.write(json_line(document, reason=reason))
    bands, minima = signer.finish()
    np.savez(
        directory / SIGNATURES,
        hashes=np.array(hashes, np.uint64),
        n_chars=np.array(n_chars, np.int64),
        bands=bands,
        minima=minima,
    )
    outcome = Outcome(
        source=piece.source,
        n_kept=len(hashes),
        dropped=dict(dropped),
        broken=dict(broken),
        unreadable=unreadable,
        examples=examples,
    )
    write_json(directory / OUTCOME, vars(outcome))


def _clean_and_judge(
    raw: Document, format: str, filters: tuple[Filter, ...], headings: bool
) -> tuple[Document, Verdict]:
    try:
        document = clean_document(raw, format, headings=headings)
    except PageTooComplexError:
        return raw, (False, "too-complex")
    return document, judge(document.text, filters)


def _documents(
    piece: Piece, namespaces: Collection[int], broken: Counter[str], unreadable: dict[str, str]
) -> Iterator[tuple[Document, str]]:
    """The documents of a piece with their formats. What stands in a file before its damage counts."""
    for identifier, title, text, format in piece.documents:
        yield Document(id=identifier, title=title, text=text), format
    for span in piece.spans:
        try:
            for document in read_span(span, broken, namespaces):
                yield document, span.format
        except InputError as error:
            unreadable[span.path] = str(error)
            broken["unreadable-file"] += 1


def add_example(examples: dict[str, list[Example]], reason: str, document: Document) -> None:
    """Remember the first few documents of a reason."""
    known = examples.setdefault(reason, [])
    if len(known) < MAX_EXAMPLES:
        known.append(Example(document.id, document.title, document.text[:EXAMPLE_CHARS]))


def json_line(document: Document, **more: str) -> bytes:
    """A document as a line of a part file."""
    # Several times faster than the encoder on a dict, which counts for millions of short documents.
    fields = {"id": document.id, "title": document.title, "text": document.text, **more}
    return ("{" + ", ".join(f'"{name}": {_quote(value)}' for name, value in fields.items()) + "}\n").encode()


def read_outcome(directory: Path) -> Outcome:
    """Read what became of a piece."""
    values: dict[str, Any] = json.loads((directory / OUTCOME).read_text(encoding="utf-8"))
    examples = {reason: [Example(*e) for e in found] for reason, found in values["examples"].items()}
    return Outcome(**{**values, "examples": examples})


def read_signatures(directories: Iterable[Path]) -> list[Signatures]:
    """Read what is known of the kept documents of every piece."""
    signatures = []
    for directory in directories:
        with np.load(directory / SIGNATURES) as arrays:
            signatures.append(Signatures(*(arrays[name] for name in Signatures._fields)))
    return signatures
