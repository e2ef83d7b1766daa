"""Cloze: a text with a blank and words to fill it. A model that is only pre-trained can do it already.

A choice's score is its pseudo-log-likelihood in place of the blank (Salazar et al. 2020), with the refinement of
Kauf & Ivanova 2023: each piece of the choice is predicted in turn while it *and the pieces of the choice after it*
are masked. Were only the piece itself masked, a word of many pieces would give itself away: who sees `##모이` knows
`말`. The score is the mean over the pieces: by their sum the choice with the fewest pieces wins nearly always. Pieces
are those that the filled text has, so a particle that grows onto the choice counts with it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from malmoi.errors import InputError
from malmoi.tasks.choice import ChoiceTask, plain_answer, plain_choices
from malmoi.tasks.files import read_json_lines, read_json_object, read_records
from malmoi.tasks.task import Head, Reader, Row, TaskTokenizer, check_room
from malmoi.tokenizer.tokenizer import Encoding

_N_SPECIAL = 2
_BLANKS = (re.compile("_{3,}"), re.compile("_+"))
"""Three signs or more are a blank for sure; one or two are where nothing else can be."""


@dataclass(frozen=True, slots=True)
class ClozeExample:
    """A text with one blank, what may fill it and, where it is known, which is right."""

    text: str
    """With `___` (or `_`) where the choice belongs."""
    choices: tuple[str, ...]
    """Two or more words or phrases."""
    answer: int | None = None
    """Number of the right one, from 0."""


def read_jsonl(path: Path) -> Iterator[ClozeExample]:
    """JSON Lines: `{"text", "choices", "answer"}`."""
    return read_records(path, read_json_lines, Cloze.example_from_json)


def read_toeic(path: Path) -> Iterator[ClozeExample]:
    """TOEIC questions: one JSON object of `{"question", "1", "2", "3", "4", "answer"}` by number."""
    return read_records(path, read_json_object, _from_toeic)


def _from_toeic(record: Mapping[str, Any]) -> ClozeExample:
    choices = [record[key] for key in sorted((key for key in record if key.isdecimal()), key=int)]
    return Cloze.example_from_json({"text": record.get("question"), "choices": choices, "answer": record.get("answer")})


class Cloze(ChoiceTask[ClozeExample]):
    """Fills the blank with the choice that the language model finds most likely there."""

    name: ClassVar[str] = "cloze"
    Example: ClassVar[type] = ClozeExample
    READERS: ClassVar[Mapping[str, Reader]] = {"jsonl": read_jsonl, "toeic": read_toeic}
    LAYOUTS: ClassVar[Mapping[str, str]] = {r'\s*\{\s*"\d+"\s*:\s*\{': "toeic"}
    batch_size: ClassVar[int] = 8
    works_untrained: ClassVar[bool] = True

    @classmethod
    def example_from_json(cls, record: Mapping[str, Any]) -> ClozeExample:
        """See `Task.example_from_json`; the answer is a number from 0, or the right choice itself."""
        text = record.get("text")
        if not isinstance(text, str):
            raise InputError(f"text is {text!r}: expected a string with a blank, ___")
        find_blank(text)
        choices = plain_choices(record.get("choices"))
        if not all(choice.strip() for choice in choices):
            raise InputError(f"choices {list(choices)}: expected words; there is nothing to score in an empty one")
        return ClozeExample(text, choices, plain_answer(record.get("answer"), choices))

    @property
    def head(self) -> Head:
        """The vocabulary at the blank."""
        return Head("masked", 0, "choice")

    def encode_many(
        self, examples: Sequence[ClozeExample], tokenizer: TaskTokenizer, max_tokens: int
    ) -> list[list[Row]]:
        """`[CLS] text [SEP]` with some of a choice's pieces masked: a row for each piece of each choice.

        Of a text that is too long the surroundings of the blank stay. See `Task.encode_many`.
        """
        check_room(max_tokens, _N_SPECIAL)
        filled: list[str] = []
        spans: list[tuple[int, int]] = []
        for example in examples:
            start, end = find_blank(example.text)
            for choice in example.choices:
                filled.append(example.text[:start] + choice.strip() + example.text[end:])
                spans.append((start, start + len(choice.strip())))
        pairs = iter(zip(tokenizer.encode_batch(filled, special_tokens=False), spans, strict=True))
        rows: list[list[Row]] = []
        for example in examples:
            rows.append([])
            for number, choice in enumerate(example.choices):
                encoding, span = next(pairs)
                places = [i for i, (a, b) in enumerate(encoding.spans) if a < span[1] and b > span[0]]
                if not places:
                    raise InputError(f"choice {choice!r} has no pieces in this vocabulary: nothing can be scored")
                rows[-1] += _rows(encoding, places, number, example.answer, tokenizer, max_tokens)
        return rows


def _rows(
    encoding: Encoding, places: list[int], number: int, answer: int | None, tokenizer: TaskTokenizer, max_tokens: int
) -> list[Row]:
    """One row for each of `places`, the pieces of a choice: it and those after it are masked, it is asked for."""
    room = max_tokens - _N_SPECIAL
    places = places[:room]
    n_before = (room - len(places)) // 2
    first = max(0, min(places[0] - n_before, len(encoding.ids) - room))
    pieces = np.array(encoding.ids[first : first + room], np.int32)
    whole = np.concatenate(([tokenizer.cls_id], pieces, [tokenizer.sep_id])).astype(np.int32)
    inside = np.array(places) - first + 1
    rows = []
    for i, place in enumerate(inside):
        ids, asked = whole.copy(), np.full(len(whole), -1, np.int32)
        asked[place] = whole[place]
        ids[inside[i:]] = tokenizer.mask_id
        rows.append(Row(ids, np.zeros(len(ids), np.uint8), answer, number, asked))
    return rows


def find_blank(text: str) -> tuple[int, int]:
    """Where the blank of a text begins and ends.

    Raises:
        InputError: there is none, or more than one.
    """
    for pattern in _BLANKS:
        found = [match.span() for match in pattern.finditer(text)]
        if len(found) == 1:
            return found[0]
    raise InputError(f"text {text[:60]!r} has {len(found)} blanks: expected one, written ___")
