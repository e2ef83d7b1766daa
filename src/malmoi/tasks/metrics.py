"""Metrics of labels, on a confusion matrix, and of numbers, in percent. Not those of spans and answers.

Those of labels equal scikit-learn with `zero_division=0`: what would be a division by zero is 0. Counts stay
whole numbers, exact and of any size, up to the last division. Correlations equal scipy, and are not a number (NaN)
where scipy's are not.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Confusion = NDArray[np.int64]
"""int64 `[n_labels, n_labels]`: row = gold label, column = predicted label."""


def confusion_matrix(gold: Sequence[int], predicted: Sequence[int], n_labels: int) -> Confusion:
    """Count every pair of gold and predicted label number.

    Args:
        gold: `[n_examples]`, numbers from 0 to `n_labels` - 1.
        predicted: `[n_examples]`, likewise.
        n_labels: side of the matrix.
    """
    pairs = np.asarray(gold, np.int64) * n_labels + np.asarray(predicted, np.int64)
    return np.bincount(pairs, minlength=n_labels * n_labels).reshape(n_labels, n_labels).astype(np.int64)


def accuracy(confusion: Confusion) -> float:
    """Share of examples whose label was predicted."""
    return _percent(int(np.trace(confusion)), int(confusion.sum()))


def label_metrics(confusion: Confusion, label: int) -> dict[str, float]:
    """`precision`, `recall` and `f1` of one label, and `n`, how often it is the gold label."""
    hits = int(confusion[label, label])
    n_predicted, n_gold = int(confusion[:, label].sum()), int(confusion[label].sum())
    return {
        "precision": _percent(hits, n_predicted),
        "recall": _percent(hits, n_gold),
        "f1": _percent(2 * hits, n_predicted + n_gold),
        "n": n_gold,
    }


def present_labels(confusion: Confusion) -> list[int]:
    """Numbers of the labels that occur in the gold examples or in the predictions."""
    return [int(label) for label in np.flatnonzero(confusion.sum(axis=0) + confusion.sum(axis=1))]


def macro_f1(confusion: Confusion) -> float:
    """Mean F1 of the labels that occur, as gold label or as prediction (scikit-learn's `macro`)."""
    present = present_labels(confusion)
    return sum(label_metrics(confusion, label)["f1"] for label in present) / len(present) if present else 0.0


def matthews(confusion: Confusion) -> float:
    """Matthews correlation of two or more labels (Gorodkin 2004, *Comparing two K-category assignments*)."""
    n, correct = int(confusion.sum()), int(np.trace(confusion))
    # Python's integers: the products pass 2⁶³ from fifty thousand examples on.
    gold = [int(count) for count in confusion.sum(axis=1)]
    predicted = [int(count) for count in confusion.sum(axis=0)]
    shared = correct * n - sum(g * p for g, p in zip(gold, predicted, strict=True))
    spread_gold = n * n - sum(g * g for g in gold)
    spread_predicted = n * n - sum(p * p for p in predicted)
    if spread_gold == 0 or spread_predicted == 0:
        return 0.0
    return 100 * shared / math.sqrt(spread_gold * spread_predicted)


def positive_label(labels: Sequence[str]) -> str | None:
    """The label whose F1 is *the* F1 of a task with two labels; `None` when there are not two.

    It is `1` among 0 and 1, as in GLUE's MRPC and QQP (also when only one of them occurs); otherwise the last
    label in their order, as in false/true, no/yes, negative/positive.
    """
    if labels and set(labels) <= {"0", "1"}:
        return "1"
    return labels[-1] if len(labels) == 2 else None


def pearson(gold: Sequence[float], predicted: Sequence[float]) -> float:
    """Pearson's correlation, in percent; NaN where one side is constant, as scipy has it.

    Args:
        gold: two numbers or more.
        predicted: as many.
    """
    x, y = np.asarray(gold, np.float64), np.asarray(predicted, np.float64)
    assert len(x) == len(y) >= 2, "a correlation needs two pairs"
    if (x == x[0]).all() or (y == y[0]).all():
        return math.nan
    x, y = x - x.mean(), y - y.mean()
    # Each side is divided by its own size first: products of very small or very large numbers are lost.
    x, y = x / np.abs(x).max(), y / np.abs(y).max()
    return 100 * float(np.clip(x / np.linalg.norm(x) @ (y / np.linalg.norm(y)), -1, 1))


def spearman(gold: Sequence[float], predicted: Sequence[float]) -> float:
    """Spearman's rank correlation, in percent: Pearson's of the ranks, those of equal numbers averaged."""
    return pearson(_ranks(gold), _ranks(predicted))


def _ranks(values: Sequence[float]) -> list[float]:
    """The rank of each number, from 1; equal numbers share the mean of theirs."""
    _, places, counts = np.unique(np.asarray(values, np.float64), return_inverse=True, return_counts=True)
    last = counts.cumsum()
    ranks: list[float] = (last - (counts - 1) / 2)[places].tolist()
    return ranks


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0
