"""Sizes by name and by layers x width."""

import re

import pytest

from malmoi.errors import OptionError
from malmoi.model.sizes import SIZES, config_for, gated_width, size_like
from malmoi.pretraining.recipe import RECIPES, PretrainOptions, example_options


def test_the_papers_sizes() -> None:
    base, large = (config_for(size, n_tokens=30_000) for size in ("base", "large"))
    assert (base.encoder, base.n_layers, base.n_heads, base.width, base.mlp_width) == (
        "bert",
        12,
        12,
        768,
        3072,
    )
    assert (large.encoder, large.n_layers, large.n_heads, large.width, large.mlp_width) == (
        "bert",
        24,
        16,
        1024,
        4096,
    )
    assert base.dropout == base.attention_dropout == 0.1


@pytest.mark.parametrize("width", [128, 256, 768, 1024])
def test_a_gate_costs_about_as_much_as_no_gate(width: int) -> None:
    assert 3 * width * gated_width(width) == pytest.approx(2 * width * 4 * width, rel=0.07)
    assert gated_width(width) % 64 == 0


def test_layers_by_width() -> None:
    config = config_for("4x320", n_tokens=1_000)
    assert (config.encoder, config.n_layers, config.n_heads, config.width) == ("modernbert", 4, 5, 320)
    assert config_for("6x256", n_tokens=1_000) == config_for("small", n_tokens=1_000)
    assert config_for("2x640", n_tokens=1_000).encoder == "bert"


@pytest.mark.parametrize(
    ("size", "like"),
    [
        *((name, name) for name in SIZES),
        ("9x64", "tiny"),
        ("1x192", "small"),
        ("3x384", "small"),
        ("3x512", "base"),
        ("2x2048", "large"),
    ],
)
def test_a_shape_takes_the_recipe_of_the_size_nearest_in_width(size: str, like: str) -> None:
    assert size_like(size) == like
    assert example_options(PretrainOptions(size=size)).batch_rows == RECIPES[like].batch_rows


@pytest.mark.parametrize("size", ["smal", "6x250", "0x256", "6x0", "6X256", "6x256x4", ""])
def test_what_is_no_size(size: str) -> None:
    with pytest.raises(
        OptionError, match=re.escape(f"size {size!r}: expected one of tiny, small, base, large")
    ) as told:
        PretrainOptions(size=size)
    assert ("did you mean small" in str(told.value)) == (size == "smal")
