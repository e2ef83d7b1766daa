"""Relations: marks around the mentions, which never fall out of a row; KLUE's metrics. One character is one token."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import auc, f1_score, precision_recall_curve

from malmoi.errors import InputError, OptionError
from malmoi.tasks.labels import LabelPrediction
from malmoi.tasks.relation import Relation
from malmoi.tasks.relation_files import RelationExample
from malmoi.tasks.spans import Mention
from malmoi.tasks.task import Row, TaskTokenizer

TASK = Relation(("no_relation", "부모", "소속"))
EXAMPLE = RelationExample("이도는 집현전에 있다", Mention(0, 2, "PER"), Mention(4, 7, "ORG"), "소속")


def text_of(row: Row) -> str:
    return "".join(chr(i) for i in row.ids[1:-1])


def test_typed_and_plain_marks(tokenizer: TaskTokenizer) -> None:
    [row] = TASK.encode(EXAMPLE, tokenizer, 60)
    assert text_of(row) == "@ * 사람 *이도@는 # ^ 단체 ^집현전#에 있다"
    assert (row.ids[0], row.ids[-1], row.target) == (-1, -2, 2)
    [row] = replace(TASK, entity_markers="plain").encode(EXAMPLE, tokenizer, 60)
    assert text_of(row) == "@이도@는 #집현전#에 있다"
    turned = replace(EXAMPLE, subject=EXAMPLE.object, object=Mention(0, 2, "ANIMAL"), label=None)
    [row] = TASK.encode(turned, tokenizer, 60)
    assert text_of(row) == "# ^ ANIMAL ^이도#는 @ * 단체 *집현전@에 있다"
    assert row.target is None
    [row] = TASK.encode(replace(EXAMPLE, subject=Mention(0, 2)), tokenizer, 60)
    assert text_of(row).startswith("@이도@는"), "no type, no word for it"


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_both_mentions_stay_in_a_row_of_any_length(data: st.DataObject, tokenizer: TaskTokenizer) -> None:
    parts = [data.draw(st.integers(0, 40)), 3, data.draw(st.integers(0, 40)), 2, data.draw(st.integers(0, 40))]
    text = "".join(char * n for char, n in zip("앞갑사을뒤", parts, strict=True))
    first, second = parts[0], sum(parts[:3])
    example = RelationExample(text, Mention(first, first + 3), Mention(second, second + 2))
    max_tokens = data.draw(st.integers(11, 140))
    [row] = TASK.encode(example, tokenizer, max_tokens)
    made = text_of(row)
    assert len(row.ids) <= max_tokens
    assert "@갑갑갑@" in made and "#을을#" in made
    n_kept = {char: made.count(char) for char in "앞사뒤"}
    # What is nearer to the mentions stays, and nothing is cut while there is room.
    assert n_kept["사"] == min(parts[2], max_tokens - 11)
    room = max_tokens - 11 - n_kept["사"]
    assert n_kept["앞"] + n_kept["뒤"] == min(parts[0] + parts[4], room)
    assert min(n_kept["앞"], parts[0], room // 2) == min(parts[0], room // 2)


def test_mentions_longer_than_a_row_are_cut_and_marks_never(tokenizer: TaskTokenizer) -> None:
    example = RelationExample("가" * 50 + "나" * 50, Mention(0, 50), Mention(50, 100))
    [row] = TASK.encode(example, tokenizer, 16)
    assert text_of(row) == "@가가가가가@#나나나나나#"
    with pytest.raises(OptionError, match="--entity-markers plain"):
        TASK.encode(EXAMPLE, tokenizer, 20)


def test_a_label_changes_no_row(tokenizer: TaskTokenizer) -> None:
    known, unknown = (TASK.encode(e, tokenizer, 60)[0] for e in (EXAMPLE, replace(EXAMPLE, label=None)))
    assert known.ids.tolist() == unknown.ids.tolist()
    with pytest.raises(InputError, match="'형제' is not known"):
        TASK.check(replace(EXAMPLE, label="형제"))
    with pytest.raises(InputError, match="span 4 to 70"):
        TASK.check(replace(EXAMPLE, object=Mention(4, 70)))


def test_metrics_are_klues() -> None:
    generator = np.random.default_rng(2)
    labels = TASK.labels
    gold = generator.integers(0, 3, 200)
    shares = generator.dirichlet([1, 1, 1], 200).round(2)
    predicted = shares.argmax(axis=1)
    predictions = [
        LabelPrediction(labels[p], dict(zip(labels, row.tolist(), strict=True)))
        for p, row in zip(predicted, shares, strict=True)
    ]
    metrics = TASK.score(predictions, [replace(EXAMPLE, label=labels[g]) for g in gold]).metrics
    assert metrics["micro_f1"] == pytest.approx(100 * f1_score(gold, predicted, labels=[1, 2], average="micro"))
    assert metrics["macro_f1"] == pytest.approx(100 * f1_score(gold, predicted, average="macro"))
    areas = []
    for label in range(3):
        precision, recall, _ = precision_recall_curve(gold == label, shares[:, label])
        areas.append(auc(recall, precision))
    assert metrics["auprc"] == pytest.approx(100 * np.mean(areas))
    bare = [LabelPrediction(labels[p], {}) for p in predicted]
    without = TASK.score(bare, [replace(EXAMPLE, label=labels[g]) for g in gold]).metrics
    assert without == {name: value for name, value in metrics.items() if name != "auprc"}


def test_an_example_without_a_relation_is_not_wrong_for_having_no_f1() -> None:
    none = replace(EXAMPLE, label="no_relation")
    assert TASK.score([LabelPrediction("no_relation", {})], [none]).metrics["micro_f1"] == 0
    assert not TASK.is_wrong(LabelPrediction("no_relation", {}), none)
    assert TASK.is_wrong(LabelPrediction("부모", {}), none)


def test_which_label_means_none() -> None:
    assert Relation(("NA", "부모")).negative == "NA"
    assert Relation(("부모", "소속")).negative is None
    assert Relation(("부모", "없음"), no_relation="없음").negative == "없음"
    assert Relation(("0", "1")).metrics_of(np.array([[3, 1], [0, 2]]))["micro_f1"] == pytest.approx(500 / 6)


def test_a_sample_of_the_examples_without_a_relation() -> None:
    examples = [replace(EXAMPLE, label="no_relation" if i % 4 else "부모", text=f"{i:08}") for i in range(400)]
    assert TASK.training_examples(examples) == examples
    sampled = list(replace(TASK, max_negatives=1.5).training_examples(examples))
    assert sum(example.label == "no_relation" for example in sampled) == 150
    assert [e for e in sampled if e.label == "부모"] == [e for e in examples if e.label == "부모"]
    assert sampled == list(replace(TASK, max_negatives=1.5).training_examples(examples))
    assert sampled == sorted(sampled, key=lambda example: example.text), "their order stays"
    assert list(replace(TASK, max_negatives=9.0).training_examples(examples)) == examples


def test_marks_that_the_vocabulary_lacks_still_tell_the_mentions_apart(tokenizer: TaskTokenizer) -> None:
    class WithoutMarks(type(tokenizer)):  # type: ignore[misc]
        def encode_ids(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
            known = super().encode_ids(texts)
            return [np.where(np.isin(ids, [ord(c) for c in "@#*^"]), self.unk_id, ids) for ids in known]

    task, known = Relation(("no_relation", "소속"), entity_markers="plain"), WithoutMarks()
    ends = Mention(0, 1), Mention(2, 3)
    examples = [RelationExample("가나다", *ends), RelationExample("가나다", *ends[::-1])]
    subject_first, object_first = (rows[0].ids.tolist() for rows in task.encode_many(examples, known, 32))
    mask, sep = known.mask_id, known.sep_id
    assert subject_first == [known.cls_id, mask, ord("가"), mask, ord("나"), sep, ord("다"), sep, sep]
    assert object_first == [known.cls_id, sep, ord("가"), sep, ord("나"), mask, ord("다"), mask, sep]
