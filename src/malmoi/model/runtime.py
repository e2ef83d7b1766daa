"""Running a model: rows in, one array a row out, whatever computes them.

Two implementations: `onnx_runtime.py` (no PyTorch) and `torch_runtime.py`; `load.py` chooses. Not here: how the
model was trained, and what its numbers mean.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np

from malmoi.model.config import ModelConfig
from malmoi.model.pooling import Pooling
from malmoi.tasks.task import Row
from malmoi.training.batch import Batch, collate, sorted_batches

NO_PLACES = np.zeros(0, np.int64)


class Runtime(ABC):
    """A model that answers batches."""

    config: ModelConfig
    kind: str
    """The head: `pooled`, `token` or `masked`; `none` where the encoder stands alone."""
    pooling: Pooling
    """What `embed` makes of the token vectors."""
    batch_tokens: int
    """Tokens in a batch, padding included: enough to keep the cores busy, small enough for their caches."""
    at_once: int = 1
    """How many threads may call it at a time."""
    start_tokens: int
    """How many tokens could be computed in the time that beginning a batch takes."""

    @abstractmethod
    def run(self, batch: Batch) -> np.ndarray:
        """float32 [B, C] (pooled), [B, T, C] (token) or, of what the batch asks for, [B, T] (masked)."""

    @abstractmethod
    def embed(self, batch: Batch) -> np.ndarray:
        """float32 [B, D]: the encoder's vectors over the real tokens of each row, pooled; not of length one."""

    @abstractmethod
    def fill(self, batch: Batch, places: np.ndarray) -> np.ndarray:
        """float32 [N, V]: log-probabilities of the vocabulary at N flat places (int64, into B * T); masked heads only.

        Raises:
            CheckpointError: the model has another head.
        """

    def batches(
        self, examples: Sequence[Sequence[Row]], max_examples: int | None = None
    ) -> Iterator[tuple[list[int], Batch]]:
        """Numbers of examples and their rows as a batch, each batch of about equal lengths."""
        for found in sorted_batches(examples, self.batch_tokens, self.start_tokens):
            step = max_examples or len(found)
            for numbers in (found[start : start + step] for start in range(0, len(found), step)):
                yield numbers, collate([row for number in numbers for row in examples[number]], self.config.pad_id)

    def embed_examples(self, examples: Sequence[Sequence[Row]], max_examples: int | None = None) -> np.ndarray:
        """float32 [n, D] of examples of one row each, in order; not of length one."""
        vectors_nD = np.empty((len(examples), self.config.width), np.float32)
        for numbers, batch in self.batches(examples, max_examples):
            vectors_nD[numbers] = self.embed(batch)
        return vectors_nD

    def run_examples(self, examples: Sequence[Sequence[Row]]) -> list[list[np.ndarray]]:
        """Outputs of every row of every example, in order; padding is cut off."""
        is_by_token = self.kind != "pooled"
        outputs: list[list[np.ndarray]] = [[] for _ in examples]
        for numbers, batch in self.batches(examples):
            # Only one example may be more than a batch: a long text, whose rows need not be run together.
            parts = batch.parts(self.batch_tokens) if len(numbers) == 1 else [batch]
            answers = (answer for part in parts for answer in self.run(part))
            rows = iter(zip(answers, batch.row_lengths, strict=True))
            for number in numbers:
                for _ in examples[number]:
                    output, length = next(rows)
                    outputs[number].append(output[:length] if is_by_token else output)
        return outputs
