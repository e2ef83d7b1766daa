"""Cloze: which pieces are masked, what is asked, what a blank is, and TOEIC's file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from malmoi.errors import DataError, InputError
from malmoi.tasks.catalog import detect_format, read_examples
from malmoi.tasks.cloze import Cloze, ClozeExample, find_blank
from malmoi.tasks.task import TaskTokenizer
from malmoi.tokenizer.tokenizer import Tokenizer

TASK = Cloze()
EXAMPLE = ClozeExample("비가 ___다", ("온", "내린"), 0)


def shown(ids: np.ndarray) -> str:
    return "".join({-1: "^", -2: "$", -3: "_"}.get(int(i)) or chr(i) for i in ids)


def test_each_piece_is_asked_for_while_it_and_those_after_it_are_hidden(tokenizer: TaskTokenizer) -> None:
    rows = TASK.encode(EXAMPLE, tokenizer, 20)
    assert [shown(row.ids) for row in rows] == ["^비가 _다$", "^비가 __다$", "^비가 내_다$"]
    assert [(row.choice, row.target) for row in rows] == [(0, 0), (1, 0), (1, 0)]
    for row, char in zip(rows, "온내린", strict=True):
        assert row.asked is not None
        ((place, asked),) = [(i, chr(a)) for i, a in enumerate(row.asked) if a >= 0]
        assert asked == char and row.ids[place] == tokenizer.mask_id


def test_a_choice_is_the_mean_over_its_pieces(tokenizer: TaskTokenizer) -> None:
    rows = TASK.encode(EXAMPLE, tokenizer, 20)
    outputs = [np.zeros(len(row.ids), np.float32) for row in rows]
    outputs[0][4], outputs[1][4], outputs[2][5] = np.log(0.3), np.log(0.2), np.log(0.8)
    prediction = TASK.decode(EXAMPLE, rows, outputs)
    assert prediction.choice == 1
    assert prediction.scores == pytest.approx((3 / 7, 4 / 7))  # 0.3 against √(0.2 · 0.8), though their product is less


def test_the_answer_changes_no_row(tokenizer: TaskTokenizer) -> None:
    for row, bare in zip(
        *(TASK.encode(e, tokenizer, 9) for e in (EXAMPLE, replace(EXAMPLE, answer=None))), strict=True
    ):
        assert row.ids.tolist() == bare.ids.tolist() and bare.target is None
        assert row.asked is not None and bare.asked is not None
        assert row.asked.tolist() == bare.asked.tolist()


@pytest.mark.parametrize("n_before", [0, 3, 40])
@pytest.mark.parametrize("n_after", [0, 3, 40])
def test_of_a_long_text_the_surroundings_of_the_blank_stay(
    tokenizer: TaskTokenizer, n_before: int, n_after: int
) -> None:
    rows = TASK.encode(ClozeExample("가" * n_before + "___" + "나" * n_after, ("다라", "마")), tokenizer, 12)
    for row in rows:
        assert len(row.ids) == min(12, n_before + n_after + (4 if row.choice == 0 else 3))
        assert row.asked is not None and (row.asked >= 0).sum() == 1
        assert (row.ids == tokenizer.mask_id).sum() >= 1


def test_a_particle_that_grows_onto_the_choice_counts_with_it(quick_run: Path) -> None:
    """Real pieces: wherever one reaches into the choice it is masked, and nothing of the choice can be read."""
    tokenizer = Tokenizer.load(quick_run / "tokenizer")
    example = ClozeExample("나는 ___를 보았다.", ("바다", "물고기", "x"))
    for row in TASK.encode(example, tokenizer, 32):
        asked = [int(a) for a in row.asked if a >= 0] if row.asked is not None else []
        assert len(asked) == 1 and asked[0] not in (tokenizer.mask_id, tokenizer.cls_id)
    (first, *_) = TASK.encode(example, tokenizer, 32)
    assert "바다" not in tokenizer.decode(first.ids)


@pytest.mark.parametrize(
    ("text", "span"), [("a ___ b", (2, 5)), ("a _ b", (2, 3)), ("_a", (0, 1)), ("my_name is ____.", (11, 15))]
)
def test_what_a_blank_is(text: str, span: tuple[int, int]) -> None:
    assert find_blank(text) == span


@pytest.mark.parametrize("text", ["", "가나다", "_ 또는 _", "___ 와 ___"])
def test_none_or_two_blanks_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"(0|2) blanks: expected one"):
        Cloze.example_from_json({"text": text, "choices": ["가", "나"]})


def test_what_is_no_example() -> None:
    with pytest.raises(InputError, match="text is 3"):
        Cloze.example_from_json({"text": 3})
    with pytest.raises(InputError, match="empty one"):
        Cloze.example_from_json({"text": "_", "choices": ["가", " "]})


TOEIC = """{
    "1": {"question": "The sky _ dark.", "1": "is", "2": "are", "answer": "is"},
    "7": {"question": "It ___ all day.", "1": "rain", "2": "rained", "answer": "rained"}
}"""


def test_every_format_is_recognised_and_read(tmp_path: Path) -> None:
    path = tmp_path / "test.json"
    path.write_text(TOEIC, encoding="utf-8")
    assert detect_format(Cloze, path) == "toeic"
    expected = [
        ClozeExample("The sky _ dark.", ("is", "are"), 0),
        ClozeExample("It ___ all day.", ("rain", "rained"), 1),
    ]
    assert read_examples(Cloze, path) == expected
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"text": "The sky _ dark.", "choices": ["is", "are"], "answer": "is"}', encoding="utf-8")
    assert read_examples(Cloze, lines) == expected[:1]


def test_a_question_that_is_none_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "test.json"
    path.write_text(TOEIC.replace("___", "was"), encoding="utf-8")
    with pytest.raises(DataError, match=r"test\.json:3: .*0 blanks"):
        read_examples(Cloze, path)


@pytest.mark.data
def test_toeic_is_whole(data_dir: Path) -> None:
    examples = read_examples(Cloze, data_dir / "toeic" / "test.json")
    assert len(examples) == 3
    assert [e.choices[e.answer] for e in examples if e.answer is not None] == ["likely", "play", "discouraged"]
