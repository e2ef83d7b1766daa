"""From the scores of starts and ends to the best spans, over all windows of a text. No probabilities, no texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.tasks.task import Row
from malmoi.tasks.windows import readable


@dataclass(frozen=True)
class Candidate:
    """A span of the context that may be the answer."""

    start: int
    end: int
    score: float
    """Sum of the scores of its ends; in predictions a probability."""
    text: str = ""

    def to_json(self) -> dict[str, Any]:
        """`{"text", "start", "end", "score"}`."""
        return {"text": self.text, "start": self.start, "end": self.end, "score": self.score}


def best_spans(
    rows: Sequence[Row], outputs: Sequence[NDArray[np.floating[Any]]], max_tokens: int, n_best: int
) -> tuple[list[Candidate], float]:
    """The `n_best` best spans over all windows, best first, and the score of "no answer".

    Every span of at most `max_tokens` tokens of the context is weighed, not only those of the best starts and ends.
    "No answer" is the least score of [CLS] over the windows (Devlin et al. 2019, section 4.3): one window that holds
    an answer is enough.
    """
    found: dict[tuple[int, int], float] = {}
    for row, output in zip(rows, outputs, strict=True):
        for start, end, score in _best_of_row(row, output.astype(np.float64), max_tokens, n_best):
            found[start, end] = max(score, found.get((start, end), -np.inf))
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:n_best]
    no_answer = min(float(output[0].astype(np.float64).sum()) for output in outputs)
    return [Candidate(start, end, score) for (start, end), score in ranked], no_answer


def _best_of_row(row: Row, output: NDArray[np.float64], max_tokens: int, n_best: int) -> list[tuple[int, int, float]]:
    assert row.spans is not None, "rows of reading have spans"
    first, last = readable(row.spans)
    n = last - first
    if n == 0:
        return []
    spans = row.spans[first:last]
    width = min(max_tokens, n)
    # scores[i, k]: the span of k + 1 tokens that begins at token i.
    scores = np.full((n, width), -np.inf)
    for k in range(width):
        scores[: n - k, k] = output[first : last - k, 0] + output[first + k : last, 1]
    empty = spans[:, 1] <= spans[:, 0]
    if empty.any():  # a token without characters, amidst others: no end of anything
        scores[empty] = -np.inf
        for k in range(width):
            scores[: n - k, k][empty[k:]] = -np.inf
    flat = scores.ravel()
    # Pieces of one character share a span, so the best may be fewer spans than places.
    best = np.argpartition(-flat, min(4 * n_best, flat.size) - 1)[: 4 * n_best]
    best = best[np.argsort(-flat[best], kind="stable")]
    return [
        (int(spans[i // width, 0]), int(spans[i // width + i % width, 1]), float(flat[i]))
        for i in best.tolist()
        if flat[i] > -np.inf
    ]
