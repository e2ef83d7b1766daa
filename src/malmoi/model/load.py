"""Which runtime runs a directory: ONNX int8 before ONNX before PyTorch, which is imported only where it is needed."""

from pathlib import Path

from malmoi.errors import CheckpointError
from malmoi.model.directory import onnx_file, read_config
from malmoi.model.onnx_runtime import OnnxRuntime
from malmoi.model.runtime import Runtime
from malmoi.training.options import Precision


def load_runtime(
    directory: Path,
    *,
    device: str | None = None,
    precision: Precision = "auto",
    n_threads: int | None = None,
    shared: bool = False,
) -> Runtime:
    """Load a model directory with what runs it best here.

    Args:
        directory: exported, fine-tuned or pre-trained.
        device: None for the CPU where there is an ONNX graph, else for the best one here.
        precision: for PyTorch; a graph has its own.
        n_threads: for ONNX Runtime; None for every core.
        shared: for ONNX Runtime; see there.

    Raises:
        CheckpointError: no model, a damaged one, or one that needs PyTorch where there is none.
        OptionError: the device is not there.
    """
    file = onnx_file(directory)
    if file is not None:
        return OnnxRuntime(
            file, device="cpu" if device in (None, "auto") else device, n_threads=n_threads, shared=shared
        )
    read_config(directory)  # what is no model at all is said first
    try:
        from malmoi.model.torch_loading import load_torch_runtime
    except ModuleNotFoundError as error:
        raise CheckpointError(
            f"{directory} has no ONNX graph and {error.name} is not installed: run `malmoi export` where PyTorch is, "
            'or install "malmoi[train]"'
        ) from error
    return load_torch_runtime(directory, device=device, precision=precision)
