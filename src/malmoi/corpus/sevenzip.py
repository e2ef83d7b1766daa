"""`.7z`, unpacked by a program of the system or by py7zr. Ours is only the pipe between them and us."""

import lzma
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from malmoi.errors import InputError

_PROGRAMS = ("7zz", "7z", "7za", "7zr")
_CHUNK_BYTES = 1 << 20


def iter_7z(path: Path, counts: Counter[str]) -> Iterator[bytes]:
    """The bytes of the files in an archive, one after the other.

    A program streams them. py7zr cannot: it unpacks to a temporary file first, which needs the room.

    Raises:
        InputError: neither a program nor py7zr is there; or nothing can be unpacked.
    """
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program:
        yield from _pipe([program, "x", "-so", "-bd", "-y", str(path)], path, counts)
    else:
        yield from _unpack(path, counts)


def _pipe(command: list[str], path: Path, counts: Counter[str]) -> Iterator[bytes]:
    n_bytes = 0
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        output = cast(IO[bytes], process.stdout)
        try:
            while chunk := output.read(_CHUNK_BYTES):
                n_bytes += len(chunk)
                yield chunk
        finally:
            process.kill()  # of no effect when it has ended; the reader may have stopped early
    if process.returncode:
        _note_damage(path, counts, n_bytes, f"{Path(command[0]).name} ended with {process.returncode}")


def _unpack(path: Path, counts: Counter[str]) -> Iterator[bytes]:
    try:
        import py7zr
    except ImportError as error:
        raise InputError(
            f"{path} is a 7z archive, and no program that unpacks it was found: install 7-Zip "
            "(`apt install 7zip`) or py7zr (`pip install py7zr`)"
        ) from error
    with tempfile.TemporaryDirectory(prefix="malmoi-7z-") as folder:
        try:
            with py7zr.SevenZipFile(path) as archive:
                archive.extractall(folder)
        except (py7zr.exceptions.ArchiveError, OSError, EOFError, ValueError, lzma.LZMAError) as error:
            _note_damage(path, counts, sum(p.stat().st_size for p in Path(folder).rglob("*")), str(error))
        for member in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
            with member.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    yield chunk


def _note_damage(path: Path, counts: Counter[str], n_bytes: int, reason: str) -> None:
    if not n_bytes:
        raise InputError(f"{path} is truncated or damaged ({reason}): fetch it again")
    counts["truncated-file"] += 1
