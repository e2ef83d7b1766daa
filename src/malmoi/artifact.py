"""Directories written all at once: stages meet in plain files, and a reader never sees half of them.

A stage writes into a temporary sibling of its output; `manifest.json` (kind, format version, options, a hash of
every file) is written last, then one rename makes it visible. This is not a cache and not a data base.
"""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from malmoi.errors import InputError, OutputError

FORMAT_VERSION = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What `manifest.json` says of a directory."""

    kind: str
    """`corpus`, `tokenizer`, `shards`, `model`, `sent2vec`, `index` …"""
    options: dict[str, Any]
    """The options that made it."""
    files: dict[str, str]
    """SHA-256 (hex) of every file, by name."""
    content_hash: str
    """SHA-256 (hex) over names and hashes of `files`: equal content, equal hash."""
    format_version: int = FORMAT_VERSION


def write_text(path: Path, text: str) -> None:
    """Write `text` (UTF-8) to `path` through a temporary sibling, so that it is there whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all; a number that is none (NaN) as null."""
    write_text(path, json.dumps(without_nan(value), ensure_ascii=False, indent=2) + "\n")


def without_nan(value: Any) -> Any:
    """The same value with None in place of NaN, which Python writes into JSON though no other program reads it."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def file_hash(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(directory: Path, kind: str, options: Mapping[str, Any]) -> Manifest:
    """Hash every file in `directory` (not in folders below it) and write its manifest."""
    paths = sorted(p for p in directory.iterdir() if p.is_file() and p.name != MANIFEST)
    files = {p.name: file_hash(p) for p in paths}
    content_hash = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    manifest = Manifest(kind=kind, options=dict(options), files=files, content_hash=content_hash)
    write_json(directory / MANIFEST, vars(manifest))
    return manifest


def directory_without(directory: Path, name: str) -> str:
    """What a message says of a path that should be a directory with the file `name`, and is not."""
    if directory.is_dir():
        return f"has no {name}"
    return "is a file" if directory.exists() else "does not exist"


def read_manifest(directory: Path, kind: str) -> Manifest:
    """Read the manifest of `directory` and check that it is a `kind` of a version we know.

    Raises:
        InputError: no such directory, no manifest, another kind, or a newer format.
    """
    path = directory / MANIFEST
    if not path.is_file():
        state = directory_without(directory, MANIFEST)
        raise InputError(f"{directory} {state}: expected a directory made by `malmoi {_COMMANDS[kind]}`")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        # The version first: a newer one may have other fields.
        if values["format_version"] > FORMAT_VERSION:
            raise InputError(
                f"{directory} has format version {values['format_version']}, this malmoi knows {FORMAT_VERSION}: "
                "upgrade malmoi"
            )
        manifest = Manifest(**values)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} cannot be read ({error!r}): make the {kind} directory again") from error
    if manifest.kind != kind:
        raise InputError(f"{directory} is a {manifest.kind} directory: expected a {kind} directory")
    return manifest


_COMMANDS = {
    "state": "pretrain",
    "corpus": "corpus",
    "tokenizer": "vocab",
    "shards": "shards",
    "sent2vec": "sent2vec",
    "index": "index",
    "model": "pretrain` or `malmoi finetune",
}


def check_output(out: Path, *, force: bool) -> None:
    """Refuse to write over what is there.

    Raises:
        OutputError: `out` is a file; or holds something and `force` is off; or holds something malmoi did not make.
    """
    if out.is_file():
        raise OutputError(f"{out} is a file: --out expects a directory that does not exist yet")
    if not out.exists() or not any(out.iterdir()):
        return
    if not force:
        raise OutputError(f"{out} exists already: choose another --out, or pass --force to replace it")
    if not (out / MANIFEST).is_file():
        raise OutputError(f"{out} was not made by malmoi (no {MANIFEST}): --force replaces only what malmoi made")


@contextmanager
def staged_directory(
    out: Path, *, kind: str, options: Mapping[str, Any], force: bool = False, temporary: Path | None = None
) -> Iterator[Path]:
    """Yield a temporary directory that becomes `out` when the block ends well, and vanishes when it does not.

    `temporary` names it, on the same file system; else it is a sibling of `out`.

    Raises:
        OutputError: see `check_output`; or the disk refuses (full, read-only), what stood at `out` being intact.
    """
    check_output(out, force=force)
    with _temporary_directory(out, temporary or out.with_name(f".{out.name}.{os.getpid()}.tmp")) as directory:
        yield directory
        write_manifest(directory, kind, options)
        _replace(directory, out)


@contextmanager
def staged_files(out: Path, *, kind: str, options: Mapping[str, Any]) -> Iterator[Path]:
    """Yield a temporary directory whose files move into `out`, which may hold others, when the block ends well.

    Raises:
        OutputError: the disk refuses (full, read-only), what stood in `out` being intact.
    """
    with _temporary_directory(out, out / f".{os.getpid()}.tmp") as temporary:
        yield temporary
        for path in temporary.iterdir():
            os.replace(path, out / path.name)
        write_manifest(out, kind, options)


@contextmanager
def _temporary_directory(out: Path, temporary: Path) -> Iterator[Path]:
    # A process that was killed may have left one, and in a container the next has the same number.
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
    except OSError as error:
        raise _refused(out, error) from error
    try:
        yield temporary
    except OSError as error:
        place = None if error.filename is None else Path(error.filename)
        if place is not None and not place.is_relative_to(temporary) and not place.is_relative_to(out):
            raise  # an input's fault, not ours
        raise _refused(out, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _refused(out: Path, error: OSError) -> OutputError:
    # NumPy's errors have a text but no number.
    reason = error.strerror or str(error)
    return OutputError(f"cannot write {out} ({reason}): nothing was changed; free some space or choose another --out")


def _replace(new: Path, out: Path) -> None:
    """Rename `new` to `out`; what stood there goes only when the new one is in place."""
    old = out.with_name(f".{out.name}.{os.getpid()}.old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        os.replace(out, old)
    os.replace(new, out)
    shutil.rmtree(old, ignore_errors=True)
