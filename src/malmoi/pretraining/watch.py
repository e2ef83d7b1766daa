"""What is written while a run learns: the log, looks at held-out text, TensorBoard. Saves are `pretrain.py`'s."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from malmoi.pretraining.batch import DataPosition, PretrainingBatch
from malmoi.pretraining.evaluation import HeldOut
from malmoi.pretraining.opening import EVALUATIONS, LOG
from malmoi.pretraining.run import PretrainingRun
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.fit import Step
from malmoi.training.log import StepLog, append_line, cut_log
from malmoi.training.machine import peak_memory_bytes
from malmoi.training.tensorboard import TensorBoard

_TENSORBOARD = "tensorboard"


class Looks:
    """Looks at held-out text, now and then. Processes that share the weights out look together."""

    def __init__(self, run: PretrainingRun, tokenizer: Tokenizer) -> None:
        self._every = run.options.eval_every or run.options.save_every
        self._held_out = None if run.held_out is None else HeldOut(run, run.held_out, tokenizer)

    def after(self, step: int, *, is_last: bool) -> dict[str, Any] | None:
        """What is seen after a step; None when it is not yet time."""
        if self._held_out is None or not (step % self._every == 0 or is_last):
            return None
        return self._held_out.evaluate()


class Watch:
    """Counts every step and writes what is due after it."""

    def __init__(
        self,
        run: PretrainingRun,
        tokenizer: Tokenizer,
        out: Path,
        *,
        after_step: int,
        pending: dict[str, list[float]] | None = None,
    ) -> None:
        self.run, self._out = run, out
        self._looks = Looks(run, tokenizer)
        cut_log(out / EVALUATIONS, after_step)
        with ExitStack() as opened:
            self.log = opened.enter_context(StepLog(out / LOG, after_step=after_step, pending=pending))
            self._board = None
            if run.options.tensorboard:
                self._board = opened.enter_context(TensorBoard(out / _TENSORBOARD, after_step=after_step))
            self._opened = opened.pop_all()

    def step(self, step: Step[PretrainingBatch], n_tokens: int, position: DataPosition, *, is_last: bool) -> None:
        """Count a step; log and evaluate if it is time."""
        self.log.add(step)
        if step.number % self.run.options.log_every == 0 or is_last:
            memory = peak_memory_bytes(self.run.device)
            self.log.write(tokens=n_tokens, epoch=position.epoch, peak_memory_bytes=memory)
            self._show("training", self.log.last)
        with self.log.paused():
            seen = self._looks.after(step.number, is_last=is_last)
        if seen is not None:
            record = {"step": step.number, "tokens": n_tokens, **seen}
            append_line(self._out / EVALUATIONS, record)
            self._show("held-out", record)

    def _show(self, kind: str, record: dict[str, Any]) -> None:
        if self._board is not None:
            self._board.add(kind, record)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()
