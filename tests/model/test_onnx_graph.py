"""Graphs give the numbers of the modules they were made of: every head, both encoders, padded or not."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from malmoi.artifact import write_json
from malmoi.errors import CheckpointError, OptionError
from malmoi.model.config import ModelConfig, to_hugging_face
from malmoi.model.directory import CONFIG, ONNX, ONNX_INT8
from malmoi.model.heads import HeadKind, TaskModel
from malmoi.model.onnx_graph import write_graph, write_int8_graph
from malmoi.model.onnx_runtime import OnnxRuntime
from malmoi.model.sizes import config_for
from malmoi.model.torch_runtime import TorchRuntime
from malmoi.training.batch import Batch

BERT = replace(config_for("tiny", encoder="bert", n_tokens=300, max_tokens=64), n_layers=1, width=32, mlp_width=64)
MODERN = replace(config_for("tiny", n_tokens=300, max_tokens=64), n_layers=2, width=32, mlp_width=64)
LOCAL = replace(MODERN, local_layers=(0,), local_window_tokens=6, local_rotary_theta=500.0, pooling="mean")


def batch_of(n_rows: int, n_tokens: int, *, padded: bool) -> Batch:
    rng = np.random.default_rng(n_rows * 100 + n_tokens)
    lengths = np.full(n_rows, n_tokens)
    ids = rng.integers(5, 300, (n_rows, n_tokens))
    mask = None
    if padded:
        lengths[1:] = rng.integers(1, n_tokens, n_rows - 1)
        mask = np.arange(n_tokens) < lengths[:, None]
        ids[~mask] = 0
    return Batch(ids, rng.integers(0, 2, (n_rows, n_tokens)), mask, None, lengths)


BATCHES = [
    batch_of(1, 1, padded=False),
    batch_of(2, 9, padded=False),
    batch_of(4, 33, padded=True),
    batch_of(2, 64, padded=True),
]


def make(config: ModelConfig, kind: HeadKind, folder: Path, *, has_head: bool = True) -> TorchRuntime:
    torch.manual_seed(7)
    write_json(folder / CONFIG, to_hugging_face(config))
    return TorchRuntime(TaskModel(config, kind, 3), precision="fp32", has_head=has_head)


@pytest.mark.parametrize(
    ("config", "kind"), [(BERT, "pooled"), (LOCAL, "pooled"), (LOCAL, "token")], ids=["bert", "local", "token"]
)
def test_outputs_and_embeddings_are_the_models_own(config: ModelConfig, kind: HeadKind, tmp_path: Path) -> None:
    original = make(config, kind, tmp_path)
    write_graph(original.model, tmp_path / ONNX)
    graph = OnnxRuntime(tmp_path / ONNX, n_threads=1)
    assert (graph.kind, graph.config) == (kind, config)
    for batch in BATCHES:
        ours, theirs = graph.run(batch), original.run(batch)
        assert ours.shape == theirs.shape
        if kind == "token" and batch.mask is not None:
            ours, theirs = ours[batch.mask], theirs[batch.mask]
        np.testing.assert_allclose(ours, theirs, atol=2e-6)
        np.testing.assert_allclose(graph.embed(batch), original.embed(batch), atol=2e-6)


def test_a_masked_head_answers_at_the_places_asked_for_also_in_int8(tmp_path: Path) -> None:
    original = make(MODERN, "masked", tmp_path)
    before = {name: weight.clone() for name, weight in original.model.state_dict().items()}
    write_int8_graph(original.model, tmp_path / ONNX_INT8)
    assert all(torch.equal(weight, before[name]) for name, weight in original.model.state_dict().items())
    graph = OnnxRuntime(tmp_path / ONNX_INT8, n_threads=1)
    batch, places = BATCHES[2], np.array([0, 5, 33, 70])
    chances = graph.fill(batch, places)
    assert chances.shape == (4, 300)
    np.testing.assert_allclose(np.exp(chances).sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(chances, original.fill(batch, places), atol=0.05)
    asked = np.full(batch.ids.shape, -1)
    asked.flat[places] = [9, 8, 7, 6]
    found = graph.run(replace(batch, asked=asked))
    np.testing.assert_allclose(found, original.run(replace(batch, asked=asked)), atol=0.05)
    assert (found[asked < 0] == 0).all()


@pytest.mark.parametrize(("width", "batch_tokens"), [(128, 4096), (768, 682), (1088, 512)])
def test_the_wider_a_model_the_smaller_its_batches(width: int, batch_tokens: int, tmp_path: Path) -> None:
    original = make(replace(BERT, width=width), "pooled", tmp_path)
    write_graph(original.model, tmp_path / ONNX)
    alone, shared = (OnnxRuntime(tmp_path / ONNX, n_threads=2, shared=shared) for shared in (False, True))
    assert alone.batch_tokens == shared.batch_tokens == batch_tokens
    np.testing.assert_array_equal(alone.run(BATCHES[2]), shared.run(BATCHES[2]))
    assert (alone.at_once, shared.at_once) == (1, 2 if width < 512 else 1)


def test_a_shared_graph_answers_several_threads_at_a_time(tmp_path: Path) -> None:
    write_graph(make(BERT, "pooled", tmp_path).model, tmp_path / ONNX)
    graph = OnnxRuntime(tmp_path / ONNX, n_threads=2, shared=True)
    expected = [graph.run(batch) for batch in BATCHES]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            for ours, theirs in zip(pool.map(graph.run, BATCHES), expected, strict=True):
                np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_an_encoder_without_a_head_only_embeds(tmp_path: Path) -> None:
    original = make(BERT, "pooled", tmp_path, has_head=False)
    write_graph(original.model, tmp_path / ONNX, has_head=False)
    graph = OnnxRuntime(tmp_path / ONNX, n_threads=1)
    np.testing.assert_allclose(graph.embed(BATCHES[2]), original.embed(BATCHES[2]), atol=2e-6)
    with pytest.raises(CheckpointError, match="masked"):
        graph.fill(BATCHES[2], np.array([0]))


def test_what_is_no_graph_of_ours_and_a_device_that_is_not_there(tmp_path: Path) -> None:
    make(BERT, "pooled", tmp_path)
    (tmp_path / ONNX).write_bytes(b"no graph")
    with pytest.raises(CheckpointError, match="export the model again"):
        OnnxRuntime(tmp_path / ONNX)
    with pytest.raises(OptionError, match="cpu"):
        OnnxRuntime(tmp_path / ONNX, device="tpu")
