"""The index stage: documents in, a directory out that can be searched; or documents into one that is there."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from malmoi.artifact import read_manifest, staged_directory
from malmoi.engine import Engine
from malmoi.progress import progress_bar
from malmoi.search.bulk import encode_all, pieces
from malmoi.search.documents import kinds_of, read_documents
from malmoi.search.embedder import Embedder
from malmoi.search.embedder import unit as of_length_one
from malmoi.search.index import Index, rows_of
from malmoi.search.options import Unit
from malmoi.search.settings import IndexSettings, check_kinds, check_model
from malmoi.search.table import DocumentTable, Row
from malmoi.search.terms import Terms
from malmoi.search.vectorizer import Vectorizer, load_vectorizer

LEXICAL = "lexical"
"""In place of a model: terms only."""


@dataclass(frozen=True, kw_only=True)
class IndexReport:
    """What an index holds."""

    n_written: int
    n_documents: int
    model: str | None
    fields: dict[str, str]
    n_bytes: int
    """On disk."""

    def __str__(self) -> str:
        by = f"vectors of {self.model}, and terms" if self.model else "terms only"
        return f"{self.n_documents:,} documents ({self.n_written:,} written), {self.n_bytes / 1e6:.1f} MB; {by}"


def build_index(
    model: str,
    documents: Path,
    out: Path,
    *,
    unit: Unit = "morpheme",
    device: str | None = None,
    workers: int = 1,
    engine: Engine = "local",
    force: bool = False,
) -> IndexReport:
    """Make an index; it appears whole or not at all.

    Args:
        model: a directory of an embedder or of Sent2Vec; or `lexical`.
        documents: JSON Lines `{"id", "text", …}`; read twice, and checked before anything is computed.
        out: directory to make.
        unit: what terms are.
        device: for the embedder.
        workers: processes that embed.
        engine: where they run.
        force: replace `out`.

    Raises:
        InputError: documents that cannot be read, without text, or ids twice.
        CheckpointError: no model.
        OutputError: `out` exists, or cannot be written.
    """
    n, fields = kinds_of(read_documents(documents), str(documents))
    vectorizer = None if model == LEXICAL else load_vectorizer(Path(model), device=device)
    terms = Terms(unit)
    settings = IndexSettings(
        model=None if vectorizer is None else str(Path(model).resolve()),
        model_name=None if vectorizer is None else vectorizer.name,
        unit=unit,
        terms=terms.name,
        fields=fields,
        width=0 if vectorizer is None else vectorizer.width,
    )
    with staged_directory(out, kind="index", options=asdict(settings), force=force) as staged:
        table = DocumentTable.create(staged, fields, settings.width)
        apart = None
        if isinstance(vectorizer, Embedder) and (workers > 1 or engine != "local"):
            apart = partial(encode_all, Path(model), device=device, workers=workers, engine=engine)
        with progress_bar("indexing", n) as bar:
            for rows in _rows(documents, terms, vectorizer, apart):
                table.add(rows)
                bar.update(len(rows))
        table.tidy()
        n_bytes = sum(path.stat().st_size for path in staged.rglob("*") if path.is_file())
    return IndexReport(n_written=n, n_documents=n, model=settings.model_name, fields=dict(fields), n_bytes=n_bytes)


def _rows(
    documents: Path,
    terms: Terms,
    vectorizer: Vectorizer | None,
    encode_apart: Callable[[Iterator[str]], Iterator[np.ndarray]] | None,
) -> Iterator[list[Row]]:
    """Rows some thousand at a time; vectors are made here, or by `encode_apart` in other processes."""
    apart = encode_apart(document.text for _, document in read_documents(documents)) if encode_apart else None
    for chunk in pieces(document for _, document in read_documents(documents)):
        texts = [document.text for document in chunk]
        vectors = None
        if vectorizer is not None:
            vectors = vectorizer.encode(texts, normalize=True) if apart is None else of_length_one(next(apart))
        yield rows_of(chunk, list(terms(texts)), vectors)


def update_index(model: str, documents: Path, directory: Path, *, device: str | None = None) -> IndexReport:
    """Put documents into an index that is there: new ids are added, known ones replaced.

    What was written before a kill stays: the same call again goes on.

    Raises:
        InputError: no index, or documents that do not fit it. CheckpointError: an index of another model.
    """
    n, kinds = kinds_of(read_documents(documents), str(documents))
    settings = IndexSettings(**read_manifest(directory, "index").options)
    check_kinds(kinds, settings.fields)
    vectorizer = None if model == LEXICAL else load_vectorizer(Path(model), device=device)
    check_model(directory, settings, vectorizer)
    index = Index(settings, DocumentTable.open(directory, settings.fields, settings.width), vectorizer)
    with progress_bar("indexing", n) as bar:
        for chunk in pieces(document for _, document in read_documents(documents)):
            bar.update(index.update(chunk))
    index.tidy()
    return IndexReport(
        n_written=n,
        n_documents=len(index),
        model=settings.model_name,
        fields=dict(settings.fields),
        n_bytes=sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()),
    )


def delete_documents(directory: Path, *, ids: Sequence[str] | None = None, where: str | None = None) -> int:
    """Delete documents of an index, which needs no model; how many there were. See `Index.delete`."""
    settings = IndexSettings(**read_manifest(directory, "index").options)
    index = Index(settings, DocumentTable.open(directory, settings.fields, settings.width), None)
    return index.delete(ids, where=where)
