"""Multiple choice: a row a choice, answers by number or text, and the files of SWAG and CODAH."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from malmoi.errors import CheckpointError, DataError, InputError
from malmoi.tasks.catalog import detect_format, read_examples, score_files, task_from_json
from malmoi.tasks.choice import Choice, ChoiceExample, ChoicePrediction
from malmoi.tasks.task import Head, TaskTokenizer

EXAMPLE = ChoiceExample("비가", ("온다", "간다", "산다"), 1)
TASK = Choice()


def test_a_row_a_choice(tokenizer: TaskTokenizer) -> None:
    rows = TASK.encode(EXAMPLE, tokenizer, 9)
    assert ["".join(map(chr, row.ids[4:-1])) for row in rows] == list(EXAMPLE.choices)
    assert [(row.choice, row.target) for row in rows] == [(0, 1), (1, 1), (2, 1)]
    assert TASK.head == Head("pooled", 1, "choice")
    assert task_from_json(TASK.to_json()) == TASK


def test_the_answer_changes_no_row(tokenizer: TaskTokenizer) -> None:
    for row, bare in zip(
        *(TASK.encode(e, tokenizer, 7) for e in (EXAMPLE, replace(EXAMPLE, answer=None))), strict=True
    ):
        assert row.ids.tolist() == bare.ids.tolist() and len(row.ids) == 7
        assert bare.target is None


def test_the_best_choice_is_the_answer(tokenizer: TaskTokenizer) -> None:
    rows = TASK.encode(EXAMPLE, tokenizer, 9)
    prediction = TASK.decode(EXAMPLE, rows, [np.array([x], np.float16) for x in (0.0, np.log(2), 0.0)])
    assert prediction.choice == 1
    assert prediction.scores == pytest.approx((0.25, 0.5, 0.25), abs=1e-3)
    assert Choice.prediction_from_json(json.loads(json.dumps(prediction.to_json()))) == prediction
    with pytest.raises(CheckpointError):
        TASK.decode(EXAMPLE, rows, [np.array([np.nan], np.float32)] * 3)


def test_accuracy() -> None:
    answers = [ChoicePrediction(choice, ()) for choice in (1, 0)]
    assert TASK.score(answers, [EXAMPLE, EXAMPLE]).metrics == {"accuracy": 50.0}
    assert TASK.is_wrong(answers[1], EXAMPLE) and not TASK.is_wrong(answers[0], EXAMPLE)
    with pytest.raises(InputError, match="example 2 has no answer"):
        TASK.score(answers, [EXAMPLE, replace(EXAMPLE, answer=None)])
    with pytest.raises(InputError, match="1 predictions for 2"):
        TASK.score(answers[:1], [EXAMPLE, EXAMPLE])


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"choices": ["가", "나"]}, "context is None"),
        ({"context": "가", "choices": ["나"]}, "two or more"),
        ({"context": "가", "choices": "나다"}, "two or more"),
        ({"context": "가", "choices": ["나", 1]}, "two or more"),
        ({"context": "가", "choices": ["나", "다"], "answer": 2}, "from 0 to 1"),
        ({"context": "가", "choices": ["나", "다"], "answer": True}, "from 0 to 1"),
        ({"context": "가", "choices": ["나", "다"], "answer": "라"}, "one of the choices"),
    ],
)
def test_what_is_no_example(record: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Choice.example_from_json(record)


@pytest.mark.parametrize("record", [{}, {"choice": -1}, {"choice": "1"}, {"choice": True}, {"choice": 1, "scores": 3}])
def test_what_is_no_prediction(record: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Choice.prediction_from_json(record)


SWAG = ",video-id,fold-ind,startphrase,sent1,sent2,gold-source,ending0,ending1,ending2,ending3"


@pytest.mark.parametrize(
    ("name", "content", "format", "answer"),
    [
        ("a.jsonl", '{"context": "비가", "choices": ["온다", "간다", "\\"산다\\"", "잔다"], "answer": 1}', "jsonl", 1),
        (
            "a.jsonl",
            '{"context": "비가", "choices": ["온다", "간다", "\\"산다\\"", "잔다"], "answer": "간다"}',
            "jsonl",
            1,
        ),
        ("train.csv", f'{SWAG},label\n0,v,1,비가,하늘이 흐리다.,비가,gold,온다,간다,"""산다""",잔다,1\n', "swag", 1),
        ("test.csv", f'{SWAG}\n0,v,1,비가,하늘이 흐리다.,비가,gold,온다,간다,"""산다""",잔다\n', "swag", None),
        ("full_data.tsv", 'i\t비가\t온다\t간다\t"산다"\t잔다\t1\n', "codah", 1),
    ],
)
def test_every_format_is_recognised_and_read(
    tmp_path: Path, name: str, content: str, format: str, answer: int | None
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert detect_format(Choice, path) == format
    expected = [ChoiceExample("비가", ("온다", "간다", '"산다"', "잔다"), answer)]
    assert read_examples(Choice, path) == read_examples(Choice, path, format) == expected


def test_a_table_of_another_kind_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text("id\tdocument\tlabel\n1\t참 좋다\t1\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"ratings\.csv:2: there is no column startphrase.*classification's nsmc"):
        read_examples(Choice, path, "swag")
    with pytest.raises(DataError, match=r"ratings\.csv:1: 3 columns: expected 7.*classification's nsmc"):
        read_examples(Choice, path, "codah")


def test_anybody_s_predictions(tmp_path: Path) -> None:
    gold, answers = tmp_path / "gold.jsonl", tmp_path / "p.jsonl"
    gold.write_text('{"context": "", "choices": ["가", "나"], "answer": 0}\n' * 2, encoding="utf-8")
    answers.write_text('{"choice": 0}\n{"prediction": 1}\n')
    assert score_files(Choice, gold, answers).metrics == {"accuracy": 50.0}


@pytest.mark.data
@pytest.mark.parametrize(("path", "n"), [("full_data.tsv", 2_776), ("fixture_sample.csv", 11)])
def test_real_files_are_whole(data_dir: Path, path: str, n: int) -> None:
    examples = read_examples(Choice, data_dir / "en" / "codah" / path)
    assert len(examples) == n
    assert {e.answer for e in examples} <= {0, 1, 2, 3} and {len(e.choices) for e in examples} == {4}
