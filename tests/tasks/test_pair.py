"""Pairs: rows with two segments, truncation, and the files they are read from."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.errors import DataError, OptionError
from malmoi.tasks.catalog import detect_format, read_example_file, read_examples
from malmoi.tasks.pair import Pair, PairExample, kept_lengths
from malmoi.tasks.task import TaskTokenizer

TASK = Pair(("0", "1"))
EXAMPLES = st.lists(
    st.builds(PairExample, st.text(), st.text(), st.sampled_from([None, "0", "1"])), min_size=1, max_size=4
)


def test_worked_example(tokenizer: TaskTokenizer) -> None:
    (row,) = TASK.encode(PairExample("비", "눈이", "0"), tokenizer, 16)
    assert row.ids.tolist() == [-1, ord("비"), -2, ord("눈"), ord("이"), -2]
    assert row.segments.tolist() == [0, 0, 0, 1, 1, 1]
    assert (row.ids.dtype, row.segments.dtype, row.target) == (np.int32, np.uint8, 0)


def test_empty_sides(tokenizer: TaskTokenizer) -> None:
    (row,) = TASK.encode(PairExample("", ""), tokenizer, 4)
    assert (row.ids.tolist(), row.segments.tolist(), row.target) == ([-1, -2, -2], [0, 0, 1], None)


@given(examples=EXAMPLES, max_tokens=st.integers(4, 20))
def test_rows_fit_and_labels_change_only_targets(
    tokenizer: TaskTokenizer, examples: list[PairExample], max_tokens: int
) -> None:
    bare = [replace(example, label=None) for example in examples]
    rows = TASK.encode_many(examples, tokenizer, max_tokens)
    for example, (row,), (bare_row,) in zip(examples, rows, TASK.encode_many(bare, tokenizer, max_tokens), strict=True):
        assert len(row.ids) == len(row.segments) <= max_tokens
        middle, last = np.flatnonzero(row.ids == tokenizer.sep_id)
        first, second = row.ids[1:middle].tolist(), row.ids[middle + 1 : last].tolist()
        assert "".join(map(chr, first)) == example.first[: len(first)]
        assert "".join(map(chr, second)) == example.second[: len(second)]
        assert row.segments.tolist() == [0] * (middle + 1) + [1] * (last - middle)
        if len(example.first) + len(example.second) > max_tokens - 3:
            assert len(row.ids) == max_tokens
        assert row.ids.tolist() == bare_row.ids.tolist() == TASK.encode(example, tokenizer, max_tokens)[0].ids.tolist()
        assert row.segments.tolist() == bare_row.segments.tolist()
        assert row.target == (None if example.label is None else int(example.label))
        assert bare_row.target is None


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 50))
def test_the_longer_side_loses_its_last_token_first(n_first: int, n_second: int, room: int) -> None:
    first, second = n_first, n_second
    while first + second > room:
        if first > second:
            first -= 1
        else:
            second -= 1
    assert kept_lengths(n_first, n_second, room) == (first, second)
    if room > 1:  # whoever has any keeps some
        assert (first > 0, second > 0) == (n_first > 0, n_second > 0)


def test_too_little_room(tokenizer: TaskTokenizer) -> None:
    with pytest.raises(OptionError, match=r"max_tokens 3 .*use 4 or more"):
        TASK.encode(PairExample("비", "눈"), tokenizer, 3)


NLI = [{"guid": "1", "premise": "비가 온다", "hypothesis": '"맑다"', "gold_label": "모순"}]


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("a.jsonl", '{"first": "비가 온다", "second": "\\"맑다\\"", "label": "모순"}\n', "jsonl"),
        ("a.jsonl", json.dumps(NLI[0]), "jsonl"),
        ("a.json", json.dumps(NLI, indent=4, ensure_ascii=False), "klue-nli"),
        ("a.csv", 'premise,hypothesis,gold_label\n비가 온다,"""맑다""",모순\n', "csv"),
        ("snli.ko.tsv", 'sentence1\tsentence2\tgold_label\n비가 온다\t"""맑다"""\t모순\n', "kornli"),
        ("pairs.txt", 'question1\tquestion2\tis_duplicate\n비가 온다\t"""맑다"""\t모순\n', "question-pair"),
        ("a.json", '[{"first": "비가 온다", "second": "\\"맑다\\"", "label": "모순"}]', "json"),
        ("dev.tsv", 'index\tquestion\tsentence\tlabel\n0\t비가 온다\t"맑다"\t모순\n', "qnli"),
        ("dev.tsv", 'index\tsentence1\tsentence2\tlabel\n0\t비가 온다\t"맑다"\t모순\n', "rte"),
        ("msr.tsv", 'Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n모순\t3\t4\t비가 온다\t"맑다"\n', "mrpc"),
        ("q.tsv", 'id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n0\t1\t2\t비가 온다\t"맑다"\t모순\n', "qqp"),
        (
            "dev_matched.tsv",
            "index\tpromptID\tpairID\tgenre\tsentence1\tsentence2\tlabel1\tgold_label\n"
            '0\t1\t1n\tfiction\t비가 온다\t"맑다"\t중립\t모순\n',
            "mnli",
        ),
    ],
)
def test_every_format_is_recognised_and_read(tmp_path: Path, name: str, content: str, format: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert detect_format(Pair, path) == format
    expected = [PairExample("비가 온다", '"맑다"', "모순")]
    assert read_examples(Pair, path) == read_examples(Pair, path, format) == expected


@pytest.mark.parametrize(
    ("header", "row", "format"),
    [
        ("index\tquestion\tsentence", '0\t비가 온다\t"맑다', "qnli"),
        ("index\tsentence1\tsentence2", '0\t비가 온다\t"맑다', "rte"),
        ("index\t#1 ID\t#2 ID\t#1 String\t#2 String", '0\t3\t4\t비가 온다\t"맑다', "mrpc"),
        ("id\tquestion1\tquestion2", '0\t비가 온다\t"맑다', "qqp"),
        ("index\tpromptID\tpairID\tgenre\tsentence1\tsentence2", '0\t1\t1n\tfiction\t비가 온다\t"맑다', "mnli"),
    ],
)
def test_glue_s_test_files_have_no_labels(tmp_path: Path, header: str, row: str, format: str) -> None:
    path = tmp_path / "test.tsv"
    path.write_text(f"{header}\n{row}\n", encoding="utf-8")
    assert detect_format(Pair, path) == format
    assert read_examples(Pair, path) == [PairExample("비가 온다", '"맑다')]


def test_paws_x_leaves_out_what_was_not_translated(tmp_path: Path) -> None:
    rows = ["1\t비가 온다\t눈이 온다\t0", "2\tNS\t눈이 온다\t0", "3\t비가 온다\t \t0", '4\t"비"가\t비"가"\t1']
    path = tmp_path / "dev.tsv"
    path.write_text("\n".join(["id\tsentence1\tsentence2\tlabel", *rows]), encoding="utf-8")
    file = read_example_file(Pair, path)
    assert file.examples == [PairExample("비가 온다", "눈이 온다", "0"), PairExample('"비"가', '비"가"', "1")]
    assert file.dropped == {"not translated (an empty side, or NS)": 2}
    assert len(read_examples(Pair, path, "tsv")) == 4


def test_mnli_leaves_out_what_nobody_agrees_on(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv"
    path.write_text(
        "index\tpromptID\tpairID\tgenre\tsentence1\tsentence2\tlabel1\tgold_label\n"
        "0\t1\t1n\tfiction\t비가 온다\t맑다\t중립\t-\n1\t1\t1n\tfiction\t비가 온다\t흐리다\t중립\t중립\n",
        encoding="utf-8",
    )
    file = read_example_file(Pair, path)
    assert (file.examples, file.dropped) == (
        [PairExample("비가 온다", "흐리다", "중립")],
        {"annotators disagree (-)": 1},
    )


def test_an_item_without_a_premise_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "nli.json"
    path.write_text(json.dumps([*NLI, {"hypothesis": "맑다"}], indent=1, ensure_ascii=False), encoding="utf-8")
    with pytest.raises(DataError, match=r"nli\.json:8: found the names hypothesis: expected first"):
        read_examples(Pair, path)


@pytest.mark.data
@pytest.mark.parametrize(
    ("path", "format", "n", "labels"),
    [
        ("klue/nli/klue-nli-v1.1_train.json", "auto", 24_998, ("contradiction", "entailment", "neutral")),
        ("klue/nli/klue-nli-v1.1_dev.json", "auto", 3_000, ("contradiction", "entailment", "neutral")),
        ("question_pair/train.txt", "auto", 6_136, ("0", "1")),
        ("question_pair/validation.txt", "auto", 682, ("0", "1")),
        ("question_pair/test.txt", "auto", 758, ("0", "1")),
        ("pawsx/dev_2k.tsv", "auto", 1_964, ("0", "1")),
        ("pawsx/test_2k.tsv", "auto", 1_972, ("0", "1")),
        ("pawsx/dev_2k.tsv", "tsv", 2_000, ("0", "1")),
        ("pawsx/test_2k.tsv", "tsv", 2_000, ("0", "1")),
        ("en/glue/RTE/dev.tsv", "auto", 277, ("entailment", "not_entailment")),
        ("en/glue/RTE/train.tsv", "auto", 2_490, ("entailment", "not_entailment")),
        ("en/glue/WNLI/train.tsv", "auto", 635, ("0", "1")),
        ("en/glue/WNLI/dev.tsv", "auto", 71, ("0", "1")),
        ("en/glue/MNLI/kshot_glue_columns_train48.tsv", "auto", 48, ("contradiction", "entailment", "neutral")),
        ("en/glue/MNLI/train_slice_9k.jsonl", "auto", 8_999, ("contradiction", "entailment", "neutral")),
        ("en/glue/MNLI/dev_matched.jsonl", "auto", 9_815, ("contradiction", "entailment", "neutral")),
        ("en/glue/QNLI/train_slice_9k.jsonl", "auto", 8_999, ("entailment", "not_entailment")),
        ("en/glue/QNLI/dev.tsv", "auto", 5_463, ("entailment", "not_entailment")),
    ],
)
def test_real_files_are_whole(data_dir: Path, path: str, format: str, n: int, labels: tuple[str, ...]) -> None:
    examples = read_examples(Pair, data_dir / path, format)
    assert len(examples) == n
    assert Pair.from_examples(examples).labels == labels
