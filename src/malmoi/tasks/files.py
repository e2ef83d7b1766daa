"""Opening files of labelled examples: lines, JSON Lines, JSON lists. Tables are in `tables.py`.

Not the corpus readers: there a broken line is counted and left out, here every line holds somebody's label,
so a line that cannot be read is an error with its number.
"""

import bz2
import gzip
import json
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from malmoi.errors import DataError, InputError

T = TypeVar("T")

COMPRESSION: Mapping[str, Callable[[Path, str], Any]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
_HEAD_BYTES = 65536


@dataclass(frozen=True)
class FileHead:
    """The beginning of a file, enough to see what it is."""

    text: str
    """At most 64 KiB, without a byte order mark; bytes that are not UTF-8 replaced."""
    is_binary: bool
    """Whether there are NUL bytes, which no text holds."""

    @property
    def first_line(self) -> str:
        """The first line that is not empty, without its line break."""
        return self.text.lstrip().split("\n", 1)[0].removesuffix("\r")

    def description(self) -> str:
        """What the file looks like, for messages."""
        line = self.first_line
        if self.is_binary:
            return "binary or UTF-16"
        if not line:
            return "empty"
        if line[0] in "[{":
            return "like JSON objects" if line[0] == "{" else "like one JSON list"
        for separator, kind in (("\t", "tab-separated"), (",", "comma-separated")):
            if separator in line:
                return f"{kind} with the columns {', '.join(c.strip() for c in line.split(separator))}"[:300]
        return f"like plain text that begins with {line[:40]!r}"


@dataclass(frozen=True)
class Dropped:
    """What a reader yields in place of an example that its format says to leave out, so that it can be counted."""

    reason: str


def bare_suffix(path: Path) -> str:
    """The suffix in lower case, that of a compression left out: `.tsv` for `train.TSV.gz`."""
    return Path(path.stem if path.suffix.lower() in COMPRESSION else path.name).suffix.lower()


def read_head(path: Path) -> FileHead:
    """Look at the beginning of a file.

    Raises:
        InputError: it cannot be opened or decompressed.
    """
    with _opened(path) as file:
        block = file.read(_HEAD_BYTES)
    return FileHead(block.decode("utf-8-sig", errors="replace"), b"\0" in block)


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the number (from 1) and the text, with its line break, of every line.

    Raises:
        InputError: the file cannot be opened or decompressed, or is binary.
        DataError: a line is not UTF-8.
    """
    head = read_head(path)
    if head.is_binary:
        raise InputError(f"{path} looks {head.description()}: expected text in UTF-8; convert it")
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                message = (
                    f"byte {error.start + 1} of the line is not UTF-8: expected UTF-8; convert the file "
                    "(with `iconv -f cp949 -t utf-8` when it comes from an older Windows)"
                )
                raise DataError(path, number, message) from None


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the line number and the object of every line; blank lines are passed over.

    Raises:
        DataError: a line is not a JSON object; see also `read_lines`.
    """
    for number, line in read_lines(path):
        if line.strip():
            yield number, _object(path, number, _parsed(path, number, line))


def read_json_list(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the line on which each object of a JSON list begins, and the object.

    Raises:
        InputError: the file is not a JSON list.
        DataError: it is broken, or one of the items is not an object; see also `read_lines`.
    """
    text = "".join(line for _, line in read_lines(path))
    if not text.lstrip().startswith("["):
        raise InputError(f"{path} looks {read_head(path).description()}: expected one JSON list of objects")
    _parsed(path, 1, text)  # commas and the end are checked here, so that the walk below need not
    decoder = json.JSONDecoder()
    line, end, position = 1, 0, text.index("[") + 1
    while True:
        while text[position] in " \t\r\n,":
            position += 1
        if text[position] == "]":
            return
        line += text.count("\n", end, position)
        record, end = decoder.raw_decode(text, position)
        yield line, _object(path, line, record)
        line += text.count("\n", position, end)
        position = end


def read_json_object(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects that a JSON object holds by name, each with the line on which its name first stands.

    Raises:
        DataError: it is broken, or one of its values is no object; see also `read_lines`.
    """
    text = "".join(line for _, line in read_lines(path))
    for name, value in _object(path, 1, _parsed(path, 1, text)).items():
        place = text.find(json.dumps(name))
        line = 1 + text.count("\n", 0, max(0, place))
        yield line, _object(path, line, value)


def read_records(
    path: Path,
    records: Callable[[Path], Iterator[tuple[int, dict[str, Any]]]],
    make: Callable[[Mapping[str, Any]], T],
) -> Iterator[T]:
    """Yield what `make` makes of each JSON object that `records` finds in `path`.

    Raises:
        DataError: `make` refuses an object; see also the reader of `records`.
    """
    for number, record in records(path):
        try:
            made = make(record)
        except InputError as error:
            raise DataError(path, number, str(error)) from None
        yield made


def _parsed(path: Path, line: int, text: str) -> Any:
    """The value of a JSON text that begins on `line`."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        where = line + error.lineno - 1 if isinstance(error, json.JSONDecodeError) else line
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        message = f"not JSON ({reason}): expected JSON objects; the file looks {read_head(path).description()}"
        raise DataError(path, where, message) from None


def _object(path: Path, line: int, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        looks = read_head(path).description()
        raise DataError(path, line, f"{str(value)[:40]!r}: expected a JSON object {{…}}; the file looks {looks}")
    return value


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open bytes, decompressed by suffix; whatever is wrong with the file becomes an `InputError`."""
    try:
        with COMPRESSION.get(path.suffix.lower(), Path.open)(path, "rb") as file:
            yield cast(BinaryIO, file)
    except (EOFError, lzma.LZMAError, zlib.error) as error:
        raise InputError(f"{path} is not a whole {path.suffix} file ({error}): fetch it again") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path} cannot be read ({reason}): expected a file of examples; check it") from error
