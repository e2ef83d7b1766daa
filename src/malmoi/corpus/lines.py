"""From the bytes of a file to lines of text: unpacking, UTF-8, line ends. What the lines mean is not known here.

Files are streamed, packed or not (`.gz`, `.bz2`, `.xz`, `.zst` by suffix), and are UTF-8.
"""

import bz2
import codecs
import gzip
import importlib
import io
import lzma
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, TextIO, cast

from malmoi.errors import InputError, OptionError

MAX_LINE_BYTES = 64 << 20
_BLOCK_BYTES = 1 << 20


class _ZstandardFile(io.RawIOBase):
    """The library's own reader takes a file that ends within a frame for a whole one."""

    def __init__(self, path: Path) -> None:
        self._new_frame = load_library("zstandard", f"{path} is packed with Zstandard").ZstdDecompressor().decompressobj
        self._frame: Any = None
        self._file = path.open("rb")
        self._ready = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with unpacked bytes; 0 at the end of the last frame."""
        while not self._ready:
            packed = (self._frame.unused_data if self._frame and self._frame.eof else b"") or self._file.read(1 << 17)
            if not packed:
                if self._frame and not self._frame.eof:
                    raise EOFError("it ends within a frame")
                return 0
            if self._frame is None or self._frame.eof:
                self._frame = self._new_frame()
            self._ready = self._frame.decompress(packed)
        n_bytes = min(len(buffer), len(self._ready))
        buffer[:n_bytes], self._ready = self._ready[:n_bytes], self._ready[n_bytes:]
        return n_bytes

    def close(self) -> None:
        """Close the file below."""
        self._file.close()
        super().close()


def _open_zstandard(path: Path, _mode: str) -> IO[Any]:
    return io.BufferedReader(_ZstandardFile(path), 1 << 20)


def load_library(name: str, why: str) -> Any:
    """Import an optional library.

    Raises:
        OptionError: it is not installed; the message begins with `why`.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise OptionError(f"{why}, and {name} is not installed: pip install 'malmoi[formats]'") from error


PACKED: dict[str, Callable[..., IO[Any]]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": _open_zstandard,
}
"""What unpacks a file, by its suffix."""
_MAGIC = {
    b"\x1f\x8b": "gzip (.gz)",
    b"BZh": "bzip2 (.bz2)",
    b"\xfd7zXZ": "xz (.xz)",
    b"\x28\xb5\x2f\xfd": "Zstandard (.zst)",
    b"7z\xbc\xaf": "a 7z archive",
    b"PK\x03\x04": "a zip archive",
}


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open, decompress by suffix, and turn what the system and the decompressors raise into InputError."""
    try:
        with PACKED.get(path.suffix, open)(path, "rb") as file:
            yield cast(BinaryIO, file)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist: check the name") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a directory: expected a file") from error
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise _damaged(path, error) from error
    except OSError as error:
        if path.suffix == ".bz2" and error.errno is None:
            raise _damaged(path, error) from error
        raise InputError(f"{path} cannot be read ({error.strerror or error})") from error
    except Exception as error:
        if type(error).__name__ != "ZstdError":  # its class is known only where the library is
            raise
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} is truncated or damaged ({error}): fetch or compress it again")


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a UTF-8 file (BOM dropped; unpacked by suffix) for reading as a whole.

    Raises:
        InputError: missing, unreadable, damaged, or not UTF-8; also while reading inside the block.
    """
    with open_bytes(path) as file, codecs.getreader("utf-8-sig")(file) as text:
        try:
            yield cast(TextIO, text)
        except UnicodeDecodeError as error:
            raise _encoding_error(path, error.object) from error


def read_lines(path: Path, counts: Counter[str] | None = None) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, line without its end) of a UTF-8 file, unpacked by suffix.

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
    with open_bytes(path) as file:
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
