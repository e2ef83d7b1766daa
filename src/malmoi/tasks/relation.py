"""Relations: a text with two mentions in, how the first is related to the second out.

The mentions are marked with punctuation and the names of their types, which most vocabularies have: `@ * 사람 * 이도 @`
for the subject and `# ^ 기관 ^ 집현전 #` for the object (Zhou & Chen 2022, "An Improved Baseline for Sentence-level
Relation Extraction", typed entity marker (punct)). Nothing is added to the vocabulary; where it lacks a mark, as one of
a small corpus may, `[MASK]` stands in for the subject's and `[SEP]` for the object's: `[UNK]` would be both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from itertools import compress, pairwise
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from malmoi.errors import OptionError
from malmoi.tasks.labels import LabelPrediction, LabelTask
from malmoi.tasks.metrics import Confusion, accuracy, macro_f1
from malmoi.tasks.ranking import area_under_precision_recall
from malmoi.tasks.relation_files import (
    RelationExample,
    check_example,
    make_example,
    read_graph,
    read_jsonl,
    read_kaist,
    read_klue_re,
)
from malmoi.tasks.spans import Mention
from malmoi.tasks.task import Reader, Row, Scores, TaskTokenizer, check_room

_N_SPECIAL = 2
_NO_RELATION = ("no_relation", "no-relation", "na", "n/a", "none")
_TYPE_WORDS: Mapping[str, str] = {
    "PER": "사람",
    "PS": "사람",
    "ORG": "단체",
    "OG": "단체",
    "LOC": "장소",
    "LC": "장소",
    "DAT": "날짜",
    "DT": "날짜",
    "NOH": "수량",
    "QT": "수량",
    "POH": "기타",
    "AF": "인공물",
    "EV": "사건",
    "TI": "시간",
}
"""Words for the types of KLUE and TTA, which a pre-trained model knows; other types stand as they are written."""


@dataclass(frozen=True)
class Relation(LabelTask[RelationExample]):
    """Gives two mentions in a text one of the relations of the training examples."""

    name: ClassVar[str] = "relation"
    Example: ClassVar[type] = RelationExample
    READERS: ClassVar[Mapping[str, Reader]] = {
        "jsonl": read_jsonl,
        "graph": read_graph,
        "klue-re": read_klue_re,
        "kaist": read_kaist,
    }
    LAYOUTS: ClassVar[Mapping[str, str]] = {
        r"(?s)\s*\[\s*\{.{0,4000}?\"subject_entity\"": "klue-re",
        r"(\S+\t)*subject_entity\t": "klue-re",
        r"\{[^\n]*\"entities\"\s*:": "graph",
        r"[^\n]*(\[\[ _sbj_ \]\]|<e1>)": "kaist",
    }
    main_metric: ClassVar[str] = "micro_f1"

    entity_markers: Literal["typed", "plain"] = "typed"
    no_relation: str | None = None
    max_negatives: float | None = None

    def __post_init__(self) -> None:
        if self.no_relation is not None and self.labels and self.no_relation not in self.labels:
            raise OptionError(f"no_relation is {self.no_relation!r}: expected one of {', '.join(self.labels)}")

    @classmethod
    def example_from_json(cls, record: Mapping[str, Any]) -> RelationExample:
        """See `Task.example_from_json`."""
        return make_example(record)

    def check(self, example: RelationExample) -> None:
        """See `Task.check`; mentions of an example made in Python are looked at too."""
        check_example(example)
        super().check(example)

    @property
    def negative(self) -> str | None:
        """The label that means no relation, where there is one."""
        return self.no_relation or next((label for label in self.labels if label.lower() in _NO_RELATION), None)

    def training_examples(self, examples: Iterable[RelationExample]) -> Iterable[RelationExample]:
        """At most `max_negatives` examples without a relation for each with one, the same in every run."""
        if self.max_negatives is None:
            return examples
        # One number an example is all that is remembered: there may be a million.
        ranks = np.fromiter((self._rank(i, example) for i, example in enumerate(examples)), np.uint64)
        negative = np.flatnonzero(ranks)
        n_kept = int(self.max_negatives * (len(ranks) - len(negative)))
        is_kept = ranks == 0
        is_kept[negative[np.argsort(ranks[negative], kind="stable")[:n_kept]]] = True
        return compress(examples, is_kept)

    def _rank(self, number: int, example: RelationExample) -> int:
        """0 for an example with a relation, else a number that decides whether it is drawn."""
        if example.label != self.negative:
            return 0
        return 1 + int.from_bytes(blake2b(f"{number} {example.text}".encode(), digest_size=7).digest(), "big")

    def is_wrong(self, prediction: LabelPrediction, example: RelationExample) -> bool:
        """See `Task.is_wrong`: micro-F1 says nothing of one example without a relation."""
        return prediction.label != example.label

    def metrics_of(self, confusion: Confusion) -> dict[str, float]:
        """Accuracy; micro-F1 over all labels but that of no relation (KLUE's and TACRED's rule); macro-F1 of them."""
        related = [i for i, label in enumerate(self.labels) if label != self.negative]
        n_right = int(confusion[related, related].sum())
        n_both = int(confusion[:, related].sum() + confusion[related].sum())
        return {
            "accuracy": accuracy(confusion),
            "micro_f1": 200 * n_right / n_both if n_both else 0.0,
            "macro_f1": macro_f1(confusion),
        }

    def score(self, predictions: Sequence[LabelPrediction], examples: Sequence[RelationExample]) -> Scores:
        """See `Task.score`; with probabilities also `auprc`, KLUE's mean over the labels that occur."""
        scores = super().score(predictions, examples)
        if not all(prediction.probabilities for prediction in predictions):
            return scores
        probabilities = np.array([[p.probabilities.get(label, 0.0) for label in self.labels] for p in predictions])
        gold = np.array([self.target_of(example) for example in examples])
        areas = [area_under_precision_recall(gold == i, probabilities[:, i]) for i in np.unique(gold)]
        return Scores(scores.n_examples, scores.metrics | {"auprc": float(np.mean(areas))}, scores.per_label)

    def encode_many(
        self, examples: Sequence[RelationExample], tokenizer: TaskTokenizer, max_tokens: int
    ) -> list[list[Row]]:
        """`[CLS] text with marks [SEP]`; of a text that is too long what stands around the mentions stays."""
        check_room(max_tokens, _N_SPECIAL)
        parts = [part for example in examples for part in _parts(example)]
        marks = [mark for example in examples for mark in self._marks(example)]
        pieces, mark_pieces = tokenizer.encode_ids(parts), tokenizer.encode_ids(marks)
        stand_ins = [id for example in examples for id in _stand_ins(example, tokenizer)]
        mark_pieces = [np.where(m == tokenizer.unk_id, id, m) for m, id in zip(mark_pieces, stand_ins, strict=True)]
        rows = []
        for i, example in enumerate(examples):
            ids = _fitted(pieces[5 * i : 5 * i + 5], mark_pieces[4 * i : 4 * i + 4], max_tokens - _N_SPECIAL)
            row = np.concatenate(([tokenizer.cls_id], ids, [tokenizer.sep_id])).astype(np.int32)
            rows.append([Row(row, np.zeros(len(row), np.uint8), self.target_of(example))])
        return rows

    def _marks(self, example: RelationExample) -> list[str]:
        """What stands before and after the mention that comes first, and the same of the other."""
        marks = []
        for mention in _ordered(example):
            outer, inner = ("@", "*") if mention is example.subject else ("#", "^")
            kind = "" if mention.type is None else _TYPE_WORDS.get(mention.type.upper(), mention.type)
            typed = kind and self.entity_markers == "typed"
            marks += [f"{outer} {inner} {kind} {inner}" if typed else outer, outer]
        return marks

    def to_json(self) -> dict[str, Any]:
        """See `Task.to_json`: the labels and the options."""
        return super().to_json() | {name: getattr(self, name) for name in _OPTIONS}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """See `Task.from_json`."""
        labels = super().from_json(record).labels
        return cls(labels, **{name: record[name] for name in _OPTIONS if name in record})


_OPTIONS = tuple(field.name for field in fields(Relation) if field.name != "labels")


def _stand_ins(example: RelationExample, tokenizer: TaskTokenizer) -> list[int]:
    """For each of the four marks what stands for what the vocabulary lacks of it."""
    subject_first = _ordered(example)[0] is example.subject
    pair = (tokenizer.mask_id, tokenizer.sep_id) if subject_first else (tokenizer.sep_id, tokenizer.mask_id)
    return [pair[0], pair[0], pair[1], pair[1]]


def _ordered(example: RelationExample) -> tuple[Mention, Mention]:
    first, second = example.subject, example.object
    return (first, second) if first.start <= second.start else (second, first)


def _parts(example: RelationExample) -> list[str]:
    """The text before, in, between, in, and after the mentions."""
    first, second = _ordered(example)
    ends = (0, first.start, first.end, second.start, second.end, len(example.text))
    return [example.text[start:end] for start, end in pairwise(ends)]


def _fitted(parts: Sequence[NDArray[np.int32]], marks: Sequence[NDArray[np.int32]], room: int) -> NDArray[np.int32]:
    """Parts and marks one after the other in at most `room` tokens.

    The marks stay whole. Then the mentions have their due, then what stands between them, then both sides alike:
    of the first and the last part that end stays which is next to a mention, of the others both ends.

    Raises:
        OptionError: the marks alone leave nothing for the mentions.
    """
    before, first, between, second, after = parts
    left = room - sum(map(len, marks))
    if left < 2:
        raise OptionError(
            f"max_tokens {room + _N_SPECIAL} leaves no room beside the marks of the mentions: use 32 or more, "
            "or --entity-markers plain"
        )
    n_first = min(len(first), max(left // 2, left - len(second)))
    n_second = min(len(second), left - n_first)
    left -= n_first + n_second
    n_between = min(len(between), left)
    left -= n_between
    n_before = min(len(before), max(left // 2, left - len(after)))
    n_after = min(len(after), left - n_before)
    return np.concatenate(
        (
            before[len(before) - n_before :],
            marks[0],
            _both_ends(first, n_first),
            marks[1],
            _both_ends(between, n_between),
            marks[2],
            _both_ends(second, n_second),
            marks[3],
            after[:n_after],
        )
    )


def _both_ends(ids: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    if len(ids) <= n:
        return ids
    n_last = n // 2
    return np.concatenate((ids[: n - n_last], ids[len(ids) - n_last :]))
