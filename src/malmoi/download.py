"""Fetching one file over HTTP: resumed where it broke off, checked, and there whole or not at all.

Not a mirror and not a cache: what is at the path already is not fetched again, and no address is asked for anything
but the file.
"""

import http.client
import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from malmoi.artifact import file_hash, write_json
from malmoi.errors import InputError, OutputError
from malmoi.progress import progress_bar

_CHUNK_BYTES = 1 << 18
_TIMEOUT_S = 30.0
_ATTEMPTS = 5
"""In a row without a single new byte."""
_BROKEN = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)


def fetch(address: str, path: Path, *, sha256: str | None = None) -> Path:
    """Download `address` to `path`; a file that is there already is only checked.

    A connection that breaks is taken up again where it broke, also by a later call: what has come is kept in a hidden
    file beside `path`. A server that has another version meanwhile, or that cannot go on, begins from the start.

    Args:
        address: `http:` or `https:`.
        path: where it goes.
        sha256: what the bytes must hash to, in hexadecimal; None where it is not known.

    Raises:
        InputError: the address cannot be reached, does not answer with the file, or what came is not the file.
        OutputError: the disk refuses.
    """
    if not address.startswith(("http://", "https://")):
        raise InputError(f"address {address}: expected http:// or https://")
    if not path.exists():
        part = path.with_name(f".{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _download(address, part)
        except _BROKEN as error:
            raise InputError(f"{address} cannot be fetched ({_reason(error)})") from error
        except OSError as error:
            raise OutputError(f"cannot write {path} ({error.strerror or error}): free some space") from error
        _check(part, address, sha256)
        os.replace(part, path)
        _version_path(part).unlink(missing_ok=True)
    elif sha256 is not None and file_hash(path) != sha256:
        raise InputError(f"{path} is not the published file (SHA-256 {sha256}): delete it to fetch it anew")
    return path


def _check(part: Path, address: str, sha256: str | None) -> None:
    if sha256 is None or (found := file_hash(part)) == sha256:
        return
    part.unlink()
    _version_path(part).unlink(missing_ok=True)
    raise InputError(f"{address} gave a file with SHA-256 {found}: expected {sha256}; it has changed, or was damaged")


def _download(address: str, part: Path) -> None:
    """Fill `part`, taking up broken connections until one brings nothing new several times."""
    n_failed = 0
    while True:
        n_before = part.stat().st_size if part.exists() else 0
        try:
            if _go_on(address, part):
                return
            error: Exception = ConnectionError("the connection broke off")
        except urllib.error.HTTPError:
            raise
        except _BROKEN as broken:
            error = broken
        n_now = part.stat().st_size if part.exists() else 0
        n_failed = 0 if n_now > n_before else n_failed + 1
        if n_failed >= _ATTEMPTS or (n_now == 0 and isinstance(error, urllib.error.URLError)):
            raise error


def _go_on(address: str, part: Path) -> bool:
    """One connection; whether the file is whole after it."""
    have = part.stat().st_size if part.exists() else 0
    version = _version_of(part)
    request = urllib.request.Request(address, headers={"User-Agent": "malmoi", "Accept-Encoding": "identity"})
    if have and version:
        # If the file has changed since, the server must send all of it.
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", version)
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        part.unlink()  # more than the file has: it is not the beginning of it
        return False
    with response:
        goes_on = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if not goes_on:
            have = 0
            write_json(_version_path(part), {"version": _version(response.headers)})
        length = response.headers.get("Content-Length")
        total = None if length is None else have + int(length)
        with part.open("ab" if goes_on else "wb") as file, progress_bar(part.name[1:-5], total or 0, have) as bar:
            while block := response.read(_CHUNK_BYTES):
                file.write(block)
                bar.update(len(block))
    return total is None or part.stat().st_size == total


def _version(headers: Any) -> str:
    """What tells this version of the file from another: a strong entity tag, or when it was changed."""
    tag = headers.get("ETag", "")
    return str(tag if tag.startswith('"') else headers.get("Last-Modified", ""))


def _version_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _version_of(part: Path) -> str:
    try:
        return str(json.loads(_version_path(part).read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError):
        return ""


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    return str(getattr(error, "reason", error)) or type(error).__name__
