"""Named entities: a text in, spans of its characters with their types out.

Tokens carry BIO tags made from the spans, so every tokenizer works; texts of any length are read in rows that
overlap, each token in the row where it has most around it. Entities do not nest. Files are read in
`tagging_files.py`; what tags mean is in `bio.py`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from malmoi.errors import CheckpointError, InputError
from malmoi.tasks.bio import best_tags, entities_of, entity_counts, tag_names, tag_tokens
from malmoi.tasks.files import read_head
from malmoi.tasks.gold import check_as_many, gold_labels
from malmoi.tasks.particles import trimmed_end
from malmoi.tasks.spans import Entity
from malmoi.tasks.tagging_files import (
    TaggingExample,
    make_example,
    read_conll,
    read_etri,
    read_inline,
    read_jsonl,
    read_klue_ner,
    read_kmou,
    read_konec,
    read_konec_fine,
    read_naver,
)
from malmoi.tasks.task import Head, Reader, Row, Scores, Task, TaskTokenizer, check_finite, check_room
from malmoi.tasks.windows import Spans, syllables_of, tokens_of_texts, windows

_N_SPECIAL = 2


@dataclass(frozen=True)
class FoundEntity:
    """An entity and how sure the model is of it."""

    start: int
    end: int
    label: str
    text: str = ""
    score: float = 1.0
    """Mean probability of its tokens' tags."""


@dataclass(frozen=True)
class TaggingPrediction:
    """The entities of a text, in order."""

    entities: tuple[FoundEntity, ...]

    def to_json(self) -> dict[str, Any]:
        """`{"entities": [{"start", "end", "label", "text", "score"}]}`."""
        return {"entities": [{f.name: getattr(entity, f.name) for f in fields(entity)} for entity in self.entities]}


@dataclass(frozen=True)
class Tagging(Task[TaggingExample, TaggingPrediction]):
    """Finds named entities of the types of the training examples."""

    name: ClassVar[str] = "tagging"
    Example: ClassVar[type] = TaggingExample
    READERS: ClassVar[Mapping[str, Reader]] = {
        "jsonl": read_jsonl,
        "conll": read_conll,
        "klue-ner": read_klue_ner,
        "konec": read_konec,
        "konec-150": read_konec_fine,
        "naver": read_naver,
        "kmou": read_kmou,
        "etri": read_etri,
        "inline": read_inline,
    }
    LAYOUTS: ClassVar[Mapping[str, str]] = {
        r"(?s)##.{0,60000}?\n.\t[BI]-[A-Z]+_[A-Z]": "konec",
        r"(?s)##.{0,60000}?\n.\t(O|[BI]-[A-Z]+)\r?\n": "klue-ner",
        r"## \d+\r?\n## .*\n## ": "kmou",
        r";.*\n\$": "etri",
        r"-DOCSTART-|\S+[ \t](\S+[ \t]){0,2}(O|[BI]-\S+)\s*\n": "conll",
        r"(\d+\t)?\S+\t(-|[A-Z]+_[BI])\r?\n": "naver",
        r"([^\n\t]*\n){0,50}[^\n]*<[^<>\n]+:[A-Z]{2,}>": "inline",
    }
    main_metric: ClassVar[str] = "f1"

    labels: tuple[str, ...] = ()
    stride: int | None = None
    unit: Literal["token", "syllable"] = "token"
    decoding: Literal["viterbi", "greedy", "strict"] = "viterbi"
    trim_particles: bool = False

    @classmethod
    def from_examples(cls, examples: Iterable[TaggingExample]) -> Self:
        """See `Task.from_examples`; one type is enough."""
        gold = _gold(examples)
        labels = sorted({entity.label for entities in gold for entity in entities})
        if not labels:
            raise InputError(f"none of {len(gold)} examples has an entity: expected entities to learn from")
        return cls(tuple(labels))

    @classmethod
    def from_answers(cls, examples: Sequence[TaggingExample], predictions: Sequence[TaggingPrediction]) -> Self:
        """See `Task.from_answers`."""
        labels = {entity.label for entities in _gold(examples) for entity in entities}
        return cls(tuple(sorted(labels | {entity.label for p in predictions for entity in p.entities})))

    @classmethod
    def example_from_json(cls, record: Mapping[str, Any]) -> TaggingExample:
        """See `Task.example_from_json`."""
        return make_example(record)

    @classmethod
    def prediction_from_json(cls, record: Mapping[str, Any]) -> TaggingPrediction:
        """See `Task.prediction_from_json`; an entity needs `start`, `end` and `label`."""
        entities = record.get("entities")
        try:
            found = [FoundEntity(int(e["start"]), int(e["end"]), str(e["label"])) for e in entities or ()]
        except (KeyError, TypeError, ValueError, AttributeError):
            entities = None
        if not isinstance(entities, list):
            raise InputError(
                f'{str(dict(record))[:80]}: expected a prediction {{"entities": [{{"start", "end", "label"}}]}}'
            )
        return TaggingPrediction(tuple(found))

    @classmethod
    def predictions_by_id(cls, path: Path, examples: Sequence[TaggingExample]) -> list[TaggingPrediction] | None:
        """Predictions in a format of gold files, as taggers write them for conlleval; by their order.

        Raises:
            InputError: another number of sentences, or another text in one of them.
        """
        from_file = cls._read_recognised(path)
        if from_file is None:
            return None
        if len(from_file) != len(examples):
            raise InputError(f"{path} holds {len(from_file)} texts: expected {len(examples)}, one for each gold text")
        for number, (predicted, gold) in enumerate(zip(from_file, examples, strict=True), start=1):
            if predicted.text != gold.text:
                raise InputError(f"{path}: text {number} is {predicted.text[:40]!r}: expected {gold.text[:40]!r}")
        return [
            TaggingPrediction(tuple(FoundEntity(e.start, e.end, e.label) for e in example.entities or ()))
            for example in from_file
        ]

    def check(self, example: TaggingExample) -> None:
        """See `Task.check`."""
        for entity in example.entities or ():
            if entity.label not in self._numbers:
                raise InputError(
                    f"type {entity.label!r} is not known: expected one of the training examples' types, "
                    f"{', '.join(self.labels)}; correct it, or train with examples of it"
                )

    @property
    def head(self) -> Head:
        """One output a tag, on every token."""
        return Head("token", len(self.output_names), "cross_entropy")

    @property
    def output_names(self) -> tuple[str, ...]:
        """The BIO tags."""
        return tag_names(self.labels)

    def encode_many(
        self, examples: Sequence[TaggingExample], tokenizer: TaskTokenizer, max_tokens: int
    ) -> list[list[Row]]:
        """`[CLS] window [SEP]`, a row a window. See `Task.encode_many`."""
        check_room(max_tokens, _N_SPECIAL)
        texts = [example.text for example in examples]
        cuts = syllables_of(texts, tokenizer) if self.unit == "syllable" else tokens_of_texts(texts, tokenizer)
        rows = []
        for example, (ids, spans) in zip(examples, cuts, strict=True):
            tags = None
            if example.entities is not None:
                self.check(example)
                tags = tag_tokens(spans, example.entities, self._numbers)
            found = windows(len(ids), max_tokens - _N_SPECIAL, self.stride)
            parts = [slice(window.start, window.end) for window in found]
            rows.append([_row(ids[p], spans[p], None if tags is None else tags[p], tokenizer) for p in parts])
        return rows

    def decode(
        self, example: TaggingExample, rows: Sequence[Row], outputs: Sequence[NDArray[np.floating[Any]]]
    ) -> TaggingPrediction:
        """See `Task.decode`."""
        check_finite(outputs)
        scores, spans = self._whole(rows, outputs)
        if not len(scores):
            return TaggingPrediction(())
        scores = scores - scores.max(axis=1, keepdims=True)
        scores = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        tags = best_tags(scores) if self.decoding == "viterbi" else scores.argmax(axis=1)
        probabilities = np.exp(scores[np.arange(len(tags)), tags])
        names = self.output_names
        found = entities_of([names[tag] for tag in tags], "strict" if self.decoding == "strict" else "conll")
        entities: list[FoundEntity] = []
        for first, last, label in found:
            start, end = int(spans[first, 0]), int(spans[last - 1, 1])
            # Pieces of one character share its span; two entities may not.
            start = max(start, entities[-1].end) if entities else start
            if self.trim_particles:
                end = trimmed_end(example.text, start, end)
            if start < end:
                score = float(probabilities[first:last].mean())
                entities.append(FoundEntity(start, end, label, example.text[start:end], score))
        return TaggingPrediction(tuple(entities))

    def _whole(
        self, rows: Sequence[Row], outputs: Sequence[NDArray[np.floating[Any]]]
    ) -> tuple[NDArray[np.float64], Spans]:
        """Outputs and spans of the whole text's tokens, each from the row where it stands farthest from an end."""
        room = len(rows[0].ids) - _N_SPECIAL
        starts = [i * min(room, self.stride or max(1, room // 2)) for i in range(len(rows))]
        n = starts[-1] + len(rows[-1].ids) - _N_SPECIAL
        scores, spans = np.zeros((n, len(self.output_names))), np.zeros((n, 2), np.int32)
        margin = np.full(n, -1, np.int64)
        for row, output, start in zip(rows, outputs, starts, strict=True):
            assert row.spans is not None, "rows of tagging have spans"
            n_tokens = len(row.ids) - _N_SPECIAL
            places = np.arange(n_tokens)
            own = np.minimum(places, n_tokens - 1 - places)
            better = own > margin[start : start + n_tokens]
            chosen = start + places[better]
            margin[chosen] = own[better]
            scores[chosen], spans[chosen] = output[1:-1][better], row.spans[1:-1][better]
        return scores, spans

    def score(self, predictions: Sequence[TaggingPrediction], examples: Sequence[TaggingExample]) -> Scores:
        """See `Task.score`: an entity is right if its span and its type are (conlleval's rule)."""
        check_as_many(predictions, examples)
        gold = [{(e.start, e.end, e.label) for e in entities} for entities in _gold(examples)]
        counts = entity_counts(gold, [{(e.start, e.end, e.label) for e in p.entities} for p in predictions])
        per_label = {label: _measures(*count) for label, count in counts.items()}
        total = (
            _measures(*(sum(column) for column in zip(*counts.values(), strict=True))) if counts else _measures(0, 0, 0)
        )
        macro = sum(row["f1"] for row in per_label.values()) / len(per_label) if per_label else 0.0
        metrics = {name: total[name] for name in ("precision", "recall", "f1")} | {"macro_f1": macro}
        return Scores(len(examples), metrics, per_label)

    def is_wrong(self, prediction: TaggingPrediction, example: TaggingExample) -> bool:
        """See `Task.is_wrong`: F1 says nothing of one text without entities."""
        found = {(entity.start, entity.end, entity.label) for entity in prediction.entities}
        return found != {(entity.start, entity.end, entity.label) for entity in example.entities or ()}

    def to_json(self) -> dict[str, Any]:
        """See `Task.to_json`: the types and the options."""
        options = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "labels"}
        return {"task": self.name, "labels": list(self.labels), **options}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """See `Task.from_json`."""
        labels = record.get("labels")
        if record.get("task") != cls.name or not isinstance(labels, list) or not labels:
            raise CheckpointError(
                f"task {record.get('task')!r} with labels {labels!r}: expected {cls.name!r} with types"
            )
        names = {field.name for field in fields(cls)} - {"labels"}
        return cls(tuple(labels), **{name: value for name, value in record.items() if name in names})

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {label: number for number, label in enumerate(self.labels)}

    @classmethod
    def _read_recognised(cls, path: Path) -> list[TaggingExample] | None:
        head = read_head(path)
        format = next((name for pattern, name in cls.LAYOUTS.items() if re.match(pattern, head.text)), None)
        return None if format is None else list(cls.READERS[format](path))


def _measures(right: int, predicted: int, gold: int) -> dict[str, float]:
    """Precision, recall and F1 in percent, and `n`; what would be a division by zero is 0."""
    return {
        "precision": 100 * right / predicted if predicted else 0.0,
        "recall": 100 * right / gold if gold else 0.0,
        "f1": 200 * right / (predicted + gold) if predicted + gold else 0.0,
        "n": gold,
    }


def _row(ids: NDArray[np.int32], spans: Spans, tags: NDArray[np.int64] | None, tokenizer: TaskTokenizer) -> Row:
    target = None if tags is None else np.concatenate(([-100], tags, [-100]))
    row_ids, row_spans = np.empty(len(ids) + _N_SPECIAL, np.int32), np.zeros((len(ids) + _N_SPECIAL, 2), np.int32)
    row_ids[0], row_ids[1:-1], row_ids[-1] = tokenizer.cls_id, ids, tokenizer.sep_id
    row_spans[1:-1] = spans
    return Row(row_ids, np.zeros(len(row_ids), np.uint8), target, spans=row_spans)


def _gold(examples: Iterable[TaggingExample]) -> list[tuple[Entity, ...]]:
    """The entities of every example, there being one or more.

    Raises:
        InputError: no examples, or one whose entities are not known.
    """
    expected = "a list in every example, empty where there are none; add them"
    return gold_labels(examples, lambda example: example.entities, "entities", expected)
