"""Metrics of rankings, in percent. So far one: the area under a curve of precision over recall."""

import numpy as np
from numpy.typing import NDArray


def area_under_precision_recall(is_gold: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Area under precision over recall by the trapezoid rule, as KLUE's AUPRC takes it from scikit-learn.

    Args:
        is_gold: bool `[n]`, at least one of them true.
        scores: float `[n]`; equal scores are one point of the curve.
    """
    order = np.argsort(-scores, kind="stable")
    n_right = np.cumsum(is_gold[order])
    last_of_equals = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    precision = n_right[last_of_equals] / (last_of_equals + 1)
    recall = n_right[last_of_equals] / n_right[-1]
    precision, recall = np.append(1.0, precision), np.append(0.0, recall)
    return float(100 * np.sum(np.diff(recall) * (precision[1:] + precision[:-1]) / 2))
