"""Classification: rows, and the files it reads."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.errors import DataError, InputError, OptionError
from malmoi.tasks.catalog import detect_format, read_examples
from malmoi.tasks.classification import Classification, ClassificationExample
from malmoi.tasks.task import TaskTokenizer

TASK = Classification(("0", "1"))
EXAMPLES = st.lists(st.builds(ClassificationExample, st.text(), st.sampled_from([None, "0", "1"])), max_size=5)


def test_worked_example(tokenizer: TaskTokenizer) -> None:
    (row,) = TASK.encode(ClassificationExample("좋다", "1"), tokenizer, 16)
    assert row.ids.tolist() == [-1, ord("좋"), ord("다"), -2]
    assert row.segments.tolist() == [0, 0, 0, 0]
    assert (row.ids.dtype, row.segments.dtype, row.target) == (np.int32, np.uint8, 1)


@given(examples=EXAMPLES, max_tokens=st.integers(3, 12))
def test_rows_hold_the_beginning_of_the_text_and_labels_change_only_targets(
    tokenizer: TaskTokenizer, examples: list[ClassificationExample], max_tokens: int
) -> None:
    bare = [replace(example, label=None) for example in examples]
    rows = [row for (row,) in TASK.encode_many(examples, tokenizer, max_tokens)]
    bare_rows = [row for (row,) in TASK.encode_many(bare, tokenizer, max_tokens)]
    for example, row, bare_row in zip(examples, rows, bare_rows, strict=True):
        kept = example.text[: max_tokens - 2]
        assert row.ids.tolist() == [-1, *(ord(c) for c in kept), -2]
        assert row.segments.tolist() == [0] * len(row.ids)
        assert row.ids.tolist() == bare_row.ids.tolist() == TASK.encode(example, tokenizer, max_tokens)[0].ids.tolist()
        assert row.target == (None if example.label is None else int(example.label))
        assert bare_row.target is None
        outputs = [np.array([len(kept), 1], np.float32)]
        assert TASK.decode(example, [row], outputs) == TASK.decode(bare[0], [bare_row], outputs)


def test_too_little_room(tokenizer: TaskTokenizer) -> None:
    with pytest.raises(OptionError, match=r"max_tokens 2 .*use 3 or more"):
        TASK.encode(ClassificationExample("좋다"), tokenizer, 2)


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("a.jsonl", '{"text": "참 좋다", "label": 1}\n{"label": false, "text": ""}\n', "jsonl"),
        ("a.json", '{"review": "참 좋다", "label": "1"}\n{"label": "false", "review": ""}\n', "jsonl"),
        ("a.csv", "label,sentence\n1,참 좋다\nfalse,\n", "csv"),
        ("a.tsv", "text\tlabel\n참 좋다\t1\n\tfalse\n", "tsv"),
        ("a.csv", "text\tlabel\n참 좋다\t1\n\tfalse\n", "tsv"),
        ("a.json", '[{"text": "참 좋다", "label": 1}, {"text": "", "label": false}]', "json"),
        (
            "ynat-v1.1_dev.json",
            '[\n {"guid": "ynat-v1_dev_00000", "title": "참 좋다", "label": "1", "annotations": {"n": [8]}},\n'
            ' {"guid": "ynat-v1_dev_00001", "title": "", "label": "false"}\n]',
            "klue-ynat",
        ),
        ("ratings.txt", "id\tdocument\tlabel\n7\t참 좋다\t1\n8\t\tfalse\n", "nsmc"),
        ("train_data.csv", "index,title,topic_idx\n0,참 좋다,1\n1,,false\n", "ynat"),
    ],
)
def test_every_format_is_recognised_and_read(tmp_path: Path, name: str, content: str, format: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert detect_format(Classification, path) == format
    expected = [ClassificationExample("참 좋다", "1"), ClassificationExample("", "false")]
    assert read_examples(Classification, path) == read_examples(Classification, path, format) == expected


@pytest.mark.parametrize(
    ("content", "format", "expected"),
    [
        ('sentence\tlabel\n"잘" 봤다 \t1\n"끝"\t0\n', "sst-2", [('"잘" 봤다 ', "1"), ('"끝"', "0")]),
        ('index\tsentence\n0\t"끝"\n', "cola", [('"끝"', None)]),
        ('ko01\t1\t\t"잘" 봤다\nko01\t0\t*\t"끝"\n', "cola", [('"잘" 봤다', "1"), ('"끝"', "0")]),
    ],
)
def test_in_glue_quotation_marks_quote_nothing(
    tmp_path: Path, content: str, format: str, expected: list[tuple[str, str | None]]
) -> None:
    path = tmp_path / "glue.tsv"
    path.write_text(content, encoding="utf-8")
    assert detect_format(Classification, path) == format
    assert read_examples(Classification, path) == [ClassificationExample(*fields) for fields in expected]
    if format == "cola" and expected[0][1] is None:
        assert read_examples(Classification, path, "sst-2") == read_examples(Classification, path)


def test_another_table_is_not_nsmc(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("text,label\n좋다,1\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.txt:1: .*expected document, .*looks comma-separated"):
        read_examples(Classification, path, "nsmc")


@pytest.mark.data
@pytest.mark.parametrize(("name", "n", "n_positive"), [("train", 150_000, 74_827), ("test", 50_000, 25_173)])
def test_nsmc_is_whole(data_dir: Path, name: str, n: int, n_positive: int) -> None:
    examples = read_examples(Classification, data_dir / "nsmc" / f"ratings_{name}.txt")
    assert len(examples) == n
    assert sum(e.label == "1" for e in examples) == n_positive
    assert Classification.from_examples(examples).labels == ("0", "1")


@pytest.mark.data
def test_ynat_is_whole(data_dir: Path) -> None:
    examples = read_examples(Classification, data_dir / "klue" / "ynat" / "train_data.csv")
    assert len(examples) == 45_654
    assert Classification.from_examples(examples).labels == tuple("0123456")


@pytest.mark.data
@pytest.mark.parametrize(
    ("path", "n", "n_positive"),
    [("CoLA/train", 8_551, 6_023), ("CoLA/dev", 1_043, 721), ("SST-2/train", 67_349, 37_569), ("SST-2/dev", 872, 444)],
)
def test_glue_is_whole(data_dir: Path, path: str, n: int, n_positive: int) -> None:
    examples = read_examples(Classification, data_dir / "en" / "glue" / f"{path}.tsv")
    assert (len(examples), sum(e.label == "1" for e in examples)) == (n, n_positive)


def test_a_table_of_four_columns_need_not_be_cola_s(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("id\tsentence1\tsentence2\tlabel\n1\t비\t눈\t0\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.tsv:1: the second column is 'sentence1': expected 0 or 1.*columns id"):
        read_examples(Classification, path, "cola")
