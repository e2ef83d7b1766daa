"""What a pre-training run is told: the options, each size's own recipe for those left open, and durations."""

import re
from dataclasses import dataclass, replace
from typing import Literal

from malmoi.errors import OptionError
from malmoi.model.sizes import size_like
from malmoi.pretraining.examples import ExampleOptions, Objective
from malmoi.pretraining.masking import Masking
from malmoi.training.options import OptimizerOptions, Precision

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, kw_only=True)
class PretrainOptions:
    """How to pre-train. An option left at None takes its value from the size's recipe."""

    size: str = "small"
    """tiny (2x128), small (6x256), base (12x768), large (24x1024), or layers x width, such as 4x320."""
    encoder: Literal["bert", "modernbert"] | None = None
    """The paper's shape or the newer one; by default modernbert for tiny and small, bert for base and large."""
    steps: int | None = None
    """Steps to take; by default ten passes over the shards."""
    budget: str | None = None
    """Instead of steps: time to spend, such as 90s, 30m, 2h. A few timed steps at the start fix their number."""
    max_tokens: int | None = None
    """Tokens in a row; by default 128 for tiny and small, 512 for base and large."""
    batch_rows: int | None = None
    """Rows in a step; by default 16 for tiny, 64 for small, 256 for base and large."""
    accumulate: int = 1
    """Parts a step is split into, one computed after another: the same step in less memory."""
    batch_ramp: float = 0.0
    """Share of the steps, at the start, with fewer rows: an eighth, a quarter, then half of them."""
    long_tokens: int | None = None
    """Tokens in a row towards the end of the run, such as 512 after 128; as many tokens a step, in fewer rows."""
    long_share: float = 0.1
    """Share of the steps, at the end, with rows of --long-tokens."""
    optimizer: Literal["adamw", "muon"] | None = None
    """adamw for all weights, or muon for the blocks' matrices and adamw for the rest; by default muon for
    tiny and small, adamw for base and large."""
    lr: float | None = None
    """Peak learning rate of AdamW; by default 4e-3 for tiny, 2e-3 for small, 1e-4 for base and large."""
    muon_lr: float | None = None
    """Peak learning rate of Muon; by default 0.02."""
    warmup: float | None = None
    """Share of the steps in which the rate rises; by default 0.05 for tiny and small, else 0.01."""
    decay: float | None = None
    """Share of the steps, at the end, in which the rate falls to zero; by default 0.5 for tiny and small, else 0.99."""
    objective: Objective = "mlm+nsp"
    """Predict masked tokens alone, or also the next sentence (nsp) or the order of two texts (sop)."""
    mask_rate: float | None = None
    """Share of the tokens to predict; by default 0.2 for tiny and small, else 0.15."""
    mask_rate_end: float | None = None
    """The share at the end of the run, reached in a straight line, such as 0.15 from 0.3; by default it stays."""
    masking: Masking = "token"
    """Hide single tokens, whole words (all pieces of an eojeol), or spans of words (SpanBERT)."""
    held_out: float | None = None
    """Share of the documents kept back to see how well hidden tokens of unseen text are guessed, such as 0.005;
    by default none are."""
    eval_every: int | None = None
    """Steps between looks at the documents held out; by default as often as the state is saved."""
    tensorboard: bool = False
    """Write the log for TensorBoard too, into OUT/tensorboard (needs "malmoi[tensorboard]")."""
    save_every: int = 500
    """Steps between saves."""
    keep: int = 2
    """Saves to keep."""
    log_every: int = 10
    """Steps between lines of log.jsonl."""
    seed: int = 1
    """Seed of weights, order, pairs and masks."""
    device: str | None = None
    """cpu, cuda, cuda:1 ...; by default the best device found."""
    precision: Precision = "auto"
    """Of products, over fp32 weights; auto takes bf16 where the hardware has it."""
    parallel: Literal["ddp", "fsdp"] = "ddp"
    """Of several processes: a copy of the model in each (ddp), or its weights shared out among them (fsdp)."""
    compile: bool | None = None
    """Compile the model first; by default when the run is long enough to win the time back."""

    def __post_init__(self) -> None:
        for name in ("steps", "accumulate", "eval_every", "save_every", "keep", "log_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise OptionError(f"{name} is {value}: expected 1 or more")
        if self.steps is not None and self.budget is not None:
            raise OptionError(f"steps {self.steps} and budget {self.budget}: expected one of them, leave one out")
        recipe_of(self.size)
        if self.budget is not None:
            parse_duration(self.budget)
        for name in ("batch_ramp", "long_share"):
            if not 0 <= getattr(self, name) < 1:
                raise OptionError(f"{name} is {getattr(self, name)}: expected a share of the steps, such as 0.1")
        if self.held_out is not None and not 0 < self.held_out <= 0.5:
            raise OptionError(f"held_out is {self.held_out}: expected a share of the documents, such as 0.005")
        if self.eval_every is not None and self.held_out is None:
            raise OptionError(
                f"eval_every is {self.eval_every}, but no documents are held out: pass --held-out 0.005 as well"
            )
        self._check_shapes()
        optimizer_options(self)

    def _check_shapes(self) -> None:
        usual = example_options(self)
        for shape in (usual, long_options(self)):
            if shape is not None and shape.batch_rows % self.accumulate:
                raise OptionError(
                    f"accumulate is {self.accumulate}: expected a divisor of the {shape.batch_rows} rows of a step"
                )
        if self.long_tokens is not None and self.long_tokens <= usual.max_tokens:
            raise OptionError(f"long_tokens is {self.long_tokens}: expected more than max_tokens, {usual.max_tokens}")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a size does where the user does not say."""

    optimizer: Literal["adamw", "muon"]
    lr: float
    muon_lr: float = 0.02
    warmup: float
    decay: float
    mask_rate: float
    max_tokens: int
    batch_rows: int


# tiny and small: what learnt most in the first ten million tokens on a CPU. base and large: Devlin et al. 2019, §A.2.
RECIPES = {
    "tiny": Recipe(optimizer="muon", lr=4e-3, warmup=0.05, decay=0.5, mask_rate=0.2, max_tokens=128, batch_rows=16),
    "small": Recipe(optimizer="muon", lr=2e-3, warmup=0.05, decay=0.5, mask_rate=0.2, max_tokens=128, batch_rows=64),
    "base": Recipe(optimizer="adamw", lr=1e-4, warmup=0.01, decay=0.99, mask_rate=0.15, max_tokens=512, batch_rows=256),
    "large": Recipe(
        optimizer="adamw", lr=1e-4, warmup=0.01, decay=0.99, mask_rate=0.15, max_tokens=512, batch_rows=256
    ),
}


def recipe_of(size: str) -> Recipe:
    """The recipe of a size; of layers x width that of the named size nearest in width.

    Raises:
        OptionError: there is no such size.
    """
    return RECIPES[size_like(size)]


def _chosen(options: PretrainOptions, name: str) -> float:
    value = getattr(options, name)
    return float(getattr(recipe_of(options.size), name) if value is None else value)


def example_options(options: PretrainOptions) -> ExampleOptions:
    """The shape of the batches that `options` ask for."""
    return ExampleOptions(
        max_tokens=int(_chosen(options, "max_tokens")),
        batch_rows=int(_chosen(options, "batch_rows")),
        objective=options.objective,
        mask_rate=_chosen(options, "mask_rate"),
        mask_rate_end=options.mask_rate_end,
        masking=options.masking,
    )


def long_options(options: PretrainOptions) -> ExampleOptions | None:
    """The shape of the batches towards the end of the run, where it changes: about as many tokens a step."""
    usual = example_options(options)
    if options.long_tokens is None:
        return None
    n_rows = usual.batch_rows * usual.max_tokens / options.long_tokens / options.accumulate
    n_rows = max(1, round(n_rows)) * options.accumulate
    return replace(usual, max_tokens=options.long_tokens, batch_rows=n_rows)


def longest_row(options: PretrainOptions) -> int:
    """Tokens in the longest row that the run has."""
    return max(example_options(options).max_tokens, options.long_tokens or 0)


def optimizer_options(options: PretrainOptions) -> OptimizerOptions:
    """The optimiser and schedule that `options` ask for."""
    return OptimizerOptions(
        optimizer=options.optimizer or recipe_of(options.size).optimizer,
        **{name: _chosen(options, name) for name in ("lr", "muon_lr", "warmup", "decay")},
    )


def parse_duration(text: str) -> float:
    """Seconds in `90s`, `30m`, `1.5h` or `2d`.

    Raises:
        OptionError: not a duration.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if match is None or float(match[1]) == 0:
        raise OptionError(f"budget {text!r}: expected a number and a unit, such as 90s, 30m or 2h")
    return float(match[1]) * _UNITS_S[match[2]]
