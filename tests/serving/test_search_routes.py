"""Search and answers over HTTP: the same as in process, with reasons; replaced and vanished indexes; bad input."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from service import Service, serving

from malmoi.errors import CheckpointError, MalmoiError
from malmoi.predictor import Predictor
from malmoi.search.answer import Answerer, Reranker
from malmoi.search.build import build_index, update_index
from malmoi.search.index import Index
from malmoi.search.options import AnswerOptions
from malmoi.serving.options import ServeOptions
from malmoi.serving.run import load_app, name_all

pytestmark = pytest.mark.filterwarnings("ignore::malmoi.search.embedder.RawVectorsWarning")
QUERY = "책을 빌리려면 무엇이 필요한가요?"


def test_what_can_be_searched(library: Service) -> None:
    guide, terms = library.ask("GET", "/v1/indexes").body["data"]
    assert (guide["id"], guide["documents"], guide["ways"]) == ("guide", 5, ["hybrid", "rrf", "vector", "lexical"])
    assert guide["model"].startswith("pretrained (mean, ") and guide["fields"] == {"title": "text", "year": "integer"}
    assert (terms["ways"], terms["model"]) == (["lexical"], None)


@pytest.mark.parametrize("by", [None, "hybrid", "rrf", "vector", "lexical"])
@pytest.mark.parametrize("where", [None, "year >= 2020"])
def test_a_search_is_that_in_process_and_says_why(library: Service, indexes: Path, by: Any, where: str | None) -> None:
    reply = library.post("/v1/search", {"query": QUERY, "index": "guide", "top_k": 4, "where": where, "by": by})
    expected = Index.load(indexes / "guide").search(QUERY, 4, where=where, by=by)
    assert reply["by"] == (by or "hybrid")
    assert [hit["id"] for hit in reply["hits"]] == [hit.id for hit in expected] != []
    for hit, own in zip(reply["hits"], expected, strict=True):
        assert hit["score"] == pytest.approx(own.score, abs=1e-4)
        assert (hit["text"], hit["fields"]) == (own.text, dict(own.fields))
        lexical, vector = hit["why"]["lexical"], hit["why"]["vector"]
        if lexical:
            assert sum(hit["why"]["terms"].values()) == pytest.approx(lexical["score"], abs=1e-3)
        if reply["by"] == "rrf":
            assert hit["score"] == pytest.approx(
                sum(1 / (60 + way["rank"]) for way in (lexical, vector) if way), abs=1e-4
            )
        elif reply["by"] != "hybrid":
            assert (vector is None) == (by == "lexical")


def test_answers_are_those_in_process(library: Service, indexes: Path, judges: Path) -> None:
    index, reranker = Index.load(indexes / "guide"), Reranker.load(judges / "pair", device="cpu")
    reader = Predictor.load(judges / "reader", device="cpu")
    for candidates in (1, 4):
        for threshold in (None, 1.1):
            options = AnswerOptions(candidates=candidates, threshold=threshold)
            expected = Answerer(index, reranker, reader, options).answer(QUERY).to_json()
            body = {"question": QUERY, "rerank": "pair", "read": "reader", "candidates": candidates}
            reply = library.post("/v1/answer", {**body, "threshold": threshold})
            for name in ("answer", "start", "end"):
                assert reply[name] == expected[name]
            assert (reply["document"] or {}).get("id") == (expected["document"] or {}).get("id")
            assert [hit["id"] for hit in reply["candidates"]] == [hit["id"] for hit in expected["candidates"]]
            if reply["answer"]:
                assert reply["document"]["text"][reply["start"] : reply["end"]] == reply["answer"]
    plain = library.post("/v1/answer", {"question": QUERY, "index": "terms"})
    assert plain["answer"] == plain["document"]["text"] and plain["start"] is None


BAD: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("empty", "search", {"query": "  "}, 422, "empty"),
    ("a number", "search", {"query": 3}, 422, "query"),
    ("too long", "search", {"query": "가" * 20_001}, 422, "query"),
    ("nothing wanted", "search", {"query": "a", "top_k": 0}, 422, "top_k"),
    ("another index", "search", {"query": "a", "index": "none"}, 404, "guide, terms"),
    ("another way", "search", {"query": "a", "by": "magic"}, 422, "by"),
    ("vectors that are not there", "search", {"query": "a", "index": "terms", "by": "vector"}, 422, "no vectors"),
    ("no condition", "search", {"query": "a", "where": "year >="}, 422, "where is"),
    ("another field", "search", {"query": "책", "where": "price > 3"}, 422, "where is"),
    ("no question", "answer", {}, 422, "question"),
    ("another model", "answer", {"question": "책", "rerank": "none"}, 404, "none"),
    ("a model of another task", "answer", {"question": "책", "rerank": "opinions"}, 422, "expected pair or regression"),
    ("a model without task", "answer", {"question": "책", "read": "base"}, 422, "has no task"),
    ("another label", "answer", {"question": "책", "rerank": "pair", "positive": "x"}, 422, "one of 0, 1"),
]


@pytest.mark.parametrize(("route", "body", "status", "word"), [case[1:] for case in BAD], ids=[c[0] for c in BAD])
def test_bad_input(library: Service, route: str, body: dict[str, Any], status: int, word: str) -> None:
    reply = library.ask("POST", f"/v1/{route}", body)
    assert reply.status == status, reply.body
    assert set(reply.body["error"]) == {"type", "message", "param", "code"}
    assert word in reply.body["error"]["message"]
    assert library.post("/v1/search", {"query": "책"})["hits"], "and the next search is answered"


def test_a_condition_is_no_more_than_a_condition(library: Service) -> None:
    library.ask("POST", "/v1/search", {"query": "책", "where": "year > 1; DROP TABLE documents; DELETE FROM documents"})
    assert library.ask("GET", "/v1/indexes").body["data"][0]["documents"] == 5


def test_a_query_of_a_hundred_thousand_characters_or_of_none_known(exported: Path, indexes: Path) -> None:
    with serving("--index", f"guide={indexes / 'guide'}", "--max-chars", 200_000) as alone:
        assert alone.post("/v1/search", {"query": "책을 " * 33_000})["hits"]
        assert alone.post("/v1/search", {"query": "ㅋ", "by": "lexical"})["hits"] == []
        # Without a model: the page, the list and the other routes answer too, and say what is missing.
        assert alone.ask("GET", "/v1/models").body["data"] == []
        for path, body in (
            ("/embed", {"inputs": "a"}),
            ("/v1/embeddings", {"input": "a"}),
            ("/predict", {"inputs": "a"}),
        ):
            assert alone.ask("POST", path, body).status == 404
        assert alone.ask("GET", "/info").status == alone.ask("POST", "/v1/graph", {"text": "a"}).status == 404
        assert alone.metric('malmoi_search_seconds_count{index="guide"}') >= 2


def ask_until(done: threading.Event, service: Service, statuses: "Counter[Any]") -> None:
    while not done.is_set():
        reply = service.ask("POST", "/v1/search", {"query": "고래 책"})
        statuses[reply.status if reply.status != 200 else len(reply.body["hits"])] += 1
        time.sleep(0.02)  # the processor is also wanted by what is replaced


def test_an_index_is_replaced_and_written_while_searches_run(documents: Path, exported: Path, tmp_path: Path) -> None:
    model, index = tmp_path / "model", tmp_path / "index"
    shutil.copytree(exported / "pretrained", model)
    build_index(str(model), documents, index)
    more = tmp_path / "more.jsonl"
    more.write_text(json.dumps({"id": "new", "text": "고래 책을 새로 샀다."}) + "\n", encoding="utf-8")
    with serving("--index", index) as service:
        done, statuses = threading.Event(), Counter[Any]()
        threads = [threading.Thread(target=ask_until, args=(done, service, statuses)) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            update_index(str(model), more, index)
            wait_for_hits(service, "new")
            for _ in range(3):
                build_index("lexical", more, index, force=True)  # of another kind, and without a signal
            wait_for_hits(service, "new", n=1)
            build_index(str(model), documents, index, force=True)
            service.process.send_signal(signal.SIGHUP)
            wait_for_hits(service, "whale")
            # What cannot be opened is told in the log; the one that is open goes on.
            (index / "manifest.json").write_text("{}", encoding="utf-8")
            service.process.send_signal(signal.SIGHUP)
            deadline = time.monotonic() + 30
            while not service.metric('malmoi_reloads_total{model="index",outcome="failed"}'):
                assert time.monotonic() < deadline
            assert service.post("/v1/search", {"query": "고래"})["hits"]
        finally:
            done.set()
            for thread in threads:
                thread.join(30)
        assert set(statuses) <= {1, 2, 3, 4, 5, 6}, statuses
        shutil.rmtree(index)
        reply = service.ask("POST", "/v1/search", {"query": "고래"})
        assert (reply.status, reply.body["error"]["type"]) == (503, "unavailable")


def wait_for_hits(service: Service, name: str, n: int | None = None) -> None:
    deadline = time.monotonic() + 30
    while True:
        found = [hit["id"] for hit in service.post("/v1/search", {"query": "고래 책", "top_k": 10})["hits"]]
        if name in found and n in (None, len(found)):
            return
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_searches_beyond_the_queue_are_refused(indexes: Path) -> None:
    limits = ["--max-queue", 2, "--max-examples", 2]
    with serving("--index", indexes / "guide", *limits) as service:
        statuses = Counter[int]()

        def client() -> None:
            for _ in range(5):
                statuses[service.ask("POST", "/v1/search", {"query": QUERY}).status] += 1

        threads = [threading.Thread(target=client) for _ in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert set(statuses) == {200, 429}, statuses


def test_an_index_whose_model_moved_is_served_with_that_model(documents: Path, exported: Path, tmp_path: Path) -> None:
    place = tmp_path / "before"
    shutil.copytree(exported / "pretrained", place)
    build_index(str(place), documents, tmp_path / "index")
    place.rename(tmp_path / "after")
    refused = refusal("--index", tmp_path / "index")
    assert "serve that model as well" in refused and "before" in refused
    with serving(f"base={tmp_path / 'after'}", "--index", tmp_path / "index") as service:
        assert service.post("/v1/search", {"query": "고래", "by": "vector"})["hits"]
    shutil.copytree(exported / "model", place)  # another model where the old one lay
    options = ServeOptions(index=[str(tmp_path / "index")])
    with pytest.raises(CheckpointError, match="their vectors cannot be compared"):
        load_app(name_all([], options), options)


def test_what_cannot_be_served(exported: Path, indexes: Path, tmp_path: Path) -> None:
    for given, word in (
        ([tmp_path / "missing"], "does not exist"),
        ([exported / "model"], "is a model directory"),
        ([indexes / "terms", indexes / "terms"], "two indexes"),
    ):
        options = ServeOptions(index=[str(path) for path in given])
        with pytest.raises(MalmoiError, match=word):
            load_app(name_all([], options), options)


def refusal(*arguments: object) -> str:
    """The one line of error."""
    command = [sys.executable, "-m", "malmoi.cli", "serve", *map(str, arguments), "--port", "0"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    [error] = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    return error
