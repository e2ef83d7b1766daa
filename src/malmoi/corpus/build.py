"""The corpus stage: files in, one directory of clean, distinct documents out, and a report of what was dropped.

This process reads and cuts the stream into pieces of fixed size; workers clean, filter and write one part a
piece; then duplicates are found over all parts, and the parts that hold some are written again. Neither the pieces
nor their order depend on the number of workers, so the output does not either. In memory are a few pieces and eight
bytes a document.
"""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from malmoi.artifact import MANIFEST, check_output, staged_directory, write_json
from malmoi.corpus.dedup import content_hash, find_duplicates
from malmoi.corpus.document import Document
from malmoi.corpus.filters import judge, make_filters
from malmoi.corpus.readers import FORMATS, clean_document, corpus_parts, find_format, parse_documents
from malmoi.engine import map_ordered
from malmoi.errors import InputError, OptionError, OutputError

PIECE_CHARS = 4_000_000
PIECE_DOCUMENTS = 50_000
"""A piece ends when it has either: some ten megabytes of Korean, or as many short reviews."""
_REJECTS = ".rejects"
_quote = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, kw_only=True)
class CorpusOptions:
    """Options of the corpus stage."""

    format: str = "auto"
    """How inputs are written: `text` (blank line between documents), `lines` (every line a document),
    `jsonl`, `wikiextractor`, or `auto` (by content; never `lines`)."""
    min_chars: int = 20
    """Documents with fewer characters are dropped."""
    min_hangul: float = 0.25
    """Documents with a smaller share of Hangul among their letters are dropped (0 keeps every language)."""
    max_repeated: float = 0.3
    """Documents with a larger share of characters in repeated lines are dropped (1 keeps all)."""

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise OptionError(f"format is {self.format!r}: expected one of {', '.join(FORMATS)}")
        if self.min_chars < 0:
            raise OptionError(f"min_chars is {self.min_chars}: expected 0 or more")
        for name in ("min_hangul", "max_repeated"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise OptionError(f"{name} is {value}: expected a share from 0 to 1")


@dataclass(frozen=True, kw_only=True)
class CorpusReport:
    """What the corpus stage read, kept and dropped."""

    n_files: int
    """Files read."""
    n_read: int
    """Documents read."""
    n_kept: int
    """Documents written."""
    n_characters: int
    """Characters of their texts, line ends included."""
    dropped: dict[str, int]
    """Documents left out, by reason."""
    broken: dict[str, int]
    """What could not be read, by reason: lines, pages or files."""
    formats: dict[str, int]
    """Files by the format they were read as."""

    def lines(self) -> list[str]:
        """The report as a person reads it."""
        formats = ", ".join(f"{n:,} as {name}" for name, n in self.formats.items())
        kept = f"{self.n_kept:,} of {self.n_read:,} ({self.n_kept / self.n_read:.1%})"
        return [
            f"files read: {self.n_files:,} ({formats})",
            f"documents kept: {kept}, {self.n_characters:,} characters",
            *(f"dropped, {reason}: {n:,}" for reason, n in self.dropped.items()),
            *(f"could not be read, {reason}: {n:,}" for reason, n in self.broken.items()),
        ]

    def __str__(self) -> str:
        return "\n".join(self.lines())


class _RawDocument(NamedTuple):
    """A document before clean-up."""

    document: Document
    format: str


class _Piece(NamedTuple):
    """A unit of work."""

    number: int
    documents: list[_RawDocument]


class _Outcome(NamedTuple):
    """What a worker made of a piece; the documents themselves are in its part file."""

    part: Path
    n_characters: int
    dropped: Counter[str]
    hashes: np.ndarray  # uint64 [n_documents kept]


def build_corpus(
    inputs: Sequence[Path],
    out: Path,
    options: CorpusOptions = CorpusOptions(),
    *,
    rejects: Path | None = None,
    workers: int = 1,
    force: bool = False,
) -> CorpusReport:
    """Read, clean, filter and deduplicate `inputs` into the corpus directory `out`.

    Args:
        inputs: files, and directories for every file below them (sorted; hidden ones are passed over).
        out: the directory to make: `part-00000.jsonl` …, `report.json`, `manifest.json`.
        options: see `CorpusOptions`.
        rejects: a JSONL file for the documents that were dropped, each with its `reason`.
        workers: processes that clean and filter; the output is the same, byte for byte, for every number.
        force: replace `out` (and `rejects`) if they exist.

    Raises:
        InputError: an input is missing or cannot be read (found before any work, unless it is damaged further
            in); or no document is left.
        OptionError, OutputError: an option, `out` or `rejects` cannot work.
    """
    check_output(out, force=force)
    files = [(path, find_format(path, options.format)) for path in _expand(inputs)]
    with (
        _staged_file(rejects, out, force=force) as staged_rejects,
        staged_directory(out, kind="corpus", options=asdict(options), force=force) as staged,
    ):
        report = _write_parts(files, staged, options, workers)
        write_json(staged / "report.json", asdict(report))
        _move_rejects(staged, staged_rejects)
    return report


def _expand(inputs: Sequence[Path]) -> list[Path]:
    """The files behind `inputs`; of a corpus directory, its parts."""
    if not inputs:
        raise InputError("no input: expected at least one file or directory")
    files: list[Path] = []
    for path in inputs:
        if not path.exists():
            raise InputError(f"{path} does not exist: check the name")
        if not path.is_dir():
            files.append(path)
        elif (path / MANIFEST).exists():
            files += corpus_parts(path)
        else:
            below = [p for p in path.rglob("*") if p.is_file() and not _is_hidden(p.relative_to(path))]
            if not below:
                raise InputError(f"{path} holds no files: expected a directory with text files")
            files += sorted(below)
    return files


def _is_hidden(path: Path) -> bool:
    return any(name.startswith(".") for name in path.parts)


def _write_parts(files: Sequence[tuple[Path, str]], staged: Path, options: CorpusOptions, workers: int) -> CorpusReport:
    """Write the parts (and `.rejects`) into `staged`."""
    (staged / _REJECTS).mkdir()
    broken: Counter[str] = Counter()
    write_part = partial(_write_part, staged=staged, options=options)
    outcomes = list(map_ordered(write_part, _cut_pieces(files, broken), workers))
    dropped = sum((outcome.dropped for outcome in outcomes), Counter[str]())
    n_kept = sum(len(outcome.hashes) for outcome in outcomes)
    n_read = n_kept + dropped.total()
    n_characters = sum(outcome.n_characters for outcome in outcomes)
    for outcome, duplicate in zip(outcomes, find_duplicates([o.hashes for o in outcomes]), strict=True):
        if duplicate.any():
            n_characters -= _drop_duplicates(outcome.part, duplicate, staged)
            dropped["duplicate"] += int(duplicate.sum())
            n_kept -= int(duplicate.sum())
    if not n_kept:
        raise _nothing_left(n_read, dropped, broken, options)
    _renumber([outcome.part for outcome in outcomes])
    return CorpusReport(
        n_files=len(files),
        n_read=n_read,
        n_kept=n_kept,
        n_characters=n_characters,
        dropped=_by_count(dropped),
        broken=_by_count(broken),
        formats=_by_count(Counter(format for _, format in files)),
    )


def _by_count(counts: Counter[str]) -> dict[str, int]:
    """Most frequent first; equal counts by name, so that the order never depends on who counted first."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _cut_pieces(files: Sequence[tuple[Path, str]], broken: Counter[str]) -> Iterator[_Piece]:
    """Cut the stream of all files into pieces of bounded size."""
    number = n_chars = 0
    documents: list[_RawDocument] = []
    for path, format in files:
        for document in parse_documents(path, format, broken):
            documents.append(_RawDocument(document, format))
            n_chars += len(document.text)
            if n_chars >= PIECE_CHARS or len(documents) >= PIECE_DOCUMENTS:
                yield _Piece(number, documents)
                number, n_chars, documents = number + 1, 0, []
    if documents:
        yield _Piece(number, documents)


def _write_part(piece: _Piece, *, staged: Path, options: CorpusOptions) -> _Outcome:
    """Clean and filter a piece into a part file and a file of rejects. Runs in a worker."""
    filters = make_filters(
        min_chars=options.min_chars, min_hangul=options.min_hangul, max_repeated=options.max_repeated
    )
    part = staged / f"part-{piece.number:05d}.jsonl"
    dropped: Counter[str] = Counter()
    hashes: list[int] = []
    n_characters = 0
    with part.open("wb") as kept_file, (staged / _REJECTS / part.name).open("wb") as rejects_file:
        for raw in piece.documents:
            document = clean_document(raw.document, raw.format)
            verdict = judge(document.text, filters)
            if verdict is True:
                kept_file.write(_json_line(document))
                hashes.append(content_hash(document.text))
                n_characters += len(document.text)
            else:
                rejects_file.write(_json_line(document, reason=verdict[1]))
                dropped[verdict[1]] += 1
    return _Outcome(part, n_characters, dropped, np.array(hashes, dtype=np.uint64))


def _json_line(document: Document, **more: str) -> bytes:
    # Several times faster than the encoder on a dict, which counts for millions of short documents.
    fields = {"id": document.id, "title": document.title, "text": document.text, **more}
    return ("{" + ", ".join(f'"{name}": {_quote(value)}' for name, value in fields.items()) + "}\n").encode()


def _drop_duplicates(part: Path, duplicate: np.ndarray, staged: Path) -> int:
    """Write a part again without its duplicates, bool [n_documents]; return how many characters went."""
    new = part.with_suffix(".new")
    n_characters = 0
    with (
        part.open("rb") as old_file,
        new.open("wb") as new_file,
        (staged / _REJECTS / part.name).open("ab") as rejects_file,
    ):
        for line, is_duplicate in zip(old_file, duplicate.tolist(), strict=True):
            if not is_duplicate:
                new_file.write(line)
                continue
            document = Document(**json.loads(line))
            n_characters += len(document.text)
            rejects_file.write(_json_line(document, reason="duplicate"))
    new.replace(part)
    return n_characters


def _renumber(parts: Sequence[Path]) -> None:
    """Close the gaps that parts without documents leave."""
    number = 0
    for part in parts:
        if part.stat().st_size == 0:
            part.unlink()
        else:
            part.rename(part.with_name(f"part-{number:05d}.jsonl"))
            number += 1


def _nothing_left(n_read: int, dropped: Counter[str], broken: Counter[str], options: CorpusOptions) -> InputError:
    reasons = ", ".join(f"{reason}: {n:,}" for reason, n in _by_count(dropped + broken).items())
    if not n_read:
        return InputError(f"no document found ({reasons}): expected text; check the inputs and --format")
    return InputError(
        f"none of {n_read:,} documents is left ({reasons}): lower --min-chars (now {options.min_chars}) or "
        f"--min-hangul (now {options.min_hangul}), or check --format"
    )


@contextmanager
def _staged_file(path: Path | None, out: Path, *, force: bool) -> Iterator[Path | None]:
    """A temporary sibling that becomes `path` when the block ends well, and vanishes when it does not."""
    if path is None:
        yield None
        return
    if path.is_dir() or path.resolve().is_relative_to(out.resolve()):
        raise OutputError(f"--rejects {path} is a directory or lies in {out}: expected a file somewhere else")
    if path.exists() and not force:
        raise OutputError(f"{path} exists already: choose another --rejects, or pass --force to replace it")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.touch()
    except OSError as error:
        raise OutputError(f"cannot write {path} ({error.strerror}): choose another --rejects") from error
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _move_rejects(staged: Path, rejects: Path | None) -> None:
    """Join the rejects of all pieces into one file, or drop them."""
    if rejects is not None:
        with rejects.open("wb") as joined:
            for part in sorted((staged / _REJECTS).iterdir()):
                with part.open("rb") as file:
                    shutil.copyfileobj(file, joined)
    shutil.rmtree(staged / _REJECTS)
