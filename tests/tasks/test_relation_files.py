"""Files of relations: mentions lead to the right characters, and what is wrong is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from malmoi.errors import DataError, InputError
from malmoi.tasks.catalog import detect_format, read_examples
from malmoi.tasks.relation import Relation
from malmoi.tasks.relation_files import RelationExample, make_example
from malmoi.tasks.spans import Mention

TEXT = "장터마을은 이도가 세웠다"
EXAMPLE = RelationExample(TEXT, Mention(0, 4, "ORG"), Mention(6, 8, "PER"), "org:founded_by")
KLUE = {
    "guid": "a-1",
    "sentence": TEXT,
    "subject_entity": {"word": "장터마을", "start_idx": 0, "end_idx": 3, "type": "ORG"},
    "object_entity": {"word": "이도", "start_idx": 6, "end_idx": 7, "type": "PER"},
    "label": "org:founded_by",
    "source": "wiki",
}


def test_klue_as_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([KLUE, KLUE | {"label": None}], ensure_ascii=False, indent=1), encoding="utf-8")
    assert detect_format(Relation, path) == "klue-re"
    first, second = read_examples(Relation, path)
    assert first == EXAMPLE and second.label is None


def test_klue_as_a_table_with_numbers_and_names_of_relations(tmp_path: Path) -> None:
    def quoted(entity: Any) -> str:
        return '"' + json.dumps(entity, ensure_ascii=False).replace('"', '""') + '"'

    path = tmp_path / "a.tsv"
    head = "guid\tsentence\tsubject_entity\tobject_entity\tlabel\tgold_label_name\n"
    row = f"a-1\t{TEXT}\t{quoted(KLUE['subject_entity'])}\t{quoted(KLUE['object_entity'])}\t9\torg:founded_by\n"
    path.write_text(head + row, encoding="utf-8")
    assert detect_format(Relation, path) == "klue-re"
    assert read_examples(Relation, path) == [EXAMPLE]
    path.write_text(head + row + row.replace('""start_idx"": 6', '""start_idx"": 5'), encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.tsv:3: characters 5 to 8 are ' 이도': expected '이도', which begins at 6"):
        read_examples(Relation, path)
    path.write_text(head + "a\t" + TEXT + "\t장터마을\t이도\t9\tx\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.tsv:2: .*the file looks"):
        read_examples(Relation, path)


def test_kaist_with_brackets(tmp_path: Path) -> None:
    rows = [
        "이도_(왕)\t한글_문자\tmaker\t [[ _sbj_ ]] 은  [[ 1443년 ]] 에  [[ _obj_ ]] 를 만들었다.",
        "장터_마을\t이도\tfounder\t [[ _sbj_ ]] 은  [[ _obj_ ]] 가 세웠다.\t7\tno",
    ]
    path = tmp_path / "a.tsv"
    path.write_text("\n".join(rows) + "\n\n", encoding="utf-8")
    assert detect_format(Relation, path) == "kaist"
    first, second = read_examples(Relation, path)
    assert first.text == "이도 (왕)은 1443년에 한글 문자를 만들었다."
    assert first.text[first.subject.start : first.subject.end] == "이도 (왕)"
    assert first.text[first.object.start : first.object.end] == "한글 문자"
    assert (first.label, second.label) == ("maker", "NA")
    assert second.text == "장터 마을은 이도가 세웠다."


def test_kaist_with_tags(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("이도\t장터마을\tfounder\t<e2>장터마을</e2>은 <e1>이도</e1>가 세웠다\n", encoding="utf-8")
    [example] = read_examples(Relation, path)
    assert example == RelationExample(TEXT, Mention(6, 8), Mention(0, 4), "founder")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("이도\t마을\tfounder\t이도가 세웠다", "4 columns: expected subject, object, relation"),
        ("이도\t마을\tfounder\t [[ _sbj_ ]] 가 세웠다", r"lacks \[\[ _sbj_ \]\] or"),
        ("이도\t마을\tfounder\t<e1>이도</e1>가 세웠다", "lacks <e2>"),
        ("이도\t마을\tfounder\t<e1>이<e2>도</e1>가</e2> 세웠다", "overlap"),
        ("이도\t마을\tfounder\t<e1></e1>가 <e2>마을</e2>", "span 0 to 0"),
    ],
)
def test_kaist_rows_that_are_wrong(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(row + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=rf"a\.tsv:1: .*{message}"):
        read_examples(Relation, path, "kaist")


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    record = {
        "text": TEXT,
        "subject": {"start": 0, "end": 4, "type": "ORG"},
        "object": {"start": 6, "end": 8, "type": "PER", "text": "이도"},
    }
    path.write_text(
        json.dumps(record | {"label": "org:founded_by"}) + "\n" + json.dumps(record) + "\n", encoding="utf-8"
    )
    first, second = read_examples(Relation, path)
    assert first == EXAMPLE and second.label is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"subject": "장터마을"}, "subject is '장터마을': expected an object with start"),
        ({"subject": {"start": 0, "end": 40}}, "span 0 to 40"),
        ({"subject": {"start": 0, "end": 4, "type": 3}}, "type of subject is 3"),
        ({"subject": {"start": 5, "end": 7}}, "subject and object, 5–7 and 6–8, overlap"),
        ({"text": ""}, "span 0 to 4"),
    ],
)
def test_examples_that_are_wrong(change: dict[str, Any], message: str) -> None:
    record = {"text": TEXT, "subject": {"start": 0, "end": 4}, "object": {"start": 6, "end": 8}}
    with pytest.raises(InputError, match=message):
        make_example(record | change)


@pytest.mark.data
def test_the_real_klue(data_dir: Path) -> None:
    examples = read_examples(Relation, data_dir / "klue" / "re" / "klue_re_train_subset.tsv")
    assert len(examples) == 3247
    relation = Relation.from_examples(examples)
    assert len(relation.labels) == 30 and relation.negative == "no_relation"


def graph_file(path: Path, **changes: object) -> Path:
    record = {
        "text": "봄이가 가온에 다닌다.",
        "entities": [{"start": 4, "end": 6, "label": "OG"}, {"start": 0, "end": 2, "label": "PS"}],
        "relations": [{"subject": 1, "object": 0, "label": "소속"}],
    }
    path.write_text(json.dumps(record | changes, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def test_sentences_with_all_their_relations_give_every_ordered_pair(tmp_path: Path) -> None:
    file = graph_file(tmp_path / "a.jsonl")
    assert detect_format(Relation, file) == "graph"
    company, person = Mention(4, 6, "OG"), Mention(0, 2, "PS")
    assert read_examples(Relation, file) == [
        RelationExample("봄이가 가온에 다닌다.", company, person, "no_relation"),
        RelationExample("봄이가 가온에 다닌다.", person, company, "소속"),
    ]
    unknown = graph_file(tmp_path / "b.jsonl", relations=None)
    assert [example.label for example in read_examples(Relation, unknown, "graph")] == [None, None]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"relations": [{"subject": 0, "object": 2, "label": "소속"}]}, "0 to 1"),
        ({"relations": [{"subject": 1, "object": 1, "label": "소속"}]}, "different"),
        (
            {"relations": [{"subject": 0, "object": 1, "label": "가"}, {"subject": 0, "object": 1, "label": "나"}]},
            "two",
        ),
        ({"relations": [{"subject": 0, "object": 1}]}, "label"),
        ({"entities": [{"start": 4, "end": 60, "label": "OG"}]}, "span 4 to 60"),
        ({"entities": None}, "no entities"),
    ],
)
def test_relations_that_cannot_be(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"a\.jsonl:1: .*{message}"):
        read_examples(Relation, graph_file(tmp_path / "a.jsonl", **changes), "graph")
