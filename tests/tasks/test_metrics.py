"""Metrics equal scikit-learn's, and a matrix worked out by hand."""

import warnings
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef, precision_recall_fscore_support

from malmoi.tasks import metrics

LABELS = 4
PAIRS = st.lists(st.tuples(st.integers(0, LABELS - 1), st.integers(0, LABELS - 1)), min_size=1, max_size=60)


@given(PAIRS)
@example([(0, 0)])  # a single class
@example([(0, 1)])  # nothing right, each label on one side only
@example([(0, 0), (0, 0), (1, 0)])  # label 1 is never predicted
@example([(2, 1), (2, 3), (2, 2)])  # labels that are never gold
@example([(0, 0)] * 999 + [(1, 0)])
def test_equal_to_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    gold, predicted = [g for g, _ in pairs], [p for _, p in pairs]
    confusion = metrics.confusion_matrix(gold, predicted, LABELS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of a single label
        assert metrics.accuracy(confusion) == pytest.approx(100 * accuracy_score(gold, predicted))
        macro = f1_score(gold, predicted, average="macro", zero_division=0)
        assert metrics.macro_f1(confusion) == pytest.approx(100 * macro)
        assert metrics.matthews(confusion) == pytest.approx(100 * matthews_corrcoef(gold, predicted))
        columns = precision_recall_fscore_support(gold, predicted, labels=range(LABELS), zero_division=0)
    for label, (precision, recall, f1, n) in enumerate(zip(*columns, strict=True)):
        expected = {"precision": 100 * precision, "recall": 100 * recall, "f1": 100 * f1, "n": n}
        assert metrics.label_metrics(confusion, label) == pytest.approx(expected)


def test_equal_to_scikit_learn_on_many_examples() -> None:
    """Products of counts pass 2⁶³ here; in 64-bit integers the correlation would be nonsense."""
    random = np.random.default_rng(7)
    gold = random.integers(0, 3, 200_000)
    predicted = np.where(random.random(200_000) < 0.6, gold, random.integers(0, 3, 200_000))
    confusion = metrics.confusion_matrix(gold.tolist(), predicted.tolist(), 3)
    assert metrics.matthews(confusion) == pytest.approx(100 * matthews_corrcoef(gold, predicted))


def test_worked_example() -> None:
    """Six examples: of four gold 0 three are found, of two gold 1 one."""
    confusion = metrics.confusion_matrix([0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 0], 2)
    assert confusion.tolist() == [[3, 1], [1, 1]]
    assert metrics.accuracy(confusion) == pytest.approx(400 / 6)
    assert metrics.label_metrics(confusion, 0) == {"precision": 75.0, "recall": 75.0, "f1": 75.0, "n": 4}
    assert metrics.label_metrics(confusion, 1) == {"precision": 50.0, "recall": 50.0, "f1": 50.0, "n": 2}
    assert metrics.macro_f1(confusion) == 62.5
    assert metrics.matthews(confusion) == 25.0  # (3·1 - 1·1) / √(4·4·2·2)


def test_nothing_counted_is_zero_and_not_a_crash() -> None:
    confusion = metrics.confusion_matrix([], [], 2)
    assert (metrics.accuracy(confusion), metrics.macro_f1(confusion), metrics.matthews(confusion)) == (
        0,
        0,
        0,
    )


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (["0", "1"], "1"),
        (["1"], "1"),
        (["0"], "1"),
        (["no", "yes"], "yes"),
        (["2", "10"], "10"),
        (["a", "b", "c"], None),
        (["a"], None),
        ([], None),
    ],
)
def test_which_label_is_positive(labels: Sequence[str], positive: str | None) -> None:
    assert metrics.positive_label(labels) == positive


FLOATS = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: round(x, 3))
NUMBERS = st.one_of(st.integers(0, 3).map(float), FLOATS)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=40))
@example([(0.0, 1.0), (0.0, 2.0)])  # one side constant: not a number
@example([(1.0, 1.0), (1.0, 1.0), (1.0, 1.0)])
@example([(0.0, 5.0), (1.0, 4.0)])  # two points are a line
@example([(0.0, 1.0), (0.0, 1.0), (1.0, 0.0), (1.0, 0.0)])  # ties on both sides
def test_correlations_equal_to_scipy(pairs: list[tuple[float, float]]) -> None:
    gold, predicted = [g for g, _ in pairs], [p for _, p in pairs]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy warns of constant sides
        r, rho = pearsonr(gold, predicted).statistic, spearmanr(gold, predicted).statistic
    assert metrics.pearson(gold, predicted) == pytest.approx(100 * r, abs=1e-6, nan_ok=True)
    assert metrics.spearman(gold, predicted) == pytest.approx(100 * rho, abs=1e-6, nan_ok=True)


def test_correlations_of_very_small_and_very_large_numbers() -> None:
    assert metrics.pearson([1e-300, 2e-300, 3e-300], [1e300, 2e300, 3e300]) == pytest.approx(100)
    assert metrics.spearman([1, 2, 3], [3, 2, 1]) == pytest.approx(-100)
