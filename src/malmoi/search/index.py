"""An index over one's own texts: a directory with documents, their terms and their vectors; search by any of them.

Making one is `build.py`, what is on disk `table.py`, asking for answers `answer.py`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, get_args

import numpy as np

from malmoi.artifact import read_manifest
from malmoi.errors import CheckpointError, InputError, OptionError
from malmoi.search.documents import FieldKind, SearchDocument, document_of, kinds_of
from malmoi.search.hit import Hit, fuse
from malmoi.search.lexical import Bm25
from malmoi.search.options import By
from malmoi.search.table import DocumentTable, Row
from malmoi.search.terms import Terms
from malmoi.search.vectorizer import Vectorizer, fingerprint, load_vectorizer

_MIN_CANDIDATES = 50
"""Of each ranking, before they are fused."""
_MAX_QUERY_CHARS = 10_000
"""What is beyond is not looked at: a query that long is a document, and its beginning says what it is about."""


@dataclass(frozen=True, kw_only=True)
class IndexSettings:
    """What an index was made with, as its manifest holds it."""

    model: str | None
    """Where the model lay; None for terms only."""
    model_name: str | None
    """What it is, with a fingerprint."""
    unit: str
    """How terms are cut."""
    terms: str
    """Likewise, with the analyser's version."""
    fields: dict[str, FieldKind]
    """What documents have beside id and text."""
    width: int
    """Numbers in a vector; 0 for none."""


class Index:
    """Documents that can be searched, added, replaced and deleted; what other processes write is seen at once.

    >>> index = Index.load("index")
    >>> [hit.id for hit in index.search("배송은 언제 오나요?", top_k=3)]
    """

    def __init__(self, settings: IndexSettings, table: DocumentTable, vectorizer: Vectorizer | None) -> None:
        self.settings, self._table, self.vectorizer = settings, table, vectorizer
        self.terms = Terms(settings.unit)  # type: ignore[arg-type]
        self._lexical = Bm25()
        self._ids: list[str] = []
        self._numbers: dict[str, int] = {}
        self._version = -1

    @classmethod
    def load(cls, directory: str | Path, *, model: str | Path | None = None, device: str | None = None) -> Self:
        """Open an index and the model it was made with.

        Args:
            directory: made by `malmoi index`.
            model: where the model lies now; None: where it lay.
            device: for the model.

        Raises:
            InputError: no index, or a damaged one.
            CheckpointError: the model is gone, or is another one.
        """
        directory = Path(directory)
        manifest = read_manifest(directory, "index")
        try:
            settings = IndexSettings(**manifest.options)
        except TypeError as error:
            raise InputError(f"{directory}/manifest.json cannot be read ({error}): run `malmoi index` again") from error
        table = DocumentTable.open(directory, settings.fields, settings.width)
        return cls(settings, table, _model_of(directory, settings, model, device))

    def __len__(self) -> int:
        """Documents."""
        return len(self._table)

    def search(self, query: str, top_k: int = 5, *, where: str | None = None, by: By | None = None) -> list[Hit]:
        """The documents that fit a query best.

        Args:
            query: any text.
            top_k: at most so many.
            where: a condition on the fields, in SQL: `year >= 2020 AND source = '법'`.
            by: None for `hybrid` where there are vectors, else `lexical`.

        Raises:
            OptionError: an empty query, a condition that cannot be understood, or vectors that are not there.
        """
        if not query.strip():
            raise OptionError("the query is empty: expected a text to search for")
        if top_k < 1:
            raise OptionError(f"top_k is {top_k}: expected 1 or more")
        ranked = self.rank(query[:_MAX_QUERY_CHARS], top_k, where, by)
        documents = self._table.fetch([name for name, _ in ranked])
        # Another process may have deleted one in between.
        found = ((documents[name], score) for name, score in ranked if name in documents)
        return [Hit(document.id, score, document.text, document.fields) for document, score in found]

    def rank(self, query: str, top_k: int, where: str | None, by: By | None) -> list[tuple[str, float]]:
        """Ids and scores, best first; see `search`."""
        by = by or ("hybrid" if self.vectorizer else "lexical")
        if by not in get_args(By):
            raise OptionError(f"by is {by!r}: expected one of {', '.join(get_args(By))}")
        if by == "lexical":
            return self._by_terms(query, top_k, where)
        if self.vectorizer is None:
            raise OptionError(f"this index has no vectors: {by!r} needs them, use `lexical` or make it with a model")
        if by == "vector":
            return self._by_vector(query, top_k, where)
        n = max(_MIN_CANDIDATES, 2 * top_k)
        rankings = self._by_vector(query, n, where), self._by_terms(query, n, where)
        return fuse([[name for name, _ in ranking] for ranking in rankings], top_k)

    def _by_vector(self, query: str, top_k: int, where: str | None) -> list[tuple[str, float]]:
        assert self.vectorizer is not None, "asked for only where there is one"
        [vector] = self.vectorizer.encode([query], normalize=True)
        return self._table.nearest(vector, top_k, where) if vector.any() else []

    def _by_terms(self, query: str, top_k: int, where: str | None) -> list[tuple[str, float]]:
        self._refresh()
        allowed = None
        if where is not None:
            allowed = np.zeros(len(self._ids), bool)
            allowed[[self._numbers[name] for name in self._table.ids(where) if name in self._numbers]] = True
        [terms] = self.terms([query])
        numbers, scores = self._lexical.search(terms, top_k, allowed=allowed)
        return [(self._ids[number], float(score)) for number, score in zip(numbers, scores, strict=True)]

    def _refresh(self) -> None:
        """Make the lexical index anew where somebody else wrote."""
        version = self._table.version
        if version == self._version:
            return
        self._ids, vocabulary, terms, lengths = self._table.terms()
        self._numbers = {name: number for number, name in enumerate(self._ids)}
        self._lexical = Bm25()
        self._lexical.add_counted(vocabulary, terms, lengths)
        self._version = version

    def add(self, documents: Iterable[SearchDocument | dict[str, Any]]) -> int:
        """Add documents, all or none of them; how many they are.

        Raises:
            InputError: an id that is there already, or twice; a document without id or text, or with unknown fields.
        """
        made = self._checked(documents)
        self._refresh()
        if there := [document.id for document in made if document.id in self._numbers]:
            raise InputError(f"the id {there[0]!r} is in the index already: expected new ones; update it instead")
        self._write(made, replace=False)
        return len(made)

    def update(self, documents: Iterable[SearchDocument | dict[str, Any]]) -> int:
        """Replace documents by those with the same ids, and add the others; all or none. How many they are.

        Raises:
            InputError: as `add`, but for ids that are there.
        """
        made = self._checked(documents)
        self._refresh()
        self._write(made, replace=True)
        return len(made)

    def delete(self, ids: Sequence[str] | None = None, *, where: str | None = None) -> int:
        """Delete documents, by their ids or by a condition; how many there were.

        Raises:
            OptionError: neither or both is given, or the condition cannot be understood.
        """
        if (ids is None) == (where is None):
            raise OptionError("delete needs ids or a condition, one of them")
        self._refresh()
        gone = self._table.ids(where) if where is not None else [name for name in ids or () if name in self._numbers]
        if gone:
            self._table.delete(gone)
            self._forget(gone)
            self._version = self._table.version
        return len(gone)

    def _checked(self, documents: Iterable[SearchDocument | dict[str, Any]]) -> list[SearchDocument]:
        made = [document if isinstance(document, SearchDocument) else document_of(document) for document in documents]
        if made:
            _, kinds = kinds_of(enumerate(made, start=1), "documents")
            check_kinds(kinds, self.settings.fields)
        return made

    def _write(self, documents: Sequence[SearchDocument], *, replace: bool) -> None:
        if not documents:
            return
        texts = [document.text for document in documents]
        vectors = None if self.vectorizer is None else self.vectorizer.encode(texts, normalize=True)
        rows = rows_of(documents, list(self.terms(texts)), vectors)
        (self._table.update if replace else self._table.add)(rows)
        self._forget([document.id for document in documents if document.id in self._numbers])
        for document in documents:
            self._numbers[document.id] = len(self._ids)
            self._ids.append(document.id)
        self._lexical.add([row.terms for row in rows])
        self._version = self._table.version

    def _forget(self, ids: Sequence[str]) -> None:
        self._lexical.delete([self._numbers.pop(name) for name in ids])

    def tidy(self) -> None:
        """Join what many small writes left behind; searching goes on meanwhile."""
        self._refresh()
        self._table.tidy()
        self._version = self._table.version


def rows_of(
    documents: Sequence[SearchDocument], terms: Sequence[Sequence[str]], vectors: np.ndarray | None
) -> list[Row]:
    """Rows of a table; `vectors` float32 [n, width], or None."""
    return [
        Row(document, found, None if vectors is None else vectors[number])
        for number, (document, found) in enumerate(zip(documents, terms, strict=True))
    ]


def check_kinds(kinds: dict[str, FieldKind], known: dict[str, FieldKind]) -> None:
    """Refuse fields that an index does not have, or has otherwise.

    Raises:
        InputError: there is one.
    """
    for name, kind in kinds.items():
        if name not in known:
            raise InputError(f"the field {name!r} is not in the index: expected {', '.join(known) or 'none'}; "
                             "leave it out, or make the index again")  # fmt: skip
        if kind != known[name] and not (kind == "integer" and known[name] == "number"):
            raise InputError(f"the field {name!r} is of the kind {kind}: expected {known[name]}, as in the index")


def _model_of(
    directory: Path, settings: IndexSettings, model: str | Path | None, device: str | None
) -> Vectorizer | None:
    if settings.model is None:
        if model is not None:
            raise CheckpointError(f"{directory} has no vectors, and {model} makes some: leave the model out")
        return None
    place = Path(model or settings.model)
    if not place.is_dir():
        raise CheckpointError(f"{directory} was made with {settings.model_name}, and {place} does not exist: "
                              "pass the place where the model lies now (--model)")  # fmt: skip
    vectorizer = load_vectorizer(place, device=device)
    check_model(directory, settings, vectorizer)
    return vectorizer


def check_model(directory: Path, settings: IndexSettings, vectorizer: Vectorizer | None) -> None:
    """Refuse an index of another model.

    Raises:
        CheckpointError: it is; both are named.
    """
    ours, theirs = settings.model_name, None if vectorizer is None else vectorizer.name
    if (ours and fingerprint(ours)) != (theirs and fingerprint(theirs)):
        raise CheckpointError(
            f"{directory} was made with {ours or 'terms only'}, this is {theirs or 'terms only'}: expected the same "
            "model; their vectors cannot be compared, make the index again"
        )
