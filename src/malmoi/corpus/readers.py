"""From files to documents: bytes, lines, five formats. Nothing here filters; what cannot be read is counted.

Files are streamed, compressed or not (`.gz`, `.bz2`, `.xz` by suffix), and are UTF-8. How MediaWiki's XML dumps
are read stands in `dump.py`.
"""

import bz2
import codecs
import gzip
import html
import json
import lzma
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, TextIO, cast

from malmoi.artifact import MANIFEST, read_manifest
from malmoi.corpus.brackets import PageTooComplexError
from malmoi.corpus.document import Document, clean_text
from malmoi.corpus.dump import is_dump, iter_pages
from malmoi.corpus.markup import clean_wikiextractor
from malmoi.corpus.wikitext import clean_wikitext
from malmoi.errors import InputError, OptionError

MAX_DOCUMENT_CHARS = 100_000
"""Plain text without blank lines is cut into documents of about this length."""
MAX_LINE_BYTES = 64 << 20
_BLOCK_BYTES = 1 << 20
_HEAD_BYTES = 1 << 16
_OPENERS: dict[str, Callable[..., IO[Any]]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_MAGIC = {
    b"\x1f\x8b": "gzip (.gz)",
    b"BZh": "bzip2 (.bz2)",
    b"\xfd7zXZ": "xz (.xz)",
    b"PK\x03\x04": "a zip archive",
}


@contextmanager
def _open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open, decompress by suffix, and turn what the system and the decompressors raise into InputError."""
    try:
        with _OPENERS.get(path.suffix, open)(path, "rb") as file:
            yield cast(BinaryIO, file)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist: check the name") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a directory: expected a file") from error
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is truncated or damaged ({error}): fetch or compress it again") from error
    except OSError as error:
        if path.suffix == ".bz2" and error.errno is None:
            raise InputError(f"{path} is truncated or damaged ({error}): fetch or compress it again") from error
        raise InputError(f"{path} cannot be read ({error.strerror or error})") from error


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a UTF-8 file (BOM dropped; `.gz`, `.bz2`, `.xz` by suffix) for reading as a whole.

    Raises:
        InputError: missing, unreadable, damaged, or not UTF-8; also while reading inside the block.
    """
    with _open_bytes(path) as file, codecs.getreader("utf-8-sig")(file) as text:
        try:
            yield cast(TextIO, text)
        except UnicodeDecodeError as error:
            raise _encoding_error(path, error.object) from error


def read_lines(path: Path, counts: Counter[str] | None = None) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, line without its end) of a UTF-8 file; `.gz`, `.bz2`, `.xz` by suffix.

    A byte order mark is dropped. A line that is not UTF-8 is left out and counted in `counts["broken-utf8"]`.

    Raises:
        InputError: the file is missing, damaged or binary, has a line of more than 64 MiB, or is of another
            encoding (more than half of its non-ASCII lines are broken).
    """
    number = n_foreign = n_broken = 0
    for block in _line_blocks(path):
        lines = _decode_lines(block)
        n_block_broken = lines.count(None)
        n_broken += n_block_broken
        n_foreign += sum(line is None or not line.isascii() for line in lines)
        if n_block_broken:
            if n_broken * 2 > n_foreign:
                raise _encoding_error(path, block)
            if counts is not None:
                counts["broken-utf8"] += n_block_broken
        for line in lines:
            number += 1
            if line is not None:
                yield number, line[:-1] if line.endswith("\r") else line


def _line_blocks(path: Path) -> Iterator[bytes]:
    """Blocks of about a megabyte that end where a line ends (the last line end itself is cut off)."""
    with _open_bytes(path) as file:
        block = file.read(_BLOCK_BYTES)
        _check_is_text(path, block)
        rest = b""
        block = block.removeprefix(codecs.BOM_UTF8)
        while block:
            end = block.rfind(b"\n")
            if end >= 0:
                yield rest + block[:end]
                rest = block[end + 1 :]
            else:
                rest += block
            if len(rest) > MAX_LINE_BYTES:
                raise InputError(
                    f"{path} has a line of more than {MAX_LINE_BYTES >> 20} MiB: expected text with line "
                    "ends; break it, for example with `fold -s`"
                )
            block = file.read(_BLOCK_BYTES)
        if rest:
            yield rest


def _decode_lines(block: bytes) -> list[str | None]:
    """The lines of a block; None for one that is not UTF-8."""
    try:
        return [*block.decode().split("\n")]  # the usual case: the whole block at once
    except UnicodeDecodeError:
        return [_decode_line(line) for line in block.split(b"\n")]


def _decode_line(line: bytes) -> str | None:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None


def _check_is_text(path: Path, head: bytes) -> None:
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            raise InputError(f"{path} is {name}, not text: unpack it, or give it the suffix that belongs to it")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"{path} is UTF-16: expected UTF-8; convert it with `iconv -f UTF-16 -t UTF-8`")
    if b"\0" in head:
        raise InputError(f"{path} is a binary file: expected UTF-8 text")


def _encoding_error(path: Path, data: bytes) -> InputError:
    """Name the encoding if `data` (some lines of the file) gives it away."""
    broken = [line for line in data.split(b"\n") if _decode_line(line) is None]
    try:
        b"\n".join(broken).decode("cp949")
    except UnicodeDecodeError:
        return InputError(f"{path} is not UTF-8: expected UTF-8 text; convert it with `iconv -t UTF-8`")
    return InputError(f"{path} is not UTF-8, it looks like CP949 (EUC-KR): convert it with `iconv -f CP949 -t UTF-8`")


def _parse_text(path: Path, counts: Counter[str]) -> Iterator[Document]:
    """Paragraphs or sentences one a line; a blank line, or 100,000 characters, end a document."""
    number, n_chars = 1, 0
    lines: list[str] = []
    for _, line in read_lines(path, counts):
        blank = not line or line.isspace()
        if not blank:
            lines.append(line)
            n_chars += len(line)
        if lines and (blank or n_chars >= MAX_DOCUMENT_CHARS):
            yield Document(id=f"{path.name}-{number}", title="", text="\n".join(lines))
            number, n_chars, lines = number + 1, 0, []
    if lines:
        yield Document(id=f"{path.name}-{number}", title="", text="\n".join(lines))


def _parse_lines(path: Path, counts: Counter[str]) -> Iterator[Document]:
    """Every line a document, numbered by line."""
    for number, line in read_lines(path, counts):
        if line and not line.isspace():
            yield Document(id=f"{path.name}-{number}", title="", text=line)


def _parse_jsonl(path: Path, counts: Counter[str]) -> Iterator[Document]:
    """One object a line; `text` is needed, `id` and `title` are not. Another line counts as `bad-json`."""
    for number, line in read_lines(path, counts):
        if not line or line.isspace():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict) or not isinstance(record.get("text"), str):
            counts["bad-json"] += 1
            continue
        identifier, title = record.get("id"), record.get("title")
        yield Document(
            id=str(identifier) if isinstance(identifier, str | int) else f"{path.name}-{number}",
            title=title if isinstance(title, str) else "",
            text=record["text"],
        )


_DOC_START = re.compile(r'<doc id="(?P<id>[^"]*)"(?: \w+="[^"]*")*? title="(?P<title>.*)">\s*$')


def _parse_wikiextractor(path: Path, counts: Counter[str]) -> Iterator[Document]:
    """`<doc …>`, the title, the paragraphs, `</doc>`. Lines between documents count as `outside-doc`."""
    head: re.Match[str] | None = None
    lines: list[str] = []
    for _, line in read_lines(path, counts):
        if line.startswith("<doc ") and (start := _DOC_START.match(line)):
            if head:
                counts["unclosed-doc"] += 1
                yield _wiki_document(path, head, lines)
            head, lines = start, []
        elif head and line.rstrip() == "</doc>":
            yield _wiki_document(path, head, lines)
            head, lines = None, []
        elif head:
            lines.append(line)
        elif line and not line.isspace():
            counts["outside-doc"] += 1
    if head:  # the file ends in the middle of a page
        counts["unclosed-doc"] += 1
        yield _wiki_document(path, head, lines)


def _wiki_document(path: Path, head: re.Match[str], lines: list[str]) -> Document:
    return Document(id=head["id"] or path.name, title=html.unescape(head["title"]), text="\n".join(lines))


def _parse_mediawiki(path: Path, counts: Counter[str]) -> Iterator[Document]:
    """The articles of a dump, as wikitext."""
    for page in iter_pages(path, counts):
        yield Document(id=page.id, title=page.title, text=page.wikitext)


_PARSERS: dict[str, Callable[[Path, Counter[str]], Iterator[Document]]] = {
    "text": _parse_text,
    "lines": _parse_lines,
    "jsonl": _parse_jsonl,
    "wikiextractor": _parse_wikiextractor,
    "mediawiki": _parse_mediawiki,
}
FORMATS = ("auto", *_PARSERS)


def find_format(path: Path, format: str = "auto") -> str:
    """The format of a file: `format` itself unless it is `auto`; then by the first line that is not blank.

    `auto` never answers `lines`: nothing in a file tells a page of prose from a page of reviews.

    Raises:
        OptionError: an unknown `format`.
        InputError: the file cannot be read, or is no dump (also with a given `format`).
    """
    if format not in FORMATS:
        raise OptionError(f"format is {format!r}: expected one of {', '.join(FORMATS)}")
    if format in ("auto", "mediawiki"):
        if is_dump(path):
            return "mediawiki"
        if format == "mediawiki":
            raise InputError(f"{path} is no MediaWiki dump: expected XML that begins with <mediawiki")
    line = next((line for _, line in read_lines(path) if line and not line.isspace()), "").strip()
    if format != "auto":
        return format
    if _DOC_START.match(line):
        return "wikiextractor"
    suffixes = [s for s in path.suffixes if s not in _OPENERS]
    return "jsonl" if line.startswith('{"') or suffixes[-1:] in ([".jsonl"], [".ndjson"]) else "text"


def parse_documents(path: Path, format: str, counts: Counter[str]) -> Iterator[Document]:
    """Documents as they stand in the file: not yet cleaned. `format` as `find_format` gives it."""
    n_documents = 0
    for document in _PARSERS[format](path, counts):
        n_documents += 1
        yield document
    if not n_documents:
        counts["file-without-documents"] += 1


def clean_document(document: Document, format: str) -> Document:
    """The document with the markup of its format taken out and every field cleaned.

    Raises:
        PageTooComplexError: a page of wikitext that cannot be read in reasonable time.
    """
    text = document.text
    if format == "mediawiki":
        text = clean_wikitext(text, document.title)
    if format == "wikiextractor":
        text = clean_wikiextractor(text, document.title)
    title = document.title and clean_text(document.title).replace("\n", " ")
    identifier = document.id if document.id.isprintable() else clean_text(document.id).replace("\n", " ")
    return Document(id=identifier, title=title, text=clean_text(text))


def read_documents(path: Path, *, format: str = "auto", counts: Counter[str] | None = None) -> Iterator[Document]:
    """Stream the clean documents of one file.

    Args:
        path: the file; `.gz`, `.bz2` and `.xz` are unpacked on the fly.
        format: `text` (blank line between documents; one without is cut after about 100,000 characters),
            `lines` (every line a document), `jsonl`, `wikiextractor`, or `auto`.
        counts: gets what could not be read, by reason: `broken-utf8` and `bad-json` lines, `outside-doc`
            lines, `unclosed-doc` pages, `file-without-documents`; of dumps what `dump.iter_block` names, and
            `too-complex` pages.

    Raises:
        InputError, OptionError: see `read_lines` and `find_format`.
    """
    format = find_format(path, format)
    counts = Counter() if counts is None else counts
    for document in parse_documents(path, format, counts):
        try:
            yield clean_document(document, format)
        except PageTooComplexError:
            counts["too-complex"] += 1


def corpus_parts(corpus: Path) -> list[Path]:
    """The part files of a corpus directory, in order.

    Raises:
        InputError: it holds none, or its manifest says that it is something else.
    """
    if (corpus / MANIFEST).exists():
        read_manifest(corpus, "corpus")
    parts = sorted(p for pattern in ("part-*.jsonl", "part-*.jsonl.*") for p in corpus.glob(pattern))
    if not parts:
        raise InputError(f"{corpus} holds no part-*.jsonl: expected a corpus directory, made by `malmoi corpus`")
    return parts


def iter_corpus(corpus: Path) -> Iterator[Document]:
    """Stream a corpus: a directory of parts in order, or a single file of any format that `auto` finds.

    Raises:
        InputError: nothing there, not a corpus, or a part with a line that cannot be read.
    """
    if not corpus.is_dir():
        yield from read_documents(corpus)
        return
    for part in corpus_parts(corpus):
        counts: Counter[str] = Counter()
        yield from parse_documents(part, "jsonl", counts)
        if broken := {reason: n for reason, n in counts.items() if n}:
            raise InputError(f"{part} is damaged ({broken}): make the corpus again with `malmoi corpus`")
