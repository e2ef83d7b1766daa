"""Routes over a text that no single model answers: its graph of relations, and every way to cut it into units."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Literal

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from malmoi.errors import CheckpointError, InputError
from malmoi.graph.extract import (
    check_tasks,
    n_pairs,
    pair_example,
    pairs_in,
    sentences_of,
    with_mentions,
    with_relations,
)
from malmoi.graph.formats import to_record
from malmoi.graph.graph import Graph, GraphSentence, merge
from malmoi.graph.options import GraphOptions, PageOptions
from malmoi.graph.page import to_svg
from malmoi.morphology.catalog import make_analyzer
from malmoi.morphology.morph import Analyzer
from malmoi.serving.app import reply
from malmoi.serving.batcher import Lane
from malmoi.serving.schema import ERRORS
from malmoi.serving.served import Loaded, Served, Submit
from malmoi.serving.service import Service
from malmoi.tokenizer.ways import units_by_way

_MAX_PAIRS = 2000
"""Of mentions in one request: more is the work of `malmoi graph`."""
_MAX_CUT_CHARS = 2000


class GraphReply(BaseModel):
    """A text's graph."""

    entities: list[dict[str, Any]] = Field(description="`{id, name, type, mentions}`.")
    relations: list[dict[str, Any]] = Field(
        description="`{subject, label, object, score, sentences}`, by entities' ids."
    )
    sentences: list[dict[str, Any]] = Field(description="`{text, start, entities, relations}`.")
    svg: str = Field(description="The drawing; empty where there is no relation.")
    colours: dict[str, int] = Field(description="The number of each type's colour in it.")


class CutRequest(BaseModel):
    """A text to cut."""

    text: str = Field(max_length=_MAX_CUT_CHARS)


class CutWay(BaseModel):
    """A text in the units of one way."""

    name: str
    units: list[str] = Field(description="What is looked up in a vocabulary, or cut further by it.")
    spans: list[tuple[int, int]] = Field(description="Characters of the text, end exclusive.")


class CutReply(BaseModel):
    """Every way."""

    ways: list[CutWay]


def add_text_routes(app: FastAPI, service: Service) -> None:
    """Add them."""
    _add_graph(app, service)
    _add_cut(app, service)


def _add_graph(app: FastAPI, service: Service) -> None:
    max_chars = service.options.max_chars

    class GraphRequest(BaseModel):
        """A text, and the models that read it."""

        text: str = Field(max_length=max_chars, description="Sentences.")
        entities: str = Field("", description="A served model for tagging; the first where it is empty.")
        relations: str = Field("", description="A served model for relation; the first where it is empty.")
        threshold: float = Field(0.5, ge=0, le=1, description="Relations that are less probable are left out.")
        entity_threshold: float = Field(0.5, ge=0, le=1, description="Entities that are less sure are left out.")

    @app.post("/v1/graph", tags=["text"], response_model=GraphReply, responses=ERRORS)
    async def graph(request: Request, body: GraphRequest) -> Response:
        """The entities of a text and how they are related, as data and as a drawing."""
        models = (
            _model(service, body.entities, "tagging").current,
            _model(service, body.relations, "relation").current,
        )
        options = GraphOptions(threshold=body.threshold, entity_threshold=body.entity_threshold)
        found = await service.answer(request, _graph(body.text, *models, options, service.submit()))
        svg, colours = to_svg(found, PageOptions().max_drawn)
        return reply({**to_record(found), "svg": svg, "colours": colours})


def _model(service: Service, name: str, task: Literal["tagging", "relation"]) -> Served:
    if name:
        return service.model(name)
    for served in service.models.values():
        if served.current.task is not None and served.current.task.name == task:
            return served
    raise HTTPException(404, f"there is no model for {task}: a graph needs one for tagging and one for relation")


async def _graph(text: str, entities: Loaded, relations: Loaded, options: GraphOptions, submit: Submit) -> Graph:
    """See `graph.extract.find_graph`; here the models are asked through their queue."""
    if entities.task is None or relations.task is None:
        raise InputError("a graph needs a model for tagging and one for relation: one of these has no task")
    try:
        unrelated = check_tasks(entities.task, relations.task)
    except CheckpointError as error:
        raise InputError(str(error)) from None
    placed = list(sentences_of(text))
    found = await entities.predict([{"text": sentence.text} for sentence in placed], submit)
    placed = with_mentions(placed, found, options.entity_threshold)
    n = sum(map(n_pairs, placed))
    if n > _MAX_PAIRS:
        raise InputError(f"the text has {n:,} pairs of names in its sentences: expected at most {_MAX_PAIRS:,}; cut it")
    predictions: list[Any] = []
    pairs = _examples(placed)
    # So many at once that other requests come between.
    while chunk := list(islice(pairs, 64)):
        n_chars = sum(len(example.text) for example in chunk)
        predictions += await relations.predict_examples(chunk, submit, n_chars=n_chars)
    return merge(with_relations(placed, predictions, unrelated, options.threshold))


def _examples(sentences: list[GraphSentence]) -> Iterator[Any]:
    return (pair_example(sentences[number], *pair) for number, *pair in pairs_in(sentences))


def _add_cut(app: FastAPI, service: Service) -> None:
    cutter = _Cutter()

    @app.post("/v1/cut", tags=["text"], response_model=CutReply, responses=ERRORS)
    async def cut(request: Request, body: CutRequest) -> Response:
        """A text in the units of every way to cut, before any vocabulary."""
        return reply({"ways": await service.answer(request, cutter.cut(body.text, service.submit_search()))})


class _Cutter:
    """The analyser, loaded at first use; it runs on the indexes' thread."""

    def __init__(self) -> None:
        self._analyzer: Analyzer | None = None
        self.lane = Lane("cut", lambda texts: [self._cut(text) for text in texts])

    async def cut(self, text: str, submit: Submit) -> list[dict[str, Any]]:
        """See `CutReply`."""
        [ways] = await submit(self.lane, [text], [(1, 1)])
        found: list[dict[str, Any]] = ways
        return found

    def _cut(self, text: str) -> list[dict[str, Any]]:
        if self._analyzer is None:
            self._analyzer = make_analyzer("kiwi")
        return [
            {"name": way, "units": [unit for unit, _, _ in units], "spans": [span for _, *span in units]}
            for way, units in units_by_way(text, self._analyzer).items()
        ]
