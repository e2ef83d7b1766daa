"""Sizes by name or as layers x width, and the configuration of each."""

import math
import re
from dataclasses import dataclass

from malmoi.errors import OptionError, one_of
from malmoi.model.config import ENCODER_DEFAULTS, EncoderName, ModelConfig

_HEAD_WIDTH = 64


@dataclass(frozen=True, kw_only=True)
class _Size:
    n_layers: int
    width: int
    n_heads: int
    encoder: EncoderName


# base and large are BERT's own; tiny and small are for a laptop, where the newer shape learns much faster.
SIZES = {
    "tiny": _Size(n_layers=2, width=128, n_heads=2, encoder="modernbert"),
    "small": _Size(n_layers=6, width=256, n_heads=4, encoder="modernbert"),
    "base": _Size(n_layers=12, width=768, n_heads=12, encoder="bert"),
    "large": _Size(n_layers=24, width=1024, n_heads=16, encoder="bert"),
}


def size_like(size: str) -> str:
    """The named size whose recipe suits `size`: itself, or for layers x width the nearest in width.

    Raises:
        OptionError: neither a name nor a shape.
    """
    return size if size in SIZES else _like(_shape(size).width)


def _like(width: int) -> str:
    return min(SIZES, key=lambda name: abs(math.log(width / SIZES[name].width)))


def _shape(size: str) -> _Size:
    if size in SIZES:
        return SIZES[size]
    match = re.fullmatch(r"(\d+)x(\d+)", size)
    if match is None or not int(match[1]) or not int(match[2]) or int(match[2]) % _HEAD_WIDTH:
        raise OptionError(
            f"size {size!r}: {one_of(size, SIZES)}; or layers x width, such as 4x320, the width a multiple of "
            f"{_HEAD_WIDTH}"
        )
    n_layers, width = int(match[1]), int(match[2])
    return _Size(n_layers=n_layers, width=width, n_heads=width // _HEAD_WIDTH, encoder=SIZES[_like(width)].encoder)


def config_for(
    size: str,
    *,
    n_tokens: int,
    encoder: EncoderName | None = None,
    max_tokens: int = 512,
    pad_id: int = 0,
    dropout: float | None = None,
) -> ModelConfig:
    """The configuration of a size.

    Args:
        size: `tiny`, `small`, `base`, `large`, or layers x width such as `4x320`.
        n_tokens: entries of the vocabulary.
        encoder: None for the size's own (`modernbert` for tiny and small, `bert` for base and large).
        max_tokens: longest sequence.
        pad_id: id of the padding token.
        dropout: None for the encoder's own (bert 0.1, modernbert 0).

    Raises:
        OptionError: no such size or encoder, or a value that cannot work.
    """
    shape = _shape(size)
    encoder = encoder or shape.encoder
    if encoder not in ENCODER_DEFAULTS:
        raise OptionError(f"encoder {encoder!r}: expected one of {', '.join(ENCODER_DEFAULTS)}")
    defaults = ENCODER_DEFAULTS[encoder]
    dropout = defaults["dropout"] if dropout is None else dropout
    return ModelConfig(
        encoder=encoder,
        n_tokens=n_tokens,
        n_layers=shape.n_layers,
        n_heads=shape.n_heads,
        width=shape.width,
        mlp_width=4 * shape.width if encoder == "bert" else gated_width(shape.width),
        max_tokens=max_tokens,
        dropout=dropout,
        attention_dropout=dropout,
        pad_id=pad_id,
        norm_eps=defaults["norm_eps"],
    )


def gated_width(width: int) -> int:
    """The gated feed-forward width that costs as much as a plain one of 4 x `width`.

    A gate makes three matrices of what were two, so each gets two thirds; rounded to 64 for the matrix units.
    """
    return max(64, round(4 * width * 2 / 3 / 64) * 64)
