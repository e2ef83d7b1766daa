"""The encoder of BERT (Devlin et al. 2018, arXiv:1810.04805): post-norm, learned positions, segments, GELU.

Not here: pooler and heads (`heads.py`), Hugging Face's names (`checkpoint.py`), decoding.

Shapes: B rows, T tokens a row, D width, H heads, K numbers a head (D = H K), F feed-forward width.
"""

from torch import Tensor, nn
from torch.nn.functional import gelu

from malmoi.model.attention import attend
from malmoi.model.config import ModelConfig
from malmoi.model.dropout import Dropout


class BertEncoder(nn.Module):
    """Token ids to one vector a token."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(config.n_tokens, config.width)
        self.position_embedding = nn.Embedding(config.max_tokens, config.width)
        self.segment_embedding = nn.Embedding(config.n_segments, config.width)
        self.embedding_norm = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.dropout = Dropout(config.dropout)
        self.layers = nn.ModuleList(BertLayer(config) for _ in range(config.n_layers))
        self.apply(_initialise)

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
            segments_BT: int32 or int64, 0 or 1; None is 0 everywhere.
            positions_BT: int32 or int64 below `max_tokens`; None is 0 to T-1. Packed rows restart theirs.
            mask: bool, broadcastable to [B, 1, T, T], True where a query (third axis) may look at a key (last
                axis); every query needs one key. None lets all look at all, which is the fastest.
            keep_N: int64, flat indices into B * T of the only positions that are wanted: the last feed-forward
                is spared for all others.

        Returns:
            float [B, T, D]; [N, D] with `keep_N`.
        """
        if positions_BT is None:
            positions_D = self.position_embedding.weight[: ids_BT.shape[1]]
        else:
            positions_D = self.position_embedding(positions_BT)
        segments_D = self.segment_embedding.weight[0] if segments_BT is None else self.segment_embedding(segments_BT)
        x_BTD: Tensor = self.token_embedding(ids_BT) + segments_D + positions_D
        x_BTD = self.dropout(self.embedding_norm(x_BTD))
        last = len(self.layers) - 1
        for index, layer in enumerate(self.layers):
            x_BTD = layer(x_BTD, mask, keep_N if index == last else None)
        return x_BTD


class BertLayer(nn.Module):
    """Self-attention, then feed-forward; each is added to its input and the sum is normalised."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.attention_dropout = config.attention_dropout
        self.qkv = nn.Linear(config.width, 3 * config.width)  # one product instead of three
        self.attention_out = nn.Linear(config.width, config.width)
        self.attention_norm = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.mlp_in = nn.Linear(config.width, config.mlp_width)
        self.mlp_out = nn.Linear(config.mlp_width, config.width)
        self.mlp_norm = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.dropout = Dropout(config.dropout)

    def forward(self, x_BTD: Tensor, mask: Tensor | None, keep_N: Tensor | None = None) -> Tensor:
        """float [B, T, D] to the same, or to [N, D] at the flat positions `keep_N`."""
        x_BTD = x_BTD + self.dropout(self._attend(x_BTD, mask))
        if keep_N is not None:
            x_BTD = x_BTD.flatten(0, 1)[keep_N]
        x_BTD = self.attention_norm(x_BTD)
        mlp_BTD = self.mlp_out(gelu(self.mlp_in(x_BTD)))
        out_BTD: Tensor = self.mlp_norm(x_BTD + self.dropout(mlp_BTD))
        return out_BTD

    def _attend(self, x_BTD: Tensor, mask: Tensor | None) -> Tensor:
        B, T, D = x_BTD.shape
        qkv_BT3HK = self.qkv(x_BTD).view(B, T, 3, self.n_heads, D // self.n_heads)
        q_BHTK, k_BHTK, v_BHTK = (part.transpose(1, 2) for part in qkv_BT3HK.unbind(2))
        dropout = self.attention_dropout if self.training else 0.0
        out_BHTK = attend(q_BHTK, k_BHTK, v_BHTK, mask, dropout)
        out_BTD: Tensor = self.attention_out(out_BHTK.transpose(1, 2).reshape(B, T, D))
        return out_BTD


def _initialise(module: nn.Module) -> None:
    """The paper's: normal with deviation 0.02, biases zero; layer norms start as the identity."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
