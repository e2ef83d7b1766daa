"""Equal compute: what a pre-training step costs, and how many steps each way may take.

Counted in floating-point operations, not in seconds: these depend on what else the machine does, and two ways would
get unequal shares by chance. The sum over all ways is chosen so that they take the time there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch.utils.flop_counter import FlopCounterMode

from malmoi.pretraining.batch import DataPosition
from malmoi.pretraining.run import PretrainingRun

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


def step_operations(run: PretrainingRun) -> float:
    """Floating-point operations of a step, as PyTorch counts them: of all products, forward and backward.

    What looks up, adds and norms is not counted, nor the optimiser.
    """
    with FlopCounterMode(display=False) as counter:
        run.part_losses(run.source.batch(DataPosition())).total.backward()  # type: ignore[no-untyped-call]
    run.model.zero_grad()
    return float(counter.get_total_flops())


def equal_steps(costs: Mapping[str, StepCost], seconds: float) -> dict[str, int]:
    """Steps of each way: equal operations for all, together about `seconds`."""
    seconds_an_operation = sum(cost.seconds / cost.operations for cost in costs.values())
    operations = seconds / seconds_an_operation
    return {name: max(_MIN_STEPS, round(operations / cost.operations)) for name, cost in costs.items()}
