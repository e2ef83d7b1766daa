"""Running the service: a socket, one process or several, signals. What it answers is `app.py`.

SIGTERM and Ctrl-C: no new connections, what was taken is answered, then the end. SIGHUP: models whose directories
changed are loaded anew, and requests under way keep the old ones.
"""

import asyncio
import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from malmoi.errors import OptionError
from malmoi.model.directory import onnx_file
from malmoi.model.onnx_runtime import usable_cores
from malmoi.search.embedder import Embedder
from malmoi.serving.app import create_app
from malmoi.serving.compatible import add_routes
from malmoi.serving.gate import log, read_keys
from malmoi.serving.options import ServeOptions
from malmoi.serving.protocol import protocol_with
from malmoi.serving.search_routes import add_search_routes
from malmoi.serving.served import Served, name_directories
from malmoi.serving.served_index import ServedIndex
from malmoi.serving.service import Service
from malmoi.serving.text_routes import add_text_routes
from malmoi.shipped import shipped_models

_GRACE_S = 60
_SWITCH_S = 0.0002
"""How long a thread that has computed a batch waits for Python while the event loop reads requests; by default 5 ms."""


@dataclass(frozen=True)
class Named:
    """What is served, by name."""

    models: dict[str, Path]
    indexes: dict[str, Path]


def name_all(directories: Sequence[Path], options: ServeOptions) -> Named:
    """What is served: the models that were asked for; where nothing was, those that ship.

    Raises:
        OptionError: nothing, or two of one name.
    """
    indexes = name_directories(options.index or (), "index")
    chosen = list(directories)
    if not chosen and not indexes:
        # What ships as weights alone needs PyTorch; the others are served without it.
        chosen = [path for path in shipped_models() if onnx_file(path) is not None or find_spec("torch")]
    if not chosen and not indexes:
        raise OptionError(
            "no model to serve, and none ships with this malmoi: expected a directory made by `malmoi finetune` or "
            "`malmoi export` (`malmoi quickstart` makes one in minutes), or an index with --index"
        )
    return Named(name_directories(chosen, "model"), indexes)


def serve(directories: Sequence[Path], options: ServeOptions) -> None:
    """Serve models and indexes until a signal ends it.

    Args:
        directories: model directories, each perhaps as `name=directory`.
        options: where, and within which limits; and the indexes.

    Raises:
        OptionError: the port is taken, or nothing to serve. CheckpointError: a model cannot be loaded, or is not that
            of its index. InputError: the file of keys, or an index, cannot be read.
    """
    named = name_all(directories, options)
    if options.api_key_file:
        read_keys(options.api_key_file)
    sock = bind(options.host, options.port)
    if options.workers == 1:
        _serve_here(named, options, sock)
    else:
        _say_where(sock, options)
        _serve_in_processes(named, options, sock)


def _say_where(sock: socket.socket, options: ServeOptions) -> None:
    print(f"http://{options.host}:{sock.getsockname()[1]}", file=sys.stderr, flush=True)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        OptionError: the address is not ours, or the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise OptionError(
            f"cannot listen on {host}:{port} ({error.strerror}): choose another --port, or 0 for any"
        ) from error
    sock.listen(2048)
    return sock


def load_app(named: Named, options: ServeOptions) -> FastAPI:
    """The application, its models and indexes loaded.

    Raises:
        MalmoiError: see `serve`.
    """
    n_threads = options.threads or max(1, usable_cores() // options.workers)
    models = {
        name: Served(name, directory, device=options.device, n_threads=n_threads)
        for name, directory in named.models.items()
    }

    def embedders() -> list[Embedder]:
        found = (served.current.named_embedder(served.directory) for served in models.values())
        return [embedder for embedder in found if embedder is not None]

    indexes = {
        name: ServedIndex(name, directory, embedders, device=options.device, n_threads=n_threads)
        for name, directory in named.indexes.items()
    }
    routes = (add_search_routes, add_text_routes, add_routes)
    return create_app(models, options, indexes=indexes, add_routes=routes)


def _serve_here(named: Named, options: ServeOptions, sock: socket.socket) -> None:
    _quiet_sigterm()
    sys.setswitchinterval(_SWITCH_S)
    app = load_app(named, options)
    if options.workers == 1:
        _say_where(sock, options)  # not before: a model that cannot be loaded is all that is said
    _log_to_stderr()
    _reload_on_hangup(app)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE_S, timeout_keep_alive=30,
        server_header=False, proxy_headers=False, backlog=2048, http=protocol_with(options.read_timeout_s),
    )  # fmt: skip
    # uvicorn repeats the signal that ended it once all is answered; a clean end is no failure.
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[sock])


def _quiet_sigterm() -> None:
    """What SIGTERM does before and after uvicorn listens to it: end with success."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def _reload_on_hangup(app: Any) -> None:
    service: Service = app.state.service
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: Any) -> Any:
        running: set[asyncio.Task[None]] = set()

        def start() -> None:
            task = asyncio.create_task(service.reload())
            running.add(task)
            task.add_done_callback(running.discard)

        if hasattr(signal, "SIGHUP"):
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, start)
        async with inner(app) as state:
            yield state

    app.router.lifespan_context = lifespan


def _log_to_stderr() -> None:
    # A line of the log says what it says; who called, and from which thread, would be found out for each of them.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False


def _serve_in_processes(named: Named, options: ServeOptions, sock: socket.socket) -> None:
    """Children share the socket; signals are passed on. If one dies, all end: what supervises us starts us anew."""
    context = multiprocessing.get_context("spawn")
    children: list[BaseProcess] = [
        context.Process(target=_serve_here, args=(named, options, sock), name=f"worker-{number}")
        for number in range(options.workers)
    ]

    def pass_on(number: int, _: FrameType | None) -> None:
        for child in children:
            if child.pid is not None and child.is_alive():
                os.kill(child.pid, number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    for child in children:
        child.start()
    sock.close()
    multiprocessing.connection.wait([child.sentinel for child in children])
    pass_on(signal.SIGTERM, None)
    for child in children:
        child.join()
    # One that was still loading knew no handler yet.
    if any(child.exitcode not in (0, -signal.SIGTERM) for child in children):
        raise SystemExit(1)
