"""Routes over indexes: what there are, search, and answers by several models in turn. What they do is `search/`'s."""

import asyncio
from contextlib import suppress
from typing import Any, get_args

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from malmoi.errors import CheckpointError, InputError
from malmoi.search.answer import (
    Answer,
    best_document,
    check_reader,
    fit,
    fitting_label,
    pairs_of,
    reordered,
    with_span,
)
from malmoi.search.hit import Hit
from malmoi.search.options import AnswerOptions, By
from malmoi.serving.app import reply
from malmoi.serving.schema import ERRORS, error_reply
from malmoi.serving.served import Submit
from malmoi.serving.served_index import Asked, ServedIndex, UnavailableError
from malmoi.serving.service import Service
from malmoi.tasks.catalog import AnyTask

_MAX_HITS = 100
_SEARCH_ERRORS: dict[int | str, dict[str, Any]] = {**ERRORS, 503: {"description": "the index is gone from the disk"}}


class IndexCard(BaseModel):
    """A served index."""

    id: str
    object: str = "index"
    documents: int
    model: str | None = Field(description="What made its vectors; null for terms only.")
    ways: list[By] = Field(description="What may rank, the default first.")
    fields: dict[str, str] = Field(description="What documents have beside id and text, for `where`.")


class IndexList(BaseModel):
    """What can be searched."""

    object: str = "list"
    data: list[IndexCard]


class PlaceReply(BaseModel):
    """A place in one ranking."""

    rank: int
    score: float


class Why(BaseModel):
    """Why a document was found."""

    lexical: PlaceReply | None = Field(description="BM25; null where it is not among the best by terms.")
    vector: PlaceReply | None = Field(description="Cosine; null likewise.")
    terms: dict[str, float] = Field(description="The query's terms in it, and what each adds to BM25.")


class HitReply(BaseModel):
    """A document that was found."""

    id: str
    score: float
    text: str
    fields: dict[str, Any]
    why: Why


class SearchReply(BaseModel):
    """Documents, best first."""

    index: str
    by: By
    hits: list[HitReply]


class AnswerReply(BaseModel):
    """What is answered; `answer` is null where there is none."""

    index: str
    question: str
    answer: str | None
    score: float | None
    start: int | None = Field(description="Of the span in the document's text; null without a reading model.")
    end: int | None
    document: HitReply | None
    candidates: list[HitReply] = Field(description="As they were re-ranked, best first.")


def add_search_routes(app: FastAPI, service: Service) -> None:
    """Add them; a service without an index has them too, and says so."""

    async def unavailable(request: Request, error: Exception) -> Response:
        return error_reply(503, "unavailable", str(error), headers={"Retry-After": "5"})

    app.add_exception_handler(UnavailableError, unavailable)
    _add_list(app, service)
    _add_search(app, service)
    _add_answer(app, service)


def _add_list(app: FastAPI, service: Service) -> None:
    @app.get("/v1/indexes", tags=["search"], response_model=IndexList)
    async def indexes() -> IndexList:
        """What can be searched."""
        return IndexList(data=[await _card(served) for served in service.indexes.values()])


async def _card(served: ServedIndex) -> IndexCard:
    loaded = served.current
    with suppress(RuntimeError, OSError, ValueError):  # just being replaced: it had so many
        loaded.n_documents = await asyncio.to_thread(len, loaded.index)
    settings = loaded.index.settings
    return IndexCard(
        id=served.name,
        documents=loaded.n_documents,
        model=settings.model_name,
        ways=list(get_args(By)) if settings.width else ["lexical"],
        fields=dict(settings.fields),
    )


def _add_search(app: FastAPI, service: Service) -> None:
    max_chars = service.options.max_chars

    class SearchRequest(BaseModel):
        """What to search for."""

        query: str = Field(max_length=max_chars)
        index: str = Field("", description="A served index's id; the first where it is empty.")
        top_k: int = Field(5, ge=1, le=_MAX_HITS, description="At most so many documents.")
        where: str | None = Field(None, max_length=1000, description="A condition on the fields, in SQL.")
        by: By | None = Field(None, description="What ranks; by default both where there are vectors.")

    @app.post("/v1/search", tags=["search"], response_model=SearchReply, responses=_SEARCH_ERRORS)
    async def search(request: Request, body: SearchRequest) -> Response:
        """The documents of an index that fit a query best, and why."""
        served = _index(service, body.index)
        asked = Asked(query=body.query, top_k=body.top_k, where=body.where, by=body.by)
        hits = await service.answer(request, served.search(asked, service.submit(), service.submit_search()))
        by = body.by or served.current.index.ranks_by(None)
        return reply({"index": served.name, "by": by, "hits": [_hit(hit) for hit in hits]})


def _add_answer(app: FastAPI, service: Service) -> None:
    limits = service.options

    class AnswerRequest(BaseModel):
        """What to answer, and with which models."""

        question: str = Field(max_length=limits.max_chars)
        index: str = Field("", description="A served index's id; the first where it is empty.")
        rerank: str | None = Field(None, description="A served model for pair or regression, to order the candidates.")
        read: str | None = Field(None, description="A served model for qa, to find the span.")
        candidates: int = Field(
            min(10, limits.max_examples),
            ge=1,
            le=min(_MAX_HITS, limits.max_examples),
            description="Documents looked at.",
        )
        where: str | None = Field(None, max_length=1000, description="A condition on the fields, in SQL.")
        by: By | None = Field(None, description="What retrieves; by default both where there are vectors.")
        threshold: float | None = Field(None, description="Below it, of the best document, the answer is none.")
        positive: str | None = Field(None, description='The pair model\'s label that means "this one".')

    @app.post("/v1/answer", tags=["search"], response_model=AnswerReply, responses=_SEARCH_ERRORS)
    async def answer(request: Request, body: AnswerRequest) -> Response:
        """The best document for a question, or the span of it that answers."""
        served = _index(service, body.index)
        models = Models(service, body.rerank, body.read, body.positive)
        options = AnswerOptions(candidates=body.candidates, by=body.by, threshold=body.threshold)
        work = _answered(service, served, models, body.question, body.where, options)
        return reply({"index": served.name, **_answer(await service.answer(request, work))})


class Models:
    """The versions of the models that answer one question, fit for it."""

    def __init__(self, service: Service, rerank: str | None, read: str | None, positive: str | None) -> None:
        """Look them up.

        Raises:
            HTTPException: 404, there is no such model. InputError: it has another task, or not this label.
        """
        self.reranker = None if rerank is None else service.model(rerank).current
        self.reader = None if read is None else service.model(read).current
        self.label: str | None = None
        try:
            if self.reranker is not None:
                self.label = fitting_label(_task(self.reranker.task, "re-ranking"), positive)
            if self.reader is not None:
                check_reader(_task(self.reader.task, "reading"))
        except CheckpointError as error:
            raise InputError(str(error)) from None


def _task(task: AnyTask | None, what: str) -> AnyTask:
    if task is None:
        raise CheckpointError(f"the model for {what} has no task: expected a fine-tuned one")
    return task


async def _answered(
    service: Service, served: ServedIndex, models: Models, question: str, where: str | None, options: AnswerOptions
) -> Answer:
    submit: Submit = service.submit()
    asked = Asked(query=question, top_k=options.candidates, where=where, by=options.by)
    hits = await served.search(asked, submit, service.submit_search())
    if models.reranker is not None and hits:
        predictions = await models.reranker.predict(pairs_of(question, [hit.text for hit in hits]), submit)
        hits = reordered(hits, [fit(prediction, models.label) for prediction in predictions])
    found = best_document(question, hits, options.threshold)
    if models.reader is None or found.text is None:
        return found
    [read] = await models.reader.predict([{"question": question, "context": found.text}], submit)
    return with_span(found, read)


def _index(service: Service, name: str) -> ServedIndex:
    """The index of this name, or the first.

    Raises:
        HTTPException: 404, with the names there are.
    """
    if not service.indexes:
        raise HTTPException(404, "there is no index to search: serve one with --index")
    if not name:
        return next(iter(service.indexes.values()))
    if name not in service.indexes:
        raise HTTPException(404, f"there is no index {name!r}: expected one of {', '.join(service.indexes)}")
    return service.indexes[name]


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "id": hit.id,
        "score": round(hit.score, 6),
        "text": hit.text,
        "fields": dict(hit.fields),
        "why": hit.reason.to_json(),
    }


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "question": answer.question,
        "answer": answer.text,
        "score": answer.score,
        "start": answer.start,
        "end": answer.end,
        "document": None if answer.text is None else _hit(answer.candidates[0]),
        "candidates": [_hit(hit) for hit in answer.candidates],
    }
