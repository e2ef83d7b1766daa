"""What every request passes before its route: keys, the size of its body, the log and the metrics. Plain ASGI."""

import asyncio
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from malmoi.errors import InputError
from malmoi.serving.batcher import BatchRecord
from malmoi.serving.schema import error_reply

_OPEN_PATHS = {"/", "/healthz", "/readyz", "/docs", "/openapi.json"}
_OPEN_FOLDER = "/playground/"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_CLIENT_GONE = 499
"""In the log, where there was nobody left to answer; never sent."""
log = logging.getLogger("malmoi.serving")


class Metrics:
    """Prometheus metrics of one process."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter("malmoi_requests", "Requests answered.", ["route", "status"], registry=registry)
        self.seconds = Histogram(
            "malmoi_request_seconds",
            "From the request's head to its last byte.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.rejected = Counter("malmoi_rejected", "Requests refused, by reason.", ["reason"], registry=registry)
        self.waiting = Gauge("malmoi_queue_examples", "Examples and searches that wait.", registry=registry)
        self.rows = Histogram(
            "malmoi_batch_rows",
            "Rows of a batch.",
            ["model"],
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "malmoi_batch_seconds", "A model's time for a batch.", ["model"], buckets=_SECONDS, registry=registry
        )
        self.search_seconds = Histogram(
            "malmoi_search_seconds", "An index's time for a search.", ["index"], buckets=_SECONDS, registry=registry
        )
        self.tokens = Counter("malmoi_tokens", "Tokens computed.", ["model"], registry=registry)
        self.reloads = Counter(
            "malmoi_reloads", "Reloads of a model or an index.", ["model", "outcome"], registry=registry
        )

    def observe(self, batch: BatchRecord) -> None:
        """Count a batch."""
        self.rows.labels(batch.lane).observe(batch.n_rows)
        self.batch_seconds.labels(batch.lane).observe(batch.seconds)
        self.tokens.labels(batch.lane).inc(batch.n_tokens)

    def observe_search(self, search: BatchRecord) -> None:
        """Count what an index did."""
        self.search_seconds.labels(search.lane).observe(search.seconds)


def read_keys(path: Path) -> list[bytes]:
    """SHA-256 of every key in a file; keys are kept nowhere else.

    Raises:
        InputError: the file cannot be read, or holds no key.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        keys = [_hash(line) for line in lines if line and not line.startswith("#")]
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}): expected one key a line, plain or sha256:HEX") from error
    if not keys:
        raise InputError(f"{path} holds no key: expected one a line, or leave --api-key-file out")
    return keys


def _hash(line: str) -> bytes:
    if not line.startswith("sha256:"):
        return hashlib.sha256(line.encode()).digest()
    digest = bytes.fromhex(line.removeprefix("sha256:"))
    if len(digest) != 32:
        raise ValueError(f"a hash of {len(digest)} bytes, expected 32")
    return digest


class Gate:
    """The outermost layer of the application."""

    def __init__(
        self, app: ASGIApp, *, metrics: Metrics, keys: Sequence[bytes], max_body_bytes: int, read_timeout_s: float
    ) -> None:
        self.app, self.metrics, self.keys = app, metrics, list(keys)
        self.max_body_bytes, self.read_timeout_s = max_body_bytes, read_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it pass and watch it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), _CLIENT_GONE

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._pass(scope, receive, watched)
        except Exception:
            status = 500
            raise
        finally:
            self._note(scope, status, time.perf_counter() - started)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if self.keys and not self._is_open(scope) and not self._has_key(request):
            self.metrics.rejected.labels("key").inc()
            reply = error_reply(
                401, "unauthorized", "a key is needed: send it as `Authorization: Bearer KEY`",
                headers={"WWW-Authenticate": "Bearer"},
            )  # fmt: skip
            await reply(scope, receive, send)
            return
        length = request.headers.get("content-length", "0")
        if length.isdigit() and int(length) > self.max_body_bytes:
            await self._too_large(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.read_timeout_s):
                whole = await self._read_within_limit(scope, receive, send)
        except TimeoutError:
            self.metrics.rejected.labels("slow").inc()
            message = f"the body did not arrive within {self.read_timeout_s:g} seconds: send it faster, or less"
            reply = error_reply(408, "too_slow", message, headers={"Connection": "close"})
            await reply(scope, receive, send)
            return
        if whole is not None:
            await self._replay(whole, scope, receive, send)

    async def _read_within_limit(self, scope: Scope, receive: Receive, send: Send) -> bytes | None:
        """The body, so that a route only ever starts with a whole one of an allowed size; None: it is answered."""
        chunks, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            more = message.get("more_body", False)
            if size > self.max_body_bytes:
                await self._too_large(scope, receive, send)
                return None
        return b"".join(chunks)

    async def _replay(self, whole: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application read what was read."""
        body: Message | None = {"type": "http.request", "body": whole, "more_body": False}

        async def replay() -> Message:
            nonlocal body
            if body is None:
                return await receive()  # what comes after a body is the news that the client has gone
            first, body = body, None
            return first

        await self.app(scope, replay, send)

    async def _too_large(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.metrics.rejected.labels("body").inc()
        message = f"the body is larger than {self.max_body_bytes:,} bytes: send less at once"
        reply = error_reply(413, "too_large", message, headers={"Connection": "close"})
        await reply(scope, receive, send)

    def _is_open(self, scope: Scope) -> bool:
        is_preflight = scope["method"] == "OPTIONS"
        return is_preflight or scope["path"] in _OPEN_PATHS or scope["path"].startswith(_OPEN_FOLDER)

    def _has_key(self, request: Request) -> bool:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        given = hashlib.sha256(key.strip().encode("utf-8", "surrogateescape")).digest()
        # All are compared, always: how long it takes says nothing about which came close.
        matches = [hmac.compare_digest(given, known) for known in self.keys]
        return scheme.lower() == "bearer" and any(matches)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "(none)")  # not the path: strangers choose those
        self.metrics.requests.labels(route, str(status)).inc()
        self.metrics.seconds.labels(route).observe(seconds)
        log.info(_line("request", method=scope["method"], route=route, status=status, ms=round(1000 * seconds, 2)))


def _line(event: str, **values: Any) -> str:
    """A line of the log: JSON, and never what users wrote."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return json.dumps({"time": now, "event": event, **values}, ensure_ascii=False)


def say(event: str, **values: Any) -> None:
    """Write an event of the service itself into the log."""
    log.info(_line(event, **values))
