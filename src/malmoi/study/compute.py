"""Equal compute: what a pre-training step costs, and how many steps each way may take.

Counted in floating-point operations, not in seconds: these depend on what else the machine does, and two ways would
get unequal shares by chance. The sum over all ways is chosen so that they take the time there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from malmoi.model.config import ModelConfig
from malmoi.model.heads import PretrainingModel
from malmoi.pretraining.examples import ExampleOptions

_MIN_STEPS = 10


@dataclass(frozen=True, kw_only=True)
class StepCost:
    """One pre-training step of a way."""

    operations: float
    """Floating-point operations, forward and backward."""
    seconds: float
    """Measured here."""
    n_parameters: int
    """Of the model."""
    n_epoch_tokens: int
    """Room in rows that one pass over the corpus takes."""


def step_operations(model: PretrainingModel, shape: ExampleOptions) -> float:
    """Floating-point operations of a step: two a weight and token forward, and twice as many backward.

    The vocabulary is projected where something is predicted only; looking up vectors, norms and the optimiser are not
    counted.
    """
    config, n_tokens = model.config, shape.batch_rows * shape.max_tokens
    in_layers = sum(m.weight.numel() for m in model.encoder.modules() if isinstance(m, nn.Linear))
    attention = 2 * config.n_layers * shape.max_tokens * config.width
    predicted = shape.mask_rate * (config.n_tokens * config.width + _head_weights(config))
    return 3.0 * 2.0 * n_tokens * (in_layers + attention + predicted)


def _head_weights(config: ModelConfig) -> int:
    return config.width * config.width


def equal_steps(costs: Mapping[str, StepCost], seconds: float) -> dict[str, int]:
    """Steps of each way: equal operations for all, together about `seconds`."""
    seconds_an_operation = sum(cost.seconds / cost.operations for cost in costs.values())
    operations = seconds / seconds_an_operation
    return {name: max(_MIN_STEPS, round(operations / cost.operations)) for name, cost in costs.items()}
