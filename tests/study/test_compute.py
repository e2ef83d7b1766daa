"""Equal compute: operations counted, and shared out."""

from pathlib import Path

import pytest
from torch import nn

from malmoi.pretraining.recipe import PretrainOptions
from malmoi.pretraining.run import PretrainingRun
from malmoi.pretraining.shards import load_shards
from malmoi.study.compute import StepCost, equal_steps, step_operations
from malmoi.tokenizer.tokenizer import Tokenizer


def test_operations_are_six_a_weight_and_token_and_those_of_the_vocabulary_where_tokens_are_predicted(
    quick_run: Path,
) -> None:
    options = PretrainOptions(size="tiny", batch_rows=4, max_tokens=64, device="cpu", mask_rate=0.2)
    run = PretrainingRun(load_shards(quick_run / "shards"), Tokenizer.load(quick_run / "tokenizer"), options)
    counted = step_operations(run)
    width, n_masked = run.model.config.width, round(0.2 * 4 * 64) + 1
    weights = sum(m.weight.numel() for m in run.model.encoder.layers.modules() if isinstance(m, nn.Linear))
    vocabulary = 6 * n_masked * run.model.config.n_tokens * width
    assert vocabulary < counted < vocabulary + 6 * 4 * 64 * (weights + 2 * 2 * 64 * width) * 1.2
    # Of the last layer the feed-forward part runs at a sixth of the tokens: most of the other half is there.
    assert counted > vocabulary + 0.6 * 6 * 4 * 64 * weights
    assert all(parameter.grad is None for parameter in run.model.parameters())
    assert step_operations(run) == counted


def test_steps_of_equal_operations_take_the_time_there_is() -> None:
    costs = {
        "large": StepCost(operations=4e9, seconds=2.0, n_parameters=1, n_epoch_tokens=1),
        "small": StepCost(operations=1e9, seconds=1.0, n_parameters=1, n_epoch_tokens=1),
    }
    steps = equal_steps(costs, 600.0)
    assert steps["large"] * 4e9 == steps["small"] * 1e9
    assert steps["large"] * 2.0 + steps["small"] * 1.0 == pytest.approx(600)


def test_a_few_steps_at_least() -> None:
    assert equal_steps({"way": StepCost(operations=1e9, seconds=1, n_parameters=1, n_epoch_tokens=1)}, 0.0) == {
        "way": 10
    }
