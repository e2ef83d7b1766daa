"""Clients that people have already: OpenAI's package, and the one of Hugging Face for text-embeddings-inference."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from service import Service
from snippets import ROOT, blocks

from malmoi.search.embedder import Embedder

TEXTS = ["고래는 바다에 산다.", "책을 읽는 시간이 좋다."]
pytestmark = pytest.mark.filterwarnings("ignore::malmoi.search.embedder.RawVectorsWarning")


@pytest.fixture(scope="module")
def vectors(exported: Path) -> np.ndarray:
    return Embedder.load(exported / "pretrained").encode(TEXTS)


def test_openai(service: Service, vectors: np.ndarray) -> None:
    openai = pytest.importorskip("openai", reason="openai is not installed")
    with openai.OpenAI(base_url=f"http://127.0.0.1:{service.port}/v1", api_key="any", max_retries=0) as client:
        assert [model.id for model in client.models.list()] == ["opinions", "base"]
        for encoding in (openai.NOT_GIVEN, "float", "base64"):
            answer = client.embeddings.create(model="base", input=TEXTS, encoding_format=encoding)
            if encoding != "base64":  # asked for by name it is left packed
                np.testing.assert_allclose([each.embedding for each in answer.data], vectors, atol=1e-5)
            assert answer.model == "base" and answer.usage.total_tokens > 4
        [one] = client.embeddings.create(model="base", input=TEXTS[0], dimensions=128).data
        np.testing.assert_allclose(one.embedding, vectors[0], atol=1e-5)
        with pytest.raises(openai.NotFoundError, match="opinions, base"):
            client.embeddings.create(model="text-embedding-3-small", input=TEXTS)
        with pytest.raises(openai.UnprocessableEntityError, match="expected 128"):
            client.embeddings.create(model="base", input=TEXTS, dimensions=3)


def test_the_page_shows_what_works(service: Service, vectors: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("openai", reason="openai is not installed")
    snippets = blocks(ROOT / "docs" / "serving.md", "python")
    assert len(snippets) == 4
    names: dict[str, Any] = {}
    for snippet in snippets:
        here = snippet.replace("8000", str(service.port)).replace("model8", "opinions")
        exec(compile(here, "serving.md", "exec"), names)
    assert "positive" in capsys.readouterr().out
    np.testing.assert_allclose(names["encode"](TEXTS), vectors, atol=1e-5)
    names["client"].close()


def test_hugging_face(service: Service, vectors: np.ndarray) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    client = hub.InferenceClient(model=f"http://127.0.0.1:{service.port}/embed")
    np.testing.assert_allclose(client.feature_extraction(TEXTS[0]), vectors[:1], atol=1e-5)
    # It takes the first of what it is given for the answer to its text.
    best = hub.InferenceClient(model=f"http://127.0.0.1:{service.port}/predict").text_classification("좋았다")
    assert best["label"] in ("negative", "positive") and best["score"] >= 0.5
