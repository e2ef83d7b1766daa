"""The area under precision over recall equals scikit-learn's, ties included."""

import numpy as np
import pytest
from sklearn.metrics import auc, precision_recall_curve

from malmoi.tasks.ranking import area_under_precision_recall


@pytest.mark.parametrize("n_values", [2, 5, 1000])
def test_equals_scikit_learn(n_values: int) -> None:
    generator = np.random.default_rng(n_values)
    for _ in range(60):
        n = int(generator.integers(1, 40))
        gold = generator.random(n) < 0.4
        gold[generator.integers(n)] = True
        scores = generator.integers(0, n_values, n) / n_values
        precision, recall, _ = precision_recall_curve(gold, scores)
        assert area_under_precision_recall(gold, scores) == pytest.approx(100 * auc(recall, precision))
