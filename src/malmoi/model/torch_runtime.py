"""A model run by PyTorch: where training evaluates, and where a directory has no ONNX graph."""

import numpy as np
import torch

from malmoi.errors import CheckpointError
from malmoi.model.heads import TaskModel
from malmoi.model.pooling import Pooling
from malmoi.model.runtime import Runtime
from malmoi.model.vectors import pooled_vectors
from malmoi.training.batch import Batch
from malmoi.training.device import autocast
from malmoi.training.options import Precision

_BATCH_TOKENS = 4096
_START_TOKENS = 64
"""Seen on a CPU with 6 x 256; an accelerator would begin another batch only when one is full."""


class TorchRuntime(Runtime):
    """A task model run by PyTorch."""

    def __init__(
        self,
        model: TaskModel,
        *,
        precision: Precision = "auto",
        has_head: bool = True,
        pooling: Pooling = "mean",
    ) -> None:
        self.model, self.precision, self.pooling = model, precision, pooling
        self.config, self.kind = model.config, model.kind if has_head else "none"
        self.batch_tokens = _BATCH_TOKENS
        self.device = next(model.parameters()).device
        self.start_tokens = _START_TOKENS if self.device.type == "cpu" else _BATCH_TOKENS

    @torch.inference_mode()
    def run(self, batch: Batch) -> np.ndarray:
        """See `Runtime.run`."""
        self.model.eval()
        with autocast(self.device, self.precision):
            outputs = forward(self.model, batch)
        return _array(outputs)

    @torch.inference_mode()
    def embed(self, batch: Batch) -> np.ndarray:
        """See `Runtime.embed`."""
        self.model.eval()
        with autocast(self.device, self.precision):
            return _array(embed(self.model, batch, self.pooling))

    @torch.inference_mode()
    def fill(self, batch: Batch, places: np.ndarray) -> np.ndarray:
        """See `Runtime.fill`."""
        if self.kind != "masked":
            raise CheckpointError(f"this model has a {self.kind} head: expected a masked one to fill masks with")
        self.model.eval()
        hidden_ND = self._encode(batch).flatten(0, 1)[torch.from_numpy(places).to(self.device)]
        with autocast(self.device, self.precision):
            logits_NV = self.model.head(hidden_ND, self.model.encoder.token_embedding.weight)
        return _array(logits_NV.float().log_softmax(-1))

    def _encode(self, batch: Batch) -> torch.Tensor:
        ids, segments, mask = tensors_of(batch, self.device)
        with autocast(self.device, self.precision):
            hidden_BTD: torch.Tensor = self.model.encoder(ids, segments_BT=segments, mask=mask)
        return hidden_BTD


def forward(model: TaskModel, batch: Batch) -> torch.Tensor:
    """A task model's outputs for a batch, on the model's device; of a masked head what the batch asks for."""
    device = next(model.parameters()).device
    ids, segments, mask = tensors_of(batch, device)
    if batch.asked is not None:
        hidden_BTD = model.encoder(ids, segments_BT=segments, mask=mask)
        return _asked_log_probabilities(model, hidden_BTD, torch.from_numpy(batch.asked).to(device))
    return torch.as_tensor(model(ids, segments_BT=segments, mask=mask))


def _asked_log_probabilities(model: TaskModel, hidden_BTD: torch.Tensor, asked_BT: torch.Tensor) -> torch.Tensor:
    """float32 [B, T]: the log-probability of the token asked for at each place, 0 where none is.

    Places first: the product with the vocabulary is by far the dearest, and needed at few of them.
    """
    is_asked_BT = asked_BT >= 0
    logits_NV = model.head(hidden_BTD[is_asked_BT], model.encoder.token_embedding.weight)
    chances_N = logits_NV.float().log_softmax(-1).gather(1, asked_BT[is_asked_BT][:, None]).squeeze(1)
    return torch.zeros(asked_BT.shape, device=asked_BT.device).masked_scatter(is_asked_BT, chances_N)


def embed(model: TaskModel, batch: Batch, pooling: Pooling) -> torch.Tensor:
    """float [B, D]: the encoder's vectors, pooled; with their gradient while training."""
    ids, segments, mask = tensors_of(batch, next(model.parameters()).device)
    real_BT = None if mask is None else mask[:, 0, 0, :]
    return pooled_vectors(model.encoder, ids, segments, mask, real_BT, pooling)


def tensors_of(batch: Batch, device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Ids and segments [B, T], and the mask as the encoders want it, [B, 1, 1, T]."""
    mask = None if batch.mask is None else torch.from_numpy(batch.mask).to(device)[:, None, None, :]
    return torch.from_numpy(batch.ids).to(device), torch.from_numpy(batch.segments).to(device), mask


def _array(tensor: torch.Tensor) -> np.ndarray:
    array: np.ndarray = tensor.float().cpu().numpy()
    return array
