"""The second pass: what a piece left becomes a part of the corpus, without what is there already, and is profiled."""

import gzip
import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from malmoi.corpus.clean import KEPT, REJECTS, Example, add_example, json_line
from malmoi.corpus.document import Document
from malmoi.corpus.lines import load_library
from malmoi.corpus.profile import Profile

FATES = ("kept", "duplicate", "near-duplicate", "not-in-mix")
"""What may become of a document that the filters kept; a fate is its place here."""

_ALL_REJECTS = "all-rejects.jsonl"


class PartTask(NamedTuple):
    """A piece that becomes a part."""

    piece: Path
    part: Path  # with its name, not there yet
    fates: bytes  # a byte a document


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is in a part."""

    profile: Profile
    dropped: Counter[str]
    examples: dict[str, list[Example]]


def part_name(number: int, compress: str) -> str:
    """The name of a part file."""
    return f"part-{number:05d}.jsonl" + ("" if compress == "none" else f".{compress}")


def write_part(task: PartTask, *, keep_rejects: bool) -> Part:
    """Write a part, or nothing where no document stays, and say what is in it. Runs in a worker."""
    profile = Profile()
    dropped: Counter[str] = Counter()
    examples: dict[str, list[Example]] = {}
    temporary = task.part.with_name(f".{task.part.name}.{os.getpid()}.tmp")
    with ExitStack() as files:
        kept_file = files.enter_context((task.piece / KEPT).open("rb"))
        part_file = files.enter_context(_pack(files.enter_context(temporary.open("wb")), task.part.suffix))
        rejects: Any = files.enter_context((task.piece / _ALL_REJECTS).open("wb")) if keep_rejects else None
        if rejects:
            shutil.copyfileobj(files.enter_context((task.piece / REJECTS).open("rb")), rejects)
        for line, fate in zip(kept_file, task.fates, strict=True):
            document = Document(**json.loads(line))
            if fate == 0:
                profile.add(document.text)
                part_file.write(line)
                continue
            reason = FATES[fate]
            dropped[reason] += 1
            add_example(examples, reason, document)
            if rejects:
                rejects.write(json_line(document, reason=reason))
    if profile.n_documents:
        temporary.replace(task.part)
    else:
        temporary.unlink()
    profile.close_piece()
    return Part(profile=profile, dropped=dropped, examples=examples)


def join_rejects(pieces: Sequence[Path], rejects: Path) -> None:
    """Join the rejects of all pieces, whose parts have been written, into one file."""
    with rejects.open("wb") as joined:
        for piece in pieces:
            with (piece / _ALL_REJECTS).open("rb") as file:
                shutil.copyfileobj(file, joined)


def check_compression(compress: str) -> None:
    """Raise OptionError if parts cannot be packed this way here."""
    if compress == "zst":
        load_library("zstandard", "compress is 'zst'")


def _pack(file: IO[bytes], suffix: str) -> AbstractContextManager[Any]:
    """Pack what is written to `file` as its suffix says: the same bytes whenever and wherever that is."""
    if suffix == ".gz":
        return gzip.GzipFile("", "wb", 6, file, mtime=0)
    if suffix == ".zst":
        zstandard = load_library("zstandard", "compress is 'zst'")
        return cast(AbstractContextManager[Any], zstandard.ZstdCompressor(level=6).stream_writer(file, closefd=False))
    return nullcontext(file)
