"""The application: models behind routes of our own; the shapes of other services are `compatible.py`.

Every error has one shape (`schema.ErrorReply`). Nothing here computes: models run in the batcher's thread.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from malmoi import __version__
from malmoi.errors import InputError, OptionError
from malmoi.serving.batcher import OverloadedError
from malmoi.serving.gate import Gate, read_keys, say
from malmoi.serving.options import ServeOptions
from malmoi.serving.route import StrictRoute
from malmoi.serving.schema import (
    ERRORS,
    FillReply,
    FillRequest,
    ModelCard,
    ModelList,
    PredictReply,
    TokenizeReply,
    TokenizeRequest,
    error_reply,
    predict_request,
)
from malmoi.serving.served import Served
from malmoi.serving.served_index import ServedIndex
from malmoi.serving.service import ClientGoneError, Service

_KINDS = {400: "invalid_request", 401: "unauthorized", 404: "not_found", 413: "too_large"}
PLAYGROUND = Path(str(files("malmoi.serving") / "playground"))


def create_app(
    models: Mapping[str, Served],
    options: ServeOptions,
    *,
    indexes: Mapping[str, ServedIndex] | None = None,
    add_routes: tuple[Callable[[FastAPI, Service], None], ...] = (),
) -> FastAPI:
    """The ASGI application.

    Args:
        models: by name.
        options: its limits.
        indexes: by name.
        add_routes: more routes, such as `compatible.add_routes`.

    Raises:
        InputError: the file of keys cannot be read.
    """
    service = Service(models, options, indexes)
    keys = read_keys(options.api_key_file) if options.api_key_file else []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        await asyncio.to_thread(service.stop)

    app = FastAPI(title="malmoi", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.service = service
    app.router.route_class = StrictRoute
    _add_error_handlers(app, service)
    _add_state_routes(app, service)
    for served in service.models.values():
        _add_model_routes(app, service, served)
    _add_unknown_model_routes(app, service)
    for add in add_routes:
        add(app, service)
    _add_playground(app)
    if options.cors:
        app.add_middleware(
            CORSMiddleware, allow_origins=options.cors, allow_methods=["GET", "POST"], allow_headers=["*"]
        )
    app.add_middleware(
        Gate,
        metrics=service.metrics,
        keys=keys,
        max_body_bytes=options.max_body_bytes,
        read_timeout_s=options.read_timeout_s,
    )
    return app


def _add_error_handlers(app: FastAPI, service: Service) -> None:
    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        service.metrics.rejected.labels("invalid").inc()
        return error_reply(422, "invalid_request", f"{place or 'the body'}: {first['msg']}", param=place or None)

    async def wrong_input(request: Request, error: Exception) -> Response:
        service.metrics.rejected.labels("invalid").inc()
        return error_reply(422, "invalid_request", str(error))

    async def overloaded(request: Request, error: Exception) -> Response:
        assert isinstance(error, OverloadedError)
        service.metrics.rejected.labels("overload").inc()
        return error_reply(429, "overloaded", str(error), headers={"Retry-After": str(error.retry_after_s)})

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        kind = _KINDS.get(error.status_code, "invalid_request")
        return error_reply(error.status_code, kind, str(error.detail), headers=dict(error.headers or {}))

    async def gone(request: Request, error: Exception) -> Response:
        service.metrics.rejected.labels("client gone").inc()
        return Response(status_code=499)  # for the log; nobody reads it

    async def bug(request: Request, error: Exception) -> Response:
        say("error", kind=type(error).__name__)
        return error_reply(500, "internal", "this is a fault of the service, not of the request")

    for kind, handle in {
        RequestValidationError: invalid,
        InputError: wrong_input,
        OptionError: wrong_input,
        OverloadedError: overloaded,
        HTTPException: http,
        ClientGoneError: gone,
        Exception: bug,
    }.items():
        app.add_exception_handler(kind, handle)


def _add_state_routes(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", tags=["state"])
    async def healthz() -> dict[str, str]:
        """Whether the process lives."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["state"], responses={503: {"description": "not ready"}})
    async def readyz() -> Response:
        """Whether requests are taken."""
        return JSONResponse({"status": "ok" if service.is_ready else "not ready"}, 200 if service.is_ready else 503)

    @app.get("/metrics", tags=["state"], response_class=Response)
    async def metrics() -> Response:
        """Prometheus metrics."""
        return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/v1/models", tags=["models"], response_model=ModelList)
    async def models() -> ModelList:
        """What is served."""
        return ModelList(data=[card_of(served) for served in service.models.values()])


def card_of(served: Served) -> ModelCard:
    """A model as `/v1/models` describes it."""
    model = served.current
    file = getattr(model.runtime, "file", None)
    return ModelCard(
        id=served.name,
        task=None if model.task is None else model.task.name,
        labels=[] if model.task is None else list(model.task.labels),
        encoder=model.runtime.config.encoder,
        runs_on="torch" if file is None else "onnx-int8" if "int8" in file.name else "onnx",
        max_tokens=model.max_tokens,
        width=model.runtime.config.width,
        can_fill=model.can_fill,
        fields=[] if model.task is None else [field.name for field in fields(model.task.Example)[:-1]],
    )


def _add_model_routes(app: FastAPI, service: Service, served: Served) -> None:
    """Routes of one model, its name in the path, so that the schema shows what each takes."""
    base, model = f"/v1/models/{served.name}", served.current
    limits = service.options
    if model.task is not None:
        task_name, kind = model.task.name, predict_request(model.task, limits.max_examples, limits.max_chars)

        async def predict(request: Request, body: Any) -> Response:
            records = [example.model_dump(mode="json") for example in body.examples]
            predictions = await service.answer(request, served.current.predict(records, service.submit()))
            return reply({"model": served.name, "task": task_name, "predictions": [p.to_json() for p in predictions]})

        _add_post(app, f"{base}/predict", predict, kind, PredictReply, f"Predict with {served.name}")
    if model.can_fill:

        async def fill(request: Request, body: FillRequest) -> Response:
            masks = await service.answer(request, served.current.fill(body.text, body.top_k, service.submit()))
            return reply({"model": served.name, "masks": [[vars(token) for token in mask] for mask in masks]})

        _add_post(app, f"{base}/fill", fill, FillRequest, FillReply, f"Fill masks with {served.name}")

    async def tokenize(request: Request, body: TokenizeRequest) -> Response:
        encoding = served.current.tokenizer.encode(body.text)
        return reply({"pieces": encoding.pieces, "ids": encoding.ids, "spans": encoding.spans})

    _add_post(app, f"{base}/tokenize", tokenize, TokenizeRequest, TokenizeReply, f"Cut a text as {served.name} does")


def _add_post(
    app: FastAPI,
    path: str,
    answer: Callable[[Request, Any], Awaitable[Response]],
    body_kind: type[BaseModel],
    reply_kind: type[BaseModel],
    summary: str,
) -> None:
    async def endpoint(request: Request, body: Any) -> Response:
        return await answer(request, body)

    # FastAPI reads the annotation; it differs from model to model.
    endpoint.__annotations__["body"] = body_kind
    app.add_api_route(
        path, endpoint, methods=["POST"], response_model=reply_kind, responses=ERRORS, summary=summary, tags=["models"]
    )


def _add_unknown_model_routes(app: FastAPI, service: Service) -> None:
    @app.post("/v1/models/{name}/{action}", include_in_schema=False)
    async def unknown(name: str, action: str) -> Response:
        served = service.model(name)
        raise HTTPException(404, f"{served.name} has no {action!r}: see /v1/models for what it can do")


def _add_playground(app: FastAPI) -> None:
    page, docs_page = ((PLAYGROUND / name).read_text(encoding="utf-8") for name in ("index.html", "docs.html"))
    headers = {
        "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
    }

    async def index() -> Response:
        return Response(page, media_type="text/html", headers=headers)

    async def docs() -> Response:
        return Response(docs_page, media_type="text/html", headers=headers)

    app.add_api_route("/", index, include_in_schema=False)
    app.add_api_route("/docs", docs, include_in_schema=False)
    app.mount("/playground", StaticFiles(directory=PLAYGROUND), name="playground")


def reply(value: Mapping[str, Any] | list[Any]) -> Response:
    """JSON, written once: what we made ourselves needs no second validation."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text, media_type="application/json")
