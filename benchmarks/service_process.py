"""A service in a process of its own, its log, and plain connections to it."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

MAX_QUEUE = 256
HEAD = b"POST /embed HTTP/1.1\r\nHost: malmoi\r\nContent-Type: application/json\r\n"


class Server:
    """`malmoi serve` and its log."""

    def __init__(self, model: Path) -> None:
        command = [sys.executable, "-m", "malmoi.cli", "serve", f"m={model}", "--port", "0"]
        limits = ["--max-queue", str(MAX_QUEUE), "--max-examples", "64", "--read-timeout-s", "5"]
        self.process = subprocess.Popen([*command, *limits], stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        self.port = port_of(self.process.stderr)
        self.log: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stderr or ():
            with suppress(ValueError):  # warnings are no JSON
                self.log.append(json.loads(line))

    def count(self, event: str, **values: object) -> int:
        """Lines of the log with these values."""
        wanted = {"event": event, **values}
        return sum(all(line.get(name) == value for name, value in wanted.items()) for line in list(self.log))

    @property
    def resident_mb(self) -> float:
        """Its memory."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


class Client:
    """One connection, kept."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, texts: list[str]) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body; a connection that the service closed between two requests is opened again."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._streams
        body = json.dumps({"inputs": texts}).encode()
        try:
            writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            answer = await reader.readexactly(int(headers["content-length"]))
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            raise
        return int(status.split()[1]), headers, json.loads(answer)

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


def port_of(log: Iterable[str]) -> int:
    """Where a service that is starting says it listens; it may warn first."""
    for line in log:
        if line.startswith("http://"):
            return int(line.rsplit(":", 1)[1])
    raise SystemExit("the service did not start")
