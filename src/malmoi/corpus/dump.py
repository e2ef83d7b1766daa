"""Pages out of a MediaWiki XML dump: plain, .bz2 (also of many streams), .gz, .xz or .7z. Wikitext is not read here.

Not an XML parser: inside a dump `<` stands only before a tag, so a page is what lies between `<page>` and
`</page>`, and its fields are found by their tags. That is many times faster, forgives a dump that was cut off or
glued together, and cannot be made to expand entities.

A dump is read in blocks, each by itself and so by several processes at once. A page belongs to the block in
which its first byte lies; whoever reads the block reads on to the page's end.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from malmoi.corpus.streams import Stream, cut_places
from malmoi.errors import InputError

MAX_PAGE_BYTES = 16 << 20
"""MediaWiki takes articles of up to two megabytes. A larger page costs memory and is passed over."""
BLOCK_BYTES = 16 << 20
ARTICLES = frozenset({0})
_HEAD_BYTES = 1 << 16

_PAGE = re.compile(rb"<page(?=[\s>])")
_PAGE_END = b"</page>"
_TITLE = re.compile(rb"<title>([^<]*)</title>")
_ID = re.compile(rb"<id>(\d+)</id>")
_NAMESPACE = re.compile(rb"<ns>(-?\d+)</ns>")
_NAMESPACE_NAME = re.compile(rb'<namespace key="(-?\d+)"[^>]*>([^<]+)</namespace>')
_TEXT = re.compile(rb"<text(?=[\s>/])([^>]*)>")
_MODEL = re.compile(rb"<model>([^<]*)</model>")
_REDIRECT = re.compile(r"\s*#\s*(?:redirect|넘겨주기|転送|重定向)\b", re.IGNORECASE)
_CHARACTER = re.compile(rb"&#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}));")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page, in its last revision."""

    id: str
    title: str
    namespace: int
    """0 for articles; the dump's head names the others."""
    wikitext: str


def is_dump(path: Path) -> bool:
    """Whether a file, packed or not, begins as a dump does.

    Raises:
        InputError: it cannot be opened.
    """
    return b"<mediawiki" in _head(path)


def dump_blocks(path: Path, block_bytes: int = BLOCK_BYTES) -> list[tuple[int, int]]:
    """Cut a dump into blocks for `iter_block`: (start, end) in bytes of the file.

    A block is about `block_bytes` of XML; but only plain XML and bzip2 of many streams can be cut.

    Raises:
        InputError: the file cannot be opened, or is no dump.
    """
    _check_head(path)
    starts = cut_places(path, block_bytes)
    return list(zip(starts, [*starts[1:], path.stat().st_size], strict=True))


def iter_block(
    path: Path, start: int, end: int, counts: Counter[str], *, namespaces: Collection[int] | None = ARTICLES
) -> Iterator[Page]:
    """Yield the pages that begin in a block of `dump_blocks`, in order; redirects are left out.

    Args:
        path: the dump.
        start: the block's first byte in the file.
        end: the byte behind its last.
        counts: gets what was left out: `other-namespace`, `redirect`, `deleted-revision`, `not-wikitext` pages,
            `page-too-large` ones (more than 16 MiB), a `truncated-page`, pages with `broken-utf8`, the rest of
            a `truncated-file`, a `damaged-stream` and what pages it cut, `trailing-garbage`.
        namespaces: numbers of the namespaces to keep; None keeps all.

    Raises:
        InputError: the file cannot be read, is no dump, declares entities, or is of another encoding.
    """
    names = _namespace_names(_check_head(path))
    n_broken = 0
    for n_pages, data in enumerate(_cut_pages(Stream(path, start, end, counts), counts), 1):
        try:
            page = _parse_page(data, names, namespaces)
        except UnicodeDecodeError:
            page = "broken-utf8"
            n_broken += 1
            if n_broken > 10 and n_broken * 2 > n_pages:
                raise InputError(f"{path} is not UTF-8, as every dump is: fetch it again") from None
        if isinstance(page, Page):
            yield page
        else:
            counts[page] += 1


def iter_pages(path: Path, counts: Counter[str], *, namespaces: Collection[int] | None = ARTICLES) -> Iterator[Page]:
    """Yield the pages of a whole dump; everything as in `iter_block`."""
    yield from iter_block(path, 0, path.stat().st_size, counts, namespaces=namespaces)


def _head(path: Path) -> bytes:
    """The first bytes, unpacked; what is wrong with the file is found again when it is read."""
    head = b""
    for chunk in Stream(path, 0, 0, Counter()):
        head += chunk
        if len(head) >= _HEAD_BYTES:
            break
    return head[:_HEAD_BYTES]


def _check_head(path: Path) -> bytes:
    head = _head(path)
    if b"<mediawiki" not in head:
        raise InputError(f"{path} is no MediaWiki dump: expected XML that begins with <mediawiki")
    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
        raise InputError(f"{path} declares a document type or entities, which no dump does: not read, for safety")
    return head


def _namespace_names(head: bytes) -> dict[str, int]:
    """Number by name, for the dumps of before 2012 whose pages have no <ns>."""
    return {_unescape(name).decode("utf-8", "replace"): int(key) for key, name in _NAMESPACE_NAME.findall(head)}


def _cut_pages(stream: Stream, counts: Counter[str]) -> Iterator[bytes]:
    """`<page>` and all before `</page>`, of the pages that begin before the stream's limit.

    In memory are one page and a chunk.
    """
    chunks = iter(stream)
    buffer, offset, position = b"", 0, 0  # offset: where in the stream the buffer begins
    while True:
        match = _PAGE.search(buffer, position)
        start = match.start() if match else _cut_tag(buffer, position)
        if stream.limit is not None and offset + start >= stream.limit:
            return
        end = buffer.find(_PAGE_END, start) if match else -1
        if end >= 0:
            position = _last_start(buffer, start, end)
            if position > start:  # the end of a page is missing: a dump cut off, and another behind it
                counts["truncated-page"] += 1
                continue
            if end - start <= MAX_PAGE_BYTES:
                yield buffer[start:end]
            else:
                counts["page-too-large"] += 1
            position = end + len(_PAGE_END)
            continue
        buffer, offset, position = buffer[start:], offset + start, 0
        if len(buffer) > MAX_PAGE_BYTES + len(_PAGE_END):
            counts["page-too-large"] += 1
            offset += len(buffer) - len(_PAGE_END)
            buffer = buffer[-len(_PAGE_END) :]  # no page begins in what is left of this one
            match = None
        chunk = next(chunks, b"")
        if not chunk:
            counts["truncated-page"] += match is not None
            return
        buffer += chunk


def _cut_tag(buffer: bytes, position: int) -> int:
    """Where the buffer ends, or before it what may be the first half of `<page>`."""
    start = buffer.rfind(b"<", max(position, len(buffer) - 5))
    return start if start >= 0 and b"<page".startswith(buffer[start:]) else len(buffer)


def _last_start(buffer: bytes, start: int, end: int) -> int:
    """Where the last page begins between two places, the first of which is the start of one."""
    last = buffer.rfind(b"<page", start, end)
    return last if last > start and _PAGE.match(buffer, last) else start


def _parse_page(data: bytes, names: dict[str, int], namespaces: Collection[int] | None) -> Page | str:
    """The page, or why it is left out."""
    last = data.rfind(b"<revision")
    head = data[: data.find(b"<revision")] if last >= 0 else data
    title_tag, id_tag, namespace_tag = _TITLE.search(head), _ID.search(head), _NAMESPACE.search(head)
    title = _unescape(title_tag[1]).decode() if title_tag else ""
    namespace = int(namespace_tag[1]) if namespace_tag else names.get(title.partition(":")[0], 0)
    if namespaces is not None and namespace not in namespaces:
        return "other-namespace"
    if b"<redirect" in head:
        return "redirect"
    # Of a page with its history the last revision counts; of a revision with several contents, the first.
    text_tag = _TEXT.search(data, max(last, 0))
    if not text_tag:
        return "page-without-text"
    if b"deleted=" in text_tag[1]:
        return "deleted-revision"
    model = _MODEL.search(data, max(last, 0), text_tag.start())
    if model and model[1] != b"wikitext":
        return "not-wikitext"
    end = text_tag.end() if text_tag[1].endswith(b"/") else data.find(b"</text>", text_tag.end())
    if end < 0:
        return "truncated-page"
    wikitext = _unescape(data[text_tag.end() : end]).decode()
    if _REDIRECT.match(wikitext):
        return "redirect"
    return Page(id=id_tag[1].decode() if id_tag else "", title=title, namespace=namespace, wikitext=wikitext)


def _unescape(data: bytes) -> bytes:
    """The five entities of XML and numbered characters; any other is left as it stands."""
    if b"&" in data:
        if b"&#" in data:
            data = _CHARACTER.sub(_character, data)
        for entity, char in ((b"&lt;", b"<"), (b"&gt;", b">"), (b"&quot;", b'"'), (b"&apos;", b"'"), (b"&amp;", b"&")):
            data = data.replace(entity, char)
    return data


def _character(match: re.Match[bytes]) -> bytes:
    code = int(match[1], 16) if match[1] else int(match[2])
    char = chr(code) if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else ""
    return b"&amp;" if char == "&" else char.encode()  # so that `&#38;lt;` is not read twice
