"""An encoder's token vectors to one vector a row; which way is asked for is `pooling.py`. Not the heads' reading."""

import torch
from torch import Tensor, nn

from malmoi.model.pooling import Pooling

_N_LAST = 4


def pooled_vectors(
    encoder: nn.Module,
    ids_BT: Tensor,
    segments_BT: Tensor,
    mask: Tensor | None,
    real_BT: Tensor | None,
    pooling: Pooling,
) -> Tensor:
    """Encode and pool.

    Args:
        encoder: of either family.
        ids_BT: int64, as `segments_BT`.
        mask: as the encoders want it, or None where nothing is padded.
        real_BT: bool, True for what is no padding; None: everything.
        pooling: see `Pooling`.

    Returns:
        float [B, D], of the encoder's type.
    """
    if pooling != "last-four":
        return pool(encoder(ids_BT, segments_BT=segments_BT, mask=mask), real_BT, pooling)
    layers: list[Tensor] = []
    hooks = [layer.register_forward_hook(lambda *args: layers.append(args[2])) for layer in encoder.layers[-_N_LAST:-1]]  # type: ignore[index]
    try:
        # The last layer's vectors are what the encoder gives: a final norm is part of them, as in transformers.
        layers.append(encoder(ids_BT, segments_BT=segments_BT, mask=mask))
    finally:
        for hook in hooks:
            hook.remove()
    return pool(torch.stack(layers).mean(0), real_BT, "mean")


def pool(hidden_BTD: Tensor, real_BT: Tensor | None, pooling: Pooling) -> Tensor:
    """float [B, T, D] to [B, D] over the real tokens."""
    if pooling == "cls":
        return hidden_BTD[:, 0]
    if real_BT is None:
        return hidden_BTD.amax(1) if pooling == "max" else hidden_BTD.mean(1)
    if pooling == "max":
        return hidden_BTD.masked_fill(~real_BT[..., None], float("-inf")).amax(1)
    real_BT1 = real_BT[..., None].to(hidden_BTD.dtype)
    return (hidden_BTD * real_BT1).sum(1) / real_BT1.sum(1)
