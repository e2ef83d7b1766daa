"""Vectors: in order, the same from weights and from a graph, alone and together, here and in sentence-transformers."""

import json
from pathlib import Path

import numpy as np
import pytest

from malmoi.errors import CheckpointError, OptionError
from malmoi.export import export_model
from malmoi.model.checkpoint import new_task_model, save_encoder
from malmoi.model.pooling import EmbeddingSettings, Pooling, read_embedding_settings, write_embedding_settings
from malmoi.search.embedder import Embedder, RawVectorsWarning
from malmoi.tokenizer.tokenizer import Tokenizer

TEXTS = ["고래는 바다에 산다.", "", "짧다", "아주 긴 문장이 이어진다 " * 200, "바다에는 고래가 산다."]


def save(source: Path, directory: Path, settings: EmbeddingSettings) -> Path:
    model = new_task_model(source, "pooled", 1)
    save_encoder(model, directory)
    Tokenizer.load(source).save(directory)
    write_embedding_settings(directory, settings, width=model.config.width)
    return directory


@pytest.mark.filterwarnings("ignore::malmoi.search.embedder.RawVectorsWarning")
def test_vectors(quick_run: Path, exported: Path) -> None:
    graph = Embedder.load(exported / "pretrained")
    vectors = graph.encode(TEXTS)
    assert vectors.shape == (5, graph.width) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    weights = Embedder.load(quick_run / "pretrained", device="cpu", precision="fp32")
    np.testing.assert_allclose(weights.encode(TEXTS), vectors, atol=1e-5)
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(graph.encode([text])[0], vector, atol=1e-5)
    np.testing.assert_allclose(graph.encode(TEXTS, batch_size=1), vectors, atol=1e-5)
    assert graph.encode([]).shape == (0, graph.width)
    with pytest.raises(OptionError, match="list of texts"):
        graph.encode("고래")
    with pytest.raises(OptionError, match="exported with pooling 'mean'"):
        Embedder.load(exported / "pretrained", pooling="cls")


def test_a_model_that_never_learnt_to_compare_texts_gives_a_warning(quick_run: Path) -> None:
    with pytest.warns(RawVectorsWarning, match="finetune embedding"):
        Embedder.load(quick_run / "pretrained", device="cpu")


def test_last_four_layers_are_those_of_transformers(quick_run: Path, tmp_path: Path) -> None:
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    saved = save(quick_run / "pretrained", tmp_path / "saved", EmbeddingSettings(pooling="last-four", normalize=False))
    embedder = Embedder.load(saved, device="cpu", precision="fp32")
    theirs = transformers.AutoModel.from_pretrained(saved).eval()
    [[row]] = embedder.rows(["고래는 바다에 산다."])
    with torch.no_grad():
        hidden = theirs(input_ids=torch.tensor(row.ids[None].astype(np.int64)), output_hidden_states=True).hidden_states
    expected = torch.stack(hidden[1:][-4:]).mean((0, 2))[0].numpy()
    np.testing.assert_allclose(embedder.encode(["고래는 바다에 산다."])[0], expected, atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_sentence_transformers_opens_what_is_saved_and_is_opened(
    pooling: Pooling, quick_run: Path, tmp_path: Path
) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    settings = EmbeddingSettings(pooling=pooling, normalize=pooling != "max", max_tokens=40)
    saved = save(quick_run / "pretrained", tmp_path / "saved", settings)
    ours = Embedder.load(saved, device="cpu", precision="fp32")
    assert (ours.settings, ours.max_tokens) == (settings, 40)
    theirs = sentence_transformers.SentenceTransformer(str(saved), device="cpu")
    np.testing.assert_allclose(ours.encode(TEXTS), theirs.encode(TEXTS), atol=1e-5)
    theirs.save_pretrained(str(tmp_path / "theirs"))
    back = Embedder.load(tmp_path / "theirs", device="cpu", precision="fp32")
    assert back.settings == settings
    np.testing.assert_allclose(back.encode(TEXTS), ours.encode(TEXTS), atol=1e-6)


@pytest.mark.parametrize("pooling", ["max", "last-four"])
def test_a_graph_pools_as_the_directory_says(pooling: Pooling, quick_run: Path, tmp_path: Path) -> None:
    settings = EmbeddingSettings(pooling=pooling)
    saved = save(quick_run / "pretrained", tmp_path / "saved", settings)
    export_model(saved, tmp_path / "graph")
    graph = Embedder.load(tmp_path / "graph")
    assert graph.settings == settings
    weights = Embedder.load(saved, device="cpu", precision="fp32")
    np.testing.assert_allclose(graph.encode(TEXTS), weights.encode(TEXTS), atol=1e-5)
    assert (graph.name != weights.name and "max" in graph.name) or pooling == "last-four"


def test_settings_that_are_not_known_are_refused_by_name(tmp_path: Path) -> None:
    write_embedding_settings(tmp_path, EmbeddingSettings(), width=8)
    assert read_embedding_settings(tmp_path) == EmbeddingSettings()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_lasttoken": True}))
    with pytest.raises(CheckpointError, match="pooling_mode_lasttoken"):
        read_embedding_settings(tmp_path)
    (tmp_path / "modules.json").write_text(json.dumps([{"type": "sentence_transformers.models.Dense"}]))
    with pytest.raises(CheckpointError, match="a module Dense"):
        read_embedding_settings(tmp_path)
