"""Options of training, free of PyTorch so that the command line knows them without loading it."""

from dataclasses import dataclass
from typing import Literal

from malmoi.errors import OptionError

Precision = Literal["auto", "fp32", "bf16", "fp16"]
"""How products are computed over fp32 weights: `auto` is bf16 where the hardware has it, fp16 on older GPUs (T4)."""


@dataclass(frozen=True, kw_only=True)
class OptimizerOptions:
    """Optimiser, learning rates and schedule."""

    optimizer: Literal["adamw", "muon"] = "adamw"
    """`adamw` for every weight, or `muon` for the blocks' matrices and AdamW for the rest."""
    lr: float = 1e-4
    """Peak learning rate of AdamW."""
    muon_lr: float = 0.02
    """Peak learning rate of Muon."""
    weight_decay: float = 0.01
    """Decoupled weight decay of AdamW's matrices and embeddings; norms and biases have none, as in BERT."""
    muon_weight_decay: float = 0.1
    """Decoupled weight decay of Muon's matrices. Its updates are all of one size, however small the gradient: with
    little decay the matrices grow until fine-tuning can hardly move them."""
    beta2: float = 0.98
    """Second moment's decay of AdamW."""
    warmup: float = 0.1
    """Share of the steps in which the rate rises."""
    decay: float = 0.9
    """Share of the steps, at the end, in which the rate falls to zero."""
    max_grad_norm: float = 1.0
    """Gradients are scaled down to this norm."""

    def __post_init__(self) -> None:
        for name in ("lr", "muon_lr", "max_grad_norm"):
            if not getattr(self, name) > 0:
                raise OptionError(f"{name} is {getattr(self, name)}: expected a number above 0")
        for name in ("warmup", "decay"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"{name} is {getattr(self, name)}: expected a share between 0 and 1")
        if self.warmup + self.decay > 1 + 1e-9:
            raise OptionError(f"warmup {self.warmup} and decay {self.decay} together pass 1: lower one of them")


@dataclass(frozen=True, kw_only=True)
class FinetuneOptions:
    """How to fine-tune."""

    epochs: int | None = None
    """Passes over the training examples; by default 3, and more for fewer than 20,000 examples (up to 20)."""
    lr: float | None = None
    """Peak learning rate; by default by the model's width: 5e-4 for small, 5e-5 for base."""
    lrs: str | None = None
    """Learning rates to try, separated by commas, such as 1e-4,3e-4; the best on dev is kept."""
    layer_decay: float = 1.0
    """Each layer's rate is this share of that of the layer above it; 1 is off, 0.9 spares the lower layers."""
    batch_size: int | None = None
    """Examples in a step; by default what suits the task, mostly 32."""
    max_tokens: int | None = None
    """Longest input in tokens; what is longer is cut. By default what suits the task, mostly 128."""
    warmup: float = 0.1
    """Share of the steps in which the rate rises; then it falls to zero."""
    weight_decay: float = 0.01
    """Decoupled weight decay of matrices."""
    dropout: float | None = 0.1
    """Share of activations dropped while training; none keeps the model's own."""
    pooling: Literal["cls", "mean"] | None = None
    """What the head reads: [CLS], or the mean of all tokens; by default mean for modernbert, cls for bert."""
    class_weights: bool = False
    """Rare labels count as much as frequent ones: each example by the inverse of its label's frequency."""
    reinit_layers: int = 0
    """Uppermost layers to start anew from random weights: steadier with few examples (Zhang et al. 2021)."""
    patience: int | None = None
    """Stop after this many epochs without a better score on dev; by default all epochs are run."""
    seed: int = 1
    """Seed of the new head and of the order of the examples."""
    seeds: int = 1
    """Runs with seeds from --seed on; the best on dev is kept, mean and spread are printed."""
    from_scratch: bool = False
    """Start from random weights of the same shape: what pre-training buys is the difference."""
    device: str | None = None
    """cpu, cuda, cuda:1 ...; by default the best device found."""
    precision: Precision = "auto"
    """Of products, over fp32 weights; auto takes bf16 where the hardware has it."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "patience", "seeds"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise OptionError(f"{name} is {value}: expected 1 or more")
        if self.max_tokens is not None and self.max_tokens < 8:
            raise OptionError(f"max_tokens is {self.max_tokens}: expected 8 or more")
        if self.lr is not None and self.lrs is not None:
            raise OptionError(f"lr {self.lr} and lrs {self.lrs}: expected one of them; put all rates into lrs")
        if not 0 < self.layer_decay <= 1:
            raise OptionError(f"layer_decay is {self.layer_decay}: expected a share above 0, at most 1")
        if self.reinit_layers < 0:
            raise OptionError(f"reinit_layers is {self.reinit_layers}: expected 0 or more")
        _ = self.rates

    def optimizer(self, lr: float) -> OptimizerOptions:
        """AdamW at this peak rate, which rises and then falls to zero."""
        return OptimizerOptions(
            lr=lr, weight_decay=self.weight_decay, warmup=self.warmup, decay=1 - self.warmup, beta2=0.999
        )

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rates that are asked for; empty for the default one."""
        if self.lrs is None:
            return () if self.lr is None else (_checked_rate(self.lr),)
        try:
            rates = tuple(_checked_rate(float(text)) for text in self.lrs.split(","))
        except ValueError:
            raise OptionError(f"lrs is {self.lrs!r}: expected numbers separated by commas, such as 1e-4,3e-4") from None
        if len(set(rates)) < len(rates):
            raise OptionError(f"lrs is {self.lrs}: expected each rate once")
        return rates


def _checked_rate(rate: float) -> float:
    if not 0 < rate < 1:
        raise OptionError(f"lr is {rate}: expected a number above 0 and below 1")
    return rate
