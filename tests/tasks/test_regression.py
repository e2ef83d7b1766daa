"""Regression: the scale, what is no number, and the files of STS."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from malmoi.errors import CheckpointError, DataError, InputError
from malmoi.tasks.catalog import detect_format, read_examples, read_predictions, score_files, task_from_json
from malmoi.tasks.regression import Regression, RegressionExample, RegressionPrediction, plain_score
from malmoi.tasks.task import TaskTokenizer

TASK = Regression(low=0.0, high=5.0)


def test_the_scale_is_that_of_the_training_examples(tokenizer: TaskTokenizer) -> None:
    examples = [RegressionExample("비", "눈", score) for score in (1.0, 4.0, 2.5)]
    task = Regression.from_examples(examples)
    assert (task.low, task.high) == (1.0, 4.0)
    assert [rows[0].target for rows in task.encode_many(examples, tokenizer, 9)] == [-1.0, 1.0, 0.0]
    for score in (1.0, 2.0, 5.0):  # beyond the scale too: nothing is cut off
        (row,) = task.encode(RegressionExample("비", "눈", score), tokenizer, 9)
        assert isinstance(row.target, float)
        answer = task.decode(examples[0], [row], [np.array([row.target], np.float32)])
        assert answer.score == pytest.approx(score)
    assert task_from_json(json.loads(json.dumps(task.to_json()))) == task


def test_scores_change_no_row(tokenizer: TaskTokenizer) -> None:
    example = RegressionExample("비가 온다", "눈이 온다", 3.5)
    (row,), (bare,) = (TASK.encode(e, tokenizer, 9) for e in (example, replace(example, score=None)))
    assert row.ids.tolist() == bare.ids.tolist() and row.segments.tolist() == bare.segments.tolist()
    assert bare.target is None


@pytest.mark.parametrize(
    ("scores", "message"), [([], "no examples"), ([1.0, None], "example 2 has no score"), ([2.0, 2.0], "2.0")]
)
def test_what_cannot_be_learnt_from(scores: list[float | None], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Regression.from_examples([RegressionExample("비", "눈", score) for score in scores])


@pytest.mark.parametrize("value", ["높음", "nan", "inf", True, [], math.nan])
def test_what_is_no_score(value: object) -> None:
    with pytest.raises(InputError, match="expected a number"):
        plain_score(value)


def test_scores_and_their_absence() -> None:
    assert [plain_score(value) for value in ("3.5", 2, " ", None, "")] == [3.5, 2.0, None, None, None]


def test_constant_predictions_have_no_correlation_and_json_says_null(tmp_path: Path) -> None:
    examples = [RegressionExample("비", "눈", float(i)) for i in range(3)]
    scores = TASK.score([RegressionPrediction(1.0)] * 3, examples)
    assert all(math.isnan(value) for value in scores.metrics.values())
    with pytest.raises(InputError, match="two or more"):
        TASK.score([RegressionPrediction(1.0)], examples[:1])
    with pytest.raises(InputError, match="2 predictions for 3"):
        TASK.score([RegressionPrediction(1.0)] * 2, examples)


def test_errors_are_a_fifth_of_the_range_or_more() -> None:
    example = RegressionExample("비", "눈", 3.0)
    assert not TASK.is_wrong(RegressionPrediction(3.9), example)
    assert TASK.is_wrong(RegressionPrediction(2.0), example)


def test_outputs_that_are_no_numbers() -> None:
    with pytest.raises(CheckpointError, match="finite"):
        TASK.decode(RegressionExample("비", "눈"), [], [np.array([np.nan], np.float32)])


STS_B = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2"
KLUE = [
    {"guid": "0", "sentence1": "비가 온다", "sentence2": '"눈"이 온다', "labels": {"label": 3.6, "real-label": 3.57}},
]


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("a.jsonl", '{"first": "비가 온다", "second": "\\"눈\\"이 온다", "score": 3.57}', "jsonl"),
        ("train.csv", 'sentence1,sentence2,label\n비가 온다,"""눈""이 온다",3.57\n', "csv"),
        ("a.tsv", 'first\tsecond\tscore\n비가 온다\t"눈"이 온다\t3.57\n', "tsv"),
        ("train.tsv", f'{STS_B}\tscore\n0\tnews\tf\t2012\t1\tn\tn\t비가 온다\t"눈"이 온다\t3.57\n', "sts-b"),
        (
            "sts-dev.tsv",
            'genre\tfilename\tyear\tid\tscore\tsentence1\tsentence2\nnews\tf\t2012\t1\t3.57\t비가 온다\t"눈"이 온다\n',
            "korsts",
        ),
        ("klue-sts-v1.1_dev.json", json.dumps(KLUE, indent=2), "klue-sts"),
        ("a.json", '[{"first": "비가 온다", "second": "\\"눈\\"이 온다", "score": "3.57"}]', "json"),
    ],
)
def test_every_format_is_recognised_and_read(tmp_path: Path, name: str, content: str, format: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert detect_format(Regression, path) == format
    expected = [RegressionExample("비가 온다", '"눈"이 온다', 3.57)]
    assert read_examples(Regression, path) == read_examples(Regression, path, format) == expected


def test_the_test_file_of_sts_b_has_no_scores(tmp_path: Path) -> None:
    path = tmp_path / "test.tsv"
    path.write_text(f"{STS_B}\n0\tnews\tf\t2012\t1\tn\tn\t비\t눈\n", encoding="utf-8")
    assert read_examples(Regression, path) == [RegressionExample("비", "눈")]


def test_a_score_that_is_none_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("first\tsecond\tscore\n비\t눈\t3\n비\t눈\t높음\n", encoding="utf-8")
    with pytest.raises(DataError, match=r'a\.tsv:3: score "높음"'):
        read_examples(Regression, path)


def test_anybody_s_predictions(tmp_path: Path) -> None:
    gold, answers = tmp_path / "gold.tsv", tmp_path / "p.jsonl"
    gold.write_text("first\tsecond\tscore\n비\t눈\t1\n비\t눈\t2\n비\t눈\t4\n", encoding="utf-8")
    answers.write_text('{"score": 1}\n{"prediction": {"score": 3}}\n{"prediction": 2.5}\n')
    assert [p.score for p in read_predictions(Regression, answers)] == [1, 3, 2.5]
    assert score_files(Regression, gold, answers).metrics["spearman"] == pytest.approx(50)


@pytest.mark.data
@pytest.mark.parametrize(
    ("path", "n"),
    [
        ("korsts/sts-train.tsv", 5_749),
        ("korsts/sts-dev.tsv", 1_500),
        ("korsts/sts-test.tsv", 1_379),
        ("klue/sts/klue_sts_train.csv", 11_668),
        ("en/glue/STS-B/train.tsv", 5_749),
        ("en/glue/STS-B/dev.tsv", 1_500),
    ],
)
def test_real_files_are_whole(data_dir: Path, path: str, n: int) -> None:
    examples = read_examples(Regression, data_dir / path)
    assert len(examples) == n
    task = Regression.from_examples(examples)
    assert (task.low, task.high) == (0.0, 5.0)
