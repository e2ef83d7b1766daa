"""Token shards: a corpus as flat arrays of piece ids that training maps into memory. Not examples; see `examples.py`.

A shard is three files. `shard-00000.tokens` holds the ids of all documents one after the other, without special
tokens (uint16 while the vocabulary allows it, else uint32, little-endian). `shard-00000.sentences.npy` and
`shard-00000.documents.npy` hold where each sentence and each document ends, counted in tokens (int64).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from malmoi.artifact import read_manifest, staged_directory, write_json
from malmoi.corpus.document import Document
from malmoi.corpus.readers import iter_corpus
from malmoi.corpus.sentences import split_sentences
from malmoi.errors import InputError, OptionError
from malmoi.tokenizer.tokenizer import Tokenizer

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

    def __str__(self) -> str:
        return (
            f"{self.n_tokens:,} tokens in {self.n_sentences:,} sentences of {self.n_documents:,} documents, "
            f"{self.n_shards} shard{'s' * (self.n_shards != 1)}, {self.n_unknown / self.n_tokens:.3%} [UNK]"
        )


@dataclass(frozen=True)
class EncodedDocument:
    """One document's ids and the end of each of its sentences."""

    ids: np.ndarray
    """int32 [n_tokens]"""
    sentence_ends: np.ndarray
    """int64 [n_sentences], in tokens from the document's start, strictly rising"""


def encode_documents(documents: Sequence[Document], tokenizer: Tokenizer) -> Iterator[EncodedDocument]:
    """Encode documents sentence by sentence; those without any token are left out."""
    sentences = [split_sentences(document.text) for document in documents]
    encoded = iter(tokenizer.encode_ids([sentence for group in sentences for sentence in group]))
    for group in sentences:
        ids = [piece_ids for piece_ids in islice(encoded, len(group)) if len(piece_ids)]
        if ids:
            yield EncodedDocument(np.concatenate(ids), np.cumsum([len(i) for i in ids], dtype=np.int64))


class _ShardWriter:
    """Collects documents and writes a shard whenever enough tokens are there."""

    def __init__(self, directory: Path, dtype: np.dtype[np.unsignedinteger], shard_tokens: int) -> None:
        self.directory, self.dtype, self.shard_tokens = directory, dtype, shard_tokens
        self.n_shards = self.n_documents = self.n_sentences = self.n_tokens = 0
        self._documents: list[EncodedDocument] = []
        self._pending_tokens = 0

    def add(self, document: EncodedDocument) -> None:
        self._documents.append(document)
        self._pending_tokens += len(document.ids)
        if self._pending_tokens >= self.shard_tokens:
            self.flush()

    def flush(self) -> None:
        if not self._documents:
            return
        lengths = np.array([len(d.ids) for d in self._documents], dtype=np.int64)
        starts = np.cumsum(lengths) - lengths
        sentence_ends = [d.sentence_ends + start for d, start in zip(self._documents, starts, strict=True)]
        stem = str(self.directory / f"shard-{self.n_shards:05d}")
        np.concatenate([d.ids for d in self._documents]).astype(self.dtype).tofile(f"{stem}.tokens")
        np.save(f"{stem}.sentences.npy", np.concatenate(sentence_ends))
        np.save(f"{stem}.documents.npy", np.cumsum(lengths))
        self.n_shards += 1
        self.n_documents += len(lengths)
        self.n_sentences += sum(map(len, sentence_ends))
        self.n_tokens += int(lengths.sum())
        self._documents, self._pending_tokens = [], 0


def build_shards(
    corpus: Path,
    tokenizer_directory: Path,
    out: Path,
    options: ShardOptions = ShardOptions(),
    *,
    force: bool = False,
) -> ShardReport:
    """Encode `corpus` (a corpus directory or a file) into token shards at `out`.

    Raises:
        InputError: the corpus cannot be read or gives no token.
        OutputError: `out` exists, or cannot be written.
    """
    tokenizer = Tokenizer.load(tokenizer_directory)
    dtype = np.dtype("<u2" if tokenizer.n_tokens <= 1 << 16 else "<u4")
    settings = asdict(options) | {"tokenizer": tokenizer.fingerprint}
    with staged_directory(out, kind="shards", options=settings, force=force) as directory:
        writer = _ShardWriter(directory, dtype, options.shard_tokens)
        n_unknown = 0
        documents = iter_corpus(corpus)
        while chunk := list(islice(documents, _DOCUMENTS_AT_ONCE)):
            for document in encode_documents(chunk, tokenizer):
                n_unknown += int(np.count_nonzero(document.ids == tokenizer.unk_id))
                writer.add(document)
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
        )
        write_json(directory / INFO, asdict(report))
    return report


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
