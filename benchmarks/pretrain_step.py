"""P1: one pre-training step on a CPU, ours against `transformers.BertForPreTraining`, same shapes and masking.

Forward, backward and AdamW; dropout off on both sides; rows without padding. The peer runs eager and compiled, in
fp32 and, where the processor has bf16 units, under autocast; its best counts. Ours is what `malmoi pretrain` runs.

    python benchmarks/pretrain_step.py [--quick]
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from machine import describe, medians, product_rate
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForPreTraining

from malmoi.model.config import ModelConfig, config_for
from malmoi.model.heads import PretrainingModel
from malmoi.training.device import autocast, has_fast_bfloat16

CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Shape:
    size: str
    n_rows: int
    n_tokens: int = 128
    n_vocabulary: int = 32_000
    mask_rate: float = 0.15


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


def ours(config: ModelConfig, shape: Shape, data: Data) -> Callable[[], None]:
    model = PretrainingModel(config)
    model.encoder.compile(fullgraph=True, dynamic=False)
    model.masked_head.compile(fullgraph=True, dynamic=False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    firsts = torch.arange(shape.n_rows) * shape.n_tokens

    def step() -> None:
        with autocast(CPU, "auto"):
            output = model(data.ids, masked_N=data.masked, first_M=firsts)
            assert output.next_logits_M2 is not None
            loss = cross_entropy(output.masked_logits_NV.float(), data.targets)
            loss = loss + cross_entropy(output.next_logits_M2.float(), data.next_labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def theirs(config: ModelConfig, shape: Shape, data: Data, *, compiled: bool, bf16: bool) -> Callable[[], None]:
    peer = BertConfig(
        vocab_size=config.n_tokens,
        hidden_size=config.width,
        num_hidden_layers=config.n_layers,
        num_attention_heads=config.n_heads,
        intermediate_size=config.mlp_width,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = BertForPreTraining(peer)
    run = torch.compile(model) if compiled else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    labels = torch.full_like(data.ids, -100).view(-1)
    labels[data.masked] = data.targets
    labels = labels.view_as(data.ids)

    def step() -> None:
        with autocast(CPU, "bf16" if bf16 else "fp32"):
            loss = run(data.ids, labels=labels, next_sentence_label=data.next_labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def useful_flops(config: ModelConfig, shape: Shape) -> float:
    """Products of forward and backward (three times the forward) that the objective cannot do without."""
    n = shape.n_rows * shape.n_tokens
    width, block = config.width, 4 * config.width**2 + 2 * config.width * config.mlp_width
    encoder = n * config.n_layers * (2 * block + 4 * shape.n_tokens * width)
    head = n * shape.mask_rate * 2 * (width**2 + width * config.n_tokens)
    return 3 * (encoder + head)


def compare(shape: Shape, repeats: int) -> None:
    config = replace(
        config_for(shape.size, encoder="bert", n_tokens=shape.n_vocabulary), dropout=0.0, attention_dropout=0.0
    )
    data = make_data(shape)
    variants = {"fp32 eager": (False, False), "fp32 compiled": (True, False)}
    if has_fast_bfloat16(CPU):
        variants |= {"bf16 autocast eager": (False, True), "bf16 autocast compiled": (True, True)}
    steps = [ours(config, shape, data)]
    steps += [theirs(config, shape, data, compiled=compiled, bf16=bf16) for compiled, bf16 in variants.values()]
    rate = product_rate()
    seconds = medians(steps, repeats)
    n = shape.n_rows * shape.n_tokens
    useful = useful_flops(config, shape) / seconds[0]
    print(
        f"\n{config.n_layers}x{config.width}, {shape.n_rows} rows of {shape.n_tokens}, vocabulary {config.n_tokens:,}"
    )
    print(f"  {'malmoi':<34}{n / seconds[0]:>9,.0f} tokens/s, {useful / 1e9:.0f} GFLOP/s useful, "
          f"{useful / rate:.0%} of the product rate {rate / 1e9:.0f} GFLOP/s")  # fmt: skip
    for name, value in zip(variants, seconds[1:], strict=True):
        print(f"  {'transformers ' + name:<34}{n / value:>9,.0f} tokens/s")
    print(f"  ratio to its best: {min(seconds[1:]) / seconds[0]:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small shapes only")
    quick = parser.parse_args().quick
    torch.manual_seed(1)
    print(describe("transformers"))
    compare(Shape(size="small", n_rows=8 if quick else 32), repeats=3 if quick else 5)
    if not quick:
        compare(Shape(size="base", n_rows=8), repeats=3)


if __name__ == "__main__":
    main()
