"""Reading: rows, answers cut from the original text, no answer, scores. One character is one token here."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.errors import CheckpointError, InputError, OptionError
from malmoi.tasks.catalog import score_files
from malmoi.tasks.qa import Qa, QaPrediction
from malmoi.tasks.qa_files import QaExample
from malmoi.tasks.spans import Answer
from malmoi.tasks.task import Row, TaskTokenizer

EXAMPLE = QaExample("누구?", "강물은 흐른다", "1", (Answer("강물", 0),))


def outputs_of(rows: list[Row]) -> list[np.ndarray]:
    """What a perfect model says: 9 where the target is, else 0."""
    assert all(row.target is not None for row in rows)
    return [np.stack([9.0 * ((np.maximum(row.target, 0) & bit) > 0) for bit in (1, 2)], axis=1) for row in rows]  # type: ignore[type-var]


def test_a_row_is_question_and_context(tokenizer: TaskTokenizer) -> None:
    [row] = Qa().encode(EXAMPLE, tokenizer, 20)
    assert row.ids.tolist() == [-1, *map(ord, "누구?"), -2, *map(ord, "강물은 흐른다"), -2]
    assert row.segments.tolist() == [0] * 5 + [1] * 8
    assert row.spans is not None and row.spans[5:12].tolist() == [[i, i + 1] for i in range(7)]
    assert not row.spans[[0, 1, 2, 3, 4, 12]].any()
    assert isinstance(row.target, np.ndarray)
    assert row.target.tolist() == [0, -100, -100, -100, -100, 1, 2, 0, 0, 0, 0, 0, -100]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_answer_comes_back_from_its_windows(data: st.DataObject, tokenizer: TaskTokenizer) -> None:
    context = data.draw(st.text("가나다라 마.", min_size=1, max_size=60))
    start = data.draw(st.integers(0, len(context) - 1))
    end = data.draw(st.integers(start + 1, min(len(context), start + 5)))
    example = QaExample(data.draw(st.text("아야?", max_size=40)), context, None, (Answer(context[start:end], start),))
    task = Qa(stride=data.draw(st.none() | st.integers(1, 9)))
    max_tokens = data.draw(st.integers(26, 40))
    rows = task.encode(example, tokenizer, max_tokens)
    assert all(len(row.ids) <= max_tokens for row in rows)
    prediction = task.decode(example, rows, outputs_of(rows))
    inside = any(isinstance(row.target, np.ndarray) and row.target[0] == 0 for row in rows)
    if inside:
        assert (prediction.text, prediction.start, prediction.end) == (context[start:end], start, end)
    else:
        assert task.stride is not None, "half a window is longer than any answer here"


def test_without_answers_the_rows_are_the_same_and_have_no_target(tokenizer: TaskTokenizer) -> None:
    long = replace(EXAMPLE, context=EXAMPLE.context * 9)
    for known, unknown in zip(
        Qa().encode(long, tokenizer, 20), Qa().encode(replace(long, answers=None), tokenizer, 20), strict=True
    ):
        assert known.ids.tolist() == unknown.ids.tolist() and known.segments.tolist() == unknown.segments.tolist()
        assert known.spans is not None and unknown.spans is not None
        assert known.spans.tolist() == unknown.spans.tolist()
        assert known.target is not None and unknown.target is None


def test_a_window_without_the_answer_and_a_question_without_one_point_to_cls(tokenizer: TaskTokenizer) -> None:
    example = replace(EXAMPLE, context="가" * 30 + "강물", answers=(Answer("강물", 30),))
    targets = [row.target for row in Qa().encode(example, tokenizer, 20)]
    assert [int(t[0]) for t in targets if isinstance(t, np.ndarray)] == [3] * (len(targets) - 1) + [0]
    [row] = Qa().encode(replace(EXAMPLE, answers=()), tokenizer, 20)
    assert isinstance(row.target, np.ndarray) and row.target[0] == 3 and row.target.max() == 3


def test_a_long_question_keeps_both_ends(tokenizer: TaskTokenizer) -> None:
    example = replace(EXAMPLE, question="가" * 30 + "나" * 30)
    [row, *_] = Qa(max_question_tokens=8).encode(example, tokenizer, 40)
    assert row.ids[1:9].tolist() == [ord("가")] * 4 + [ord("나")] * 4
    [row, *_] = Qa().encode(example, tokenizer, 23)
    assert row.ids[:12].tolist() == [-1, *[ord("가")] * 5, *[ord("나")] * 5, -2], "never more than half a row"
    with pytest.raises(OptionError, match="leaves no room"):
        Qa().encode(EXAMPLE, tokenizer, 4)


def test_an_answer_in_several_places_has_several_targets(tokenizer: TaskTokenizer) -> None:
    example = QaExample("?", "가나가나", None, (Answer("가나", 0), Answer("가나", 2), Answer("나", 1)))
    [row] = Qa().encode(example, tokenizer, 20)
    assert isinstance(row.target, np.ndarray) and row.target[3:7].tolist() == [1, 2, 1, 2]


def test_no_answer_by_score_and_threshold(tokenizer: TaskTokenizer) -> None:
    rows = Qa().encode(replace(EXAMPLE, answers=None), tokenizer, 20)
    output = np.zeros((len(rows[0].ids), 2))
    output[0], output[5, 0], output[6, 1] = 2.0, 1.5, 1.5
    task = Qa(no_answer_threshold=0.0)
    none = task.decode(EXAMPLE, rows, [output])
    assert none.text is None and none.start is None and none.no_answer_score == pytest.approx(1.0)
    assert none.alternatives[0].text == "강물"
    assert none.score + sum(c.score for c in none.alternatives) == pytest.approx(1.0)
    some = replace(task, no_answer_threshold=1.5).decode(EXAMPLE, rows, [output])
    assert some.text == "강물" and some.no_answer_score == pytest.approx(1.0)
    sure = Qa().decode(EXAMPLE, rows, [output])
    assert sure.text == "강물" and sure.no_answer_score is None
    assert len(sure.alternatives) == 5 and sure.alternatives[0].text == "강물"
    assert sure.score == sure.alternatives[0].score == max(c.score for c in sure.alternatives)


def test_particles_are_cut_when_asked(tokenizer: TaskTokenizer) -> None:
    rows = Qa().encode(EXAMPLE, tokenizer, 20)
    output = np.zeros((len(rows[0].ids), 2))
    output[5, 0], output[7, 1] = 9.0, 9.0
    assert Qa().decode(EXAMPLE, rows, [output]).text == "강물은"
    trimmed = Qa(trim_particles=True).decode(EXAMPLE, rows, [output])
    assert (trimmed.text, trimmed.start, trimmed.end) == ("강물", 0, 2)


def test_an_empty_context_has_no_answer(tokenizer: TaskTokenizer) -> None:
    example = QaExample("누구?", "")
    rows = Qa().encode(example, tokenizer, 20)
    prediction = Qa().decode(example, rows, [np.zeros((len(rows[0].ids), 2))])
    assert prediction.text is None and prediction.alternatives == ()


def test_outputs_that_are_no_numbers_are_refused(tokenizer: TaskTokenizer) -> None:
    rows = Qa().encode(EXAMPLE, tokenizer, 20)
    with pytest.raises(CheckpointError, match="not finite"):
        Qa().decode(EXAMPLE, rows, [np.full((len(rows[0].ids), 2), np.nan)])


def test_the_rule_and_the_threshold_come_from_the_examples() -> None:
    english = QaExample("?", "The river flows", None, (Answer("river", 4),))
    assert Qa.from_examples([EXAMPLE]) == Qa(rule="korquad")
    assert Qa.from_examples([english]) == Qa(rule="squad")
    assert Qa.from_examples([english, replace(english, answers=())]) == Qa(rule="squad-v2", no_answer_threshold=0.0)
    with pytest.raises(InputError, match="example 2 has no answers"):
        Qa.from_examples([english, replace(english, answers=None)])
    with pytest.raises(InputError, match="none of 1 examples"):
        Qa.from_examples([replace(english, answers=())])
    with pytest.raises(OptionError, match="rule 'bleu'"):
        Qa(rule="bleu")  # type: ignore[arg-type]


def test_scores_of_korean_with_and_without_particles() -> None:
    gold = [EXAMPLE, EXAMPLE, EXAMPLE]
    predictions = [QaPrediction("강물은", 0, 3), QaPrediction("강물"), QaPrediction(None)]
    scores = Qa().score(predictions, gold)
    assert scores.metrics == pytest.approx(
        {"em": 100 / 3, "f1": 100 * (0.8 + 1) / 3, "em_trimmed": 200 / 3, "f1_trimmed": 200 / 3}
    )


def test_scores_with_questions_without_answers() -> None:
    english = QaExample("?", "The river flows", "a", (Answer("river", 4),))
    none = replace(english, id="b", answers=())
    scores = Qa(rule="squad-v2").score([QaPrediction("the river"), QaPrediction("flows")], [english, none])
    assert scores.metrics == pytest.approx(
        {"em": 50, "f1": 50, "has_ans_em": 100, "has_ans_f1": 100, "no_ans_em": 0, "no_ans_f1": 0}
    )
    korean = Qa(rule="korquad").score(
        [QaPrediction(None), QaPrediction("강물")], [replace(EXAMPLE, answers=()), EXAMPLE]
    )
    assert korean.metrics["em"] == 100 and korean.metrics["no_ans_em"] == 100


def test_predictions_as_squad_has_them(tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    examples: list[dict[str, Any]] = [
        {"id": "a", "question": "?", "context": "강물은 흐른다", "answers": [{"text": "강물", "start": 0}]},
        {"id": "b", "question": "?", "context": "강물은 흐른다", "answers": [{"text": "흐른다", "start": 4}]},
    ]
    gold.write_text("".join(json.dumps(e) + "\n" for e in examples), encoding="utf-8")
    by_id = tmp_path / "predictions.json"
    by_id.write_text(json.dumps({"b": "흐른다", "a": "강물은", "other": "x"}, indent=1), encoding="utf-8")
    assert score_files(Qa, gold, by_id).metrics["em"] == 50
    by_id.write_text(json.dumps({"b": "흐른다"}), encoding="utf-8")
    assert score_files(Qa, gold, by_id).metrics["em"] == 50, "a question without a prediction has 0 points"
    by_id.write_text(json.dumps({"c": "흐른다"}), encoding="utf-8")
    with pytest.raises(InputError, match="no prediction for 2 of 2 questions, such as 'a'"):
        score_files(Qa, gold, by_id)
    lines = tmp_path / "predictions.jsonl"
    lines.write_text('{"text": "강물"}\n{"id": "b", "prediction": {"text": null, "start": null}}\n', encoding="utf-8")
    assert score_files(Qa, gold, lines).metrics["em"] == 50
    lines.write_text('"강물"\n', encoding="utf-8")
    with pytest.raises(InputError):
        score_files(Qa, gold, lines)


def test_a_prediction_comes_back_from_its_json() -> None:
    prediction = QaPrediction("강물", 0, 2, 0.5)
    again = Qa.prediction_from_json(prediction.to_json())
    assert (again.text, again.start, again.end) == ("강물", 0, 2)
    assert Qa.prediction_from_json({"text": ""}).text is None
    with pytest.raises(InputError, match="expected a prediction"):
        Qa.prediction_from_json({"answer": "강물"})


def test_an_example_made_in_python_is_checked_like_one_of_a_file() -> None:
    with pytest.raises(InputError, match="expected '물강'"):
        Qa().check(replace(EXAMPLE, answers=(Answer("물강", 0),)))
    with pytest.raises(CheckpointError, match="'pair'"):
        Qa.from_json({"task": "pair"})
