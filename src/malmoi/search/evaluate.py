"""Retrievers side by side on queries with known answers: one row each, with intervals, and the time a query takes.

Everything is exact and in memory, so that rows differ by what they compare and not by an index.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from malmoi.errors import DataError, InputError, OptionError
from malmoi.progress import progress_bar
from malmoi.search.answer import AnyReranker, load_reranker
from malmoi.search.documents import SearchDocument, kinds_of, read_documents
from malmoi.search.hit import Ranking, mix
from malmoi.search.lexical import Bm25, best
from malmoi.search.terms import Terms
from malmoi.search.vectorizer import compares_texts, load_vectorizer
from malmoi.tasks.files import read_json_lines

_DEPTH = 100
"""Of a ranking; what is further down counts as not found."""
_N_RESAMPLES = 1000
_METRICS = ("top_1", "top_10", "mrr", "ndcg_10")
Rank = Callable[[str], Ranking]
"""Ids here are places in the list of documents, as text."""


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query and what is right for it."""

    query: str
    relevant: frozenset[str]
    """Ids of documents."""


@dataclass(frozen=True, kw_only=True)
class SearchScores:
    """How good a retriever is."""

    retriever: str
    reranker: str | None
    """What ordered the candidates anew."""
    n_queries: int
    metrics: dict[str, float]
    """In percent: `top_1`, `top_10` (a right one among them), `mrr`, `ndcg_10`."""
    intervals: dict[str, tuple[float, float]]
    """95 %, by resampling queries."""
    ms_per_query: float
    """One query at a time, its encoding included."""

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)

    def __str__(self) -> str:
        values = "  ".join(
            f"{self.metrics[name]:5.1f} [{self.intervals[name][0]:5.1f} {self.intervals[name][1]:5.1f}]"
            for name in _METRICS
        )
        name = self.retriever + (f", re-ranked by {self.reranker}" if self.reranker else "")
        return f"{name:60} {values}  {self.ms_per_query:8.2f}"


HEADER = f"{'retriever':60} " + "  ".join(f"{name:19}" for name in _METRICS) + "  ms/query"


def read_queries(path: Path, ids: Mapping[str, int]) -> list[JudgedQuery]:
    """Queries of a JSON Lines file `{"query", "relevant": [id, …]}`.

    Raises:
        DataError: a line without a query, or with an id that no document has. InputError: no queries.
    """
    queries = []
    for number, record in read_json_lines(path):
        query, relevant = record.get("query"), record.get("relevant")
        if not isinstance(query, str) or not query.strip() or not isinstance(relevant, list) or not relevant:
            raise DataError(path, number, 'expected {"query": "…", "relevant": [ids of documents]}, none of them empty')
        if unknown := [name for name in map(str, relevant) if name not in ids]:
            raise DataError(path, number, f"no document has the id {unknown[0]!r}: correct it, or add the document")
        queries.append(JudgedQuery(query, frozenset(map(str, relevant))))
    if not queries:
        raise InputError(f"{path} has no query: expected JSON Lines with query and relevant")
    return queries


def evaluate_search(
    documents: Path,
    queries: Path,
    models: Sequence[Path] = (),
    *,
    rerank: Sequence[Path] = (),
    positive: str | None = None,
    candidates: int = 10,
    device: str | None = None,
) -> Iterator[SearchScores]:
    """Judge terms between blanks, content morphemes, every model, and each with morphemes together; re-ranked too.

    Args:
        documents: JSON Lines with id and text.
        queries: see `read_queries`.
        models: directories of embedders and of Sent2Vec.
        rerank: pair models, embedders or Sent2Vec.
        positive: the pair models' label for "this one".
        candidates: how many of a ranking they judge.
        device: for models.
    """
    if candidates < 1:
        raise OptionError(f"candidates is {candidates}: expected 1 or more")
    kinds_of(read_documents(documents), str(documents))
    known = [document for _, document in read_documents(documents)]
    judged = read_queries(queries, {document.id: number for number, document in enumerate(known)})
    rerankers = {str(path): _load_reranker(path, positive, device) for path in rerank}
    for name, rank in _retrievers([document.text for document in known], models, device):
        yield judge(name, rank, known, judged)
        for place, reranker in rerankers.items():
            if place == name:
                continue  # its own order
            yield judge(name, _reranked(rank, known, reranker, candidates), known, judged, reranker=place)


def _load_reranker(directory: Path, positive: str | None, device: str | None) -> AnyReranker:
    """The label is meant for those that have labels."""
    return load_reranker(directory, None if compares_texts(directory) else positive, device=device)


def _retrievers(texts: Sequence[str], models: Sequence[Path], device: str | None) -> Iterator[tuple[str, Rank]]:
    yield "BM25, white space", _by_terms(Terms("eojeol"), texts)
    morphemes = _by_terms(Terms("morpheme"), texts)
    yield "BM25, morphemes", morphemes
    for model in models:
        by_vector = _by_vector(model, texts, device)
        yield str(model), by_vector
        yield f"{model} + morphemes", _mixed(morphemes, by_vector)


def _by_terms(terms: Terms, texts: Sequence[str]) -> Rank:
    index = Bm25()
    index.add(terms(texts))
    return lambda query: _ranking(*index.search(next(terms([query])), _DEPTH))


def _by_vector(model: Path, texts: Sequence[str], device: str | None) -> Rank:
    vectorizer = load_vectorizer(model, device=device)
    vectors = vectorizer.encode(texts, normalize=True)

    def rank(query: str) -> Ranking:
        scores = vectors @ vectorizer.encode([query], normalize=True)[0]
        return _ranking(*best(scores, min(_DEPTH, len(scores))))

    return rank


def _ranking(places: np.ndarray, scores: np.ndarray) -> Ranking:
    return [(f"{place:012d}", float(score)) for place, score in zip(places, scores, strict=True)]


def _mixed(lexical: Rank, vector: Rank) -> Rank:
    return lambda query: mix(lexical(query), vector(query), _DEPTH)


def _reranked(rank: Rank, documents: Sequence[SearchDocument], reranker: AnyReranker, candidates: int) -> Rank:
    def again(query: str) -> Ranking:
        found = rank(query)
        head = found[:candidates]
        scores = reranker.scores(query, [documents[int(name)].text for name, _ in head]) if head else []
        judged = [(name, score) for (name, _), score in zip(head, scores, strict=True)]
        return sorted(judged, key=lambda item: -item[1]) + found[candidates:]

    return again


def judge(
    name: str,
    rank: Rank,
    documents: Sequence[SearchDocument],
    queries: Sequence[JudgedQuery],
    *,
    reranker: str | None = None,
) -> SearchScores:
    """Rank for every query, one at a time, and score."""
    values = np.zeros((len(queries), len(_METRICS)))
    rank(queries[0].query)  # what is loaded at first use is not the query's time
    started = time.perf_counter()
    with progress_bar(name, len(queries)) as bar:
        for number, query in enumerate(queries):
            found = [documents[int(name)].id in query.relevant for name, _ in rank(query.query)]
            values[number] = score_ranking(np.array(found, bool), len(query.relevant))
            bar.update()
    seconds = time.perf_counter() - started
    low, high = _interval(values)
    return SearchScores(
        retriever=name,
        reranker=reranker,
        n_queries=len(queries),
        metrics={m: round(100 * float(v), 2) for m, v in zip(_METRICS, values.mean(0), strict=True)},
        intervals={
            m: (round(100 * float(a), 2), round(100 * float(b), 2)) for m, a, b in zip(_METRICS, low, high, strict=True)
        },
        ms_per_query=round(1000 * seconds / len(queries), 3),
    )


def score_ranking(is_right: np.ndarray, n_right: int) -> tuple[float, float, float, float]:
    """Top-1, top-10, reciprocal rank and nDCG@10 of one ranking, each from 0 to 1.

    Args:
        is_right: bool [n], of the documents found, best first.
        n_right: how many there are in all.
    """
    places = np.flatnonzero(is_right)
    if not len(places):
        return 0.0, 0.0, 0.0, 0.0
    gains = 1 / np.log2(np.arange(10) + 2)
    ideal = gains[: min(n_right, 10)].sum()
    gained = gains[places[places < 10]].sum()
    return float(places[0] == 0), float(places[0] < 10), float(1 / (places[0] + 1)), float(gained / ideal)


def _interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """2.5th and 97.5th percentile of the means of resampled rows, float [n_metrics] each; the same at every run."""
    generator = np.random.default_rng(1)
    means = np.stack([values[generator.integers(0, len(values), len(values))].mean(0) for _ in range(_N_RESAMPLES)])
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    return low, high
