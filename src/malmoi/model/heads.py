"""What stands on an encoder: the two pre-training heads, and one thin head a task.

Not here: losses (the trainer's), which task needs which head (`tasks/`), names on disk (`checkpoint.py`).

Shapes: B rows, T tokens a row, D width, V vocabulary, C outputs of a head, N predicted positions, M [CLS]
positions with a next-sentence label; X any number of leading axes.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear

from malmoi.errors import OptionError
from malmoi.model.bert import BertEncoder
from malmoi.model.config import ModelConfig
from malmoi.model.dropout import Dropout
from malmoi.model.modernbert import ModernBertEncoder

HeadKind = Literal["pooled", "token", "masked"]
ENCODERS: dict[str, type[BertEncoder] | type[ModernBertEncoder]] = {
    "bert": BertEncoder,
    "modernbert": ModernBertEncoder,
}


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """Where the weights of a model that was read from a directory came from."""

    new: tuple[str, ...]
    """Weights that the directory lacks and that were made anew, by our names."""
    unused: tuple[str, ...]
    """Weights of the directory that this model has no place for, by their names."""


@dataclass(frozen=True)
class PretrainingOutput:
    """What `PretrainingModel` answers."""

    masked_logits_NV: Tensor  # noqa: N815
    """float [N, V]: scores of the vocabulary at the predicted positions."""
    next_logits_M2: Tensor | None  # noqa: N815
    """float [M, 2]: scores of "is next" (0) and "is random" (1); None when no positions were asked for."""


class PretrainingModel(nn.Module):
    """An encoder with the masked-token and the next-sentence head."""

    load_report: LoadReport | None = None

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = ENCODERS[config.encoder](config)
        self.masked_head = MaskedHead(config)
        self.next_head = OutputHead(config, Pooler(config), 2)

    def forward(
        self,
        ids_BT: Tensor,
        *,
        segments_BT: Tensor | None = None,
        positions_BT: Tensor | None = None,
        mask: Tensor | None = None,
        masked_N: Tensor,
        first_M: Tensor | None = None,
    ) -> PretrainingOutput:
        """Predict tokens at some positions, and whether two sequences follow each other.

        Args:
            ids_BT: int32 or int64; `segments_BT`, `positions_BT`, `mask` as for the encoders.
            masked_N: int64, flat indices into B * T of the positions to predict.
            first_M: int64, flat indices of the [CLS] positions that have a next-sentence label.
        """
        # Only these positions are asked for: the product with the vocabulary is the dearest of all.
        keep = masked_N if first_M is None else torch.cat((masked_N, first_M))
        hidden_XD = self.encoder(ids_BT, segments_BT=segments_BT, positions_BT=positions_BT, mask=mask, keep_N=keep)
        n_masked = len(masked_N)
        masked_NV = self.masked_head(hidden_XD[:n_masked], self.encoder.token_embedding.weight)
        next_M2 = None if first_M is None else self.next_head(hidden_XD[n_masked:])
        return PretrainingOutput(masked_NV, next_M2)


class TaskModel(nn.Module):
    """An encoder with one head.

    `pooled` answers once a row, `token` once a token, `masked` scores the vocabulary at every token.

    Raises:
        OptionError: an unknown kind, or fewer than one output.
    """

    load_report: LoadReport | None = None

    def __init__(self, config: ModelConfig, kind: HeadKind, n_outputs: int) -> None:
        super().__init__()
        if kind not in ("pooled", "token", "masked"):
            raise OptionError(f"head {kind!r}: expected pooled, token or masked")
        if kind == "masked":
            n_outputs = config.n_tokens
        if n_outputs < 1:
            raise OptionError(f"n_outputs {n_outputs}: expected at least 1")
        self.config, self.kind, self.n_outputs = config, kind, n_outputs
        self.encoder = ENCODERS[config.encoder](config)
        self.head: MaskedHead | OutputHead
        if kind == "masked":
            self.head = MaskedHead(config)
        else:
            self.head = OutputHead(config, _task_transform(config, kind), n_outputs)

    def forward(
        self,
        ids_BT: Tensor,
        *,
        segments_BT: Tensor | None = None,
        positions_BT: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Answer a batch; arguments as for the encoders.

        Returns:
            float [B, C] (pooled), [B, T, C] (token) or [B, T, V] (masked).
        """
        hidden_BTD = self.encoder(ids_BT, segments_BT=segments_BT, positions_BT=positions_BT, mask=mask)
        outputs: Tensor
        if self.kind == "masked":
            outputs = self.head(hidden_BTD, self.encoder.token_embedding.weight)
        elif self.kind == "token":
            outputs = self.head(hidden_BTD)
        else:
            outputs = self.head(_pool(hidden_BTD, mask, self.config.pooling))
        return outputs


class MaskedHead(nn.Module):
    """Vectors to scores of the vocabulary, through the encoder's own token table and one bias a token."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.transform = Transform(config)
        self.bias = nn.Parameter(torch.zeros(config.n_tokens))

    def forward(self, hidden_XD: Tensor, tokens_VD: Tensor) -> Tensor:
        """float [X, D] to [X, V]."""
        # The table is lent for the call, not held: one parameter, one name, nothing to keep tied.
        return linear(self.transform(hidden_XD), tokens_VD, self.bias)


class OutputHead(nn.Module):
    """Vectors to C numbers each: a transform, dropout, one linear layer."""

    def __init__(self, config: ModelConfig, transform: nn.Module, n_outputs: int) -> None:
        super().__init__()
        self.transform = transform
        self.dropout = Dropout(config.dropout)
        self.out = nn.Linear(config.width, n_outputs)
        _initialise(self.out)

    def forward(self, hidden_XD: Tensor) -> Tensor:
        """float [X, D] to [X, C]."""
        out_XC: Tensor = self.out(self.dropout(self.transform(hidden_XD)))
        return out_XC


class Pooler(nn.Module):
    """BERT's reading of a [CLS] vector: linear, tanh."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.width, config.width)
        _initialise(self.dense)

    def forward(self, hidden_XD: Tensor) -> Tensor:
        """float [X, D] to the same."""
        return torch.tanh(self.dense(hidden_XD))


class Transform(nn.Module):
    """Linear, GELU, norm: before the vocabulary in both families, before every output in ModernBERT."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        bias = config.encoder == "bert"
        self.dense = nn.Linear(config.width, config.width, bias=bias)
        self.norm = nn.LayerNorm(config.width, eps=config.norm_eps, bias=bias)
        _initialise(self.dense)

    def forward(self, hidden_XD: Tensor) -> Tensor:
        """float [X, D] to the same."""
        out_XD: Tensor = self.norm(gelu(self.dense(hidden_XD)))
        return out_XD


def _task_transform(config: ModelConfig, kind: HeadKind) -> nn.Module:
    """What transformers' models of this family put between the encoder and the last linear layer."""
    if config.encoder == "modernbert":
        return Transform(config)
    return Pooler(config) if kind == "pooled" else nn.Identity()


def _pool(hidden_BTD: Tensor, mask: Tensor | None, pooling: str) -> Tensor:
    """One vector a row: the first, or the mean of those the first may look at (all but the padding)."""
    if pooling == "cls":
        return hidden_BTD[:, 0]
    if mask is None:
        return hidden_BTD.mean(1)
    B, T, _ = hidden_BTD.shape
    real_BT1 = mask.expand(B, 1, T, T)[:, 0, 0, :, None].to(hidden_BTD.dtype)
    return (hidden_BTD * real_BT1).sum(1) / real_BT1.sum(1)


def _initialise(layer: nn.Linear) -> None:
    nn.init.normal_(layer.weight, std=0.02)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
