"""The working directory of a run: a sibling of the output where finished pieces wait, so that a killed run goes on.

A journal says for which inputs and options the pieces were made. They are worth something only for the same ones;
where anything differs the work starts over.
"""

import fcntl
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

from malmoi.artifact import write_json
from malmoi.engine import Engine, map_ordered
from malmoi.errors import InputError, OptionError, OutputError, VocabularyError
from malmoi.progress import say

Item = TypeVar("Item")
Result = TypeVar("Result")

JOURNAL = "journal.json"


@contextmanager
def workplace(out: Path, journal: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the working directory for `out`, with what a run before it has finished for the same `journal`.

    It vanishes when the block ends well, and when its inputs or options turn out not to work; else it stays.

    Raises:
        OutputError: it cannot be made, another run is at work in it, or the disk refuses.
    """
    work = out.absolute().with_name(f".{out.name}.work")
    with _locked(work, out):
        place = _prepare(work, out, dict(journal))
        try:
            yield place
        except (InputError, OptionError, VocabularyError):
            shutil.rmtree(work, ignore_errors=True)
            raise
        except OSError as error:
            culprit = None if error.filename is None else Path(error.filename)
            if culprit is not None and not culprit.is_relative_to(work):
                raise  # not this disk's fault
            raise _refused(f"cannot write {out} ({error.strerror or error}): nothing was changed", work) from error
        except OutputError as error:
            raise _refused(str(error).partition("; free some space")[0], work) from error
        except BaseException:
            _keep(work)
            raise
        shutil.rmtree(work, ignore_errors=True)


def _refused(message: str, work: Path) -> OutputError:
    """What the disk refused, and what to do."""
    n_pieces = _keep(work)
    if not n_pieces:
        return OutputError(f"{message}; free some space or choose another --out")
    return OutputError(
        f"{message}; free some space and run the same command again, which goes on with {n_pieces:,} finished pieces "
        f"in {work}, or delete that"
    )


def _keep(work: Path) -> int:
    """Keep what is worth it; return how many pieces that are."""
    n_pieces = sum(1 for _ in work.glob("*/piece-*[0-9]"))
    if not n_pieces:
        shutil.rmtree(work, ignore_errors=True)
    return n_pieces


@contextmanager
def _locked(work: Path, out: Path) -> Iterator[None]:
    """Keep a second run out. The system forgets the lock when its process ends, however that comes about."""
    lock = work.with_suffix(".lock")
    try:
        work.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("w")
    except OSError as error:
        raise OutputError(f"cannot write {out} ({error.strerror}): choose another --out") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(f"another run is writing {out}: wait for it, or choose another --out") from None
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _prepare(work: Path, out: Path, journal: dict[str, Any]) -> Path:
    """Make the directory, or take over what has been finished in it; return where the pieces go."""
    written = json.dumps(journal, sort_keys=True)
    journal = json.loads(written)  # as it will be read
    # A worker that outlives its run for a moment finds no place in a run that starts over.
    place = work / hashlib.sha256(written.encode()).hexdigest()[:12]
    try:
        if work.exists():
            before = _read(work / JOURNAL)
            if before == journal:
                say(f"going on with what an interrupted run left in {work}")
                for half in place.glob("*.tmp"):
                    shutil.rmtree(half, ignore_errors=True)
                    half.unlink(missing_ok=True)
                return place
            say(f"starting over: an interrupted run in {work} had other {_differences(before, journal)}")
            shutil.rmtree(work)
        place.mkdir(parents=True)
        write_json(work / JOURNAL, journal)
    except OSError as error:
        shutil.rmtree(work, ignore_errors=True)
        raise OutputError(f"cannot write {out} ({error.strerror}): choose another --out") from error
    return place


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # killed before it was written, so nothing was done yet


def _differences(before: Any, now: dict[str, Any]) -> str:
    if not isinstance(before, dict):
        return "inputs or options"
    return ", ".join(name for name in sorted({*before, *now}) if before.get(name) != now.get(name))


def map_kept(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    work: Path,
    *,
    save: Callable[[Result, IO[bytes]], None],
    load: Callable[[Path], Result],
    workers: int,
    engine: Engine,
) -> Iterator[Result]:
    """`map_ordered`, with every result in a file below `work`: what is there already is read and not done again.

    Args:
        function, items, workers, engine: see `map_ordered`; on a cluster all nodes need the same file system.
        work: the working directory that `workplace` yields.
        save: writes a result into a file; called in the worker.
        load: reads it again.
    """
    task = partial(_do_and_keep, function=function, work=work, save=save)
    return map(load, map_ordered(task, enumerate(items), workers, engine))


def _do_and_keep(
    item: tuple[int, Item],
    *,
    function: Callable[[Item], Result],
    work: Path,
    save: Callable[[Result, IO[bytes]], None],
) -> Path:
    """Do a piece into its file, which appears whole or not at all. Runs in a worker."""
    path = work / f"piece-{item[0]:06d}"
    if path.exists():
        return path
    temporary = work / f"{path.name}.{uuid.uuid4().hex}.tmp"
    try:
        with temporary.open("wb") as file:
            save(function(item[1]), file)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
