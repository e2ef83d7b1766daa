"""The encoder of ModernBERT (Warner et al. 2024, arXiv:2412.13663): pre-norm, rotary, gated GELU, no biases.

Not here: heads (`heads.py`), Hugging Face's names (`checkpoint.py`), unpadding. Ours look at the whole
sequence in every layer; checkpoints of others with local layers run too.

Shapes: B rows, T tokens a row, D width, H heads, K numbers a head (D = H K), F feed-forward width.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from malmoi.model.attention import attend
from malmoi.model.config import ModelConfig
from malmoi.model.dropout import Dropout


class Rotation(NamedTuple):
    """How far each position turns each pair of numbers: float32 [B or 1, T, 1, 1, K / 2] both."""

    cos: Tensor
    sin: Tensor


class ModernBertEncoder(nn.Module):
    """Token ids to one vector a token."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.n_tokens, config.width)
        self.embedding_norm = _norm(config)
        self.dropout = Dropout(config.dropout)
        self.layers = nn.ModuleList(ModernBertLayer(config, index) for index in range(config.n_layers))
        self.final_norm = _norm(config)
        _initialise(self, config.n_layers)

    def forward(
        self,
        ids_BT: Tensor,
        *,
        segments_BT: Tensor | None = None,
        positions_BT: Tensor | None = None,
        mask: Tensor | None = None,
        keep_N: Tensor | None = None,
    ) -> Tensor:
        """Encode a batch.

        Args:
            ids_BT: int32 or int64, ids of the vocabulary.
            segments_BT: taken so that both encoders are called alike; this one has no segments.
            positions_BT: integers; None is 0 to T-1. Packed rows restart theirs.
            mask: bool, broadcastable to [B, 1, T, T], True where a query (third axis) may look at a key (last
                axis); every query needs one key. None lets all look at all, which is the fastest.
            keep_N: int64, flat indices into B * T of the only positions that are wanted: the last feed-forward
                is spared for all others.

        Returns:
            float [B, T, D]; [N, D] with `keep_N`.
        """
        config, head_width = self.config, self.config.width // self.config.n_heads
        if positions_BT is None:
            positions_BT = torch.arange(ids_BT.shape[1], device=ids_BT.device)[None]
        rotation = _rotation(positions_BT, config.rotary_theta, head_width)
        if config.local_layers:
            local_rotation = _rotation(positions_BT, config.local_rotary_theta, head_width)
            local_mask = _window(ids_BT, config.local_window_tokens, mask)
        x_BTD: Tensor = self.dropout(self.embedding_norm(self.token_embedding(ids_BT)))
        last = len(self.layers) - 1
        for index, layer in enumerate(self.layers):
            keep = keep_N if index == last else None
            if index in config.local_layers:
                x_BTD = layer(x_BTD, local_rotation, local_mask, keep)
            else:
                x_BTD = layer(x_BTD, rotation, mask, keep)
        return self.final_norm(x_BTD)  # type: ignore[no-any-return]


class ModernBertLayer(nn.Module):
    """Self-attention, then a gated feed-forward; each reads a normalised copy and adds to what came in."""

    def __init__(self, config: ModelConfig, index: int) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.attention_dropout = config.attention_dropout
        # The embeddings leave through a norm of their own, so the first layer needs none.
        self.attention_norm = _norm(config) if index > 0 else nn.Identity()
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.attention_out = nn.Linear(config.width, config.width, bias=False)
        self.attention_out_dropout = Dropout(config.attention_dropout)
        self.mlp_norm = _norm(config)
        self.mlp_in = nn.Linear(config.width, 2 * config.mlp_width, bias=False)
        self.mlp_out = nn.Linear(config.mlp_width, config.width, bias=False)
        self.mlp_dropout = Dropout(config.dropout)

    def forward(self, x_BTD: Tensor, rotation: Rotation, mask: Tensor | None, keep_N: Tensor | None = None) -> Tensor:
        """float [B, T, D] to the same, or to [N, D] at the flat positions `keep_N`."""
        x_BTD = x_BTD + self._attend(self.attention_norm(x_BTD), rotation, mask)
        if keep_N is not None:
            x_BTD = x_BTD.flatten(0, 1)[keep_N]
        in_BTF, gate_BTF = self.mlp_in(self.mlp_norm(x_BTD)).chunk(2, dim=-1)
        mlp_BTD: Tensor = self.mlp_out(self.mlp_dropout(gelu(in_BTF) * gate_BTF))
        return x_BTD + mlp_BTD

    def _attend(self, x_BTD: Tensor, rotation: Rotation, mask: Tensor | None) -> Tensor:
        B, T, D = x_BTD.shape
        qkv_BT3HK = self.qkv(x_BTD).view(B, T, 3, self.n_heads, D // self.n_heads)
        q_BTHK, k_BTHK = _rotate(qkv_BT3HK[:, :, :2], rotation).unbind(2)
        q_BHTK, k_BHTK, v_BHTK = (part.transpose(1, 2) for part in (q_BTHK, k_BTHK, qkv_BT3HK[:, :, 2]))
        dropout = self.attention_dropout if self.training else 0.0
        out_BHTK = attend(q_BHTK, k_BHTK, v_BHTK, mask, dropout)
        out_BTD = self.attention_out(out_BHTK.transpose(1, 2).reshape(B, T, D))
        return self.attention_out_dropout(out_BTD)  # type: ignore[no-any-return]


def _rotation(positions_BT: Tensor, theta: float, head_width: int) -> Rotation:
    """Angles of rotary positions (Su et al. 2021, arXiv:2104.09864).

    Computed anew for every batch, once for all layers: it is cheap, serves packed rows, and a stored table
    would lose its precision when the model is turned to bfloat16.
    """
    exponents = torch.arange(0, head_width, 2, device=positions_BT.device, dtype=torch.float32) / head_width
    angles = positions_BT[:, :, None, None, None].float() * theta**-exponents
    return Rotation(angles.cos(), angles.sin())


def _rotate(x_BT2HK: Tensor, rotation: Rotation) -> Tensor:
    """Turn the pairs (i, i + K/2) of queries and keys; in float32, then back to the input's type."""
    first, second = x_BT2HK.chunk(2, dim=-1)
    cos, sin = rotation
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1).type_as(x_BT2HK)


def _window(ids_BT: Tensor, window_tokens: int, mask: Tensor | None) -> Tensor:
    """Narrow `mask` to pairs at most half a window apart: bool, broadcastable to [B, 1, T, T]."""
    place_T = torch.arange(ids_BT.shape[1], device=ids_BT.device)
    near_TT = (place_T[:, None] - place_T[None, :]).abs() <= window_tokens // 2
    return near_TT if mask is None else mask & near_TT


def _norm(config: ModelConfig) -> nn.LayerNorm:
    return nn.LayerNorm(config.width, eps=config.norm_eps, bias=False)


def _initialise(encoder: ModernBertEncoder, n_layers: int) -> None:
    """Normal with deviation 0.02; smaller for what adds to the residual stream 2 n_layers times."""
    for name, parameter in encoder.named_parameters():
        if parameter.ndim > 1:
            adds = name.endswith(("attention_out.weight", "mlp_out.weight"))
            nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * n_layers) if adds else 0.02)
