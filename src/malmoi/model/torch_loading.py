"""A model directory to a `TorchRuntime`; the part of `load.py` that PyTorch is needed for."""

from pathlib import Path

from malmoi.model.checkpoint import has_head, load_task_model, new_task_model
from malmoi.model.pooling import EmbeddingSettings, read_embedding_settings
from malmoi.model.torch_runtime import TorchRuntime
from malmoi.training.device import select_device
from malmoi.training.options import Precision


def load_torch_runtime(directory: Path, *, device: str | None, precision: Precision) -> TorchRuntime:
    """Load weights onto a device; an encoder without a head can only embed.

    Raises:
        CheckpointError: a file or a weight is missing, broken or of another shape.
        OptionError: the device is not there.
    """
    there = has_head(directory)
    model = load_task_model(directory) if there else new_task_model(directory, "pooled", 1)
    pooling = (read_embedding_settings(directory) or EmbeddingSettings()).pooling
    return TorchRuntime(model.to(select_device(device)), precision=precision, has_head=there, pooling=pooling)
