"""Cut the inputs into pieces of work of bounded size, always the same ones whoever works on them.

What can be read in parts, and what is small, is read by the worker: its piece is a list of spans of files. A large
file that can only be read from its beginning is read here, and its pieces carry their documents.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from malmoi.artifact import MANIFEST
from malmoi.corpus.document import Document
from malmoi.corpus.dump import dump_blocks, iter_block
from malmoi.corpus.lines import PACKED
from malmoi.corpus.options import CorpusOptions, Source
from malmoi.corpus.readers import corpus_parts, find_format, parse_documents
from malmoi.errors import InputError, OptionError

PIECE_CHARS = 4_000_000
PIECE_DOCUMENTS = 50_000
"""A piece that is cut here ends when it has either: some ten megabytes of Korean, or as many short reviews."""
SPAN_BYTES = 10_000_000
"""Spans are put together to about as many bytes of text; a larger file without parts is cut here."""
_PACKING = 3
"""How much larger than its packed bytes a text is at least."""


def piece_sizes() -> list[int]:
    """What decides where pieces end."""
    return [PIECE_CHARS, PIECE_DOCUMENTS, SPAN_BYTES]


class Span(NamedTuple):
    """A part of a file that a worker reads: all of it, or what begins from byte `start` to before byte `end`."""

    path: str
    format: str
    start: int
    end: int


class Piece(NamedTuple):
    """A unit of work: spans to read, or documents already read."""

    number: int
    source: int  # its place among the sources
    spans: tuple[Span, ...]
    documents: tuple[tuple[str, str, str, str], ...]  # id, title, text, format: tuples pickle far faster than classes
    broken: dict[str, int]  # what could not be read before these documents, by reason
    unreadable: dict[str, str]  # files that could not be read (on), and why


@dataclass(frozen=True)
class InputFile:
    """A file to read."""

    path: Path
    format: str
    source: int
    n_bytes: int
    mtime_ns: int
    error: str = ""
    """Why it cannot be read, if that is known beforehand."""


def find_files(sources: Sequence[Source], options: CorpusOptions) -> list[InputFile]:
    """The files behind all sources, in order; of a corpus directory, its parts.

    Raises:
        InputError: an input is missing, or a directory holds nothing.
    """
    files: list[InputFile] = []
    for number, source in enumerate(sources):
        format = source.options(options).format
        for name in source.inputs:
            files += (_look_at(path, format, number) for path in _expand(Path(name)))
    return files


def _look_at(path: Path, format: str, source: int) -> InputFile:
    """Find out about a file. One of many that cannot be read must not stop the others."""
    path = path.absolute()  # workers of a cluster run elsewhere
    try:
        state = path.stat()
        return InputFile(path, find_format(path, format), source, state.st_size, state.st_mtime_ns)
    except (InputError, OSError) as error:
        return InputFile(path, format, source, 0, 0, error=str(error))


def _expand(path: Path) -> list[Path]:
    if not path.exists():
        raise InputError(f"{path} does not exist: check the name")
    if not path.is_dir():
        return [path]
    if (path / MANIFEST).exists():
        return corpus_parts(path)
    below = [p for p in path.rglob("*") if p.is_file() and not _is_hidden(p.relative_to(path))]
    if not below:
        raise InputError(f"{path} holds no files: expected a directory with text files")
    return sorted(below)


def _is_hidden(path: Path) -> bool:
    return any(name.startswith(".") for name in path.parts)


def split_file(file: InputFile) -> list[Span] | None:
    """The spans of a file that workers can read each by itself, or None for one to be read here."""
    if file.format == "mediawiki":
        blocks = dump_blocks(file.path, SPAN_BYTES)
        if len(blocks) > 1:
            return [Span(str(file.path), file.format, start, end) for start, end in blocks]
    if text_bytes(file.path, file.n_bytes) <= SPAN_BYTES or file.format == "parquet":
        return [Span(str(file.path), file.format, 0, file.n_bytes)]
    return None


def read_span(span: Span, counts: Counter[str], namespaces: Collection[int]) -> Iterator[Document]:
    """The documents of a span, not yet cleaned; of a dump, those of these namespaces. Runs in a worker."""
    path = Path(span.path)
    if span.format == "mediawiki":
        for page in iter_block(path, span.start, span.end, counts, namespaces=namespaces):
            yield Document(id=page.id, title=page.title, text=page.wikitext)
    else:
        yield from parse_documents(path, span.format, counts)


def text_bytes(path: Path, n_bytes: int) -> int:
    """About how much text lies in `n_bytes` of a file."""
    return n_bytes * _PACKING if path.suffix in PACKED else n_bytes


class PieceCutter:
    """Iterates over the pieces of the files.

    Attributes:
        bytes_done: bytes of the files that have been put into pieces so far.
    """

    def __init__(self, files: Sequence[InputFile], is_done: Callable[[int], bool]) -> None:
        self.bytes_done = 0
        self._files, self._is_done = files, is_done
        self._number = 0
        self._broken: Counter[str] = Counter()
        self._unreadable: dict[str, str] = {}

    def __iter__(self) -> Iterator[Piece]:
        spans: list[Span] = []
        n_bytes = 0
        for file, after in zip(self._files, [*self._files[1:], None], strict=True):
            parts = [] if file.error else split_file(file)
            if file.error:
                self._refuse(file.path, file.error)
            if parts is None:
                if spans:
                    yield self._piece(file.source, spans=tuple(spans))
                spans, n_bytes = [], 0
                yield from self._cut(file)
            for span in parts or ():
                spans.append(span)
                n_bytes += text_bytes(file.path, span.end - span.start)
                if n_bytes >= SPAN_BYTES:
                    yield self._piece(file.source, spans=tuple(spans))
                    spans, n_bytes = [], 0
            # A piece is of one source.
            if (spans or self._broken) and (after is None or after.source != file.source):
                yield self._piece(file.source, spans=tuple(spans))
                spans, n_bytes = [], 0
            self.bytes_done += file.n_bytes

    def _cut(self, file: InputFile) -> Iterator[Piece]:
        documents: list[tuple[str, str, str, str]] = []
        n_chars = 0
        try:
            for document in parse_documents(file.path, file.format, self._broken):
                documents.append((document.id, document.title, document.text, file.format))
                n_chars += len(document.text)
                if n_chars >= PIECE_CHARS or len(documents) >= PIECE_DOCUMENTS:
                    yield self._piece(file.source, documents=tuple(documents))
                    n_chars, documents = 0, []
        except (InputError, OptionError) as error:
            self._refuse(file.path, str(error))
        if documents or self._broken:
            yield self._piece(file.source, documents=tuple(documents))

    def _refuse(self, path: Path, error: str) -> None:
        self._unreadable[str(path)] = error
        self._broken["unreadable-file"] += 1

    def _piece(
        self, source: int, spans: tuple[Span, ...] = (), documents: tuple[tuple[str, str, str, str], ...] = ()
    ) -> Piece:
        # What has been done in a run before needs no documents again.
        done = self._is_done(self._number)
        piece = Piece(
            self._number, source, spans, () if done else documents, dict(self._broken), dict(self._unreadable)
        )
        self._number += 1
        self._broken.clear()
        self._unreadable.clear()
        return piece
