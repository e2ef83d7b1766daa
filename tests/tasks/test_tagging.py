"""Named entities: rows, spans back from tags, texts of any length, scores. One character is one token here."""

import json
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.errors import CheckpointError, DataError, InputError, OptionError
from malmoi.tasks.catalog import score_files
from malmoi.tasks.spans import Entity
from malmoi.tasks.tagging import FoundEntity, Tagging, TaggingPrediction
from malmoi.tasks.tagging_files import TaggingExample
from malmoi.tasks.task import Row, TaskTokenizer

TASK = Tagging(("LC", "PS"))
EXAMPLE = TaggingExample("이도는 서울에", (Entity(0, 2, "PS"), Entity(4, 6, "LC")))


def outputs_of(rows: list[Row], n_tags: int = 5) -> list[np.ndarray]:
    """What a perfect model says."""
    return [np.eye(n_tags)[np.maximum(row.target, 0)] * 9 for row in rows]  # type: ignore[type-var]


def spans(prediction: TaggingPrediction) -> list[tuple[int, int, str]]:
    return [(entity.start, entity.end, entity.label) for entity in prediction.entities]


def test_a_row_and_its_tags(tokenizer: TaskTokenizer) -> None:
    [row] = TASK.encode(EXAMPLE, tokenizer, 20)
    assert row.ids.tolist() == [-1, *map(ord, "이도는 서울에"), -2]
    assert isinstance(row.target, np.ndarray)
    assert row.target.tolist() == [-100, 3, 4, 0, 0, 1, 2, 0, -100]
    assert TASK.output_names == ("O", "B-LC", "I-LC", "B-PS", "I-PS")
    assert TASK.head.n_outputs == 5
    [found, place] = TASK.decode(EXAMPLE, [row], outputs_of([row])).entities
    assert (found.text, found.label, place.text, place.label) == ("이도", "PS", "서울", "LC")
    assert 0.9 < found.score <= 1


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_entities_come_back_from_texts_of_any_length(data: st.DataObject, tokenizer: TaskTokenizer) -> None:
    text = data.draw(st.text("가나다 ", max_size=80))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=12)))
    entities = tuple(
        Entity(start, end, data.draw(st.sampled_from(["LC", "PS"])))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    )
    example = TaggingExample(text, entities)
    task = replace(TASK, stride=data.draw(st.none() | st.integers(1, 12)))
    max_tokens = data.draw(st.integers(4, 24))
    rows = task.encode(example, tokenizer, max_tokens)
    assert all(len(row.ids) <= max_tokens for row in rows)
    assert spans(task.decode(example, rows, outputs_of(rows))) == [(e.start, e.end, e.label) for e in entities]


def test_of_two_rows_the_one_with_more_around_a_token_decides(tokenizer: TaskTokenizer) -> None:
    example = TaggingExample("가나다라마바")
    rows = TASK.encode(example, tokenizer, 6)
    assert [len(row.ids) for row in rows] == [6, 6]
    first, second = np.zeros((6, 5)), np.zeros((6, 5))
    first[3, 1] = 9.0  # third character: last but one of the first row, first of the second
    first[4, 3] = 9.0  # fourth: last of the first row, second of the second
    second[3, 1] = 9.0
    assert spans(TASK.decode(example, rows, [first, second])) == [(2, 3, "LC"), (4, 5, "LC")]


def test_without_entities_the_rows_are_the_same_and_have_no_target(tokenizer: TaskTokenizer) -> None:
    known, unknown = (TASK.encode(e, tokenizer, 5) for e in (EXAMPLE, replace(EXAMPLE, entities=None)))
    assert [row.ids.tolist() for row in known] == [row.ids.tolist() for row in unknown]
    assert all(row.target is None for row in unknown)


def test_three_ways_to_read_tags_that_are_not_allowed(tokenizer: TaskTokenizer) -> None:
    example = TaggingExample("가나다")
    rows = TASK.encode(example, tokenizer, 9)
    output = np.zeros((5, 5))
    output[1, [0, 1]] = 3.0, 2.9  # O, nearly B-LC
    output[2, 2] = 5.0  # I-LC
    found = {
        d: spans(replace(TASK, decoding=d).decode(example, rows, [output])) for d in ("viterbi", "greedy", "strict")
    }
    assert found == {"viterbi": [(0, 2, "LC")], "greedy": [(1, 2, "LC")], "strict": []}


def test_characters_by_themselves_whatever_the_tokenizer(tokenizer: TaskTokenizer) -> None:
    task = replace(TASK, unit="syllable")
    [row] = task.encode(EXAMPLE, tokenizer, 20)
    assert row.spans is not None and row.spans[1:4].tolist() == [[0, 1], [1, 2], [2, 3]]
    assert spans(task.decode(EXAMPLE, [row], outputs_of([row]))) == [(0, 2, "PS"), (4, 6, "LC")]
    # A text that is not composed: a syllable is still one token, over all of its characters.
    text = unicodedata.normalize("NFD", "강은 서울")
    [row] = task.encode(TaggingExample(text), tokenizer, 20)
    assert row.ids.tolist() == [-1, *map(ord, "강은 서울"), -2]
    assert row.spans is not None and row.spans[1].tolist() == [0, 3]


def test_particles_are_cut_when_asked(tokenizer: TaskTokenizer) -> None:
    example = replace(EXAMPLE, entities=(Entity(0, 3, "PS"), Entity(4, 7, "LC")))
    rows = TASK.encode(example, tokenizer, 20)
    trimmed = replace(TASK, trim_particles=True).decode(example, rows, outputs_of(rows))
    assert spans(trimmed) == [(0, 2, "PS"), (4, 6, "LC")]


def test_an_empty_text_has_no_entities(tokenizer: TaskTokenizer) -> None:
    for text in ("", "   "):
        example = TaggingExample(text)
        rows = replace(TASK, unit="syllable").encode(example, tokenizer, 8)
        assert len(rows) == 1
        assert TASK.decode(example, rows, [np.zeros((len(rows[0].ids), 5))]).entities == ()


def test_types_are_those_of_the_examples() -> None:
    assert Tagging.from_examples([EXAMPLE, TaggingExample("비", ())]) == TASK
    with pytest.raises(InputError, match="example 1 has no entities"):
        Tagging.from_examples([TaggingExample("비")])
    with pytest.raises(InputError, match="none of 1 examples has an entity"):
        Tagging.from_examples([TaggingExample("비", ())])
    with pytest.raises(InputError, match=r"type 'OG' is not known: expected one .*LC, PS"):
        TASK.check(replace(EXAMPLE, entities=(Entity(0, 2, "OG"),)))
    with pytest.raises(CheckpointError, match="expected 'tagging' with types"):
        Tagging.from_json({"task": "tagging", "labels": []})


def test_scores_and_the_table_of_types() -> None:
    def prediction(*entities: tuple[int, int, str]) -> TaggingPrediction:
        return TaggingPrediction(tuple(FoundEntity(*entity) for entity in entities))

    none = TaggingExample("비", ())
    scores = TASK.score([prediction((0, 2, "PS"), (4, 7, "LC")), prediction((0, 1, "OG"))], [EXAMPLE, none])
    assert scores.metrics == pytest.approx({"precision": 100 / 3, "recall": 50, "f1": 40, "macro_f1": 100 / 3})
    assert scores.per_label == {
        "LC": {"precision": 0, "recall": 0, "f1": 0, "n": 1},
        "OG": {"precision": 0, "recall": 0, "f1": 0, "n": 0},
        "PS": {"precision": 100, "recall": 100, "f1": 100, "n": 1},
    }
    assert TASK.score([prediction()], [none]).metrics["f1"] == 0
    assert not TASK.is_wrong(prediction(), none) and TASK.is_wrong(prediction((0, 1, "PS")), none)


def test_predictions_of_others_as_json_lines_and_as_tags(tmp_path: Path) -> None:
    gold, predicted, lines = tmp_path / "gold.txt", tmp_path / "predicted.txt", tmp_path / "p.jsonl"
    gold.write_text("이도는 B-PS\n서울에 B-LC\n\n비 O\n", encoding="utf-8")
    predicted.write_text("이도는 I-PS\n서울에 O\n\n비 O\n", encoding="utf-8")
    assert score_files(Tagging, gold, predicted).metrics["recall"] == 50
    entities = [{"start": 0, "end": 3, "label": "PS"}]
    lines.write_text(json.dumps({"entities": entities}) + '\n{"prediction": {"entities": []}}\n', encoding="utf-8")
    assert score_files(Tagging, gold, lines).metrics["recall"] == 50
    predicted.write_text("이도는 I-PS\n경성에 O\n\n비 O\n", encoding="utf-8")
    with pytest.raises(InputError, match="text 1 is '이도는 경성에': expected '이도는 서울에'"):
        score_files(Tagging, gold, predicted)
    predicted.write_text("이도는 I-PS\n", encoding="utf-8")
    with pytest.raises(InputError, match="holds 1 texts: expected 2"):
        score_files(Tagging, gold, predicted)
    lines.write_text('{"label": "PS"}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"p\.jsonl:1: .*expected a prediction"):
        score_files(Tagging, gold, lines)


def test_no_room(tokenizer: TaskTokenizer) -> None:
    with pytest.raises(OptionError, match="leaves no room"):
        TASK.encode(EXAMPLE, tokenizer, 2)
