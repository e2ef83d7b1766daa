"""Files of questions: what is read, and what is wrong with an answer, by the question's id."""

import json
from pathlib import Path
from typing import Any

import pytest

from malmoi.errors import DataError, InputError, OutputError
from malmoi.tasks.catalog import detect_format, read_examples
from malmoi.tasks.qa import Qa
from malmoi.tasks.qa_files import QaExample, make_example, read_jsonl, read_squad, split_articles
from malmoi.tasks.spans import Answer

CONTEXT = "방앗간은 1921년에 문을 열었고 1988년에 닫았다."


def squad(path: Path, *questions: dict[str, Any], context: str = CONTEXT, title: str = "방앗간") -> Path:
    article = {"title": title, "paragraphs": [{"context": context, "qas": list(questions)}]}
    path.write_text(json.dumps({"version": "1.1", "data": [article]}, ensure_ascii=False), encoding="utf-8")
    return path


def question(id: str = "q1", start: int = 5, text: str = "1921년", **other: Any) -> dict[str, Any]:
    return {"id": id, "question": "언제 열었나?", "answers": [{"text": text, "answer_start": start}], **other}


def test_squad_1_and_korquad(tmp_path: Path) -> None:
    path = squad(tmp_path / "a.json", question(), question("q2", 19, "1988년"))
    assert detect_format(Qa, path) == "squad"
    assert read_examples(Qa, path) == [
        QaExample("언제 열었나?", CONTEXT, "q1", (Answer("1921년", 5),)),
        QaExample("언제 열었나?", CONTEXT, "q2", (Answer("1988년", 19),)),
    ]


def test_squad_2_and_klue_have_questions_without_answers(tmp_path: Path) -> None:
    none = {"id": "q2", "question": "누가 열었나?", "is_impossible": True, "answers": []}
    plausible = [{"text": "1921년", "answer_start": 5}]
    klue = {"guid": "klue-1", "question": "왜 열었나?", "is_impossible": True, "plausible_answers": plausible}
    kept = {"guid": "klue-2", "question": "왜?", "is_impossible": True, "answers": plausible, "question_type": 3}
    path = squad(tmp_path / "a.json", question(is_impossible=False), none, klue, kept)
    examples = read_examples(Qa, path, "klue-mrc")
    assert [(example.id, len(example.answers or ())) for example in examples] == [
        ("q1", 1),
        ("q2", 0),
        ("klue-1", 0),
        ("klue-2", 0),
    ]
    assert all(example.answers is not None for example in examples)


def test_test_files_have_no_answers(tmp_path: Path) -> None:
    path = squad(tmp_path / "a.json", {"id": "q1", "question": "언제?"})
    assert list(read_squad(path)) == [QaExample("언제?", CONTEXT, "q1", None)]


def test_several_answers_and_equal_ones(tmp_path: Path) -> None:
    answers = [{"text": "1921년", "answer_start": 5}, {"text": "1921", "answer_start": 5}]
    path = squad(tmp_path / "a.json", {"id": "q", "question": "?", "answers": [*answers, answers[0]]})
    assert next(read_squad(path)).answers == (Answer("1921년", 5), Answer("1921", 5))


def test_a_place_that_the_file_doubts_is_every_place_of_the_text(tmp_path: Path) -> None:
    doubtful = {"text": "년에", "answer_start": 9, "n_occurrences": 2}
    path = squad(tmp_path / "a.json", {"id": "q", "question": "?", "answers": [doubtful]})
    assert next(read_squad(path)).answers == (Answer("년에", 9), Answer("년에", 23))


@pytest.mark.parametrize(
    ("start", "text", "message"),
    [
        (4, "1921년", r"question 'q1': .*are ' 1921': expected '1921년', which begins at 5 \(\+1\)"),
        (5, "1922년", r"question 'q1': .*expected '1922년', which the text does not hold"),
        (500, "1921년", r"question 'q1': .*span 500 to 505"),
        (-1, "1921년", r"question 'q1': .*span -1"),
        (5, "", r"question 'q1': .*span 5 to 5"),
    ],
)
def test_an_answer_that_is_not_in_its_place_names_its_question(
    tmp_path: Path, start: int, text: str, message: str
) -> None:
    path = squad(tmp_path / "a.json", question(start=start, text=text))
    with pytest.raises(InputError, match=message):
        list(read_squad(path))


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines: list[dict[str, Any]] = [
        {"question": "언제?", "context": CONTEXT, "answers": [{"text": "1921년", "start": 5}]},
        {"question": "언제?", "context": CONTEXT, "id": 7, "answers": []},
        {"question": "언제?", "context": ""},
        {"question": "", "context": CONTEXT, "answers": {"text": ["1921년"], "answer_start": [5]}},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    examples = read_examples(Qa, path)
    assert [example.answers for example in examples] == [(Answer("1921년", 5),), (), None, (Answer("1921년", 5),)]
    assert examples[1].id == "7"
    path.write_text(json.dumps(lines[0]) + "\n" + json.dumps(lines[0] | {"context": "다른 글이다"}) + "\n")
    with pytest.raises(DataError, match=r"a\.jsonl:2: answer: span 5 to 10"):
        list(read_jsonl(path))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"context": "글"}, "expected question"),
        ({"question": "?", "context": 3}, "context is 3"),
        ({"question": "?", "context": "글", "answers": "글"}, "answers is '글'"),
        ({"question": "?", "context": "글", "answers": [{"text": "글"}]}, "has no start"),
        ({"question": "?", "context": "글", "answers": {"text": ["글"], "start": []}}, "lists of one length"),
        ({"question": "?", "context": "글", "id": []}, r"id is \[\]"),
    ],
)
def test_fields_that_are_wrong(record: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_example(record)


def test_files_of_another_kind_say_what_they_look_like(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text, message in (
        ("id\tdocument\tlabel\n", "not JSON .*tab-separated"),
        ("[1, 2]", "one JSON list: expected one JSON object"),
        ('{"question": "?"}', "expected SQuAD's format"),
        ('{"data": [{"title": "가"}]}', "not in SQuAD's format .*paragraphs"),
        ('{"data": [{"paragraphs": 3}]}', "not in SQuAD's format"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=message):
            list(read_squad(path))


def test_a_split_by_articles(tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    articles = [
        {"title": title, "paragraphs": [{"context": CONTEXT, "qas": [question(title)]}]} for title in ("가", "나", "다")
    ]
    path.write_text(json.dumps({"version": "1", "data": articles}), encoding="utf-8")
    split = tmp_path / "split.json"
    split.write_text(json.dumps({"note": "글", "train": ["다", "가"], "dev": ["나"]}), encoding="utf-8")
    assert split_articles(path, split, tmp_path / "out") == {"train": 2, "dev": 1}
    assert [example.id for example in read_squad(tmp_path / "out" / "train.json")] == ["다", "가"]
    assert [example.id for example in read_squad(tmp_path / "out" / "dev.json")] == ["나"]
    with pytest.raises(OutputError):
        split_articles(path, split, tmp_path / "out")
    for wrong in ({"train": ["라"]}, {"train": ["가"], "dev": ["가"]}, {"note": "글"}):
        split.write_text(json.dumps(wrong), encoding="utf-8")
        with pytest.raises(InputError, match=r"split\.json names"):
            split_articles(path, split, tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.data
def test_the_real_files(data_dir: Path) -> None:
    assert len(read_examples(Qa, data_dir / "korquad" / "KorQuAD_v1.0_dev.json")) == 5774
    squad_dev = read_examples(Qa, data_dir / "en" / "squad" / "dev-v1.1.rebuilt.json")
    assert len(squad_dev) == 10570 and all(example.answers for example in squad_dev)
