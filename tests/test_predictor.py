"""Files of any length are predicted as they are read, and what is wrong with a file is said with its place."""

import json
import tracemalloc
import unicodedata
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from malmoi import predictor as module
from malmoi.errors import DataError, InputError
from malmoi.finetune import finetune
from malmoi.predictor import Predictor, predict_file
from malmoi.tasks.catalog import ExampleStream, learn_task
from malmoi.tasks.relation import Relation
from malmoi.training import rows
from malmoi.training.options import FinetuneOptions
from malmoi.training.rows import encode_compactly

ONCE = FinetuneOptions(epochs=1, device="cpu", max_tokens=32)


@pytest.fixture(scope="module")
def predictor(quick_run: Path) -> Predictor:
    return Predictor.load(quick_run / "model", device="cpu")


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_EXAMPLES_AT_ONCE", 4)


def written(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".tsv", ".csv", ".txt"])
@pytest.mark.usefixtures("small_chunks")
def test_predictions_come_before_the_file_is_read_to_its_end(predictor: Predictor, tmp_path: Path, suffix: str) -> None:
    """So a file of ten million lines needs no more memory than one of ten: only its end is broken, and found last."""
    good = {".jsonl": '{"text": "좋아요"}', ".tsv": "좋아요\t", ".csv": "좋아요,", ".txt": "좋아요"}[suffix]
    bad = {".jsonl": '{"text": 1}', ".tsv": "좋아요", ".csv": "좋아요", ".txt": "{"}[suffix]
    head = {".tsv": ["text\tlabel"], ".csv": ["text,label"]}.get(suffix, [])
    lines = predict_file(predictor, written(tmp_path / f"a{suffix}", [*head, *[good] * 9, bad]))
    assert [line["text"] for line in islice(lines, 8)] == ["좋아요"] * 8
    with pytest.raises(DataError, match=rf"a{suffix}:{len(head) + 10}: "):
        next(lines)


@pytest.mark.usefixtures("small_chunks")
def test_every_line_has_its_prediction_also_an_empty_one(predictor: Predictor, tmp_path: Path) -> None:
    texts = ["", "좋아요", " ", "", "별로였다", "\u200b", "a" * 5000]
    for path in (
        written(tmp_path / "a.txt", texts),
        written(tmp_path / "a.jsonl", [json.dumps({"text": text}) for text in texts]),
    ):
        found = list(predict_file(predictor, path))
        assert [line["text"] for line in found] == texts
        assert all(abs(sum(line["prediction"]["probabilities"].values()) - 1) < 1e-6 for line in found)


def relations(n: int) -> Iterator[str]:
    for i in range(n):
        text = f"{i:07} 이도는 집현전을 세웠다고 하는 글이 옛날 책에 적혀 있다."
        ends = {"subject": {"start": 8, "end": 10, "type": "PER"}, "object": {"start": 12, "end": 15, "type": "ORG"}}
        yield json.dumps({"text": text, **ends, "label": ("설립", "no_relation", "no_relation")[i % 3]})


def test_a_file_to_learn_from_is_never_held(quick_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Learning the labels, drawing a sample and making rows go through the file; the examples alone would be more."""
    monkeypatch.setattr(rows, "_EXAMPLES_AT_ONCE", 100)
    path = written(tmp_path / "train.jsonl", list(relations(6_000)))
    tokenizer = Predictor.load(quick_run / "model", device="cpu").tokenizer
    stream = ExampleStream(Relation, path)

    def peak(hold: bool) -> int:
        tracemalloc.start()
        examples = list(stream) if hold else stream
        task = learn_task(Relation, examples, path)
        assert isinstance(task, Relation) and len(task.labels) == 2
        sampled = Relation(task.labels, max_negatives=0.1).training_examples(examples)
        assert len(encode_compactly(task, sampled, tokenizer, 32)) == 2_200
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(hold=False) < 0.6 * peak(hold=True)


def test_examples_are_counted_and_checked_each_time_through(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", list(relations(6)))
    stream = ExampleStream(Relation(("설립", "no_relation")), path)
    assert list(stream) == list(stream)
    with pytest.raises(InputError, match=r"a\.jsonl: example 2: label 'no_relation' is not known"):
        list(ExampleStream(Relation(("설립", "소속")), path))
    with pytest.raises(InputError, match="holds no examples"):
        list(ExampleStream(Relation, written(tmp_path / "b.jsonl", [""]), "jsonl"))


def test_an_answer_that_is_not_there_names_its_question(quick_run: Path, tmp_path: Path) -> None:
    """SQuAD's format, where lines say nothing; and the composition of the text is named where it is the reason."""
    context = "세종은 1443년에 훈민정음을 만들었다."
    decomposed = unicodedata.normalize("NFD", "카페는 ") + context  # as names come from a Mac
    for text, start, message in (
        (context, 12, r"question 'q7': .*'훈민정음', which begins at 11 \(-1\)"),
        (context.replace("훈민정음", "글자"), 11, "question 'q7': .*which the text does not hold"),
        (decomposed, 15, r"question 'q7': .*not in NFC"),
    ):
        qa = {"id": "q7", "question": "무엇을?", "answers": [{"text": "훈민정음", "answer_start": start}]}
        data = {"data": [{"title": "글", "paragraphs": [{"context": text, "qas": [qa]}]}]}
        train = tmp_path / "train.json"
        train.write_text(json.dumps(data), encoding="utf-8")
        with pytest.raises(InputError, match=message):
            finetune("qa", quick_run / "pretrained", train, tmp_path / "m", ONCE)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("task", "format", "line", "looks"),
    [
        ("tagging", "conll", '{"text": "가", "entities": []}', "JSON objects"),
        ("classification", "nsmc", "#sentence1\tsentence2\tlabel", "tab-separated"),
        ("relation", "klue-re", "1\t가\t0", "tab-separated"),
        ("pair", "klue-nli", "premise,hypothesis,label", "comma-separated"),
        ("qa", "korquad", '[{"premise": "가"}]', "one JSON list"),
        ("choice", "swag", "가나다", "plain text"),
        ("cloze", "toeic", "가\t나", "tab-separated"),
        ("regression", "korsts", '{"sentence1": "가"}', "JSON objects"),
    ],
)
def test_a_wrong_format_says_what_the_file_looks_like(
    quick_run: Path, tmp_path: Path, task: str, format: str, line: str, looks: str
) -> None:
    train = written(tmp_path / "train.tsv", [line] * 3)
    with pytest.raises(InputError, match=looks):
        finetune(task, quick_run / "pretrained", train, tmp_path / "m", ONCE, format=format)
    assert not (tmp_path / "m").exists()
