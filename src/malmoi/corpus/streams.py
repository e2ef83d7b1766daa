"""The bytes of a file, whatever it was packed with, from a place on and in chunks. What they mean is not known here.

A stream survives what downloads suffer: a packed file that ends too early gives all that came before, and a
damaged bzip2 stream costs that stream only, where another follows. What went wrong is counted by reason.
"""

import bz2
import lzma
import mmap
import re
import zlib
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from malmoi.corpus.sevenzip import iter_7z
from malmoi.errors import InputError

CHUNK_BYTES = 1 << 20
_PACKED_BYTES = 1 << 18
# A bzip2 stream begins with its block size, and then the mark of a first block, or of the end of an empty stream.
_BZIP2_HEAD = re.compile(rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38\x50\x90)")
_SEVENZIP = b"7z\xbc\xaf\x27\x1c"


class _Unpacker(Protocol):
    """What `bz2` and `lzma` call a decompressor: one stream."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gunzip:
    """zlib's decompressor with the manners of the other two."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(31)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max(max_length, 0))


_UNPACKERS: dict[bytes, Callable[[], _Unpacker]] = {
    b"BZh": bz2.BZ2Decompressor,
    b"\x1f\x8b": _Gunzip,
    b"\xfd7zXZ\x00": lzma.LZMADecompressor,
}


class Stream:
    """The unpacked bytes of a file from its byte `start` on, a few megabytes in memory; iterate it once.

    How the file is packed is told by its first bytes, not by its name.

    Attributes:
        limit: where `end`, a place in the file, lies among the bytes given; None until it has been reached.
            The stream goes on behind it, so that what began before can be read to its end.
    """

    def __init__(self, path: Path, start: int, end: int, counts: Counter[str]) -> None:
        self.limit: int | None = None
        self._path, self._start, self._end, self._counts = path, start, end, counts
        self._n_unpacked = 0

    def __iter__(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb") as file:
                head = file.read(len(_SEVENZIP))
                file.seek(self._start)
                magic = next((mark for mark in _UNPACKERS if head.startswith(mark)), b"")
                if head == _SEVENZIP:
                    yield from iter_7z(self._path, self._counts)
                elif magic:
                    yield from self._unpack(file, magic)
                else:
                    self.limit = self._end - self._start
                    while chunk := file.read(CHUNK_BYTES):
                        yield chunk
        except FileNotFoundError as error:
            raise InputError(f"{self._path} does not exist: check the name") from error
        except OSError as error:
            raise InputError(f"{self._path} cannot be read ({error.strerror or error})") from error

    def _unpack(self, file: BinaryIO, magic: bytes) -> Iterator[bytes]:
        """Stream after stream. A place in the file at which one begins is where a block may end."""
        start, data = self._start, file.read(_PACKED_BYTES)
        while data:
            if not data.startswith(magic):
                if data.strip(b"\0"):  # zeros are padding
                    self._counts["trailing-garbage"] += 1
                return
            rest = yield from self._unpack_one(file, _UNPACKERS[magic](), data)
            if rest is None:
                start = _next_head(file, start + 1) if magic == b"BZh" else -1
                if start < 0:
                    return
                file.seek(start)
            else:
                start = file.tell() - len(rest)
            self._note(start)
            data = rest if rest and len(rest) >= len(magic) else (rest or b"") + file.read(_PACKED_BYTES)

    def _unpack_one(self, file: BinaryIO, unpacker: _Unpacker, data: bytes) -> Generator[bytes, None, bytes | None]:
        """One stream; returns what follows it of the bytes read, or None if it is damaged.

        `max_length` keeps small in memory what unpacks to a thousand times its size.
        """
        while not unpacker.eof:
            try:
                chunk = unpacker.decompress(data, CHUNK_BYTES)
            except (OSError, lzma.LZMAError, zlib.error):
                self._counts["damaged-stream"] += 1
                return None
            self._n_unpacked += len(chunk)
            if unpacker.eof:
                self._note(file.tell() - len(unpacker.unused_data))
            if chunk:
                yield chunk
            data = file.read(_PACKED_BYTES) if unpacker.needs_input and not unpacker.eof else b""
            if not data and unpacker.needs_input and not unpacker.eof:
                self._counts["truncated-file"] += 1
                return b""
        return unpacker.unused_data

    def _note(self, place: int) -> None:
        if self.limit is None and place >= self._end:
            self.limit = self._n_unpacked


def _next_head(file: BinaryIO, place: int) -> int:
    """Where the next bzip2 stream begins, from `place` on; -1 if none does."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        match = _BZIP2_HEAD.search(data, place)
        return match.start() if match else -1


def cut_places(path: Path, block_bytes: int) -> list[int]:
    """Places in a file, about `block_bytes` unpacked bytes apart, from which it can be read on by itself.

    The first is 0. A plain file can be read on anywhere, one of several bzip2 streams where one begins (text is
    taken to shrink to a quarter). In other packed files there is no other place.
    """
    with path.open("rb") as file:
        head = file.read(len(_SEVENZIP))
        if not head.startswith(b"BZh"):
            packed = head == _SEVENZIP or head.startswith(tuple(_UNPACKERS))
            return [0] if packed else list(range(0, max(path.stat().st_size, 1), block_bytes))
        places = [0]
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            while match := _BZIP2_HEAD.search(data, places[-1] + max(block_bytes // 4, 1)):
                places.append(match.start())
    return places
