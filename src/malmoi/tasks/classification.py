"""Classification of one text: sentiment, topics. Not of two texts (`pair.py`), not of tokens."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from malmoi.errors import InputError
from malmoi.tasks.files import read_head, read_json_lines, read_json_list, read_records
from malmoi.tasks.labels import LabelTask
from malmoi.tasks.metrics import Confusion, accuracy, macro_f1, matthews
from malmoi.tasks.tables import read_table
from malmoi.tasks.task import Reader, Row, TaskTokenizer, check_room

_FIELDS = ("text", "label")
_N_SPECIAL = 2
_COLA_TEST = r"index\tsentence\r?\n"


@dataclass(frozen=True, slots=True)
class ClassificationExample:
    """One text and, where it is known, its label."""

    text: str
    """Any text, also an empty one."""
    label: str | None = None
    """Its class."""


def read_jsonl(path: Path) -> Iterator[ClassificationExample]:
    """JSON Lines: `{"text", "label"}`."""
    return read_records(path, read_json_lines, Classification.example_from_json)


def read_csv(path: Path) -> Iterator[ClassificationExample]:
    """Comma-separated values with a header row."""
    return read_table(path, ",", ClassificationExample, _FIELDS)


def read_tsv(path: Path) -> Iterator[ClassificationExample]:
    """Tab-separated values with a header row."""
    return read_table(path, "\t", ClassificationExample, _FIELDS)


def read_nsmc(path: Path) -> Iterator[ClassificationExample]:
    """Naver sentiment movie corpus (`ratings_train.txt`): 1 is positive; a few reviews are empty and stay."""
    return read_table(path, "\t", ClassificationExample, _FIELDS, ("document", "label"))


def read_ynat(path: Path) -> Iterator[ClassificationExample]:
    """KLUE-YNAT as CSV: headlines with the number of one of seven topics."""
    return read_table(path, ",", ClassificationExample, _FIELDS, ("title", "topic_idx"))


def read_json(path: Path) -> Iterator[ClassificationExample]:
    """A JSON list of objects with the keys of `jsonl`; also KLUE-TC (YNAT), whose text is the `title`."""
    return read_records(path, read_json_list, Classification.example_from_json)


def read_sst_2(path: Path) -> Iterator[ClassificationExample]:
    """GLUE's SST-2: `sentence`, `label`; quotation marks quote nothing; test files have no label."""
    return read_table(path, "\t", ClassificationExample, _FIELDS, ("sentence", "label"), literal=True)


def read_cola(path: Path) -> Iterator[ClassificationExample]:
    """GLUE's CoLA: train and dev without a header row, test with one and without labels."""
    if re.match(_COLA_TEST, read_head(path).text):
        return read_sst_2(path)
    columns = ("source", "label", "star", "sentence")
    return read_table(path, "\t", _from_cola, _FIELDS, ("sentence", "label"), literal=True, header=columns)


def _from_cola(text: str, label: str | None) -> ClassificationExample:
    """Without a header row any table of four columns would do: its labels tell that it is another."""
    if label not in ("0", "1"):
        raise InputError(f"the second column is {label!r}: expected 0 or 1, whether the sentence is acceptable")
    return ClassificationExample(text, label)


class Classification(LabelTask[ClassificationExample]):
    """Gives a text one of the labels of the training examples."""

    name: ClassVar[str] = "classification"
    Example: ClassVar[type] = ClassificationExample
    READERS: ClassVar[Mapping[str, Reader]] = {
        "jsonl": read_jsonl,
        "csv": read_csv,
        "tsv": read_tsv,
        "nsmc": read_nsmc,
        "ynat": read_ynat,
        "json": read_json,
        "klue-ynat": read_json,
        "cola": read_cola,
        "sst-2": read_sst_2,
    }
    LAYOUTS: ClassVar[Mapping[str, str]] = {
        r"\s*\[\s*\{\s*\"guid\":\s*\"ynat": "klue-ynat",
        r"sentence\tlabel\r?\n": "sst-2",
        _COLA_TEST: "cola",  # SST-2's test file has the same columns, and is read the same
        r"\w+\t[01]\t\*?\t[^\t\n]+\n": "cola",
        r"\s*\[\s*\{": "json",
        r"id\tdocument\tlabel\r?\n": "nsmc",
        r"(index|guid),title,topic_idx\r?\n": "ynat",
    }

    def metrics_of(self, confusion: Confusion) -> dict[str, float]:
        """Accuracy, macro-F1 and Matthews correlation (GLUE's metric for CoLA)."""
        return {
            "accuracy": accuracy(confusion),
            "macro_f1": macro_f1(confusion),
            "matthews": matthews(confusion),
        }

    def encode_many(
        self, examples: Sequence[ClassificationExample], tokenizer: TaskTokenizer, max_tokens: int
    ) -> list[list[Row]]:
        """`[CLS] text [SEP]`; of a text that is too long the beginning stays. See `Task.encode_many`."""
        check_room(max_tokens, _N_SPECIAL)
        pieces = tokenizer.encode_ids([example.text for example in examples])
        rows = []
        for example, ids in zip(examples, pieces, strict=True):
            n_kept = min(len(ids), max_tokens - _N_SPECIAL)
            row = np.empty(n_kept + _N_SPECIAL, np.int32)
            row[0], row[1:-1], row[-1] = tokenizer.cls_id, ids[:n_kept], tokenizer.sep_id
            rows.append([Row(row, np.zeros(len(row), np.uint8), self.target_of(example))])
        return rows
