"""Files of named entities, one small file a format, and what is wrong with them by line."""

import json
from pathlib import Path
from typing import Any

import pytest

from malmoi.errors import DataError, InputError
from malmoi.tasks.catalog import detect_format, read_examples
from malmoi.tasks.tagging import Tagging
from malmoi.tasks.tagging_files import TaggingExample, make_example


def entities(example: TaggingExample) -> list[tuple[str, str]]:
    return [(example.text[e.start : e.end], e.label) for e in example.entities or ()]


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


CONLL = """-DOCSTART- -X- -X- O

{} NNP B-NP {}
Kim NNP I-NP I-PER
visits VBZ B-VP O
New NNP B-NP {}
York NNP I-NP I-LOC
Busan NNP B-NP B-LOC

- : O O

-DOCSTART- -X- -X- O

Rain NN B-NP O
"""
CHARACTERS = """## 토큰, 레이블 구분자 : \\t
## a-1\t이도는 한글을 만들었다.
이\tB-{person}
도\tI-{person}
는\tO
 \tO
한\tB-{thing}
글\tI-{thing}
을\tO

## a-2\t비
비\tO
"""
NAVER = "1\t이도는\tPER_B\n2\t지난\t-\n3\t삼월\tDAT_B\n4\t하순에\tDAT_I\n\n1\t비\t-\n"
KMOU = """## 1
## 이도는 경복궁에 산다 .
## <이도:PS>는 <경복궁:LC>에 산다 .
이도	이도	NNP	B-PS
는	는	JX	O

## 2
## 비가 온다 .
## 비가 온다 .
비	비	NNG	O
"""
ETRI = """; 이도는 경복궁에 산다.
$<이도:PS>는 <경복궁:LC>에 산다.
1	이도는	이도/NNP+는/JX

; 비가 온다.
$비가 온다.
1	비가	비/NNG+가/JKS
"""
INLINE = "비가 온다 < 눈이 온다\n<이도:PS>는 <경복궁:LC>에 산다\n\n<12:30:TI>에 만나자\n"


@pytest.mark.parametrize("first", ["I", "B"])
@pytest.mark.parametrize("blank", [" ", "\t"])
def test_conll_with_either_kind_of_tags(tmp_path: Path, first: str, blank: str) -> None:
    text = CONLL.format("Ms", f"{first}-PER", f"{first}-LOC").replace(" ", blank)
    path = written(tmp_path / "a.txt", text)
    assert detect_format(Tagging, path) == "conll"
    examples = read_examples(Tagging, path)
    assert [example.text for example in examples] == ["Ms Kim visits New York Busan", "-", "Rain"]
    assert entities(examples[0]) == [("Ms Kim", "PER"), ("New York", "LOC"), ("Busan", "LOC")]
    assert examples[1].entities == ()


def test_conll_of_two_columns_without_document_marks(tmp_path: Path) -> None:
    path = written(tmp_path / "a.conll", "이도는 B-PS\n웃는다 O\n")
    [example] = read_examples(Tagging, path)
    assert entities(example) == [("이도는", "PS")]


def test_klue_ner_is_characters(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", CHARACTERS.format(person="PS", thing="OG"))
    assert detect_format(Tagging, path) == "klue-ner"
    examples = read_examples(Tagging, path)
    assert [example.text for example in examples] == ["이도는 한글을", "비"]
    assert entities(examples[0]) == [("이도", "PS"), ("한글", "OG")]


def test_konec_folds_150_classes_into_15_types(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", CHARACTERS.format(person="PS_NAME", thing="AFW_OTHER_PRODUCTS"))
    assert detect_format(Tagging, path) == "konec"
    assert entities(read_examples(Tagging, path)[0]) == [("이도", "PS"), ("한글", "AF")]
    fine = read_examples(Tagging, path, "konec-150")[0]
    assert entities(fine) == [("이도", "PS_NAME"), ("한글", "AFW_OTHER_PRODUCTS")]


@pytest.mark.parametrize("numbered", [True, False])
def test_naver_is_eojeols(tmp_path: Path, numbered: bool) -> None:
    text = NAVER if numbered else "\n".join(line.partition("\t")[2] for line in NAVER.split("\n"))
    path = written(tmp_path / "a.txt", text)
    assert detect_format(Tagging, path) == "naver"
    examples = read_examples(Tagging, path)
    assert [example.text for example in examples] == ["이도는 지난 삼월 하순에", "비"]
    assert entities(examples[0]) == [("이도는", "PER"), ("삼월 하순에", "DAT")]


@pytest.mark.parametrize(("name", "text"), [("kmou", KMOU), ("etri", ETRI)])
def test_kmou_and_etri_have_their_text_twice(tmp_path: Path, name: str, text: str) -> None:
    path = written(tmp_path / "a.txt", text)
    assert detect_format(Tagging, path) == name
    examples = read_examples(Tagging, path)
    assert [entities(example) for example in examples] == [[("이도", "PS"), ("경복궁", "LC")], []]
    path = written(tmp_path / "b.txt", text.replace("경복궁에", "경희궁에", 1))
    with pytest.raises(DataError, match=r"b\.txt:[23]: the marked text is '이도는 경복궁"):
        read_examples(Tagging, path, name)


def test_inline_marks(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", INLINE)
    assert detect_format(Tagging, path) == "inline"
    examples = read_examples(Tagging, path)
    assert [example.text for example in examples] == ["비가 온다 < 눈이 온다", "이도는 경복궁에 산다", "12:30에 만나자"]
    assert entities(examples[1]) == [("이도", "PS"), ("경복궁", "LC")]
    assert entities(examples[2]) == [("12:30", "TI")]


def test_nested_and_empty_marks_are_refused_with_their_line(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", "<이도:PS>\n<<서울:LC> 시청:OG>에 가다\n")
    with pytest.raises(DataError, match=r"a\.txt:2: '<서울 시청:OG>' holds a mark within a mark"):
        read_examples(Tagging, path)
    path = written(tmp_path / "b.txt", "<:LC>에\n")
    with pytest.raises(DataError, match=r"b\.txt:1: .*marks nothing"):
        read_examples(Tagging, path, "inline")


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines: list[dict[str, Any]] = [
        {
            "text": "이도는 경복궁에",
            "entities": [{"start": 4, "end": 7, "label": "LC"}, {"start": 0, "end": 2, "label": "PS"}],
        },
        {"text": "", "entities": []},
        {"text": "비"},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    examples = read_examples(Tagging, path)
    assert entities(examples[0]) == [("이도", "PS"), ("경복궁", "LC")]
    assert examples[1].entities == () and examples[2].entities is None
    lines[1] = {
        "text": "이도는 경복궁에",
        "entities": [{"start": 0, "end": 3, "label": "PS"}, {"start": 2, "end": 7, "label": "LC"}],
    }
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.jsonl:2: the entities 0–3 PS and 2–7 LC overlap"):
        read_examples(Tagging, path)


@pytest.mark.parametrize(
    ("entity", "message"),
    [
        ({"start": 0, "end": 9, "label": "PS"}, "span 0 to 9"),
        ({"start": 1, "end": 3, "label": "PS", "text": "이도"}, r"which begins at 0 \(-1\)"),
        ({"start": 0, "end": 2, "label": " "}, "empty label"),
        ({"start": 0, "end": 2}, "expected label"),
        ({"start": 0, "label": "PS"}, "has no end"),
    ],
)
def test_spans_that_are_wrong(entity: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_example({"text": "이도는", "entities": [entity]})


@pytest.mark.parametrize("format", ["conll", "klue-ner", "konec", "naver"])
def test_a_file_of_another_format_is_described(tmp_path: Path, format: str) -> None:
    path = written(tmp_path / "a.tsv", "document\tlabel\n재미있다\t1\n")
    with pytest.raises(DataError, match=r"a\.tsv:1: .*tab-separated with the columns document, label"):
        read_examples(Tagging, path, format)
    with pytest.raises(DataError, match=r"b\.txt:2: 1 lines that begin with ##"):
        read_examples(Tagging, written(tmp_path / "b.txt", "## 1\n이도\tPS\n"), "kmou")


@pytest.mark.data
def test_the_real_konec(data_dir: Path) -> None:
    path = data_dir / "konec" / "konec-dev.tsv"
    examples = read_examples(Tagging, path)
    assert len(examples) == 5000 and len(Tagging.from_examples(examples).labels) == 15
    rows = (data_dir / "konec" / "NIKL_NE_2021_TAGSET_150.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert all(label[:2] == level1 for label, level1, *_ in (row.split("\t") for row in rows))
