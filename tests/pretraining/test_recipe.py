"""Options of a run: each size fills in what is left open, and what cannot work is said before anything is touched."""

import re

import pytest
from snippets import ROOT

from malmoi.errors import OptionError
from malmoi.pretraining.recipe import RECIPES, PretrainOptions, example_options, optimizer_options, parse_duration


@pytest.mark.parametrize("size", RECIPES)
def test_a_size_fills_in_what_is_left_open(size: str) -> None:
    recipe, options = RECIPES[size], PretrainOptions(size=size)
    shape, optimizer = example_options(options), optimizer_options(options)
    assert (shape.max_tokens, shape.batch_rows, shape.mask_rate) == (
        recipe.max_tokens,
        recipe.batch_rows,
        recipe.mask_rate,
    )
    for name in ("optimizer", "lr", "muon_lr", "warmup", "decay"):
        assert getattr(optimizer, name) == getattr(recipe, name)


def test_what_is_given_wins() -> None:
    given = PretrainOptions(size="tiny", max_tokens=64, batch_rows=3, optimizer="adamw", lr=0.5, warmup=0.0, decay=0.0)
    assert (example_options(given).max_tokens, example_options(given).batch_rows) == (64, 3)
    optimizer = optimizer_options(given)
    assert (optimizer.optimizer, optimizer.lr, optimizer.warmup, optimizer.decay) == ("adamw", 0.5, 0.0, 0.0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": 0}, "steps is 0: expected 1 or more"),
        ({"save_every": 0}, "save_every is 0"),
        ({"keep": 0}, "keep is 0"),
        ({"log_every": -1}, "log_every is -1"),
        ({"size": "huge"}, "size 'huge': expected one of tiny, small, base, large"),
        ({"steps": 3, "budget": "1h"}, "steps 3 and budget 1h: expected one of them"),
        ({"budget": "soon"}, "budget 'soon': expected a number and a unit"),
        # Once these came up when the run's directory had been made, or an old one dropped.
        ({"lr": 0.0}, "lr is 0.0"),
        ({"size": "tiny", "warmup": 0.6}, "warmup 0.6 and decay 0.5 together pass 1"),
        ({"max_tokens": 4}, "max_tokens is 4"),
        ({"mask_rate": 1.5}, "mask_rate is 1.5"),
        ({"batch_ramp": 1.0}, "batch_ramp is 1.0: expected a share of the steps"),
        ({"batch_rows": 64, "accumulate": 5}, "accumulate is 5: expected a divisor of the 64 rows"),
        ({"max_tokens": 128, "long_tokens": 128}, "long_tokens is 128: expected more than max_tokens, 128"),
    ],
)
def test_impossible_options(values: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        PretrainOptions(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1.5h", 5400), ("2d", 172_800), (" 5s ", 5)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "h", "0s", "-5s", "5 hours", "1e3s", "5S"])
def test_no_durations(text: str) -> None:
    with pytest.raises(OptionError, match="expected a number and a unit"):
        parse_duration(text)


def test_what_help_says_of_each_size_is_its_recipe() -> None:
    tiny, small, base, large = (RECIPES[size] for size in ("tiny", "small", "base", "large"))
    told = " ".join((ROOT / "src" / "malmoi" / "pretraining" / "recipe.py").read_text(encoding="utf-8").split())
    for words in (
        f"by default {tiny.max_tokens} for tiny and small, {base.max_tokens} for base and large",
        f"by default {tiny.batch_rows} for tiny, {small.batch_rows} for small, {base.batch_rows} for base and large",
        f"by default {tiny.optimizer} for tiny and small, {base.optimizer} for base and large",
        f"by default {tiny.warmup} for tiny and small, else {base.warmup}",
        f"by default {tiny.decay} for tiny and small, else {base.decay}",
        f"by default {tiny.mask_rate} for tiny and small, else {base.mask_rate}",
        f"by default {tiny.muon_lr}",
    ):
        assert words in told
    rates = re.search(r"AdamW; by default (\S+) for tiny, (\S+) for small, (\S+) for base and large", told)
    assert rates is not None and [float(rate) for rate in rates.groups()] == [tiny.lr, small.lr, base.lr]
    assert base.lr == large.lr
