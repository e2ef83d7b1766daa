"""An analyser behind HTTP: a real server on this machine that answers as ETRI's does, counts and fails."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from malmoi.errors import AnalyzerError, OptionError
from malmoi.morphology.http import HttpAnalyzer, HttpOptions
from malmoi.morphology.morph import analyze

# 책을 봤다: bytes, as the service counts.
_MORPHS = [("책", "NNG", 0), ("을", "JKO", 3), ("보", "VV", 7), ("았", "EP", 7), ("다", "EF", 10)]


class Server(ThreadingHTTPServer):
    """Answers from `codes`, one a request, then 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.codes: list[int] = []
        self.requests: list[tuple[str | None, str]] = []
        self.answer: Any = None


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.headers["Authorization"], body["argument"]["text"]))
        code = self.server.codes.pop(0) if self.server.codes else 200
        morphs = [{"id": i, "lemma": f, "type": t, "position": p} for i, (f, t, p) in enumerate(_MORPHS)]
        answer = self.server.answer or {"result": 0, "return_object": {"sentence": [{"id": 0, "morp": morphs}]}}
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def _options(server: Server, tmp_path: Path, **more: Any) -> HttpOptions:
    url = f"http://127.0.0.1:{server.server_port}/morp"
    return HttpOptions(url=url, cache=tmp_path / "cache.sqlite", key="secret", pause=0.01, **more)


def test_an_answer_has_spans_in_characters(server: Server, tmp_path: Path) -> None:
    [morphs] = analyze(HttpAnalyzer(_options(server, tmp_path)), ["책을 봤다"])
    assert [(m.form, m.tag, m.start, m.end) for m in morphs] == [
        ("책", "NNG", 0, 1),
        ("을", "JKO", 1, 2),
        ("보", "VV", 3, 4),
        ("았", "EP", 3, 4),
        ("다", "EF", 4, 5),
    ]
    assert morphs[2].lemma == "보다"
    assert server.requests == [("secret", "책을 봤다")]


def test_nothing_is_asked_twice_and_the_quota_is_kept(server: Server, tmp_path: Path) -> None:
    options = _options(server, tmp_path, max_requests_a_day=2)
    texts = ["하나", "둘", "하나", "셋"]
    with pytest.raises(AnalyzerError, match=r"the 2 requests of .* are used up: run the same command again tomorrow"):
        list(analyze(HttpAnalyzer(options), texts))
    assert [text for _, text in server.requests] == ["하나", "둘"]
    # Another process, the next day: only what is missing is asked.
    assert len(list(analyze(HttpAnalyzer(_options(server, tmp_path)), texts))) == 4
    assert [text for _, text in server.requests] == ["하나", "둘", "셋"]


def test_faults_that_may_pass_are_tried_again(server: Server, tmp_path: Path) -> None:
    server.codes = [503, 429]
    assert len(next(analyze(HttpAnalyzer(_options(server, tmp_path)), ["책을 봤다"]))) == 5
    assert len(server.requests) == 3
    server.codes = [403]
    with pytest.raises(AnalyzerError, match=r"gives no answer to '다른' .403 Forbidden.: check address and key"):
        next(analyze(HttpAnalyzer(_options(server, tmp_path)), ["다른"]))
    assert len(server.requests) == 4


def test_answers_that_are_none(server: Server, tmp_path: Path) -> None:
    server.answer = {"result": 0, "return_object": {"sentence": [{"words": []}]}}
    with pytest.raises(AnalyzerError, match=r"expected return_object\.sentence\[\]\.morp\[\]"):
        next(analyze(HttpAnalyzer(_options(server, tmp_path)), ["책"]))
    server.answer = {"result": -1, "reason": "bad key"}
    with pytest.raises(AnalyzerError, match="result -1: bad key"):
        next(analyze(HttpAnalyzer(_options(server, tmp_path, tries=1)), ["다른"]))


def test_options_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="url is 'ftp://x'"):
        HttpOptions(url="ftp://x", cache=tmp_path / "c")
    with pytest.raises(OptionError, match="tries 0"):
        HttpOptions(url="http://x", cache=tmp_path / "c", tries=0)
    (tmp_path / "c").write_bytes(b"no database, certainly not" * 100)
    with pytest.raises(AnalyzerError, match="cannot be opened"):
        next(analyze(HttpAnalyzer(HttpOptions(url="http://x", cache=tmp_path / "c")), ["책"]))
    assert "secret" not in repr(HttpOptions(url="http://x", cache=tmp_path / "c", key="secret"))
