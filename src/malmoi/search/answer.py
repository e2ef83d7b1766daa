"""Answers from an index: retrieve, re-rank by a model, say "no answer" below a threshold, read out the span.

Retrieving is `index.py`. No text is generated: an answer is a document, or a part of one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from malmoi.errors import CheckpointError, OptionError
from malmoi.predictor import Predictor
from malmoi.search.hit import Hit
from malmoi.search.index import Index
from malmoi.search.options import AnswerOptions
from malmoi.search.vectorizer import Vectorizer, compares_texts, load_vectorizer
from malmoi.tasks.catalog import AnyTask
from malmoi.tasks.metrics import positive_label


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is answered."""

    question: str
    text: str | None
    """The span, or the document's text where nothing reads; None: no answer."""
    score: float | None
    """Of the reading model for the span, or of the document; None where there is neither."""
    start: int | None
    """Of the span in the document; None without a reading model or an answer."""
    end: int | None
    candidates: list[Hit]
    """Best first, as they were re-ranked."""

    def to_json(self) -> dict[str, Any]:
        """`{"question", "answer", "score", "document", "start", "end", "candidates"}`."""
        answered = self.text is not None
        return {
            "question": self.question,
            "answer": self.text,
            "score": self.score,
            "document": self.candidates[0].to_json() if answered else None,
            "start": self.start,
            "end": self.end,
            "candidates": [{"id": hit.id, "score": round(hit.score, 6)} for hit in self.candidates],
        }


def fitting_label(task: AnyTask, positive: str | None = None) -> str | None:
    """The label of a pair model that means that a document fits; None for a regression.

    Raises:
        CheckpointError: its task is no other than pair or regression.
        OptionError: it is not known which label it is.
    """
    if task.name not in ("pair", "regression"):
        raise CheckpointError(f"the model for re-ranking is one for {task.name}: expected pair or regression")
    if task.name == "regression":
        return None
    label = positive or positive_label(task.labels)
    if label not in task.labels:
        raise OptionError(
            f'positive is {label!r}: expected the label that means "this one", one of {", ".join(task.labels)}'
        )
    return label


def check_reader(task: AnyTask) -> None:
    """Refuse to read with a model of another task.

    Raises:
        CheckpointError: it is one.
    """
    if task.name != "qa":
        raise CheckpointError(f"the model for reading is one for {task.name}: expected qa")


def pairs_of(query: str, texts: Sequence[str]) -> list[dict[str, str]]:
    """What a pair model is asked."""
    return [{"first": query, "second": text} for text in texts]


def fit(prediction: Any, label: str | None) -> float:
    """How well a pair fits, of what the pair model predicts: a probability, or a regression's number."""
    return float(prediction.score if label is None else prediction.probabilities[label])


def reordered(hits: Sequence[Hit], scores: Sequence[float]) -> list[Hit]:
    """Hits by these scores, best first."""
    order = np.argsort(-np.array(scores), kind="stable")
    return [replace(hits[number], score=scores[number]) for number in order]


def best_document(question: str, hits: list[Hit], threshold: float | None) -> Answer:
    """The best document as the answer; none where there is none, or its score is below the threshold."""
    nothing = Answer(question=question, text=None, score=None, start=None, end=None, candidates=hits)
    if not hits or (threshold is not None and hits[0].score < threshold):
        return nothing
    return replace(nothing, text=hits[0].text, score=hits[0].score)


def with_span(answer: Answer, read: Any) -> Answer:
    """What a reading model predicts for the best document, in place of the whole; no answer where it finds none."""
    if read.text is None:
        return replace(answer, text=None, score=None)
    return replace(answer, text=read.text, score=read.score, start=read.start, end=read.end)


class Reranker:
    """A pair classifier or regression that says how well a document fits a query."""

    def __init__(self, predictor: Predictor, positive: str | None = None) -> None:
        """Take a model.

        Raises:
            CheckpointError: its task is no other than pair or regression.
            OptionError: it is not known which label means that a document fits.
        """
        self.predictor, self.positive = predictor, fitting_label(predictor.task, positive)

    @classmethod
    def load(cls, directory: Path, positive: str | None = None, *, device: str | None = None) -> Self:
        """Load a fine-tuned directory; see `Predictor.load`."""
        return cls(Predictor.load(directory, device=device), positive)

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text fits: a probability, or a regression's number."""
        predictions = self.predictor.predict(pairs_of(query, texts))
        return [fit(prediction, self.positive) for prediction in predictions]


class VectorReranker:
    """An embedder or Sent2Vec that says how near a document is to a query."""

    def __init__(self, vectorizer: Vectorizer) -> None:
        self.vectorizer = vectorizer

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """The cosine of each text."""
        vectors = self.vectorizer.encode([query, *texts], normalize=True)
        return list(map(float, vectors[1:] @ vectors[0]))


AnyReranker = Reranker | VectorReranker


def load_reranker(directory: Path, positive: str | None = None, *, device: str | None = None) -> AnyReranker:
    """Load what a directory holds: a pair model, an embedder or Sent2Vec.

    Raises:
        CheckpointError: none of them. OptionError: see `fitting_label`; or a label is named and there is none.
    """
    if not compares_texts(directory):
        return Reranker.load(directory, positive, device=device)
    if positive is not None:
        raise OptionError(f"positive is {positive!r}, but {directory} compares vectors and has no labels: leave it out")
    return VectorReranker(load_vectorizer(directory, device=device))


class Answerer:
    """An index and the models that judge and read what it finds."""

    def __init__(
        self,
        index: Index,
        reranker: AnyReranker | None = None,
        reader: Predictor | None = None,
        options: AnswerOptions = AnswerOptions(),
    ) -> None:
        """Put them together.

        Raises:
            CheckpointError: the reading model is one for another task.
        """
        if reader is not None:
            check_reader(reader.task)
        self.index, self.reranker, self.reader, self.options = index, reranker, reader, options

    def retrieve(self, question: str, where: str | None = None) -> list[Hit]:
        """Candidates, best first.

        Raises:
            OptionError: see `Index.search`.
        """
        hits = self.index.search(question, self.options.candidates, where=where, by=self.options.by)
        if self.reranker is None or not hits:
            return hits
        return reordered(hits, self.reranker.scores(question, [hit.text for hit in hits]))

    def answer(self, question: str, where: str | None = None) -> Answer:
        """Answer a question from the best document; see `retrieve`."""
        found = best_document(question, self.retrieve(question, where), self.options.threshold)
        if self.reader is None or found.text is None:
            return found
        [read] = self.reader.predict([{"question": question, "context": found.text}])
        return with_span(found, read)
