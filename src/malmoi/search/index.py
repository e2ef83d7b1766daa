"""An index over one's own texts: a directory with documents, their terms and their vectors; search by any of them.

Making one is `build.py`, what is on disk `table.py`, asking for answers `answer.py`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, get_args

import numpy as np

from malmoi.errors import InputError, OptionError
from malmoi.search.documents import SearchDocument, document_of, kinds_of
from malmoi.search.hit import Hit, Place, Reason, fuse
from malmoi.search.lexical import Bm25
from malmoi.search.options import By
from malmoi.search.settings import IndexSettings, check_kinds, read_settings, vectorizer_of
from malmoi.search.table import DocumentTable, Row
from malmoi.search.terms import Terms
from malmoi.search.vectorizer import Vectorizer

_MIN_CANDIDATES = 50
"""Of each ranking, before they are fused."""
MAX_QUERY_CHARS = 10_000
"""What is beyond is not looked at: a query that long is a document, and its beginning says what it is about."""

Ranking = list[tuple[str, float]]
"""Ids and scores, best first."""


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
    def load(
        cls,
        directory: str | Path,
        *,
        model: str | Path | None = None,
        device: str | None = None,
        n_threads: int | None = None,
    ) -> Self:
        """Open an index and the model it was made with.

        Args:
            directory: made by `malmoi index`.
            model: where the model lies now; None: where it lay.
            device: for the model.
            n_threads: for ONNX Runtime; None for every core.

        Raises:
            InputError: no index, or a damaged one.
            CheckpointError: the model is gone, or is another one.
        """
        directory = Path(directory)
        settings = read_settings(directory)
        vectorizer = vectorizer_of(directory, settings, model, device=device, n_threads=n_threads)
        return cls(settings, DocumentTable.open(directory, settings.fields, settings.width), vectorizer)

    def __len__(self) -> int:
        """Documents."""
        return len(self._table)

    def search(
        self,
        query: str,
        top_k: int = 5,
        *,
        where: str | None = None,
        by: By | None = None,
        vector: np.ndarray | None = None,
    ) -> list[Hit]:
        """The documents that fit a query best, and why they were found.

        Args:
            query: any text.
            top_k: at most so many.
            where: a condition on the fields, in SQL: `year >= 2020 AND source = '법'`.
            by: None for `hybrid` where there are vectors, else `lexical`.
            vector: the query's, float32 [width] of length one, where it is known already.

        Raises:
            OptionError: an empty query, a condition that cannot be understood, or vectors that are not there.
        """
        if not query.strip():
            raise OptionError("the query is empty: expected a text to search for")
        if top_k < 1:
            raise OptionError(f"top_k is {top_k}: expected 1 or more")
        query = query[:MAX_QUERY_CHARS]
        terms, rankings = self._rankings(query, top_k, where, by, vector)
        ranked = _joined(rankings, top_k)
        documents = self._table.fetch([name for name, _ in ranked])
        # Another process may have deleted one in between.
        ranked = [(name, score) for name, score in ranked if name in documents]
        reasons = self._reasons([name for name, _ in ranked], terms, rankings)
        return [
            Hit(name, score, documents[name].text, documents[name].fields, reason)
            for (name, score), reason in zip(ranked, reasons, strict=True)
        ]

    def rank(self, query: str, top_k: int, where: str | None, by: By | None) -> list[tuple[str, float]]:
        """Ids and scores, best first; see `search`."""
        return _joined(self._rankings(query, top_k, where, by, None)[1], top_k)

    def ranks_by(self, by: By | None) -> By:
        """What ranks, the default filled in.

        Raises:
            OptionError: an unknown way, or one that needs vectors where there are none.
        """
        by = by or ("hybrid" if self.vectorizer else "lexical")
        if by not in get_args(By):
            raise OptionError(f"by is {by!r}: expected one of {', '.join(get_args(By))}")
        if by != "lexical" and self.vectorizer is None:
            raise OptionError(f"this index has no vectors: {by!r} needs them, use `lexical` or make it with a model")
        return by

    def _rankings(
        self, query: str, top_k: int, where: str | None, by: By | None, vector: np.ndarray | None
    ) -> tuple[list[str], dict[str, Ranking]]:
        """The query's terms, and what was asked for it."""
        by = self.ranks_by(by)
        n = max(_MIN_CANDIDATES, 2 * top_k) if by == "hybrid" else top_k
        terms: list[str] = []
        rankings: dict[str, Ranking] = {}
        if by != "lexical":
            rankings["vector"] = self._by_vector(query, n, where, vector)
        if by != "vector":
            [terms] = self.terms([query])
            rankings["lexical"] = self._by_terms(terms, n, where)
        return terms, rankings

    def _reasons(self, names: Sequence[str], terms: Sequence[str], rankings: Mapping[str, Ranking]) -> Iterator[Reason]:
        places = {
            way: {name: Place(rank, score) for rank, (name, score) in enumerate(ranking, start=1)}
            for way, ranking in rankings.items()
        }
        different = list(dict.fromkeys(terms))
        known = [self._numbers.get(name) for name in names]
        added = iter(self._lexical.weights(different, [number for number in known if number is not None]).T)
        for name, number in zip(names, known, strict=True):
            scores = {} if number is None else dict(zip(different, map(float, next(added)), strict=True))
            best_first = sorted((item for item in scores.items() if item[1] > 0), key=lambda item: -item[1])
            lexical, vector = (places.get(way, {}).get(name) for way in ("lexical", "vector"))
            yield Reason(lexical, vector, dict(best_first))

    def _by_vector(self, query: str, top_k: int, where: str | None, vector: np.ndarray | None) -> Ranking:
        if vector is None:
            assert self.vectorizer is not None, "asked for only where there is one"
            [vector] = self.vectorizer.encode([query], normalize=True)
        return self._table.nearest(vector, top_k, where) if vector.any() else []

    def _by_terms(self, terms: Sequence[str], top_k: int, where: str | None) -> Ranking:
        self._refresh()
        allowed = None
        if where is not None:
            allowed = np.zeros(len(self._ids), bool)
            allowed[[self._numbers[name] for name in self._table.ids(where) if name in self._numbers]] = True
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


def _joined(rankings: Mapping[str, Ranking], top_k: int) -> Ranking:
    """One ranking as it is, two by reciprocal rank fusion."""
    if len(rankings) == 1:
        [ranking] = rankings.values()
        return ranking
    return fuse([[name for name, _ in ranking] for ranking in rankings.values()], top_k)
