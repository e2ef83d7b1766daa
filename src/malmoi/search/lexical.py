"""BM25 over terms (Robertson & Zaragoza 2009), exact, in NumPy; documents come and go without a new index.

What a term is, is `terms.py`'s. Nothing is kept on disk here: an index of millions is made of stored terms in seconds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from malmoi.search.options import Bm25Options

_MAX_SEGMENTS = 12
"""Every query visits every segment, so many small ones are joined."""


@dataclass(frozen=True)
class _Segment:
    """Postings of documents that were added together, term by term."""

    first: int
    """number of its first document"""
    numbers: dict[str, int]
    """term → its place in `starts`"""
    starts: np.ndarray
    """int64 [n_terms + 1], where each term's postings begin"""
    documents: np.ndarray
    """int32 [n_postings], counted from `first`"""
    counts: np.ndarray
    """float32 [n_postings]"""

    @classmethod
    def of(cls, first: int, vocabulary: Sequence[str], terms: np.ndarray, lengths: np.ndarray) -> Self:
        """Count term numbers (int [N], document after document) of documents with `lengths` (int [n_documents])."""
        documents = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
        keys, counts = np.unique(terms.astype(np.int64) * max(1, len(lengths)) + documents, return_counts=True)
        by_term, by_document = np.divmod(keys, max(1, len(lengths)))
        starts = np.searchsorted(by_term, np.arange(len(vocabulary) + 1))
        numbers = {term: number for number, term in enumerate(vocabulary)}
        return cls(first, numbers, starts, by_document.astype(np.int32), counts.astype(np.float32))

    def postings(self, term: str) -> tuple[np.ndarray, np.ndarray]:
        """Documents (counted from 0 over all segments) that have a term, and how often."""
        number = self.numbers.get(term)
        if number is None:
            return self.documents[:0], self.counts[:0]
        place = slice(self.starts[number], self.starts[number + 1])
        return self.documents[place] + self.first, self.counts[place]


class Bm25:
    """Documents by number, in the order in which they were added."""

    def __init__(self, options: Bm25Options = Bm25Options()) -> None:
        self.options = options
        self._segments: list[_Segment] = []
        self._lengths = np.zeros(0, np.int64)
        self._alive = np.zeros(0, bool)

    def __len__(self) -> int:
        """How many documents there are, without deleted ones."""
        return int(self._alive.sum())

    def add(self, documents: Iterable[Sequence[str]]) -> None:
        """Add documents, each as its terms."""
        vocabulary: dict[str, int] = {}
        numbers: list[int] = []
        lengths: list[int] = []
        for terms in documents:
            lengths.append(len(terms))
            numbers += [vocabulary.setdefault(term, len(vocabulary)) for term in terms]
        self.add_counted(list(vocabulary), np.array(numbers, np.int64), np.array(lengths, np.int64))

    def add_counted(self, vocabulary: Sequence[str], terms: np.ndarray, lengths: np.ndarray) -> None:
        """Add documents whose terms are numbers already.

        Args:
            vocabulary: different terms.
            terms: int [N], numbers of terms in `vocabulary`, document after document.
            lengths: int [n_documents], how many each has.
        """
        self._segments.append(_Segment.of(len(self._alive), vocabulary, terms, lengths))
        self._lengths = np.concatenate([self._lengths, lengths.astype(np.int64)])
        self._alive = np.concatenate([self._alive, np.ones(len(lengths), bool)])
        if len(self._segments) > _MAX_SEGMENTS:
            self._join()

    def delete(self, numbers: Sequence[int]) -> None:
        """Forget documents; the numbers of the others stay."""
        self._alive[np.array(numbers, np.int64)] = False

    def scores(self, terms: Sequence[str]) -> np.ndarray:
        """float32 [n_documents]: how well each matches; 0 where no term of the query is, and for deleted ones."""
        scores = np.zeros(len(self._alive), np.float32)
        if len(self) == 0:
            return scores
        penalties = self._penalties()
        for term in dict.fromkeys(terms):
            found = [segment.postings(term) for segment in self._segments]
            weight = self._weight(found)
            for documents, counts in found:
                scores[documents] += weight * counts * (self.options.k1 + 1) / (counts + penalties[documents])
        scores[~self._alive] = 0
        return scores

    def _penalties(self) -> np.ndarray:
        """float32 [n_documents]: for being long."""
        k1, b = self.options.k1, self.options.b
        mean = max(1e-9, float(self._lengths[self._alive].sum()) / max(1, len(self)))
        penalties: np.ndarray = (k1 * (1 - b + b * self._lengths / mean)).astype(np.float32)
        return penalties

    def _weight(self, found: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.float32:
        """Of a term with these postings: rare ones weigh more."""
        n_alive, n_with = len(self), sum(int(self._alive[documents].sum()) for documents, _ in found)
        return np.float32(np.log(1 + (n_alive - n_with + 0.5) / (n_with + 0.5)))

    def weights(self, terms: Sequence[str], numbers: Sequence[int]) -> np.ndarray:
        """float32 [n_terms, n_numbers]: what each of different terms adds to the score of some documents."""
        wanted = np.array(numbers, np.int64)
        added = np.zeros((len(terms), len(wanted)), np.float32)
        penalties = self._penalties()
        for row, term in zip(added, terms, strict=True):
            found = [segment.postings(term) for segment in self._segments]
            weight = self._weight(found)
            for documents, counts in found:
                places = np.minimum(np.searchsorted(documents, wanted), max(0, len(documents) - 1))
                for column in np.flatnonzero(documents[places] == wanted) if len(documents) else ():
                    count = counts[places[column]]
                    row[column] = weight * count * (self.options.k1 + 1) / (count + penalties[wanted[column]])
        return added

    def search(
        self, terms: Sequence[str], top_k: int, *, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The best documents with at least one of the terms.

        Args:
            terms: the query's.
            top_k: at most so many.
            allowed: bool [n_documents], or None for all.

        Returns:
            numbers (int64) and scores (float32), best first; of equals the one that was added first.
        """
        scores = self.scores(terms)
        if allowed is not None:
            scores[~allowed] = 0
        return best(scores, min(top_k, int((scores > 0).sum())))

    def _join(self) -> None:
        """One segment of all."""
        vocabulary: dict[str, int] = {}
        documents, terms, counts = [], [], []
        for segment in self._segments:
            numbers = np.array([vocabulary.setdefault(term, len(vocabulary)) for term in segment.numbers], np.int64)
            terms.append(np.repeat(numbers, np.diff(segment.starts)))
            documents.append(segment.documents + segment.first)
            counts.append(segment.counts)
        flat = np.concatenate(terms)
        order = np.argsort(flat, kind="stable")
        starts = np.searchsorted(flat[order], np.arange(len(vocabulary) + 1))
        by_term = np.concatenate(documents)[order].astype(np.int32), np.concatenate(counts)[order]
        self._segments = [_Segment(0, vocabulary, starts, *by_term)]


def best(scores: np.ndarray, top_k: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers (int64) and values of the `top_k` largest of `scores` (float [n]), largest first, the first of equals."""
    if top_k <= 0:
        return np.zeros(0, np.int64), scores[:0]
    least = np.partition(scores, -top_k)[-top_k]
    surely = np.flatnonzero(scores > least)
    numbers = np.concatenate([surely, np.flatnonzero(scores == least)[: top_k - len(surely)]])
    numbers = numbers[np.lexsort((numbers, -scores[numbers]))]
    return numbers, scores[numbers]
