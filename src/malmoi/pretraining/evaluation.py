"""How well a model in training guesses hidden tokens of held-out text: losses, accuracies, and samples to look at.

The same batches every time, masked by the paper's rule whatever the run does; nothing here draws from the run's
random states, so a run with evaluations learns the same as one without.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from malmoi.pretraining.batch import DataPosition, PretrainingBatch
from malmoi.pretraining.examples import ExampleSource
from malmoi.pretraining.run import PretrainingRun
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.device import autocast

_MAX_TOKENS = 131_072
"""Room of the batches of one evaluation, in tokens."""
_N_SAMPLES = 6
_SAMPLE_TOKENS = 48
_N_GUESSES = 3


@dataclass
class _Sums:
    loss: float = 0.0
    right: float = 0.0
    n_masked: int = 0
    n_characters: int = 0
    next_loss: float = 0.0
    next_right: float = 0.0
    n_pairs: int = 0
    samples: list[dict[str, Any]] = field(default_factory=list)


class HeldOut:
    """The held-out batches of a run, and what a model makes of them."""

    def __init__(self, run: PretrainingRun, source: ExampleSource, tokenizer: Tokenizer) -> None:
        self.run, self.tokenizer = run, tokenizer
        shape = source.options
        room = shape.batch_rows * shape.max_tokens
        n_batches = max(1, round(min(source.n_row_tokens, _MAX_TOKENS) / room))
        self.batches = list(source.batches(DataPosition(), n_batches))
        self._n_characters = np.array([_written_characters(token) for token in tokenizer.vocabulary.tokens])

    @torch.no_grad()
    def evaluate(self) -> dict[str, Any]:
        """Losses (in nats) and accuracies over all batches, and a few samples.

        Returns:
            `masked_lm_loss`, `masked_lm_accuracy`, `loss_per_character` (of what was hidden: comparable between
            vocabularies), the same of the pairs where there are any, and `samples`.
        """
        self.run.model.eval()
        sums = _Sums()
        # The shapes of training are compiled; those without gradients are not worth the wait.
        with torch.compiler.set_stance("force_eager"), autocast(self.run.device, self.run.options.precision):
            for number, batch in enumerate(self.batches):
                self._add(batch, sums, with_samples=number == 0)
        values: dict[str, Any] = {
            "masked_lm_loss": sums.loss / max(1, sums.n_masked),
            "masked_lm_accuracy": sums.right / max(1, sums.n_masked),
            "loss_per_character": sums.loss / max(1, sums.n_characters),
        }
        if sums.n_pairs:
            name = self.run.sentence_loss
            values |= {
                f"{name}_loss": sums.next_loss / sums.n_pairs,
                f"{name}_accuracy": sums.next_right / sums.n_pairs,
            }
        return {name: round(value, 6) for name, value in values.items()} | {"samples": sums.samples}

    def _add(self, batch: PretrainingBatch, sums: _Sums, *, with_samples: bool) -> None:
        output = self.run.forward(batch, batch.masked, batch.firsts)
        scores_NV = output.masked_logits_NV.float().log_softmax(-1)
        targets = torch.from_numpy(batch.targets).to(scores_NV.device)
        sums.loss -= float(scores_NV.gather(1, targets[:, None]).sum())
        sums.right += int((scores_NV.argmax(-1) == targets).sum())
        sums.n_masked += len(batch.targets)
        sums.n_characters += int(self._n_characters[batch.targets].sum())
        if output.next_logits_M2 is not None:
            labels = torch.from_numpy(batch.next_labels).to(scores_NV.device)
            next_M2 = output.next_logits_M2.float().log_softmax(-1)
            sums.next_loss -= float(next_M2.gather(1, labels[:, None]).sum())
            sums.next_right += int((next_M2.argmax(-1) == labels).sum())
            sums.n_pairs += len(labels)
        if with_samples:
            sums.samples = [self._sample(batch, row, scores_NV) for row in self._sample_rows(batch)]

    def _sample_rows(self, batch: PretrainingBatch) -> list[int]:
        """Rows, spread over the batch, that have something hidden near their start."""
        rows, places = np.divmod(batch.masked, batch.ids.shape[1])
        fitting = np.unique(rows[places < _SAMPLE_TOKENS])
        chosen = np.linspace(0, len(fitting) - 1, min(_N_SAMPLES, len(fitting)), dtype=int)
        return [int(row) for row in fitting[chosen]]

    def _sample(self, batch: PretrainingBatch, row: int, scores_NV: torch.Tensor) -> dict[str, Any]:
        """The start of a row's first text with what was hidden in it, and the likeliest guesses."""
        length = batch.ids.shape[1]
        n_shown = min(_SAMPLE_TOKENS, int((batch.sequences[row] == 1).sum()))
        first, last = batch.masked.searchsorted([row * length, row * length + n_shown])
        tokens = self.tokenizer.vocabulary.tokens
        hidden = []
        for number in range(first, last):
            best = scores_NV[number].topk(_N_GUESSES)
            guesses = [
                [tokens[i], round(score, 4)]
                for i, score in zip(best.indices.tolist(), best.values.exp().tolist(), strict=True)
            ]
            place = int(batch.masked[number]) - row * length
            hidden.append({"place": place, "right": tokens[int(batch.targets[number])], "guesses": guesses})
        return {"pieces": [tokens[i] for i in batch.ids[row, :n_shown].tolist()], "hidden": hidden}


def _written_characters(token: str) -> int:
    """Characters of the text that a piece stands for: without `##`, and without a tag (`발견/NNG`)."""
    bare = token.removeprefix("##") if len(token) > 2 else token
    written, _, tag = bare.rpartition("/")
    return len(written) if written and tag.rstrip("_").isupper() and tag.isascii() else len(bare)
