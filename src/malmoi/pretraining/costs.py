"""What a model costs before anybody trains it: parameters, arithmetic, memory; and devices with their sources.

Formulae only, no PyTorch: `plan.py` turns them into hours and money, `probe.py` measures instead.
"""

from dataclasses import dataclass

from malmoi.model.config import ModelConfig
from malmoi.pretraining.examples import ExampleOptions

_BACKWARD = 2.0
"""Products of the backward pass, relative to the forward pass."""


@dataclass(frozen=True, kw_only=True)
class Device:
    """An accelerator as its maker describes it."""

    flops: float
    """FLOP/s of dense products in the 16-bit type that trains on it."""
    memory_bytes: float
    utilization: float
    """Share of that which pre-training is assumed to reach; pass your own with --utilization."""
    source: str


# Peaks are the makers' figures without sparsity. Utilisations are our assumptions, on the careful side: fp16 with
# unfused kernels reaches about 0.3 on the older ones, bf16 with fused attention, compiled, 0.4 and more on newer ones.
DEVICES = {
    "t4": Device(flops=65e12, memory_bytes=15 * 2**30, utilization=0.25, source="NVIDIA T4 datasheet; Colab's 15 GB"),
    "v100": Device(flops=112e12, memory_bytes=32e9, utilization=0.3, source="NVIDIA V100 PCIe datasheet"),
    "tpu-v2": Device(flops=180e12, memory_bytes=64e9, utilization=0.3, source="Google Cloud TPU v2-8: four chips"),
    "l4": Device(flops=121e12, memory_bytes=24e9, utilization=0.35, source="NVIDIA L4 datasheet"),
    "rtx4090": Device(flops=165e12, memory_bytes=24e9, utilization=0.4, source="NVIDIA Ada whitepaper, fp32 sums"),
    "a100": Device(flops=312e12, memory_bytes=80e9, utilization=0.4, source="NVIDIA A100 datasheet"),
    "h100": Device(flops=989e12, memory_bytes=80e9, utilization=0.4, source="NVIDIA H100 SXM datasheet"),
    "h200": Device(flops=989e12, memory_bytes=141e9, utilization=0.4, source="NVIDIA H200 datasheet"),
}


def n_parameters(config: ModelConfig) -> int:
    """Weights of an encoder with both pre-training heads."""
    width, table = config.width, config.n_tokens * config.width
    if config.encoder == "bert":
        layer = 4 * width**2 + 2 * width * config.mlp_width + 9 * width + config.mlp_width
        embeddings = table + (config.max_tokens + config.n_segments + 2) * width
        heads = (width**2 + 3 * width + config.n_tokens) + (width**2 + width) + (2 * width + 2)
        return embeddings + config.n_layers * layer + heads
    # The first layer needs no norm before its attention: the embeddings have one.
    layer = 4 * width**2 + 3 * width * config.mlp_width + 2 * width
    heads = (width**2 + width + config.n_tokens) + (width**2 + width) + (2 * width + 2)
    return table + width + config.n_layers * layer - width + width + heads


def flops_per_token(config: ModelConfig, shape: ExampleOptions) -> float:
    """Useful floating-point operations of a step, forward and backward, for a token of a full row."""
    matrices = 3 if config.encoder == "modernbert" else 2  # a gate is a third one
    attention = 8 * config.width**2 + 4 * shape.max_tokens * config.width
    feed_forward = 2 * matrices * config.width * config.mlp_width
    # The last feed-forward and the vocabulary are worked where something is predicted.
    layers = config.n_layers * attention + (config.n_layers - 1 + shape.mask_rate) * feed_forward
    head = shape.mask_rate * 2 * config.width * (config.width + config.n_tokens)
    return (1 + _BACKWARD) * (layers + head)


def memory_bytes(config: ModelConfig, shape: ExampleOptions, n_rows: int, *, fused_attention: bool = True) -> float:
    """About what training takes with `n_rows` at once, in 16-bit products over fp32 weights.

    Weights, gradients and two moments of AdamW in fp32, a copy of the weights in 16 bits; for each token and layer
    34 bytes a number of the width (Korthikanti et al. 2022), attention weights where they are not fused; the logits
    of what is predicted and their gradient.
    """
    n_tokens = n_rows * shape.max_tokens
    layer = 34.0 * config.width + (0 if fused_attention else 5.0 * config.n_heads * shape.max_tokens)
    logits = shape.mask_rate * config.n_tokens * (2 + 2 + 4)
    return 18.0 * n_parameters(config) + n_tokens * (config.n_layers * layer + logits)
