"""Routes in the shapes of other services: OpenAI's embeddings, and text-embeddings-inference's four."""

import base64
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from malmoi import __version__
from malmoi.errors import InputError
from malmoi.search.answer import fit, fitting_label, pairs_of
from malmoi.serving.app import reply
from malmoi.serving.options import ServeOptions
from malmoi.serving.schema import (
    ERRORS,
    OpenAIEmbeddingsRequest,
    TeiEmbedRequest,
    TeiPredictRequest,
    TeiRerankRequest,
)
from malmoi.serving.served import Served
from malmoi.serving.service import Service

_TWO_TEXTS = ["first", "second"]


def add_routes(app: FastAPI, service: Service) -> None:
    """Add them all; each answers with the first model that can."""
    _add_openai(app, service)
    _add_embed(app, service)
    _add_rerank(app, service)
    _add_predict(app, service)
    _add_info(app, service)


def _add_openai(app: FastAPI, service: Service) -> None:
    @app.post("/v1/embeddings", tags=["OpenAI"], responses=ERRORS)
    async def embeddings(request: Request, body: OpenAIEmbeddingsRequest) -> Response:
        """Vectors of texts, in OpenAI's shape."""
        served = service.model(body.model) if body.model else embedding_model(service)
        width = served.current.runtime.config.width
        if body.dimensions not in (None, width):
            raise InputError(f"dimensions {body.dimensions}: expected {width}, the width of {served.name}, or none")
        texts = _texts(body.input, service.options)
        vectors, n_tokens = await service.answer(request, served.current.embed(texts, service.submit()))
        data = [
            {"object": "embedding", "index": index, "embedding": _encoded(vector, body.encoding_format)}
            for index, vector in enumerate(vectors)
        ]
        usage = {"prompt_tokens": n_tokens, "total_tokens": n_tokens}
        return reply({"object": "list", "model": served.name, "data": data, "usage": usage})


def _add_embed(app: FastAPI, service: Service) -> None:
    @app.post("/embed", tags=["text-embeddings-inference"], responses=ERRORS)
    async def embed(request: Request, body: TeiEmbedRequest) -> Response:
        """Vectors of texts."""
        texts = _texts(body.inputs, service.options)
        model = embedding_model(service).current
        vectors, _ = await service.answer(request, model.embed(texts, service.submit(), normalize=body.normalize))
        return reply(vectors.tolist())


def _add_rerank(app: FastAPI, service: Service) -> None:
    @app.post("/rerank", tags=["text-embeddings-inference"], responses=ERRORS)
    async def rerank(request: Request, body: TeiRerankRequest) -> Response:
        """Texts by how well they go with the query, best first; by the first model for pairs of texts."""
        served = first_with(service, _TWO_TEXTS, "rerank with: serve one for pair or regression")
        model, texts = served.current, _texts(body.texts, service.options)
        _texts(body.query, service.options)
        assert model.task is not None, "found by its task"
        label = fitting_label(model.task)
        predictions = await service.answer(request, model.predict(pairs_of(body.query, texts), service.submit()))
        scores = [fit(prediction, label) for prediction in predictions]
        order = sorted(range(len(scores)), key=lambda index: -scores[index])
        return reply(
            [
                {"index": index, "score": scores[index]} | ({"text": texts[index]} if body.return_text else {})
                for index in order
            ]
        )


def _add_predict(app: FastAPI, service: Service) -> None:
    @app.post("/predict", tags=["text-embeddings-inference"], responses=ERRORS)
    async def predict(request: Request, body: TeiPredictRequest) -> Response:
        """Labels with their probabilities, for a text, texts, or pairs; by the first model for such input."""
        inputs = body.inputs if isinstance(body.inputs, list) else [body.inputs]
        is_pairs = bool(inputs) and not isinstance(inputs[0], str)
        names = _TWO_TEXTS if is_pairs else ["text"]
        served = first_with(service, names, f"predict with for {' and '.join(names)}")
        _texts([text for each in inputs for text in ([each] if isinstance(each, str) else each)], service.options)
        records = [dict(zip(names, [each] if isinstance(each, str) else each, strict=True)) for each in inputs]
        predictions = await service.answer(request, served.current.predict(records, service.submit()))
        results = [_labels(prediction.to_json()) for prediction in predictions]
        return reply(results if isinstance(body.inputs, list) else results[0])


def _add_info(app: FastAPI, service: Service) -> None:
    @app.get("/info", tags=["text-embeddings-inference"])
    async def info() -> Response:
        """What is served and within which limits."""
        if not service.models:
            raise HTTPException(404, "there is no model: only indexes are served")
        first, options = next(iter(service.models.values())), service.options
        kind: dict[str, Any] = {"embedding": {"pooling": "mean"}}
        if first.current.task is not None and first.current.task.labels:
            kind = {"classifier": {"id2label": dict(enumerate(first.current.task.labels))}}
        return reply(
            {
                "model_id": first.name,
                "model_sha": None,
                "model_dtype": "float32",
                "model_type": kind,
                "max_input_length": first.current.max_tokens,
                "max_batch_tokens": options.batch_tokens,
                "max_client_batch_size": options.max_examples,
                "max_concurrent_requests": options.max_queue,
                "tokenization_workers": 1,
                "version": __version__,
            }
        )


def embedding_model(service: Service) -> Served:
    """The first model whose vectors were trained; else the first without a task; else the first.

    Raises:
        HTTPException: 404, there is none.
    """
    models = list(service.models.values())
    if not models:
        raise HTTPException(404, "there is no model to embed with: only indexes are served")
    return min(models, key=lambda served: (not served.current.compares_texts, served.current.task is not None))


def first_with(service: Service, names: Sequence[str], what: str) -> Served:
    """The first model whose examples have exactly these fields and whose answers are labels or a score.

    Raises:
        HTTPException: 404, there is none.
    """
    for served in service.models.values():
        task = served.current.task
        if task is None or task.head.kind != "pooled":
            continue
        if [field.name for field in fields(task.Example)[:-1]] == list(names):
            return served
    raise HTTPException(404, f"there is no model to {what}")


def _texts(given: str | Sequence[str], options: ServeOptions) -> list[str]:
    """A list of texts within the limits.

    Raises:
        InputError: none, too many, one too long, or one that is no whole text.
    """
    texts = [given] if isinstance(given, str) else list(given)
    if not 1 <= len(texts) <= options.max_examples:
        raise InputError(f"{len(texts)} texts: expected 1 to {options.max_examples}")
    for number, text in enumerate(texts):
        if len(text) > options.max_chars:
            raise InputError(f"text {number} has {len(text):,} characters: expected at most {options.max_chars:,}")
    return texts


def _encoded(vector: np.ndarray, encoding: str) -> list[float] | str:
    if encoding == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    values: list[float] = vector.tolist()
    return values


def _labels(prediction: dict[str, Any]) -> list[dict[str, Any]]:
    """text-embeddings-inference's list of labels, likeliest first; a regression has one."""
    if "probabilities" not in prediction:
        return [{"score": prediction["score"], "label": "score"}]
    return [
        {"score": score, "label": label}
        for label, score in sorted(prediction["probabilities"].items(), key=lambda item: -item[1])
    ]
