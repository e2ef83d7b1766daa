"""What is done when a step fails: the batch of a loss that is no number is put aside, the batch that fits is found."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch

from malmoi.errors import OptionError
from malmoi.pretraining.batch import DataPosition, PretrainingBatch
from malmoi.pretraining.run import PretrainingRun
from malmoi.training.fit import fit
from malmoi.training.memory import first_that_fits

_ARRAYS = ("ids", "segments", "positions", "sequences", "masked", "targets", "firsts", "next_labels")


class Remembering(Iterator[PretrainingBatch]):
    """The same batches; `last` is the one that was taken last."""

    last: PretrainingBatch | None = None

    def __init__(self, batches: Iterable[PretrainingBatch]) -> None:
        self._batches = iter(batches)

    def __next__(self) -> PretrainingBatch:
        """The next batch, remembered."""
        self.last = next(self._batches)
        return self.last


def put_aside(batch: PretrainingBatch, out: Path) -> Path:
    """Write the arrays of a batch into `out`; `numpy.load` opens them. Returns where."""
    path = out / f"bad-batch-{batch.following.step:08d}.npz"
    np.savez_compressed(path, **{name: getattr(batch, name) for name in _ARRAYS})
    return path


def too_large(run: PretrainingRun, reason: str) -> OptionError:
    """The error for a step that does not fit into memory, with the rows that do, found by trying them."""
    shape, parts = run.source.options, run.options.accumulate
    if run.device.type == "cuda":
        torch.cuda.empty_cache()
    smaller = [n for n in range(shape.batch_rows // parts - 1, 0, -1) if shape.batch_rows % n == 0]
    fitting = first_that_fits(smaller, lambda n_rows: _take_step(run, n_rows))
    problem = (
        f"batch_rows is {shape.batch_rows}, of {shape.max_tokens} tokens"
        + (f" in {parts} parts" if parts > 1 else "")
        + f": too much for the memory of {run.device}"
    )
    if fitting is None:  # perhaps because of what went before: oneDNN does not always recover from a lack of memory
        return OptionError(
            f"{problem} ({reason}), and after that not even a single row fitted: pass --accumulate {shape.batch_rows} "
            "for a row at a time, or choose a smaller --size"
        )
    return OptionError(
        f"{problem}; {fitting} rows at once fit: pass --accumulate {shape.batch_rows // fitting} for the same steps in "
        f"parts, or --batch-rows {fitting} for smaller ones"
    )


def _take_step(run: PretrainingRun, n_rows: int) -> None:
    """One step in parts of so many rows; the run has failed, so its weights may change."""
    run.model.zero_grad(set_to_none=True)
    batch = run.source.batch(DataPosition())
    losses = partial(run.losses_by_parts, n_parts=len(batch.ids) // n_rows)
    optimizers = run.optimizers(1)
    for _ in fit(run.model, [batch], losses, optimizers, precision=run.options.precision):
        pass
