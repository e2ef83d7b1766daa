"""The models and indexes of a process, their queues and their metrics, as routes use them. No route is here."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from fastapi import Request
from starlette.exceptions import HTTPException

from malmoi.errors import MalmoiError
from malmoi.serving.batcher import Batcher
from malmoi.serving.gate import Metrics, say
from malmoi.serving.options import ServeOptions
from malmoi.serving.served import Served, Submit, work_on
from malmoi.serving.served_index import ServedIndex

T = TypeVar("T")


class ClientGoneError(Exception):
    """Nobody waits for the answer any more."""


class Service:
    """The models, their queue and their metrics, as routes use them."""

    def __init__(
        self, models: Mapping[str, Served], options: ServeOptions, indexes: Mapping[str, ServedIndex] | None = None
    ) -> None:
        self.models, self.indexes = dict(models), dict(indexes or {})
        self.options, self.metrics = options, Metrics()
        # One search at a time: what is wrong with one is no other's fault.
        self.searcher = Batcher(max_queue=options.max_queue, batch_tokens=1, observe=self.metrics.observe_search)
        self.batcher = Batcher(
            max_queue=options.max_queue,
            batch_tokens=options.batch_tokens,
            max_wait_ms=options.max_wait_ms,
            n_threads=max((served.current.runtime.at_once for served in models.values()), default=1),
            observe=self.metrics.observe,
        )
        self.metrics.waiting.set_function(lambda: self.batcher.n_waiting + self.searcher.n_waiting)
        self.is_ready = False

    def submit(self) -> Submit:
        """The way of one request into the models' queue."""
        return work_on(self.batcher, self.options.timeout_s)

    def submit_search(self) -> Submit:
        """The way of one request into the indexes' queue."""
        return work_on(self.searcher, self.options.timeout_s)

    def start(self) -> None:
        """Start computing."""
        self.batcher.start()
        self.searcher.start()
        self.is_ready = True

    def stop(self) -> None:
        """Finish what waits, then end."""
        self.is_ready = False
        self.searcher.stop()
        self.batcher.stop()

    def model(self, name: str) -> Served:
        """The model of this name.

        Raises:
            HTTPException: 404, with the names there are.
        """
        if name not in self.models:
            names = ", ".join(self.models) or "none: no model is served"
            raise HTTPException(404, f"there is no model {name!r}: expected one of {names}")
        return self.models[name]

    async def answer(self, request: Request, work: Coroutine[Any, Any, T]) -> T:
        """The work's result, or its end as soon as the client has gone.

        Raises:
            ClientGoneError: it has.
        """
        task, gone = asyncio.create_task(work), asyncio.create_task(_disconnect(request))
        try:
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ClientGoneError
            return task.result()
        finally:
            gone.cancel()
            task.cancel()

    async def reload(self) -> None:
        """Reload every model and index whose directory changed; one that cannot be loaded goes on as it is."""
        everything: list[Served | ServedIndex] = [*self.models.values(), *self.indexes.values()]
        for served in everything:
            name = served.name
            try:
                changed = await served.reload()
            except (MalmoiError, OSError) as error:
                self.metrics.reloads.labels(name, "failed").inc()
                say("reload failed", model=name, reason=str(error))
            else:
                if changed:
                    self.metrics.reloads.labels(name, "done").inc()
                say("reloaded" if changed else "unchanged", model=name)


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
