"""The corpus stage: files in, one directory of clean, distinct documents out, a report of what was dropped.

The inputs are cut into pieces of bounded size. Workers clean and filter each into a working directory beside the
output; then duplicates are found over all pieces, and workers write what stays as parts. Neither the pieces nor their
order depend on the number of workers or the engine, so the output does not either. A run that was killed goes on with
the pieces it had finished. In memory are a few pieces, and some 280 bytes a document (16 without near duplicates).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from malmoi import __version__
from malmoi.artifact import check_output, staged_directory, write_json, write_text
from malmoi.corpus.clean import Outcome, Signatures, clean_piece, piece_directory, read_outcome, read_signatures
from malmoi.corpus.dedup import find_duplicates, find_near_duplicates
from malmoi.corpus.mix import choose
from malmoi.corpus.options import CorpusOptions, Source, plain_source
from malmoi.corpus.page import report_page
from malmoi.corpus.parts import PartTask, check_compression, join_rejects, part_name, write_part
from malmoi.corpus.pieces import InputFile, PieceCutter, find_files, piece_sizes
from malmoi.corpus.report import CorpusReport, Tally, by_count, reasons
from malmoi.engine import Engine, map_ordered
from malmoi.errors import InputError, OutputError
from malmoi.progress import progress_bar
from malmoi.workplace import workplace


def build_corpus(
    inputs: Sequence[Path] | Sequence[Source],
    out: Path,
    options: CorpusOptions = CorpusOptions(),
    *,
    rejects: Path | None = None,
    workers: int = 1,
    engine: Engine = "local",
    force: bool = False,
) -> CorpusReport:
    """Read, clean, filter and deduplicate `inputs` into the corpus directory `out`.

    Args:
        inputs: files, and directories for every file below them (sorted; hidden ones are passed over); or the
            sources of a mixture.
        out: the directory to make: `part-00000.jsonl` …, `report.json`, `report.html`, `manifest.json`.
        options: see `CorpusOptions`.
        rejects: a JSONL file for the documents that were dropped, each with its `reason`.
        workers: pieces worked on at the same time; the output is the same, byte for byte, for every number.
        engine: `local` processes or `ray`; the output is the same.
        force: replace `out` (and `rejects`) if they exist.

    Raises:
        InputError: an input is missing; or no document is left. Files that cannot be read, or not to their end, are
            counted and named in the report instead.
        OptionError, OutputError: an option, `out` or `rejects` cannot work.
    """
    check_output(out, force=force)
    check_compression(options.compress)
    sources = [s for s in inputs if isinstance(s, Source)] or [plain_source([Path(str(p)) for p in inputs])]
    files = find_files(sources, options)
    with (
        _staged_file(rejects, out, force=force) as staged_rejects,
        workplace(out, _journal(files, sources, options, rejects is not None)) as work,
    ):
        n_pieces = _clean(files, sources, work, options, rejects is not None, workers, engine)
        saved = asdict(options) | ({} if _is_plain(sources) else {"sources": [asdict(s) for s in sources]})
        staging = staged_directory(out, kind="corpus", options=saved, force=force, temporary=work / "out")
        with staging as staged:
            report = _write(files, sources, work, n_pieces, staged, options, staged_rejects, workers, engine)
            write_json(staged / "report.json", asdict(report))
            write_text(staged / "report.html", report_page(report))
    return report


def _is_plain(sources: Sequence[Source]) -> bool:
    return [source.name for source in sources] == [""]


def _journal(
    files: Sequence[InputFile], sources: Sequence[Source], options: CorpusOptions, keep_rejects: bool
) -> dict[str, object]:
    """All that decides what the pieces are."""
    return {
        "malmoi": __version__,
        "options": asdict(options),
        "sources": [asdict(source) for source in sources],
        "rejects": keep_rejects,
        "piece sizes": piece_sizes(),
        "input files": [[str(f.path), f.format, f.source, f.n_bytes, f.mtime_ns, f.error] for f in files],
    }


def _clean(
    files: Sequence[InputFile],
    sources: Sequence[Source],
    work: Path,
    options: CorpusOptions,
    keep_rejects: bool,
    workers: int,
    engine: Engine,
) -> int:
    """First pass: clean and filter all pieces; return how many there are."""
    clean = partial(
        clean_piece, work=work, options=tuple(s.options(options) for s in sources), keep_rejects=keep_rejects
    )
    cutter = PieceCutter(files, lambda number: piece_directory(work, number).exists())
    n_pieces = 0
    n_megabytes = sum(file.n_bytes for file in files) // 1_000_000
    with progress_bar("reading (MB)", n_megabytes) as bar:
        for _ in map_ordered(clean, cutter, workers, engine):
            n_pieces += 1
            bar.update(cutter.bytes_done // 1_000_000 - bar.done, f"{n_pieces:,} pieces")
    return n_pieces


def _write(
    files: Sequence[InputFile],
    sources: Sequence[Source],
    work: Path,
    n_pieces: int,
    staged: Path,
    options: CorpusOptions,
    rejects: Path | None,
    workers: int,
    engine: Engine,
) -> CorpusReport:
    """Second pass: decide which documents stay, write them as parts, and join the rejects."""
    directories = [piece_directory(work, number) for number in range(n_pieces)]
    outcomes = [read_outcome(directory) for directory in directories]
    tally = Tally()
    for outcome in outcomes:
        tally.add_outcome(outcome)
    n_read = tally.n_kept + tally.dropped.total()
    if not tally.n_kept:
        raise _nothing_left(n_read, tally, options)
    fates = _fates(sources, outcomes, read_signatures(directories), options)
    tasks = []
    n_parts = 0
    for directory, piece_fates in zip(directories, fates, strict=True):
        tasks.append(PartTask(directory, staged / part_name(n_parts, options.compress), piece_fates.tobytes()))
        n_parts += bool((piece_fates == 0).any())  # no gaps in the numbers
    if not n_parts:
        raise InputError("the mixture is empty: raise max_chars, or take the weights out")
    write = partial(write_part, keep_rejects=rejects is not None)
    with progress_bar("writing (pieces)", n_pieces) as bar:
        for part, outcome in zip(map_ordered(write, tasks, workers, engine), outcomes, strict=True):
            tally.add_part(part, outcome.source)
            bar.update()
    if rejects is not None:
        join_rejects(directories, rejects)
    return tally.report(files, n_read, [source.name for source in sources])


def _fates(
    sources: Sequence[Source], outcomes: Sequence[Outcome], signatures: Sequence[Signatures], options: CorpusOptions
) -> list[np.ndarray]:
    """What becomes of every document, by piece: uint8 [n_documents], a place in `FATES`."""
    n_chars = np.concatenate([piece.n_chars for piece in signatures])
    hashes = [piece.hashes for piece in signatures]
    fates = np.concatenate(find_duplicates(hashes)).astype(np.uint8)
    if options.near_duplicates is not None:
        near = find_near_duplicates(
            [piece.bands for piece in signatures],
            [piece.minima for piece in signatures],
            fates > 0,
            options.near_duplicates,
        )
        fates[near] = 2
    if any(source.weight is not None or source.max_chars is not None for source in sources):
        stays = np.flatnonzero(fates == 0)
        of_source = np.repeat([o.source for o in outcomes], [o.n_kept for o in outcomes])
        is_in = choose(sources, of_source[stays], n_chars[stays], np.concatenate(hashes)[stays], options.seed)
        fates[stays[~is_in]] = 3
    return np.split(fates, np.cumsum([len(piece) for piece in hashes])[:-1])


def _nothing_left(n_read: int, tally: Tally, options: CorpusOptions) -> InputError:
    if tally.unreadable and not n_read:
        first, *others = tally.unreadable.values()
        return InputError(first + (f" (and {len(others)} more files that cannot be read)" if others else ""))
    counts = reasons(by_count(tally.dropped + tally.broken).items())
    if not n_read:
        return InputError(f"no document found ({counts}): expected text; check the inputs and --format")
    return InputError(
        f"none of {n_read:,} documents is left ({counts}): lower --min-chars (now {options.min_chars}) or "
        f"--min-hangul (now {options.min_hangul}), or check --format"
    )


@contextmanager
def _staged_file(path: Path | None, out: Path, *, force: bool) -> Iterator[Path | None]:
    """A temporary sibling that becomes `path` when the block ends well, and vanishes when it does not."""
    if path is None:
        yield None
        return
    if path.is_dir() or path.resolve().is_relative_to(out.resolve()):
        raise OutputError(f"--rejects {path} is a directory or lies in {out}: expected a file somewhere else")
    if path.exists() and not force:
        raise OutputError(f"{path} exists already: choose another --rejects, or pass --force to replace it")
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.touch()
    except OSError as error:
        raise OutputError(f"cannot write {path} ({error.strerror}): choose another --rejects") from error
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
