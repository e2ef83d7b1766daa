"""What a model looks like: layers, widths, vocabulary; and the same as Hugging Face's `config.json`.

Not here: weights (`checkpoint.py`), what a task adds (`heads.py`), how a model is trained.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from malmoi.errors import CheckpointError, OptionError

EncoderName = Literal["bert", "modernbert"]


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The shape of one encoder; checked when made, trusted afterwards.

    Raises:
        OptionError: a value that cannot work.
    """

    encoder: EncoderName
    """`bert` (the paper's) or `modernbert` (pre-norm, rotary positions, gated GELU, no biases)."""
    n_tokens: int
    """Entries of the vocabulary."""
    n_layers: int
    """Transformer layers."""
    n_heads: int
    """Attention heads a layer; divides `width`."""
    width: int
    """Numbers in one token's vector."""
    mlp_width: int
    """Numbers between the two products of the feed-forward part (after the gate, for `modernbert`)."""
    max_tokens: int = 512
    """Longest sequence; rows of `bert`'s position table."""
    dropout: float = 0.1
    """Share of activations dropped while training."""
    attention_dropout: float = 0.1
    """Share of attention weights dropped while training."""
    pad_id: int = 0
    """Vocabulary id of the padding token."""
    norm_eps: float = 1e-12
    """Added to the variance in layer norms."""
    n_segments: int = 2
    """Rows of `bert`'s segment table."""
    rotary_theta: float = 10_000.0
    """Base of `modernbert`'s rotary wavelengths, for layers that see the whole sequence."""
    local_layers: tuple[int, ...] = ()
    """Layers of `modernbert` (from 0) that see a window only; ours have none, others' checkpoints do."""
    local_window_tokens: int = 128
    """Width of that window: half of it to each side."""
    local_rotary_theta: float = 10_000.0
    """Base of the rotary wavelengths in local layers."""
    pooling: Literal["cls", "mean"] = "cls"
    """What a pooled head reads: the first position, or the mean of all real ones (`modernbert` only)."""

    def __post_init__(self) -> None:
        if self.encoder not in ENCODER_DEFAULTS:
            raise OptionError(f"encoder {self.encoder!r}: expected one of {', '.join(ENCODER_DEFAULTS)}")
        for name in ("n_tokens", "n_layers", "n_heads", "width", "mlp_width", "max_tokens", "n_segments"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise OptionError(f"{name} {value!r}: expected a whole number from 1")
        if self.width % self.n_heads:
            raise OptionError(f"width {self.width} with {self.n_heads} heads: n_heads must divide width")
        if self.encoder == "modernbert" and self.width // self.n_heads % 2:
            raise OptionError(
                f"width {self.width} with {self.n_heads} heads: rotary positions turn pairs of numbers, "
                "choose n_heads so that width / n_heads is even"
            )
        for name in ("dropout", "attention_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise OptionError(f"{name} {getattr(self, name)!r}: expected a share from 0 to below 1")
        if not 0 <= self.pad_id < self.n_tokens:
            raise OptionError(f"pad_id {self.pad_id}: expected an id of the vocabulary, 0 to {self.n_tokens - 1}")
        if self.pooling not in ("cls", "mean"):
            raise OptionError(f"pooling {self.pooling!r}: expected cls or mean")
        if not all(0 <= layer < self.n_layers for layer in self.local_layers):
            raise OptionError(f"local_layers {self.local_layers}: expected layers from 0 to {self.n_layers - 1}")
        if self.encoder == "bert" and (self.local_layers or self.pooling != "cls"):
            raise OptionError("local_layers and mean pooling belong to modernbert: leave them out for bert")


# ModernBERT was trained without dropout; 10,000 is the wavelength base it used up to 1,024 tokens.
ENCODER_DEFAULTS: dict[str, dict[str, float]] = {
    "bert": {"dropout": 0.1, "norm_eps": 1e-12},
    "modernbert": {"dropout": 0.0, "norm_eps": 1e-5},
}


# --- Hugging Face's config.json ---

# What our encoders do not vary; another value would mean other numbers, so it is refused.
_FIXED: dict[str, dict[str, Any]] = {
    "bert": {
        "hidden_act": "gelu",
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "add_cross_attention": False,
    },
    "modernbert": {
        "hidden_activation": "gelu",
        "classifier_activation": "gelu",
        "attention_bias": False,
        "mlp_bias": False,
        "norm_bias": False,
        "classifier_bias": False,
        "decoder_bias": True,
    },
}
# `position_embedding_type` left transformers with version 5; it is checked when found and not written.
_NOT_WRITTEN = {"position_embedding_type"}


def to_hugging_face(config: ModelConfig) -> dict[str, Any]:
    """`config.json` as transformers 5 reads it, but for what a head adds (`architectures`, labels)."""
    values: dict[str, Any] = {
        "model_type": config.encoder,
        "vocab_size": config.n_tokens,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "hidden_size": config.width,
        "intermediate_size": config.mlp_width,
        "max_position_embeddings": config.max_tokens,
        "pad_token_id": config.pad_id,
        "initializer_range": 0.02,
        "tie_word_embeddings": True,
    }
    values |= {k: v for k, v in _FIXED[config.encoder].items() if k not in _NOT_WRITTEN}
    return values | (_bert_values(config) if config.encoder == "bert" else _modernbert_values(config))


def _bert_values(config: ModelConfig) -> dict[str, Any]:
    return {
        "hidden_dropout_prob": config.dropout,
        "attention_probs_dropout_prob": config.attention_dropout,
        "type_vocab_size": config.n_segments,
        "layer_norm_eps": config.norm_eps,
    }


def _modernbert_values(config: ModelConfig) -> dict[str, Any]:
    layer_types = ["full_attention"] * config.n_layers
    for layer in config.local_layers:
        layer_types[layer] = "sliding_attention"
    values: dict[str, Any] = {
        "embedding_dropout": config.dropout,
        "mlp_dropout": config.dropout,
        "classifier_dropout": config.dropout,
        "attention_dropout": config.attention_dropout,
        "norm_eps": config.norm_eps,
        "classifier_pooling": config.pooling,
        "layer_types": layer_types,
        "local_attention": config.local_window_tokens,
        "rope_parameters": {
            "full_attention": {"rope_type": "default", "rope_theta": config.rotary_theta},
            "sliding_attention": {"rope_type": "default", "rope_theta": config.local_rotary_theta},
        },
        # transformers' own defaults lie outside a small vocabulary; the tokenizer's files say which they are.
        **dict.fromkeys(("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id")),
    }
    if not config.local_layers:
        # transformers 4 knows these names only, and would make two layers of three local without them.
        values |= {"global_attn_every_n_layers": 1, "global_rope_theta": config.rotary_theta}
    return values


def from_hugging_face(values: Mapping[str, Any]) -> ModelConfig:
    """The configuration that a `config.json` describes.

    Raises:
        CheckpointError: another model type, a setting our encoders do not have, or values that cannot work.
    """
    model_type = values.get("model_type")
    if model_type not in _FIXED:
        raise CheckpointError(f"model_type {model_type!r}: expected {' or '.join(_FIXED)}, the families that load here")
    for name, expected in _FIXED[model_type].items():
        if values.get(name, expected) != expected:
            raise CheckpointError(
                f"{name} {values[name]!r}: expected {expected!r}, the only one this {model_type} encoder has"
            )
    try:
        common: dict[str, Any] = {
            "encoder": model_type,
            "n_tokens": values["vocab_size"],
            "n_layers": values["num_hidden_layers"],
            "n_heads": values["num_attention_heads"],
            "width": values["hidden_size"],
            "mlp_width": values["intermediate_size"],
            "pad_id": values.get("pad_token_id") or 0,
        }
        own = _from_bert(values) if model_type == "bert" else _from_modernbert(values)
        return ModelConfig(**common, **own)
    except KeyError as error:
        raise CheckpointError(f"{error.args[0]} is missing: every {model_type} has it") from error
    except (OptionError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"a value does not fit a {model_type} ({error})") from error


def _from_bert(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "max_tokens": values.get("max_position_embeddings", 512),
        "dropout": values.get("hidden_dropout_prob", 0.1),
        "attention_dropout": values.get("attention_probs_dropout_prob", 0.1),
        "norm_eps": values.get("layer_norm_eps", 1e-12),
        "n_segments": values.get("type_vocab_size", 2),
    }


def _from_modernbert(values: Mapping[str, Any]) -> dict[str, Any]:
    # The defaults are transformers'; version 4 counted local layers and named the two bases one by one.
    every = values.get("global_attn_every_n_layers") or 3
    layer_types = values.get("layer_types")
    if layer_types is None:
        local_layers = [layer for layer in range(values["num_hidden_layers"]) if layer % every]
    else:
        local_layers = [layer for layer, kind in enumerate(layer_types) if kind == "sliding_attention"]
    return {
        "max_tokens": values.get("max_position_embeddings", 8192),
        "dropout": values.get("mlp_dropout", 0.0),
        "attention_dropout": values.get("attention_dropout", 0.0),
        "norm_eps": values.get("norm_eps", 1e-5),
        "rotary_theta": _rotary_theta(values, "full_attention", "global_rope_theta", 160_000.0),
        "local_layers": tuple(local_layers),
        "local_window_tokens": values.get("local_attention", 128),
        "local_rotary_theta": _rotary_theta(values, "sliding_attention", "local_rope_theta", 10_000.0),
        "pooling": values.get("classifier_pooling", "cls"),
    }


def _rotary_theta(values: Mapping[str, Any], layer_type: str, old_name: str, default: float) -> float:
    rope = (values.get("rope_parameters") or {}).get(layer_type) or {}
    if rope.get("rope_type", "default") != "default" or values.get("rope_scaling"):
        raise CheckpointError("scaled rotary positions: expected rope_type 'default', the only one here")
    return float(rope.get("rope_theta") or values.get(old_name) or default)
