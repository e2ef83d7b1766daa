"""From files to documents: one small parser a format. Nothing here filters; what cannot be read is counted."""

import html
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from malmoi.artifact import MANIFEST, read_manifest
from malmoi.corpus.brackets import PageTooComplexError
from malmoi.corpus.document import Document, clean_text
from malmoi.corpus.dump import is_dump, iter_pages
from malmoi.corpus.lines import PACKED, load_library, read_lines
from malmoi.corpus.markup import clean_wikiextractor
from malmoi.corpus.wikitext import clean_wikitext
from malmoi.errors import InputError, OptionError

MAX_DOCUMENT_CHARS = 100_000
"""Plain text without blank lines is cut into documents of about this length."""


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
        yield _from_record(record, path, number)


def _from_record(record: dict[str, Any], path: Path, number: int) -> Document:
    identifier, title = record.get("id"), record.get("title")
    return Document(
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


_PARQUET = b"PAR1"
_PARQUET_COLUMNS = ("id", "title", "text")


def _parse_parquet(path: Path, counts: Counter[str]) -> Iterator[Document]:
    """A table with a column `text`, and `id` and `title` where there are any. A row without text is `no-text`."""
    parquet = load_library("pyarrow.parquet", f"{path} is a Parquet file")
    try:
        with parquet.ParquetFile(path) as file:
            columns = [name for name in _PARQUET_COLUMNS if name in file.schema_arrow.names]
            if "text" not in columns:
                raise InputError(f"{path} has no column `text`, only {', '.join(file.schema_arrow.names)}: rename one")
            number = 0
            for batch in file.iter_batches(batch_size=1000, columns=columns):
                for record in batch.to_pylist():
                    number += 1
                    if isinstance(record["text"], str):
                        yield _from_record(record, path, number)
                    else:
                        counts["no-text"] += 1
    except (OSError, ValueError) as error:  # pyarrow's own errors are of these
        raise InputError(f"{path} cannot be read as Parquet ({error}): fetch or write it again") from error


_PARSERS: dict[str, Callable[[Path, Counter[str]], Iterator[Document]]] = {
    "text": _parse_text,
    "lines": _parse_lines,
    "jsonl": _parse_jsonl,
    "wikiextractor": _parse_wikiextractor,
    "mediawiki": _parse_mediawiki,
    "parquet": _parse_parquet,
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
    if format in ("auto", "parquet") and _begins_with(path, _PARQUET):
        return "parquet"
    line = next((line for _, line in read_lines(path) if line and not line.isspace()), "").strip()
    if format == "parquet":
        raise InputError(f"{path} is not a Parquet file: check --format")
    if format != "auto":
        return format
    if _DOC_START.match(line):
        return "wikiextractor"
    suffixes = [s for s in path.suffixes if s not in PACKED]
    return "jsonl" if line.startswith('{"') or suffixes[-1:] in ([".jsonl"], [".ndjson"]) else "text"


def _begins_with(path: Path, magic: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError:
        return False  # reading its lines says better what is wrong


def parse_documents(path: Path, format: str, counts: Counter[str]) -> Iterator[Document]:
    """Documents as they stand in the file: not yet cleaned. `format` as `find_format` gives it."""
    n_documents = 0
    for document in _PARSERS[format](path, counts):
        n_documents += 1
        yield document
    if not n_documents:
        counts["file-without-documents"] += 1


def clean_document(document: Document, format: str, *, headings: bool = False) -> Document:
    """The document with the markup of its format taken out and every field cleaned.

    `headings` keeps the headings of a wikitext's sections.

    Raises:
        PageTooComplexError: a page of wikitext that cannot be read in reasonable time.
    """
    text = document.text
    if format == "mediawiki":
        text = clean_wikitext(text, document.title, headings=headings)
    if format == "wikiextractor":
        text = clean_wikiextractor(text, document.title)
    title = document.title and clean_text(document.title).replace("\n", " ")
    identifier = document.id if document.id.isprintable() else clean_text(document.id).replace("\n", " ")
    return Document(id=identifier, title=title, text=clean_text(text))


def read_documents(path: Path, *, format: str = "auto", counts: Counter[str] | None = None) -> Iterator[Document]:
    """Stream the clean documents of one file.

    Args:
        path: the file; `.gz`, `.bz2`, `.xz` and `.zst` are unpacked on the fly.
        format: `text` (blank line between documents; one without is cut after about 100,000 characters),
            `lines` (every line a document), `jsonl`, `wikiextractor`, `parquet`, or `auto`.
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
