"""Attention over queries, keys and values: one result, by whichever of two ways is faster where it runs.

Shapes: B rows, T tokens a row, H heads, K numbers a head.
"""

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from malmoi.model.dropout import dropout

_PLAIN_UP_TO_TOKENS = 1024
"""PyTorch's fused kernel works tile by tile, which in bf16 on a CPU costs five times the two products themselves
(`benchmarks/pretrain_step.py`). From about here on the scores no longer fit the caches, and the fused one wins."""


def attend(q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor, mask: Tensor | None, dropout_rate: float) -> Tensor:
    """softmax(q kᵀ / √K) v (Vaswani et al. 2017, §3.2.1).

    Args:
        q_BHTK: float, as `k_BHTK` and `v_BHTK`.
        mask: bool, broadcastable to [B, H, T, T], True where a query (third axis) may look at a key; every query
            needs one key.
        dropout_rate: share of the weights that are dropped; 0 while not training.

    Returns:
        float [B, H, T, K], the type of the values.
    """
    is_short = q_BHTK.dtype == torch.bfloat16 and q_BHTK.shape[2] <= _PLAIN_UP_TO_TOKENS
    # With dropout PyTorch's CPU has no fused kernel.
    if not (q_BHTK.device.type == "cpu" and (is_short or dropout_rate)):
        return scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, attn_mask=mask, dropout_p=dropout_rate)
    scores_BHTT = (q_BHTK * q_BHTK.shape[-1] ** -0.5) @ k_BHTK.transpose(-1, -2)
    with torch.autocast("cpu", enabled=False):  # which would keep all the weights of attention in fp32
        if mask is not None:
            scores_BHTT = scores_BHTT + torch.zeros_like(mask, dtype=scores_BHTT.dtype).masked_fill(~mask, -torch.inf)
        out_BHTK: Tensor = dropout(scores_BHTT.softmax(-1), dropout_rate) @ v_BHTK
    return out_BHTK
