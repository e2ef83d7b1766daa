"""Vectors: of length one, in the order of the texts, the same from weights and from a graph, alone and together."""

from pathlib import Path

import numpy as np

from malmoi.search.embedder import Embedder

TEXTS = ["고래는 바다에 산다.", "", "짧다", "아주 긴 문장이 이어진다 " * 200, "바다에는 고래가 산다."]


def test_vectors(quick_run: Path, exported: Path) -> None:
    graph = Embedder.load(exported / "pretrained")
    vectors = graph.encode(TEXTS)
    assert vectors.shape == (5, graph.width) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    weights = Embedder.load(quick_run / "pretrained", device="cpu", precision="fp32")
    np.testing.assert_allclose(weights.encode(TEXTS), vectors, atol=1e-5)
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(graph.encode([text])[0], vector, atol=1e-5)
    assert graph.encode([]).shape == (0, graph.width)
