"""What changes over a run: how many rows a step has (batch ramp) and how long they are (long rows at the end).

Each stage is a function of (options, step, number of steps), so a resumed run finds itself in the right one.
"""

from dataclasses import dataclass

from malmoi.pretraining.recipe import PretrainOptions, example_options, long_options

_RAMP = (8, 4, 2)
"""The ramp's stages: one part in so many of the rows."""


@dataclass(frozen=True)
class Stage:
    """The shape of a step."""

    n_rows: int
    max_tokens: int
    first_step: int
    """Steps before the stage with rows of this length began."""


def stage_at(options: PretrainOptions, step: int, n_steps: int) -> Stage:
    """The stage that the step after `step` others is in."""
    usual, long = example_options(options), long_options(options)
    if long is not None:
        n_short = n_steps - round(n_steps * options.long_share)
        if step >= n_short:
            return Stage(long.batch_rows, long.max_tokens, n_short)
    n_ramp = round(n_steps * options.batch_ramp)
    if step >= n_ramp:
        return Stage(usual.batch_rows, usual.max_tokens, 0)
    share = _RAMP[step * len(_RAMP) // n_ramp]
    return Stage(max(1, usual.batch_rows // share), usual.max_tokens, 0)
