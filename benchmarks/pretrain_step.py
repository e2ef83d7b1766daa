"""P1: one pre-training step on a CPU, ours against `transformers.BertForPreTraining`, same shapes and masking.

Forward, backward and AdamW; rows without padding. With the dropout of both sides' defaults and of the paper, 0.1, then
without any. The peer runs eager and compiled, in fp32 and, where the processor has bf16 units, under autocast; its best
counts. Ours is what `malmoi pretrain` runs, and at 6x256 each of its parts is switched off in turn. Every candidate has
a process of its own; all take turns. Then ours and the best of the peer's alone take more turns, which give the ratio.

    python benchmarks/pretrain_step.py [--quick] [--size small] [--dropout 0.1]
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import torch
from machine import describe, medians_apart, product_rate
from torch.nn import functional
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForPreTraining

from malmoi.model import attention, dropout
from malmoi.model.config import ModelConfig
from malmoi.model.heads import PretrainingModel
from malmoi.model.sizes import config_for
from malmoi.training.device import autocast, has_fast_bfloat16, keep_freed_memory
from malmoi.training.losses import cross_entropy_pass, cross_entropy_with_accuracy

CPU = torch.device("cpu")
_LR = 1e-7
"""So small that the one batch is not learnt by heart: that would drive logits and gradients into denormal numbers."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    size: str
    n_rows: int
    n_tokens: int = 128
    n_vocabulary: int = 32_000
    mask_rate: float = 0.15
    dropout: float


@dataclass(frozen=True)
class Data:
    ids: torch.Tensor
    masked: torch.Tensor
    targets: torch.Tensor
    next_labels: torch.Tensor


def make_data(shape: Shape) -> Data:
    generator = torch.Generator().manual_seed(1)
    n = shape.n_rows * shape.n_tokens
    ids = torch.randint(5, shape.n_vocabulary, (shape.n_rows, shape.n_tokens), generator=generator)
    masked = torch.randperm(n, generator=generator)[: round(n * shape.mask_rate)].sort().values
    return Data(ids, masked, ids.view(-1)[masked], torch.randint(0, 2, (shape.n_rows,), generator=generator))


@dataclass(frozen=True, kw_only=True)
class Ours:
    """What `malmoi pretrain` runs, with parts switched off to see what each gives."""

    shape: Shape
    own_dropout: bool = True
    plain_attention: bool = True
    one_pass_loss: bool = True
    keeps_memory: bool = True
    compiled: bool = True
    bf16: bool = True

    def __call__(self) -> Callable[[], None]:
        torch.manual_seed(1)
        if self.keeps_memory:
            keep_freed_memory()
        if not self.own_dropout:
            dropout.dropout = attention.dropout = functional.dropout
        if not self.plain_attention:
            attention._PLAIN_UP_TO_TOKENS = 0
        config, data = config_of(self.shape), make_data(self.shape)
        model, one_pass = PretrainingModel(config), cross_entropy_pass
        if self.compiled:
            model.encoder.compile(fullgraph=True, dynamic=False)
            model.masked_head.compile(fullgraph=True, dynamic=False)
            one_pass = torch.compile(cross_entropy_pass, fullgraph=True, dynamic=False)
        optimizer = torch.optim.AdamW(model.parameters(), lr=_LR, fused=True)
        firsts = torch.arange(self.shape.n_rows) * self.shape.n_tokens

        def step() -> None:
            with autocast(CPU, "auto" if self.bf16 else "fp32"):
                output = model(data.ids, masked_N=data.masked, first_M=firsts)
                assert output.next_logits_M2 is not None
                if self.one_pass_loss:
                    loss, _ = cross_entropy_with_accuracy(output.masked_logits_NV, data.targets, one_pass)
                else:
                    loss = cross_entropy(output.masked_logits_NV.float(), data.targets)
                loss = loss + cross_entropy(output.next_logits_M2.float(), data.next_labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        return step


@dataclass(frozen=True, kw_only=True)
class Theirs:
    """transformers' `BertForPreTraining` as its users run it."""

    shape: Shape
    compiled: bool
    bf16: bool
    keeps_memory: bool = False
    """With our setting of the allocator, which is not theirs."""

    def __call__(self) -> Callable[[], None]:
        torch.manual_seed(1)
        if self.keeps_memory:
            keep_freed_memory()
        config, data = config_of(self.shape), make_data(self.shape)
        peer = BertConfig(
            vocab_size=config.n_tokens,
            hidden_size=config.width,
            num_hidden_layers=config.n_layers,
            num_attention_heads=config.n_heads,
            intermediate_size=config.mlp_width,
            hidden_dropout_prob=config.dropout,
            attention_probs_dropout_prob=config.attention_dropout,
        )
        model = BertForPreTraining(peer)
        run = torch.compile(model) if self.compiled else model
        optimizer = torch.optim.AdamW(model.parameters(), lr=_LR, fused=True)
        labels = torch.full_like(data.ids, -100).view(-1)
        labels[data.masked] = data.targets
        labels = labels.view_as(data.ids)

        def step() -> None:
            with autocast(CPU, "bf16" if self.bf16 else "fp32"):
                loss = run(data.ids, labels=labels, next_sentence_label=data.next_labels).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        return step


def config_of(shape: Shape) -> ModelConfig:
    return config_for(shape.size, encoder="bert", n_tokens=shape.n_vocabulary, dropout=shape.dropout)


def useful_flops(config: ModelConfig, shape: Shape) -> float:
    """Products of forward and backward (three times the forward) that the objective cannot do without.

    The last feed-forward and the head are needed at the masked positions and the [CLS] only.
    """
    n, width = shape.n_rows * shape.n_tokens, config.width
    n_wanted = n * shape.mask_rate + shape.n_rows
    attention = n * config.n_layers * (8 * width**2 + 4 * shape.n_tokens * width)
    feed_forward = (n * (config.n_layers - 1) + n_wanted) * 4 * width * config.mlp_width
    head = n * shape.mask_rate * 2 * (width**2 + width * config.n_tokens)
    return 3 * (attention + feed_forward + head)


def compare(shape: Shape, repeats: int, *, parts: bool) -> None:
    config, fast = config_of(shape), has_fast_bfloat16(CPU)
    own = {"malmoi": Ours(shape=shape)}
    if parts:
        # With dropout PyTorch's CPU has no fused attention that plain attention could be compared with.
        own |= (
            {"  without our dropout": Ours(shape=shape, own_dropout=False)}
            if shape.dropout
            else {"  without plain attention": Ours(shape=shape, plain_attention=False)}
        )
        own |= {
            "  without the one-pass loss": Ours(shape=shape, one_pass_loss=False),
            "  without keeping freed memory": Ours(shape=shape, keeps_memory=False),
            "  without compiling": Ours(shape=shape, compiled=False),
            "  without bf16": Ours(shape=shape, bf16=False),
        }
    peers = {
        f"transformers {'bf16 autocast' if bf16 else 'fp32'}{' compiled' if compiled else ''}": Theirs(
            shape=shape, compiled=compiled, bf16=bf16
        )
        for bf16 in ((False, True) if fast else (False,))
        for compiled in (False, True)
    }
    helped = {"its best, with our allocator setting": Theirs(shape=shape, compiled=True, bf16=fast, keeps_memory=True)}
    rate = product_rate()
    builders = own | peers | helped
    found = medians_apart(list(builders.values()), repeats)
    seconds = {name: apart.seconds for name, apart in zip(builders, found, strict=True)}
    n = shape.n_rows * shape.n_tokens
    useful = useful_flops(config, shape) / seconds["malmoi"]
    print(
        f"\n{config.n_layers}x{config.width}, {shape.n_rows} rows of {shape.n_tokens}, vocabulary {config.n_tokens:,}, "
        f"dropout {shape.dropout}: {useful / 1e9:.0f} GFLOP/s useful, "
        f"{useful / rate:.0%} of the product rate {rate / 1e9:.0f} GFLOP/s"
    )
    for name, value in seconds.items():
        print(f"  {name:<40}{n / value:>9,.0f} tokens/s{seconds['malmoi'] / value:>8.2f} of ours")
    best = min(peers, key=lambda name: seconds[name])
    ours, theirs = medians_apart([own["malmoi"], peers[best]], 4 * repeats)
    print(
        f"  alone against {best}, {4 * repeats} turns: {n / ours.seconds:,.0f} and {n / theirs.seconds:,.0f} tokens/s, "
        f"ratio {theirs.seconds / ours.seconds:.2f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small shapes only")
    parser.add_argument("--size", choices=["small", "base"], help="only this")
    parser.add_argument("--dropout", type=float, help="only this, on both sides")
    args = parser.parse_args()
    sizes = [args.size] if args.size else ["small"] if args.quick else ["small", "base"]
    print(describe("transformers"))
    for size in sizes:
        for rate in (0.1, 0.0) if args.dropout is None else (args.dropout,):
            is_small = size == "small"
            shape = Shape(size=size, n_rows=32 if is_small and not args.quick else 8, dropout=rate)
            compare(shape, repeats=3 if args.quick else 9 if is_small else 5, parts=is_small and not args.quick)


if __name__ == "__main__":
    main()
