"""Classification of two texts: paraphrase, inference, question and answer. Not degrees of likeness."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from malmoi.tasks.files import Dropped, read_json_lines, read_json_list, read_records
from malmoi.tasks.labels import LabelTask
from malmoi.tasks.metrics import Confusion, accuracy, label_metrics, macro_f1, positive_label
from malmoi.tasks.tables import read_table
from malmoi.tasks.task import Reader, Row, TaskTokenizer, check_room

_FIELDS = ("first", "second", "label")
_N_SPECIAL = 3


@dataclass(frozen=True, slots=True)
class PairExample:
    """Two texts and, where it is known, how they are related."""

    first: str
    """Any text, also an empty one."""
    second: str
    """Likewise."""
    label: str | None = None
    """Their relation."""


def read_jsonl(path: Path) -> Iterator[PairExample]:
    """JSON Lines: `{"first", "second", "label"}`."""
    return read_records(path, read_json_lines, Pair.example_from_json)


def read_csv(path: Path) -> Iterator[PairExample]:
    """Comma-separated values with a header row."""
    return read_table(path, ",", PairExample, _FIELDS)


def read_tsv(path: Path) -> Iterator[PairExample]:
    """Tab-separated values with a header row; also KorNLI, which quotes."""
    return read_table(path, "\t", PairExample, _FIELDS)


def read_json(path: Path) -> Iterator[PairExample]:
    """A JSON list of objects with the keys of `jsonl`; also KLUE-NLI."""
    return read_records(path, read_json_list, Pair.example_from_json)


def read_question_pair(path: Path) -> Iterator[PairExample]:
    """Korean question pairs as TSV. In spite of the column's name, `is_duplicate`, 0 is *the same*."""
    return read_table(path, "\t", PairExample, _FIELDS, ("question1", "question2", "is_duplicate"))


def read_paws_x(path: Path) -> Iterator[PairExample | Dropped]:
    """PAWS-X as TSV. Pairs with an empty side or `NS` (a side that was not translated) are left out and counted."""
    for example in read_table(path, "\t", PairExample, _FIELDS, ("sentence1", "sentence2", "label")):
        sides = {example.first.strip().upper(), example.second.strip().upper()}
        yield Dropped("not translated (an empty side, or NS)") if sides & {"", "NS"} else example


def read_sentences(path: Path) -> Iterator[PairExample]:
    """GLUE's RTE, WNLI and diagnostic set: `sentence1`, `sentence2`; quotation marks quote nothing."""
    return read_table(path, "\t", PairExample, _FIELDS, ("sentence1", "sentence2", "label"), literal=True)


def read_mnli(path: Path) -> Iterator[PairExample | Dropped]:
    """GLUE's MNLI; also SNLI. Pairs on which the annotators did not agree (`-`) are left out and counted."""
    columns = ("sentence1", "sentence2", "gold_label")
    for example in read_table(path, "\t", PairExample, _FIELDS, columns, literal=True):
        yield Dropped("annotators disagree (-)") if example.label == "-" else example


def read_qnli(path: Path) -> Iterator[PairExample]:
    """GLUE's QNLI: a question, and a sentence that may hold its answer."""
    return read_table(path, "\t", PairExample, _FIELDS, ("question", "sentence", "label"), literal=True)


def read_mrpc(path: Path) -> Iterator[PairExample]:
    """GLUE's MRPC, in which the label stands under `Quality`."""
    return read_table(path, "\t", PairExample, _FIELDS, ("#1 string", "#2 string", "quality"), literal=True)


def read_qqp(path: Path) -> Iterator[PairExample]:
    """GLUE's QQP."""
    return read_table(path, "\t", PairExample, _FIELDS, ("question1", "question2", "is_duplicate"), literal=True)


def f1(confusion: Confusion, labels: Sequence[str]) -> float:
    """F1 of the positive label where there are two labels (see `metrics.positive_label`), else macro-F1."""
    positive = positive_label(labels)
    if positive is None:
        return macro_f1(confusion)
    return label_metrics(confusion, labels.index(positive))["f1"] if positive in labels else 0.0


class Pair(LabelTask[PairExample]):
    """Gives two texts one of the labels of the training examples."""

    name: ClassVar[str] = "pair"
    Example: ClassVar[type] = PairExample
    READERS: ClassVar[Mapping[str, Reader]] = {
        "jsonl": read_jsonl,
        "csv": read_csv,
        "tsv": read_tsv,
        "json": read_json,
        "klue-nli": read_json,
        "question-pair": read_question_pair,
        "kornli": read_tsv,
        "paws-x": read_paws_x,
        "mnli": read_mnli,
        "mrpc": read_mrpc,
        "qnli": read_qnli,
        "qqp": read_qqp,
        "rte": read_sentences,
        "wnli": read_sentences,
    }
    LAYOUTS: ClassVar[Mapping[str, str]] = {
        r"\s*\[\s*\{[^}]*\"premise\"": "klue-nli",
        r"question1\tquestion2\tis_duplicate\r?\n": "question-pair",
        r"sentence1\tsentence2\tgold_label\r?\n": "kornli",
        r"id\tsentence1\tsentence2\tlabel\r?\n": "paws-x",
        r"index\tpromptID\tpairID\tgenre\t": "mnli",
        r"(Quality|index)\t#1 ID\t#2 ID\t#1 String\t#2 String\r?\n": "mrpc",
        r"index\tquestion\tsentence(\tlabel)?\r?\n": "qnli",
        r"id\t(qid1\tqid2\t)?question1\tquestion2(\tis_duplicate)?\r?\n": "qqp",
        r"index\tsentence1\tsentence2(\tlabel)?\r?\n": "rte",  # WNLI's is the same
        r"\s*\[\s*\{": "json",
    }

    def metrics_of(self, confusion: Confusion) -> dict[str, float]:
        """Accuracy and F1."""
        return {"accuracy": accuracy(confusion), "f1": f1(confusion, self.labels)}

    def encode_many(
        self, examples: Sequence[PairExample], tokenizer: TaskTokenizer, max_tokens: int
    ) -> list[list[Row]]:
        """`[CLS] first [SEP] second [SEP]`, segments 0 and 1; see `kept_lengths` and `Task.encode_many`."""
        rows = pair_rows([(e.first, e.second) for e in examples], tokenizer, max_tokens)
        return [[replace(row, target=self.target_of(e))] for row, e in zip(rows, examples, strict=True)]


def pair_rows(pairs: Sequence[tuple[str, str]], tokenizer: TaskTokenizer, max_tokens: int) -> list[Row]:
    """`[CLS] first [SEP] second [SEP]` for each pair of texts, segments 0 and 1, without a target.

    Raises:
        OptionError: `max_tokens` leaves no room beside the special tokens.
    """
    check_room(max_tokens, _N_SPECIAL)
    pieces = tokenizer.encode_ids([text for pair in pairs for text in pair])
    rows = []
    for first, second in zip(pieces[::2], pieces[1::2], strict=True):
        n_first, n_second = kept_lengths(len(first), len(second), max_tokens - _N_SPECIAL)
        ids = np.empty(n_first + n_second + _N_SPECIAL, np.int32)
        ids[0], ids[n_first + 1], ids[-1] = tokenizer.cls_id, tokenizer.sep_id, tokenizer.sep_id
        ids[1 : n_first + 1], ids[n_first + 2 : -1] = first[:n_first], second[:n_second]
        segments = np.zeros(len(ids), np.uint8)
        segments[n_first + 2 :] = 1
        rows.append(Row(ids, segments))
    return rows


def kept_lengths(n_first: int, n_second: int, room: int) -> tuple[int, int]:
    """How many tokens of each side stay when both together may have `room`.

    The same as taking the last token of the longer side (the second's when they are equal) again and again,
    as Google's BERT does, without the loop.
    """
    if n_first + n_second <= room:
        return n_first, n_second
    half_second = room // 2
    half_first = room - half_second
    if n_second <= half_second:
        return room - n_second, n_second
    if n_first <= half_first:
        return n_first, room - n_first
    return half_first, half_second
