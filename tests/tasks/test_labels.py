"""Label sets, softmax and scores, shown on classification and pair."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax as reference_softmax

from malmoi.errors import CheckpointError, InputError
from malmoi.tasks.classification import Classification, ClassificationExample
from malmoi.tasks.labels import LabelPrediction, softmax
from malmoi.tasks.pair import Pair, PairExample
from malmoi.tasks.task import Head


def examples(*labels: str | None) -> list[ClassificationExample]:
    return [ClassificationExample("글", label) for label in labels]


def predictions(*labels: str) -> list[LabelPrediction]:
    return [LabelPrediction(label, {}) for label in labels]


@pytest.mark.parametrize(
    ("given_labels", "labels"),
    [
        (["1", "0", "1"], ("0", "1")),
        (["10", "9", "-1", "0.5"], ("-1", "0.5", "9", "10")),
        (["10", "9", "모름"], ("10", "9", "모름")),
        (["중립", "긍정", "부정"], ("긍정", "부정", "중립")),
    ],
)
def test_labels_are_learnt_in_an_order_of_their_own(given_labels: list[str], labels: tuple[str, ...]) -> None:
    task = Classification.from_examples(examples(*given_labels))
    assert task.labels == labels
    assert task.head == Head("pooled", len(labels), "cross_entropy")


@pytest.mark.parametrize(
    ("given_labels", "message"),
    [
        ([], "no examples"),
        (["1", None], "example 2 has no label"),
        (["1", "1"], "all 2 examples have the label '1'"),
    ],
)
def test_what_cannot_be_learnt_from(given_labels: list[str | None], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Classification.from_examples(examples(*given_labels))


def test_a_label_never_seen_is_an_error_that_names_the_known_ones() -> None:
    task = Classification(("긍정", "부정"))
    assert [task.target_of(e) for e in examples("부정", "긍정", None)] == [1, 0, None]
    with pytest.raises(InputError, match=r"label '중립' is not known: .*긍정, 부정"):
        task.check(examples("중립")[0])
    with pytest.raises(InputError, match="중립"):
        task.score(predictions("긍정"), examples("중립"))


@given(arrays(np.float32, st.integers(1, 6), elements=st.floats(-(2.0**100), 2.0**100, width=32)))
def test_softmax_equals_scipy(outputs: np.ndarray) -> None:
    probabilities = softmax(outputs)
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities, reference_softmax(outputs.astype(np.float64)), rtol=1e-12, atol=0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_outputs_that_are_not_numbers_are_never_an_answer(bad: float) -> None:
    with pytest.raises(CheckpointError, match="not finite numbers"):
        softmax(np.array([0.0, bad], np.float32))


def test_prediction_as_json() -> None:
    task = Classification(("긍정", "부정"))
    prediction = task.decode(ClassificationExample("글"), [], [np.array([0.0, np.log(3)], np.float32)])
    assert prediction.label == "부정"
    assert prediction.probabilities == pytest.approx({"긍정": 0.25, "부정": 0.75})
    assert Classification.prediction_from_json(json.loads(json.dumps(prediction.to_json()))) == prediction
    tied = task.decode(ClassificationExample("글"), [], [np.zeros(2, np.float16)])
    assert tied.to_json() == {"label": "긍정", "probabilities": {"긍정": 0.5, "부정": 0.5}}


@pytest.mark.parametrize("record", [{}, {"label": None}, {"label": "1", "probabilities": [1]}, {"label": []}])
def test_what_is_no_prediction(record: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Classification.prediction_from_json(record)


def test_scores_of_a_worked_example() -> None:
    task = Classification(("가", "나", "다"))
    scores = task.score(predictions("가", "가", "나", "나"), examples("가", "나", "나", "나"))
    assert scores.n_examples == 4
    assert scores.metrics["accuracy"] == 75.0
    assert scores.metrics["macro_f1"] == pytest.approx((200 / 3 + 80) / 2)  # 다 does not occur
    assert scores.metrics["matthews"] == pytest.approx(100 / 3**0.5)  # (1·2 - 0·1) / √(2·2·1·3)
    assert scores.per_label.keys() == {"가", "나"}
    assert scores.per_label["나"] == {
        "precision": 100.0,
        "recall": pytest.approx(200 / 3),
        "f1": 80.0,
        "n": 3,
    }


def test_f1_of_pairs_is_that_of_the_positive_label_or_the_mean() -> None:
    golds = [PairExample("가", "나", label) for label in ("1", "0", "0", "0")]
    answers = predictions("1", "1", "0", "0")
    scores = Pair(("0", "1")).score(answers, golds)
    assert scores.metrics == {"accuracy": 75.0, "f1": pytest.approx(200 / 3)}
    with_third = Pair(("0", "1", "2")).score(answers, golds)
    assert with_third.metrics["f1"] == pytest.approx((80 + 200 / 3) / 2)
    only_negative = Pair.from_answers(golds[1:], predictions("0", "0", "0"))
    assert only_negative.score(predictions("0", "0", "0"), golds[1:]).metrics == {
        "accuracy": 100.0,
        "f1": 0.0,
    }


@pytest.mark.parametrize(
    ("n_predictions", "labels", "message"),
    [
        (1, ["0", "1"], "1 predictions for 2"),
        (0, [], "no examples"),
        (2, ["0", None], "example 2 has no label"),
    ],
)
def test_what_cannot_be_scored(n_predictions: int, labels: list[str | None], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Classification(("0", "1")).score(predictions(*["0"] * n_predictions), examples(*labels))


def test_the_task_goes_through_json() -> None:
    task = Pair(("entailment", "neutral"))
    assert task.to_json() == {"task": "pair", "labels": ["entailment", "neutral"]}
    assert Pair.from_json(json.loads(json.dumps(task.to_json()))) == task


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"task": "pair", "labels": ["0", "1"]},
        {"task": "classification"},
        {"task": "classification", "labels": "01"},
        {"task": "classification", "labels": ["0"]},
        {"task": "classification", "labels": ["0", "0"]},
        {"task": "classification", "labels": [0, 1]},
    ],
)
def test_json_of_another_task(record: dict[str, object]) -> None:
    with pytest.raises(CheckpointError, match="expected"):
        Classification.from_json(record)


def test_a_confusion_matrix_by_names_where_it_is_small() -> None:
    task = Classification(("가", "나", "다"))
    scores = task.score(predictions("가", "가", "나"), examples("가", "나", "나"))
    assert scores.confusion == {"가": {"가": 1, "나": 0}, "나": {"가": 1, "나": 1}}
    many = [str(number) for number in range(21)]
    crowded = Classification(tuple(many)).score(predictions(*many), examples(*many))
    assert crowded.confusion is None and "confusion" not in crowded.to_json()
