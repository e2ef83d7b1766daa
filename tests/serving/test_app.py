"""What is asked and answered over HTTP: every route, every limit, one shape of errors."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from service import Service, serving

from malmoi.predictor import Predictor
from malmoi.search.embedder import Embedder

PREDICT = "/v1/models/opinions/predict"
TEXTS = ["정말 재미있고 좋았다.", "지루했다", "", "고래가 바다에서 숨을 쉰다. " * 20]


def test_state_and_models(service: Service) -> None:
    assert service.ask("GET", "/healthz").body == {"status": "ok"}
    assert service.ask("GET", "/readyz").status == 200
    opinions, base = service.ask("GET", "/v1/models").body["data"]
    assert (opinions["id"], opinions["task"], opinions["runs_on"]) == ("opinions", "classification", "onnx-int8")
    assert (opinions["labels"], opinions["fields"]) == (["negative", "positive"], ["text"])
    assert (base["task"], base["can_fill"], base["runs_on"]) == (None, True, "onnx")


def test_predictions_are_those_in_process(service: Service, exported: Path) -> None:
    predictor = Predictor.load(exported / "model")
    for text in TEXTS:
        [answer] = service.post(PREDICT, {"examples": [{"text": text, "label": "ignored"}]})["predictions"]
        assert answer == predictor.predict([{"text": text}])[0].to_json()


@pytest.mark.filterwarnings("ignore::malmoi.search.embedder.RawVectorsWarning")
def test_embeddings_in_three_shapes(service: Service, exported: Path) -> None:
    vectors = Embedder.load(exported / "pretrained").encode(TEXTS[:2])
    np.testing.assert_allclose(service.post("/embed", {"inputs": TEXTS[:2]}), vectors, atol=1e-5)
    answer = service.post("/v1/embeddings", {"model": "base", "input": TEXTS[:2]})
    np.testing.assert_allclose([each["embedding"] for each in answer["data"]], vectors, atol=1e-5)
    assert answer["usage"]["total_tokens"] > 4
    answer = service.post("/v1/embeddings", {"model": "", "input": TEXTS[0], "encoding_format": "base64"})
    packed = np.frombuffer(base64.b64decode(answer["data"][0]["embedding"]), "<f4")
    np.testing.assert_allclose(packed, vectors[0], atol=1e-5)


def test_other_services_shapes(service: Service) -> None:
    labels = service.post("/predict", {"inputs": "좋았다"})
    assert {each["label"] for each in labels} == {"negative", "positive"} and labels[0]["score"] >= labels[1]["score"]
    assert len(service.post("/predict", {"inputs": ["좋았다", "지루했다"]})) == 2
    assert service.ask("GET", "/info").body["max_client_batch_size"] == 8
    assert service.ask("POST", "/rerank", {"query": "ㄱ", "texts": ["ㄴ"]}).status == 404  # no model for pairs


def test_filling_and_cutting(service: Service) -> None:
    masks = service.post("/v1/models/base/fill", {"text": "고래는 [MASK] 산다 [MASK]", "top_k": 3})["masks"]
    assert [len(mask) for mask in masks] == [3, 3]
    assert masks[0][0]["probability"] >= masks[0][1]["probability"] > 0
    cut = service.post("/v1/models/opinions/tokenize", {"text": "고래는 산다"})
    assert (cut["pieces"][0], cut["spans"][-1]) == ("[CLS]", [6, 6])
    assert len(cut["pieces"]) == len(cut["ids"]) == len(cut["spans"])


BAD: list[tuple[str, str, Any, int, str]] = [
    ("a number as text", PREDICT, b'{"examples": [{"text": 3}]}', 422, "examples.0.text"),
    ("no text", PREDICT, b'{"examples": [{}]}', 422, "examples.0.text"),
    ("no examples", PREDICT, b'{"examples": []}', 422, "examples"),
    ("too many examples", PREDICT, {"examples": [{"text": "a"}] * 9}, 422, "examples"),
    ("too long a text", PREDICT, {"examples": [{"text": "가" * 2001}]}, 422, "examples.0.text"),
    ("half a surrogate pair", PREDICT, b'{"examples": [{"text": "\\ud800"}]}', 422, "examples.0.text"),
    ("NaN", PREDICT, b'{"examples": [{"text": NaN}]}', 422, "NaN"),
    ("Infinity beside", PREDICT, b'{"examples": [{"text": "a"}], "x": -Infinity}', 422, "Infinity"),
    ("an endless number", PREDICT, b'{"examples": [{"text": "a"}], "x": ' + b"9" * 5000 + b"}", 422, "JSON"),
    ("deep nesting", PREDICT, b"[" * 50_000, 422, "JSON"),
    ("half an object", PREDICT, b'{"examples": [', 422, "JSON"),
    ("broken UTF-8", PREDICT, b'{"examples": [{"text": "\xff\xfe"}]}', 422, "JSON"),
    ("nothing", PREDICT, b"", 422, ""),
    ("a list", PREDICT, b"[]", 422, ""),
    ("null", PREDICT, b"null", 422, ""),
    ("another model", "/v1/models/none/predict", {"examples": [{"text": "a"}]}, 404, "opinions"),
    ("another action", "/v1/models/base/predict", {"examples": [{"text": "a"}]}, 404, "predict"),
    ("another model to embed", "/v1/embeddings", {"model": "none", "input": "a"}, 404, "none"),
    ("another width", "/v1/embeddings", {"input": "a", "dimensions": 3}, 422, "128"),
    ("no inputs", "/embed", {"inputs": []}, 422, "1 to 8"),
    ("three texts as a pair", "/predict", {"inputs": [["a", "b", "c"]]}, 422, "inputs"),
    ("no mask", "/v1/models/base/fill", {"text": "고래"}, 422, "[MASK]"),
    ("too large a body", "/embed", {"inputs": "a" * 100_001}, 413, "100,000"),
    ("nowhere", "/nowhere", {}, 404, "Not Found"),
]


@pytest.mark.parametrize(("path", "body", "status", "word"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_input(service: Service, path: str, body: Any, status: int, word: str) -> None:
    reply = service.ask("POST", path, raw=body if isinstance(body, bytes) else json.dumps(body).encode())
    assert reply.status == status, reply.body
    assert set(reply.body) == {"error"} and set(reply.body["error"]) == {"type", "message", "param", "code"}
    assert reply.body["error"]["code"] == status
    assert word in reply.body["error"]["message"]


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "json", ""])
def test_a_body_must_say_that_it_is_json(service: Service, media_type: str) -> None:
    """A page of strangers may have a browser send these, without asking, to a service on the same machine."""
    reply = service.ask("POST", PREDICT, {"examples": [{"text": "고래"}]}, **{"Content-Type": media_type})
    assert reply.status == 422 and "application/json" in reply.body["error"]["message"]


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON", "application/ld+json"])
def test_json_by_another_name(service: Service, media_type: str) -> None:
    body = {"examples": [{"text": "고래"}]}
    assert service.ask("POST", PREDICT, body, **{"Content-Type": media_type}).status == 200


def test_wrong_method_has_the_same_shape(service: Service) -> None:
    reply = service.ask("GET", PREDICT)
    assert reply.status == 405 and reply.body["error"]["code"] == 405


def test_the_schema_shows_the_tasks_own_fields(service: Service) -> None:
    schema = service.ask("GET", "/openapi.json").body
    example = schema["components"]["schemas"]["ClassificationExample"]
    assert list(example["properties"]) == ["text"] and example["properties"]["text"]["maxLength"] == 2000
    assert example["properties"]["text"]["description"] == "Any text, also an empty one."
    assert {PREDICT, "/v1/embeddings", "/embed", "/rerank", "/predict"} <= set(schema["paths"])


def test_keys_cors_and_a_log_without_texts(exported: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    digest = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"  # of "password"
    keys.write_text(f"# ours\nsecret-one\nsha256:{digest}\n", encoding="utf-8")
    origin = "https://malmoi.example"
    with serving(exported / "model", "--api-key-file", keys, "--cors", origin) as service:
        path, body = "/v1/models/model/predict", {"examples": [{"text": "아무도 몰라야 할 말"}]}
        for wrong in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic secret-one"}):
            reply = service.ask("POST", path, body, **wrong)
            assert (reply.status, reply.body["error"]["type"]) == (401, "unauthorized")
        for key in ("secret-one", "password"):
            assert service.ask("POST", path, body, Authorization=f"Bearer {key}").status == 200
        assert service.ask("GET", "/metrics").status == 401
        assert service.ask("GET", "/healthz").status == service.ask("GET", "/").status == 200
        allowed = service.ask("GET", "/healthz", Origin=origin)
        assert allowed.headers["access-control-allow-origin"] == origin
        assert (
            "access-control-allow-origin" not in service.ask("GET", "/healthz", Origin="https://else.example").headers
        )
        code, log = service.stop()
    assert code == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert {"time", "event", "method", "route", "status", "ms"} <= set(lines[-1])
    assert "몰라야" not in log and "secret-one" not in log
