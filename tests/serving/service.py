"""A real service in a process of its own, and plain HTTP to it."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any


@dataclass
class Reply:
    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class Service:
    process: "subprocess.Popen[str]"
    port: int
    log: "Future[str]"
    """All it writes into its log, when it has ended."""

    def ask(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str) -> Reply:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            return ask_on(connection, method, path, body, raw=raw, **headers)
        finally:
            connection.close()

    def post(self, path: str, body: Any) -> Any:
        """What a good request is answered."""
        reply = self.ask("POST", path, body)
        assert reply.status == 200, reply.body
        return reply.body

    def metric(self, name: str) -> float:
        """Sum of a metric over its labels."""
        lines = self.ask("GET", "/metrics").body.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    def stop(self) -> tuple[int, str]:
        """End it by SIGTERM: its exit code, and its log."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30), self.log.result(30)


def ask_on(
    connection: http.client.HTTPConnection, method: str, path: str, body: Any = None, *,
    raw: bytes | None = None, **more: str,
) -> Reply:  # fmt: skip
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    connection.request(method, path, data, {"Content-Type": "application/json", **more})
    response = connection.getresponse()
    text = response.read().decode()
    headers = {name.lower(): value for name, value in response.headers.items()}
    is_json = response.headers.get("content-type", "").startswith("application/json")
    return Reply(response.status, json.loads(text) if is_json else text, headers)


@contextmanager
def serving(*arguments: object) -> Iterator[Service]:
    """`malmoi serve` on a free port until the block ends."""
    command = [sys.executable, "-m", "malmoi.cli", "serve", *map(str, arguments), "--port", "0", "--threads", "1"]
    reader = ThreadPoolExecutor(1)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        assert process.stderr is not None
        port = _port(process.stderr)
        # Its log must be read, or it would stop at a full pipe.
        service = Service(process, port, reader.submit(process.stderr.read))
        _wait_until_ready(service)
        yield service
    finally:
        process.kill()
        process.wait()
        reader.shutdown()
        assert process.stderr is not None
        process.stderr.close()


def _port(log: IO[str]) -> int:
    # Loading may warn first. Where the process ends, so does its log.
    said = ""
    for line in log:
        if line.startswith("http://127.0.0.1:"):
            return int(line.rsplit(":", 1)[1])
        said += line
    raise AssertionError(f"the service never said where it is: {said}")


def _wait_until_ready(service: Service) -> None:
    # Until the models are loaded the socket listens, and nobody answers.
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and service.process.poll() is None:
        with suppress(TimeoutError):
            if service.ask("GET", "/readyz").status == 200:
                return
        time.sleep(0.05)
    raise AssertionError("the service never became ready")
