"""From paths to examples, predictions and scores, for every task there is."""

import dataclasses
import json
from pathlib import Path

import pytest

from malmoi.errors import CheckpointError, DataError, InputError, OptionError
from malmoi.tasks.catalog import (
    TASKS,
    AnyTask,
    detect_format,
    learn_task,
    read_examples,
    read_predictions,
    score_files,
    task_from_json,
    task_type,
)
from malmoi.tasks.choice import Choice
from malmoi.tasks.classification import Classification, ClassificationExample
from malmoi.tasks.cloze import Cloze
from malmoi.tasks.labels import LabelPrediction
from malmoi.tasks.pair import Pair


def written(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", TASKS)
def test_the_shape_of_every_task(name: str) -> None:
    task = task_type(name)
    assert task.name == name
    *_, label = dataclasses.fields(task.Example)
    assert label.default is None, "the label comes last and is optional"
    assert "jsonl" in task.READERS and "auto" not in task.READERS
    assert set(task.LAYOUTS.values()) <= set(task.READERS)


def test_names_that_are_not_known(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"'sentiment'.*classification, pair"):
        task_type("sentiment")
    with pytest.raises(CheckpointError, match="'sentiment'"):
        task_from_json({"task": "sentiment"})
    with pytest.raises(OptionError, match=r"'xml'.*auto, jsonl"):
        read_examples(Pair, tmp_path / "a", "xml")


def test_a_task_comes_back_from_its_json() -> None:
    assert task_from_json(Pair(("0", "1")).to_json()) == Pair(("0", "1"))
    assert task_from_json(Classification(("0", "1")).to_json()) != Pair(("0", "1"))


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("a.txt", ["그냥 글이다"], "plain text"),
        ("a.jsonl", ["text\tlabel"], "tab-separated with the columns text, label"),
        ("a.json", ["[]"], "one JSON list"),
        ("a.tsv", ['{"text": "가"}'], "JSON objects"),
        ("a.tsv", [], "empty"),
        ("a.parquet", ["text,label"], "comma-separated"),
    ],
)
def test_what_is_not_recognised_is_described(tmp_path: Path, name: str, lines: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        detect_format(Classification, written(tmp_path, name, *lines))


@pytest.mark.parametrize("name", ["qa", "tagging", "relation"])
def test_a_table_where_none_is_read_is_described_and_whose_it_is(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, "a.tsv", "id\tdocument\tlabel", "1\t좋다\t1")
    with pytest.raises(InputError, match=rf"tab-separated .*examples of {name} .*looks like classification's nsmc"):
        read_examples(task_type(name), path)


@pytest.mark.parametrize(
    ("kind", "lines", "message"),
    [
        (Choice, ["id\tdocument\tlabel", "1\t좋다\t1"], r"looks tab-separated.*looks like classification's nsmc"),
        (Cloze, ["id\tsentence1\tsentence2\tlabel", "1\t가\t나\t1"], r"looks tab-separated.*looks like pair's paws-x"),
    ],
)
def test_another_task_s_file_is_named(tmp_path: Path, kind: type[AnyTask], lines: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_examples(kind, written(tmp_path, "a.tsv", *lines))


def test_examples_without_labels_may_be_another_task_s(tmp_path: Path) -> None:
    header = "genre\tfilename\tyear\tid\tscore\tsentence1\tsentence2"
    path = written(tmp_path, "a.tsv", header, "g\tf\t2012\t1\t3.5\t가\t나")
    with pytest.raises(InputError, match=r"a\.tsv: example 1 has no label.*looks like regression's korsts"):
        learn_task(Pair, read_examples(Pair, path), path)


def test_a_header_alone_is_no_data(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no examples"):
        read_examples(Classification, written(tmp_path, "a.tsv", "text\tlabel"))


def test_texts_without_labels_in_one_column(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "text", "좋다")
    assert read_examples(Classification, path) == [ClassificationExample("좋다")]


def test_a_task_that_knows_its_labels_checks_them(tmp_path: Path) -> None:
    path = written(tmp_path, "dev.tsv", "text\tlabel", "좋다\t긍정", "글쎄\t중립")
    assert len(read_examples(Classification, path)) == 2
    with pytest.raises(InputError, match=r"dev\.tsv: example 2: label '중립' .*긍정, 부정"):
        read_examples(Classification(("긍정", "부정")), path)


def test_predictions_bare_or_as_predict_writes_them(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "predictions.jsonl",
        '{"label": 1}',
        '{"label": "0", "probabilities": {"0": 0.9, "1": 0.1}}',
        '{"text": "좋다", "label": "0", "prediction": {"label": "1", "probabilities": {"1": 1.0}}}',
        '{"text": "좋다", "prediction": "1"}',
    )
    assert read_predictions(Classification, path) == [
        LabelPrediction("1", {}),
        LabelPrediction("0", {"0": 0.9, "1": 0.1}),
        LabelPrediction("1", {"1": 1.0}),
        LabelPrediction("1", {}),
    ]
    with pytest.raises(DataError, match=r"bad\.jsonl:2: .*expected a prediction"):
        read_predictions(Classification, written(tmp_path, "bad.jsonl", '{"label": 1}', '{"answer": 1}'))


def test_score_in_one_call(tmp_path: Path) -> None:
    gold = written(tmp_path, "gold.tsv", "first\tsecond\tlabel", "가\t나\t1", "가\t다\t0", "가\t라\t0", "가\t마\t0")
    predictions = written(tmp_path, "p.jsonl", *(json.dumps({"label": label}) for label in "1100"))
    scores = score_files(Pair, gold, predictions)
    assert scores.n_examples == 4
    assert scores.metrics == {"accuracy": 75.0, "f1": pytest.approx(200 / 3)}
    json.dumps(dataclasses.asdict(scores))
    with pytest.raises(InputError, match="3 predictions for 4 examples"):
        score_files(Pair, gold, written(tmp_path, "p.jsonl", '{"label": 1}', '{"label": 1}', '{"label": 1}'))


def test_probabilities_tell_of_labels_that_do_not_occur(tmp_path: Path) -> None:
    """Three labels, of which the files hold two: F1 is the mean, as with the model that has three."""
    gold = written(tmp_path, "gold.tsv", "first\tsecond\tlabel", "가\t나\t모순", "가\t다\t중립")
    line = json.dumps({"label": "모순", "probabilities": {"모순": 1, "중립": 0, "함의": 0}}, ensure_ascii=False)
    by_file = score_files(Pair, gold, written(tmp_path, "p.jsonl", line, line))
    task = Pair(("모순", "중립", "함의"))
    by_model = task.score([LabelPrediction("모순", {})] * 2, read_examples(task, gold))
    assert by_file == by_model
    assert by_file.metrics["f1"] == pytest.approx(100 / 3)
