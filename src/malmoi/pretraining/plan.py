"""Time, memory and money of a pre-training run before it starts, by the formulae of `costs.py` or a probe."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from malmoi.artifact import directory_without
from malmoi.errors import InputError, OptionError
from malmoi.model.config import ModelConfig
from malmoi.model.sizes import SIZES, config_for
from malmoi.pretraining.costs import DEVICES, flops_per_token, memory_bytes, n_parameters
from malmoi.pretraining.examples import ExampleOptions
from malmoi.pretraining.recipe import PretrainOptions, example_options, parse_duration

_EPOCHS_BY_DEFAULT = 10
_TOKENS_AN_EOJEOL = 2.0
"""Pieces an eojeol: 1.97 on Korean Wikipedia with a vocabulary of 32,000 (docs/log.md)."""
_VOCABULARY = 32_000
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
HERE = "here"

Probe = Callable[[PretrainOptions, int, float], float]
"""Tokens a second of options, for a vocabulary's size, measured so many seconds."""


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """What is to be planned."""

    size: str = "small"
    """tiny (2x128), small (6x256), base (12x768), large (24x1024), or layers x width, such as 4x320."""
    device: str = HERE
    """`here`, by a short probe; or t4, v100, tpu-v2, l4, rtx4090, a100, h100, h200, by the makers' figures."""
    n_devices: int = 1
    """Devices that work together; the time they spend talking to each other is not counted."""
    steps: int | None = None
    """Steps of the run."""
    epochs: float | None = None
    """Instead of steps: passes over the text; by default 10."""
    budget: str | None = None
    """Instead of steps: the time there is, such as 2h or 5d."""
    max_tokens: int | None = None
    """Tokens in a row; by default the size's own."""
    batch_rows: int | None = None
    """Rows in a step; by default the size's own."""
    vocabulary: int | None = None
    """Entries of the vocabulary; by default that of the shards, or 32,000."""
    utilization: float | None = None
    """Share of a device's peak that is reached; by default a careful assumption for each."""
    price_per_hour: float | None = None
    """Money for one device and hour."""
    probe_seconds: float = 20.0
    """Seconds to measure for `--device here`."""

    def __post_init__(self) -> None:
        if self.device != HERE and self.device not in DEVICES:
            raise OptionError(f"device {self.device!r}: expected {HERE}, or one of {', '.join(DEVICES)}")
        if self.n_devices < 1:
            raise OptionError(f"n_devices is {self.n_devices}: expected 1 or more")
        if self.n_devices > 1 and self.device == HERE:
            raise OptionError(f"n_devices is {self.n_devices} with device {HERE}: name the device, such as a100")
        given = [name for name in ("steps", "epochs", "budget") if getattr(self, name) is not None]
        if len(given) > 1:
            raise OptionError(f"{' and '.join(given)} are given: expected one of them")
        for name in ("steps", "epochs", "utilization", "vocabulary", "price_per_hour", "probe_seconds"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise OptionError(f"{name} is {value}: expected more than 0")
        if self.utilization is not None and self.utilization > 1:
            raise OptionError(f"utilization is {self.utilization}: expected a share, such as 0.4")


@dataclass(frozen=True, kw_only=True)
class SizePlan:
    """What one size takes for the same tokens, and what it sees in the same time."""

    size: str
    n_parameters: int
    tokens_per_second: float
    hours: float
    tokens_in_the_same_time: int


@dataclass(frozen=True, kw_only=True)
class PlanReport:
    """A planned run."""

    size: str
    device: str
    n_devices: int
    basis: str
    """Where the speed comes from."""
    n_parameters: int
    text_tokens: int
    """Of the text, once."""
    steps: int
    tokens: int
    epochs: float
    tokens_per_second: float
    hours: float
    money: float | None
    memory_gib: dict[int, float]
    """By rows worked at once; about."""
    device_memory_gib: float | None
    rows_that_fit: int | None
    """The most of those rows that fit into the device; the rest is for --accumulate."""
    sizes: tuple[SizePlan, ...]

    def __str__(self) -> str:
        lines = [
            f"{self.size}, {self.n_parameters / 1e6:,.1f}M parameters, "
            f"on {'this machine' if self.device == HERE else f'{self.n_devices} x {self.device}'} ({self.basis})",
            f"{self.steps:,} steps, {_amount(self.tokens)} tokens, {self.epochs:,.1f} passes over "
            f"{_amount(self.text_tokens)}: {_time(self.hours)} at {self.tokens_per_second:,.0f} tokens/s"
            + (f", {self.money:,.2f} to pay" if self.money is not None else ""),
            "memory, about: "
            + ", ".join(f"{n} row{'s' * (n > 1)} {gib:,.1f} GiB" for n, gib in self.memory_gib.items()),
        ]
        if self.device_memory_gib is not None:
            lines.append(f"{self.device_memory_gib:,.0f} GiB hold {self.rows_that_fit or 'no'} rows at once")
        lines += [
            f"  {s.size:<6}{s.n_parameters / 1e6:>8,.1f}M  {_time(s.hours):>12} for the same tokens, or "
            f"{_amount(s.tokens_in_the_same_time)} tokens in the same time"
            for s in self.sizes
        ]
        return "\n".join(lines)


def _amount(n_tokens: int) -> str:
    return f"{n_tokens / 1e3:,.0f}k" if n_tokens < 10_000_000 else f"{n_tokens / 1e6:,.0f}M"


def _time(hours: float) -> str:
    if hours < 1:
        return f"{60 * hours:,.1f} minutes"
    return f"{hours:,.1f} hours" if hours < 72 else f"{hours / 24:,.1f} days"


def make_plan(text: Path, options: PlanOptions, probe: Probe) -> PlanReport:
    """Plan a run on shards, or on a corpus that is not encoded yet.

    Args:
        text: shard directory, or corpus directory.
        options: see `PlanOptions`.
        probe: measures this machine; called for device `here` only.

    Raises:
        InputError: neither shards nor a corpus.
        OptionError: an option cannot work.
    """
    n_tokens, n_vocabulary = _amount_of_text(text)
    return plan_tokens(n_tokens, options, probe, n_vocabulary=options.vocabulary or n_vocabulary)


def _amount_of_text(directory: Path) -> tuple[int, int]:
    """Tokens of a text, and entries of its vocabulary; of a corpus about, by its eojeols."""
    for name in ("shards.json", "report.json"):
        path = directory / name
        if not path.is_file():
            continue
        try:
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if name == "shards.json":
                return int(record["n_tokens"]), int(record["n_vocabulary"])
            return round(_TOKENS_AN_EOJEOL * int(record["n_eojeols"])), _VOCABULARY
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} does not say how much text there is: expected shards, or a corpus directory"
            ) from error
    state = directory_without(directory, "shards.json and no report.json")
    raise InputError(f"{directory} {state}: expected shards, or a corpus directory")


def plan_tokens(text_tokens: int, options: PlanOptions, probe: Probe, *, n_vocabulary: int = _VOCABULARY) -> PlanReport:
    """Plan a run on so many tokens of text; see `make_plan`."""
    config, shape = _shape(options.size, options, n_vocabulary)
    step_tokens = shape.batch_rows * shape.max_tokens
    rate, basis = _speed(options, n_vocabulary, probe)
    steps = _n_steps(options, text_tokens, step_tokens, rate)
    tokens, flops = steps * step_tokens, flops_per_token(config, shape)
    hours = tokens / rate / 3600
    sizes = []
    for size in SIZES:
        other_config, other_shape = _shape(size, options, n_vocabulary, shape)
        other_rate = rate * flops / flops_per_token(other_config, other_shape)
        sizes.append(
            SizePlan(
                size=size,
                n_parameters=n_parameters(other_config),
                tokens_per_second=round(other_rate, 1),
                hours=round(tokens / other_rate / 3600, 3),
                tokens_in_the_same_time=round(other_rate * hours * 3600),
            )
        )
    device = DEVICES.get(options.device)
    memory = {n: round(memory_bytes(config, shape, n) / 2**30, 2) for n in _ROWS if n <= shape.batch_rows}
    room = None if device is None else device.memory_bytes / 2**30
    return PlanReport(
        size=options.size,
        device=options.device,
        n_devices=options.n_devices,
        basis=basis,
        n_parameters=n_parameters(config),
        text_tokens=text_tokens,
        steps=steps,
        tokens=tokens,
        epochs=round(tokens / text_tokens, 3),
        tokens_per_second=round(rate, 1),
        hours=round(hours, 3),
        money=None if options.price_per_hour is None else round(hours * options.price_per_hour * options.n_devices, 2),
        memory_gib=memory,
        device_memory_gib=None if room is None else round(room, 1),
        rows_that_fit=None if room is None else max((n for n, gib in memory.items() if gib <= room), default=None),
        sizes=tuple(sizes),
    )


def _shape(
    size: str, options: PlanOptions, n_vocabulary: int, rows_of: ExampleOptions | None = None
) -> tuple[ModelConfig, ExampleOptions]:
    """Model and batch of a size; with the rows of another one where they are compared."""
    max_tokens = options.max_tokens if rows_of is None else rows_of.max_tokens
    batch_rows = options.batch_rows if rows_of is None else rows_of.batch_rows
    shape = example_options(PretrainOptions(size=size, max_tokens=max_tokens, batch_rows=batch_rows))
    return config_for(size, n_tokens=n_vocabulary, max_tokens=max(512, shape.max_tokens)), shape


def _speed(options: PlanOptions, n_vocabulary: int, probe: Probe) -> tuple[float, str]:
    """Tokens a second of all devices, and where the number comes from."""
    config, shape = _shape(options.size, options, n_vocabulary)
    if options.device == HERE:
        # As many rows at once as a quick look needs: the rate hardly depends on more.
        rows = max(1, min(shape.batch_rows, 4096 // shape.max_tokens))
        tried = PretrainOptions(size=options.size, max_tokens=shape.max_tokens, batch_rows=rows)
        rate = probe(tried, n_vocabulary, options.probe_seconds)
        return rate, f"measured, {rows} rows of {shape.max_tokens} tokens, not compiled"
    device = DEVICES[options.device]
    share = options.utilization or device.utilization
    basis = f"{device.flops / 1e12:.0f} TFLOP/s at {share:.0%}; {device.source}"
    return options.n_devices * device.flops * share / flops_per_token(config, shape), basis


def _n_steps(options: PlanOptions, text_tokens: int, step_tokens: int, rate: float) -> int:
    if options.steps is not None:
        return options.steps
    if options.budget is not None:
        return max(1, int(parse_duration(options.budget) * rate / step_tokens))
    return max(1, round((options.epochs or _EPOCHS_BY_DEFAULT) * text_tokens / step_tokens))
