"""Downloads against a real server on this machine that breaks off, changes its files, or ignores ranges."""

import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from malmoi import download
from malmoi.download import fetch
from malmoi.errors import InputError

CONTENT = bytes(range(256)) * 400
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """What it serves, and how badly."""

    content = CONTENT
    tag = '"first"'
    breaks_after: int | None = None
    """Bytes after which every connection breaks off."""
    knows_ranges = True
    status = 200
    n_requests = 0
    ranges: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        server.n_requests += 1
        wanted = self.headers.get("Range", "")
        server.ranges.append(wanted)
        start = 0
        if wanted and server.knows_ranges and self.headers.get("If-Range") == server.tag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if server.status != 200 or start > len(server.content):
            self.send_error(server.status if server.status != 200 else 416)
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", server.tag)
        self.end_headers()
        self.wfile.write(body if server.breaks_after is None else body[: server.breaks_after])

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as made:
        made.ranges = []
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/file.txt"


def test_a_file_is_fetched_once_and_checked(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.txt"
    assert fetch(address(server), path, sha256=SHA256).read_bytes() == CONTENT
    fetch(address(server), path, sha256=SHA256)
    assert server.n_requests == 1
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


def test_broken_connections_are_taken_up(server: Server, tmp_path: Path) -> None:
    server.breaks_after = 30_000
    path = fetch(address(server), tmp_path / "file.txt", sha256=SHA256)
    assert path.read_bytes() == CONTENT
    assert server.ranges == ["", "bytes=30000-", "bytes=60000-", "bytes=90000-"]


def test_a_later_call_goes_on(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    (tmp_path / ".file.txt.part").write_bytes(CONTENT[:50_000])
    (tmp_path / ".file.txt.part.json").write_text('{"version": "\\"first\\""}')
    assert fetch(address(server), path).read_bytes() == CONTENT
    assert server.ranges == ["bytes=50000-"]


@pytest.mark.parametrize("change", ["tag", "ranges", "too long"])
def test_what_cannot_go_on_begins_anew(server: Server, tmp_path: Path, change: str) -> None:
    """The file changed meanwhile; or the server sends all of it anyway; or the part is no beginning of it."""
    part = tmp_path / ".file.txt.part"
    part.write_bytes(b"x" * (len(CONTENT) + 9 if change == "too long" else 50_000))
    (tmp_path / ".file.txt.part.json").write_text('{"version": "\\"first\\""}')
    server.tag = '"second"' if change == "tag" else '"first"'
    server.knows_ranges = change != "ranges"
    assert fetch(address(server), tmp_path / "file.txt", sha256=SHA256).read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.content = b"another file"
    with pytest.raises(InputError, match=rf"expected {SHA256}"):
        fetch(address(server), tmp_path / "file.txt", sha256=SHA256)
    assert not list(tmp_path.iterdir())
    (tmp_path / "file.txt").write_bytes(b"mine")
    with pytest.raises(InputError, match="is not the published file"):
        fetch(address(server), tmp_path / "file.txt", sha256=SHA256)
    assert (tmp_path / "file.txt").read_bytes() == b"mine"


def test_a_server_that_never_sends_more_is_given_up_and_what_came_is_kept(server: Server, tmp_path: Path) -> None:
    server.breaks_after = 0
    with pytest.raises(InputError, match="broke off"):
        fetch(address(server), tmp_path / "file.txt")
    server.breaks_after, server.knows_ranges = 30_000, False
    server.n_requests = 0
    with pytest.raises(InputError, match="broke off"):
        fetch(address(server), tmp_path / "file.txt")
    assert server.n_requests < 20
    assert not (tmp_path / "file.txt").exists()


def test_what_is_not_there(server: Server, tmp_path: Path) -> None:
    server.status = 404
    began = time.monotonic()
    with pytest.raises(InputError, match="HTTP 404"):
        fetch(address(server), tmp_path / "file.txt")
    with pytest.raises(InputError, match="refused"):
        fetch("http://127.0.0.1:9/file.txt", tmp_path / "file.txt")
    with pytest.raises(InputError, match="expected http"):
        fetch("file:///etc/hostname", tmp_path / "file.txt")
    assert time.monotonic() - began < 5
    assert not (tmp_path / "file.txt").exists()


def test_a_server_that_says_nothing_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_TIMEOUT_S", 0.1)
    monkeypatch.setattr(Handler, "do_GET", lambda self: time.sleep(0.3))
    with pytest.raises(InputError, match="timed out"):
        fetch(address(server), tmp_path / "file.txt")
