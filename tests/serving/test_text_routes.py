"""A text's graph and its ways to cut, over HTTP."""

import json
from pathlib import Path

import pytest
from service import Service

from malmoi.graph.extract import find_graph
from malmoi.graph.formats import to_record
from malmoi.predictor import Predictor


def test_the_graph_is_that_in_process(library: Service, travel_models: Path) -> None:
    entities, relations = (Predictor.load(travel_models / name, device="cpu") for name in ("entities", "relations"))
    lines = (travel_models / "train.jsonl").read_text(encoding="utf-8").splitlines()
    text = "\n".join(json.loads(line)["text"] for line in lines)
    reply = library.post("/v1/graph", {"text": text})
    expected = json.loads(json.dumps(to_record(find_graph(text, entities, relations))))
    assert reply["entities"] == expected["entities"] and len(reply["relations"]) > 5
    for found, own in zip(reply["relations"], expected["relations"], strict=True):
        assert found | {"score": 0} == own | {"score": 0} and found["score"] == pytest.approx(own["score"], abs=1e-3)
    assert reply["svg"].startswith("<svg") and set(reply["colours"]) == {e["type"] for e in reply["entities"]}
    nothing = library.post("/v1/graph", {"text": text, "threshold": 1})
    assert (nothing["relations"], nothing["svg"]) == ([], "")


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"text": "가", "entities": "pair"}, 422, "expected one for tagging"),
        ({"text": "가", "relations": "base"}, 422, "has no task"),
        ({"text": "가", "relations": "none"}, 404, "none"),
        ({"text": "가", "threshold": 2}, 422, "threshold"),
        ({}, 422, "text"),
    ],
)
def test_bad_input(library: Service, body: dict[str, object], status: int, word: str) -> None:
    reply = library.ask("POST", "/v1/graph", body)
    assert reply.status == status and word in reply.body["error"]["message"]


def test_an_empty_text_is_no_fault(library: Service) -> None:
    assert library.post("/v1/graph", {"text": " \n"})["entities"] == []
    assert {way["name"] for way in library.post("/v1/cut", {"text": ""})["ways"]} >= {"eojeol", "lemma", "korbert"}


def test_every_way_to_cut(library: Service) -> None:
    ways = {way["name"]: way for way in library.post("/v1/cut", {"text": "👍 섬에서 발견된다."})["ways"]}
    assert ways["lemma"]["units"] == ["👍", "섬", "에서", "발견", "되다", "."]
    assert ways["lemma"]["spans"][1] == [2, 3]  # characters, not UTF-16 units
