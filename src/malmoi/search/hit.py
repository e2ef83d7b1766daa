"""What a search gives, and how several rankings become one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_RANK_OFFSET = 60
"""Of reciprocal rank fusion, as in Cormack et al. 2009."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document stands in one ranking."""

    rank: int
    """From 1."""
    score: float
    """BM25, or a cosine."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a document was found: its place in each ranking that was asked."""

    lexical: Place | None = None
    """None: it is not among the best by terms, or terms were not asked."""
    vector: Place | None = None
    """Likewise by vectors."""
    terms: Mapping[str, float] = field(default_factory=dict)
    """The query's terms that stand in the document, and what each adds to BM25; best first."""

    def to_json(self) -> dict[str, Any]:
        """`{"lexical": {"rank", "score"}, "vector": …, "terms": {term: score}}`."""
        places = (("lexical", self.lexical), ("vector", self.vector))
        found = {name: p and {"rank": p.rank, "score": round(p.score, 6)} for name, p in places}
        return {**found, "terms": {term: round(score, 6) for term, score in self.terms.items()}}


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that was found."""

    id: str
    score: float
    """Larger is better: a cosine, BM25, a sum of reciprocal ranks, or a probability, by what ranked it."""
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Its other fields."""
    reason: Reason = Reason()
    """Why it was found; not part of its JSON line."""

    def to_json(self) -> dict[str, Any]:
        """`{"id", "score", "text", …}`."""
        return {"id": self.id, "score": round(self.score, 6), "text": self.text, **self.fields}


def fuse(rankings: Sequence[Sequence[str]], top_k: int) -> list[tuple[str, float]]:
    """Reciprocal rank fusion: ids of several rankings with the sum of 1 / (60 + rank), best first; equals by id."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, name in enumerate(ranking, start=1):
            scores[name] = scores.get(name, 0.0) + 1 / (_RANK_OFFSET + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:top_k]
