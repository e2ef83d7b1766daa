"""A model run by ONNX Runtime from `model.onnx` or `model.int8.onnx`; nothing here or above imports PyTorch.

The graphs are written by `onnx_graph.py`, which fixes the names of their inputs and outputs.
"""

import os
import threading
from pathlib import Path

import numpy as np
import onnxruntime

from malmoi.errors import CheckpointError, OptionError
from malmoi.model.directory import read_config
from malmoi.model.pooling import Pooling
from malmoi.model.runtime import NO_PLACES, Runtime
from malmoi.training.batch import Batch

KIND_KEY = "malmoi.head"
FORMAT_KEY = "malmoi.format"
POOLING_KEY = "malmoi.pooling"
FORMAT = "1"
_BATCH_NUMBERS = 2**19
"""Numbers in the matrix of a batch's token vectors: what passes between two layers should stay in the cache. Seen on
two cores: 12 x 768 does 463 short texts a second with 512 tokens a batch, 326 with 2,048."""
_LEAST_BATCH_TOKENS = 512
_START_TOKENS = 8
"""Seen on two cores: 5 with 6 x 256, 1 with 12 x 768 without VNNI; more where the products are faster."""
_WIDE = 512
"""From this width on a layer is so much work that all threads on one batch are worth their waiting busily, also in a
service: 12 x 768 over HTTP, one client, two cores: 202 texts a second so, 115 where they sleep between layers."""
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class OnnxRuntime(Runtime):
    """A graph that `malmoi export` wrote."""

    def __init__(self, file: Path, *, device: str = "cpu", n_threads: int | None = None, shared: bool = False) -> None:
        """Load a graph beside its `config.json`.

        Args:
            file: `model.onnx` or `model.int8.onnx` in a model directory.
            device: `cpu` or `cuda`.
            n_threads: None for every core this process may use, or what OMP_NUM_THREADS says.
            shared: whether a service calls it, whose event loop wants the cores too. A narrow model's threads then
                do not spin while they wait, and it may be called `at_once`: a batch beside others has one thread,
                a batch that is alone has all.

        Raises:
            CheckpointError: the graph cannot be read, or malmoi did not write it.
            OptionError: ONNX Runtime has no such device here.
        """
        self.file = file
        self.config, _ = read_config(file.parent)
        n_threads = n_threads or usable_cores()
        is_split = shared and device == "cpu" and self.config.width < _WIDE
        self._session = self._beside = _session(file, device, n_threads, spin=not is_split)
        if is_split and n_threads > 1:
            self.at_once, self._beside = n_threads, _session(file, device, 1, spin=False)
        self._lock, self._n_running = threading.Lock(), 0
        found = self._session.get_modelmeta().custom_metadata_map
        if found.get(FORMAT_KEY) != FORMAT:
            raise CheckpointError(
                f"{file} has the graph format {found.get(FORMAT_KEY)!r}: expected {FORMAT!r}; export the model again"
            )
        self.kind = found[KIND_KEY]
        self.batch_tokens = max(_LEAST_BATCH_TOKENS, _BATCH_NUMBERS // self.config.width)
        self.start_tokens = _START_TOKENS if device == "cpu" else self.batch_tokens
        self.pooling: Pooling = found.get(POOLING_KEY, "mean")

    def run(self, batch: Batch) -> np.ndarray:
        """See `Runtime.run`."""
        if batch.asked is None:
            return self._run("outputs", batch)
        places = np.flatnonzero(batch.asked >= 0)
        chances = np.zeros(batch.asked.shape, np.float32)
        chances.flat[places] = self.fill(batch, places)[np.arange(len(places)), batch.asked.flat[places]]
        return chances

    def embed(self, batch: Batch) -> np.ndarray:
        """See `Runtime.embed`."""
        return self._run("embeddings", batch)

    def fill(self, batch: Batch, places: np.ndarray) -> np.ndarray:
        """See `Runtime.fill`."""
        if self.kind != "masked":
            raise CheckpointError(f"this model has a {self.kind} head: expected a masked one to fill masks with")
        return self._run("outputs", batch, places)

    def _run(self, output: str, batch: Batch, places: np.ndarray = NO_PLACES) -> np.ndarray:
        mask = np.ones(batch.ids.shape, bool) if batch.mask is None else batch.mask
        feed = {"ids": batch.ids, "segments": batch.segments, "mask": mask}
        if self.kind == "masked":
            feed["places"] = places
        with self._lock:
            self._n_running += 1
            session = self._session if self._n_running == 1 else self._beside
        try:
            array: np.ndarray = session.run([output], feed)[0]
        finally:
            with self._lock:
                self._n_running -= 1
        return array


def usable_cores() -> int:
    """Cores this process may run on; OMP_NUM_THREADS overrules, as it does for PyTorch."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdigit() and int(told) > 0:
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _session(file: Path, device: str, n_threads: int, *, spin: bool) -> onnxruntime.InferenceSession:
    provider = _PROVIDERS.get(device.split(":")[0])
    if provider not in onnxruntime.get_available_providers():
        raise OptionError(
            f"device {device!r} is not available to ONNX Runtime here: use `cpu`, or install onnxruntime-gpu for cuda"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = n_threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spin)))
    options.log_severity_level = 3  # errors only: they are raised anyway
    try:
        # Its fused SkipLayerNormalization is a scalar loop on the CPU, several times slower than Add and
        # LayerNormalization one after the other (seen in 1.32: a third of a small BERT's time).
        return onnxruntime.InferenceSession(
            str(file), options, providers=[provider], disabled_optimizers=["SkipLayerNormFusion"]
        )
    except Exception as error:  # its exceptions have no common base
        raise CheckpointError(f"{file} cannot be read ({str(error)[:200]}): export the model again") from error
