"""Which examples there is time for, and that they come back as they were."""

import json
from pathlib import Path

import pytest

from malmoi.errors import InputError
from malmoi.study.examples import ExampleCost, n_affordable, read_task, write_examples
from malmoi.study.options import StudyTask
from malmoi.tasks.catalog import read_examples, task_type

QA = {
    "question": "누가 모았나?",
    "context": "어부가 조개를 모았다.",
    "id": "1",
    "answers": [{"text": "어부", "start": 0}],
}
RECORDS = {
    "classification": [{"text": "좋다", "label": "a"}, {"text": "싫다", "label": "b"}],
    "pair": [
        {"first": "비가 온다", "second": "젖는다", "label": "a"},
        {"first": "맑다", "second": "춥다", "label": "b"},
    ],
    "regression": [{"first": "비", "second": "눈", "score": 1.5}, {"first": "해", "second": "달", "score": 2.0}],
    "qa": [QA, {**QA, "id": "2", "question": "무엇을?"}],
    "tagging": [{"text": "서울에 간다", "entities": [{"start": 0, "end": 2, "label": "LC"}]}] * 2,
}


@pytest.mark.parametrize("name", RECORDS)
def test_written_examples_are_read_as_they_were(name: str, tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS[name]), encoding="utf-8")
    task = StudyTask(name="x", task=name, train=str(path), dev=str(path))
    examples = read_task(task, seed=1)
    assert write_examples(examples, 2, 1, tmp_path / "x") == (2, 1)
    kind = task_type(name)
    assert read_examples(kind, tmp_path / "x" / "train.jsonl", "jsonl") == examples.train
    assert read_examples(kind, tmp_path / "x" / "dev.jsonl", "jsonl") == examples.dev[:1]


def test_fewer_examples_are_the_beginning_of_more_and_unknown_labels_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "all.tsv"
    path.write_text("text\tlabel\n" + "".join(f"글 {n}\t{'abc'[n % 3]}\n" for n in range(30)), encoding="utf-8")
    task = StudyTask(name="x", task="classification", train=str(path), dev=str(path))
    examples = read_task(task, seed=1)
    n = next(n for n in range(1, 30) if len({example.label for example in examples.train[:n]}) == 2)
    write_examples(examples, n, 30, tmp_path / "few")
    write_examples(examples, 30, 30, tmp_path / "all")
    few, all_ = (read_examples(examples.kind, tmp_path / name / "train.jsonl") for name in ("few", "all"))
    assert few == all_[:n]
    known = {example.label for example in few}
    assert {example.label for example in read_examples(examples.kind, tmp_path / "few" / "dev.jsonl")} == known


def test_examples_without_labels(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    path.write_text('{"text": "글"}\n', encoding="utf-8")
    with pytest.raises(InputError, match="without a label"):
        read_task(StudyTask(name="x", task="classification", train=str(path), dev=str(path)), seed=1)


def test_time_is_used_up_and_a_quarter_at_most_goes_into_judging() -> None:
    costs = {name: ExampleCost(seconds=0.01, encoding_seconds=0.0) for name in ("a", "b")}
    n_train, n_dev = n_affordable(costs, 1000.0, n_dev=1000, epochs=2, seeds=2)
    assert n_dev == 1000
    assert 2 * 2 * 2 * 0.01 * (n_train + 0.4 * n_dev) == pytest.approx(1000, rel=0.01)
    n_train, n_dev = n_affordable(costs, 100.0, n_dev=100_000, epochs=2, seeds=2)
    assert 2 * 2 * 2 * 0.01 * 0.4 * n_dev == pytest.approx(25, rel=0.02)
    assert n_affordable(costs, 0.0, n_dev=1000, epochs=2, seeds=2) == (32, 32)
