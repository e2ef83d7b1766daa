"""Token shards: a corpus as flat arrays of piece ids that training maps into memory. Not examples; see `examples.py`.

A shard is three files. `shard-00000.tokens` holds the ids of all documents one after the other, without special
tokens (uint16 while the vocabulary allows it, else uint32, little-endian). `shard-00000.sentences.npy` and
`shard-00000.documents.npy` hold where each sentence and each document ends, counted in tokens (int64).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from malmoi import __version__
from malmoi.artifact import check_output, read_manifest, staged_directory, write_json
from malmoi.corpus.sentences import split_sentences
from malmoi.engine import Engine
from malmoi.errors import InputError, OptionError
from malmoi.tokenizer.bulk import BulkEncoder
from malmoi.tokenizer.count import corpus_pieces, corpus_state, texts_of
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.workplace import map_kept, workplace

_DOCUMENTS_AT_ONCE = 512
INFO = "shards.json"


@dataclass(frozen=True, kw_only=True)
class ShardOptions:
    """How a corpus is cut into shards."""

    shard_tokens: int = 50_000_000
    """Tokens a shard holds before the next one begins."""

    def __post_init__(self) -> None:
        if self.shard_tokens < 1:
            raise OptionError(f"shard_tokens is {self.shard_tokens}: expected 1 or more")


@dataclass(frozen=True, kw_only=True)
class ShardReport:
    """What `shards.json` says: counts, and the tokenizer the ids belong to."""

    n_shards: int
    n_documents: int
    n_sentences: int
    n_tokens: int
    n_unknown: int
    """Tokens that are [UNK]."""
    n_vocabulary: int
    dtype: str
    tokenizer: str
    """The tokenizer's fingerprint."""
    sources: list[int] = field(default_factory=list)
    """Documents of each source of a mixture, in the order they stand in; empty where there is only one."""

    def __str__(self) -> str:
        return (
            f"{self.n_tokens:,} tokens in {self.n_sentences:,} sentences of {self.n_documents:,} documents, "
            f"{self.n_shards} shard{'s' * (self.n_shards != 1)}, {self.n_unknown / self.n_tokens:.3%} [UNK]"
        )


class _Encoded(NamedTuple):
    """Documents in ids; those without any token, and sentences without one, are left out."""

    ids: np.ndarray  # uint16 or uint32 [n_tokens]
    sentence_ends: np.ndarray  # int64 [n_sentences], in tokens, strictly rising
    document_ends: np.ndarray  # int64 [n_documents], in tokens, strictly rising

    def part(self, first: int, last: int) -> "_Encoded":
        """The documents from `first` to before `last`."""
        start, end = (int(self.document_ends[i - 1]) if i else 0 for i in (first, last))
        sentences = slice(*np.searchsorted(self.sentence_ends, [start, end], side="right"))
        return _Encoded(
            self.ids[start:end], self.sentence_ends[sentences] - start, self.document_ends[first:last] - start
        )


def _joined(parts: Sequence[_Encoded]) -> _Encoded:
    n_tokens = np.array([len(part.ids) for part in parts])
    starts = np.cumsum(n_tokens) - n_tokens
    return _Encoded(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.sentence_ends + start for part, start in zip(parts, starts, strict=True)]),
        np.concatenate([part.document_ends + start for part, start in zip(parts, starts, strict=True)]),
    )


def _encode_texts(texts: Sequence[str], encoder: BulkEncoder, dtype: np.dtype[np.unsignedinteger]) -> _Encoded:
    """Encode documents sentence by sentence."""
    sentences = [split_sentences(text) for text in texts]
    encoded = encoder.encode([sentence for group in sentences for sentence in group])
    n_sentences = np.array([len(group) for group in sentences], np.int64)
    document_of = np.repeat(np.arange(len(texts)), n_sentences)
    lengths = np.zeros(len(texts), np.int64)
    np.add.at(lengths, document_of, encoded.lengths)
    return _Encoded(
        encoded.ids.astype(dtype), np.cumsum(encoded.lengths[encoded.lengths > 0]), np.cumsum(lengths[lengths > 0])
    )


@lru_cache(maxsize=1)
def _encoder(directory: Path, fingerprint: str) -> BulkEncoder:
    """What a worker process keeps from piece to piece: the eojeols it knows."""
    tokenizer = Tokenizer.load(directory)
    if tokenizer.fingerprint != fingerprint:
        raise InputError(f"{directory} changed while its corpus was encoded: start again")
    return BulkEncoder(tokenizer)


def _save(encoded: _Encoded, file: IO[bytes]) -> None:
    np.savez(file, **encoded._asdict())


def _load(path: Path) -> _Encoded:
    with np.load(path) as arrays:
        return _Encoded(**arrays)


def _encode_piece(
    piece: Path | Sequence[str], *, directory: Path, fingerprint: str, dtype: np.dtype[np.unsignedinteger]
) -> _Encoded:
    """Encode one piece of the corpus. Runs in a worker."""
    encoder = _encoder(directory, fingerprint)
    texts = iter(texts_of(piece))
    parts = [_encode_texts([], encoder, dtype)]
    while chunk := list(islice(texts, _DOCUMENTS_AT_ONCE)):
        parts.append(_encode_texts(chunk, encoder, dtype))
    return _joined(parts)


class _ShardWriter:
    """Collects documents and writes a shard whenever enough tokens are there."""

    def __init__(self, directory: Path, shard_tokens: int) -> None:
        self.directory, self.shard_tokens = directory, shard_tokens
        self.n_shards = self.n_documents = self.n_sentences = self.n_tokens = 0
        self._waiting: list[_Encoded] = []
        self._n_waiting = 0

    def add(self, encoded: _Encoded) -> None:
        ends, first = encoded.document_ends, 0
        while first < len(ends):
            start = int(ends[first - 1]) if first else 0
            # The document that fills the shard is its last one.
            filling = int(ends.searchsorted(start + self.shard_tokens - self._n_waiting))
            last = min(filling + 1, len(ends))
            self._waiting.append(encoded.part(first, last))
            self._n_waiting += int(ends[last - 1]) - start
            if self._n_waiting >= self.shard_tokens:
                self.flush()
            first = last

    def flush(self) -> None:
        if not self._waiting:
            return
        shard = _joined(self._waiting)
        stem = str(self.directory / f"shard-{self.n_shards:05d}")
        shard.ids.tofile(f"{stem}.tokens")
        np.save(f"{stem}.sentences.npy", shard.sentence_ends)
        np.save(f"{stem}.documents.npy", shard.document_ends)
        self.n_shards += 1
        self.n_documents += len(shard.document_ends)
        self.n_sentences += len(shard.sentence_ends)
        self.n_tokens += len(shard.ids)
        self._waiting, self._n_waiting = [], 0


def build_shards(
    corpus: Path,
    tokenizer_directory: Path,
    out: Path,
    options: ShardOptions = ShardOptions(),
    *,
    workers: int = 1,
    engine: Engine = "local",
    force: bool = False,
) -> ShardReport:
    """Encode `corpus` (a corpus directory or a file) into token shards at `out`.

    Args:
        corpus: what to encode.
        tokenizer_directory: what to encode it with.
        out: the directory to make.
        options: see `ShardOptions`.
        workers: processes that split and encode; the shards are the same, byte for byte, for every number.
        engine: processes of this machine or of a Ray cluster.
        force: replace `out` if it exists.

    Raises:
        InputError: the corpus cannot be read or gives no token.
        OutputError: `out` exists, or cannot be written.
    """
    tokenizer = Tokenizer.load(tokenizer_directory)
    dtype = np.dtype("<u2" if tokenizer.n_tokens <= 1 << 16 else "<u4")
    settings = asdict(options) | {"tokenizer": tokenizer.fingerprint}
    journal = {"malmoi": __version__, "corpus": corpus_state(corpus), "tokenizer": tokenizer.fingerprint}
    check_output(out, force=force)
    with (
        workplace(out, journal) as work,
        staged_directory(out, kind="shards", options=settings, force=force, temporary=work / "out") as directory,
    ):
        writer = _ShardWriter(directory, options.shard_tokens)
        n_unknown = 0
        encode = partial(_encode_piece, directory=tokenizer_directory, fingerprint=tokenizer.fingerprint, dtype=dtype)
        pieces = corpus_pieces(corpus)
        for encoded in map_kept(encode, pieces, work, save=_save, load=_load, workers=workers, engine=engine):
            n_unknown += int(np.count_nonzero(encoded.ids == tokenizer.unk_id))
            writer.add(encoded)
        writer.flush()
        if writer.n_tokens == 0:
            raise InputError(f"{corpus} gives no token: expected a corpus with at least one document with text")
        report = ShardReport(
            n_shards=writer.n_shards,
            n_documents=writer.n_documents,
            n_sentences=writer.n_sentences,
            n_tokens=writer.n_tokens,
            n_unknown=n_unknown,
            n_vocabulary=tokenizer.n_tokens,
            dtype=dtype.str,
            tokenizer=tokenizer.fingerprint,
            sources=_documents_by_source(corpus, writer.n_documents),
        )
        write_json(directory / INFO, {name: value for name, value in asdict(report).items() if value != []})
    return report


def _documents_by_source(corpus: Path, n_documents: int) -> list[int]:
    """What a corpus directory's report says of its sources, which stand one after the other."""
    path = corpus / "report.json"
    if not path.is_file():
        return []
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        counts = [int(source["n_kept"]) for source in record.get("sources", {}).values()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} does not say what the sources hold ({error!r}): make the corpus again") from error
    # A document that gives no token is no longer there; so few that a source ends about where it says.
    ends = np.minimum(np.cumsum(counts), n_documents)
    return [*np.diff(ends[:-1], prepend=0).tolist(), int(n_documents - ends[-2])] if len(counts) > 1 else []


@dataclass(frozen=True)
class Shard:
    """One shard, mapped into memory."""

    tokens: np.ndarray
    """uint16 or uint32 [n_tokens]"""
    sentence_ends: np.ndarray
    """int64 [n_sentences]"""
    document_ends: np.ndarray
    """int64 [n_documents]"""


@dataclass(frozen=True)
class Shards:
    """All shards of a directory, in order."""

    report: ShardReport
    shards: tuple[Shard, ...]
    content_hash: str
    """Of the directory's manifest: what a run was trained on."""


def load_shards(directory: Path) -> Shards:
    """Open a shard directory without reading its tokens.

    Raises:
        InputError: not a shard directory, or files missing or cut short.
    """
    manifest = read_manifest(directory, "shards")
    try:
        report = ShardReport(**json.loads((directory / INFO).read_text(encoding="utf-8")))
        shards = tuple(_open_shard(directory, number, report.dtype) for number in range(report.n_shards))
    except (OSError, EOFError, ValueError, TypeError) as error:
        raise InputError(f"{directory} is damaged ({error}): make it again with `malmoi shards`") from error
    for name, arrays, expected in (
        ("tokens", [shard.tokens for shard in shards], report.n_tokens),
        ("sentences", [shard.sentence_ends for shard in shards], report.n_sentences),
        ("documents", [shard.document_ends for shard in shards], report.n_documents),
        ("documents of sources", [range(n) for n in report.sources or [report.n_documents]], report.n_documents),
    ):
        if (found := sum(map(len, arrays))) != expected:
            raise InputError(
                f"{directory} holds {found:,} {name}, {INFO} says {expected:,}: make it again with `malmoi shards`"
            )
    return Shards(report, shards, manifest.content_hash)


def _open_shard(directory: Path, number: int, dtype: str) -> Shard:
    stem = directory / f"shard-{number:05d}"
    shard = Shard(
        np.memmap(f"{stem}.tokens", dtype=np.dtype(dtype), mode="r"),
        np.load(f"{stem}.sentences.npy"),
        np.load(f"{stem}.documents.npy"),
    )
    for name, ends in (("sentences", shard.sentence_ends), ("documents", shard.document_ends)):
        if ends.ndim != 1 or not len(ends) or ends[-1] != len(shard.tokens):
            raise ValueError(f"{stem.name}.{name}.npy does not end where {stem.name}.tokens ends")
    return shard
