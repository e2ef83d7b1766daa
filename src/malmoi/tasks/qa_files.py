"""Files of questions: SQuAD 1.1 and 2.0, KorQuAD 1.0, KLUE-MRC, JSON Lines. Prediction is `qa.py`.

An answer must stand in its context where the file says so. Where a file says itself that it is not sure
(`n_occurrences` above 1: the place was found again by its text), all places of the text are answers.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from malmoi.artifact import staged_directory, write_json
from malmoi.errors import InputError
from malmoi.tasks.files import read_head, read_json_lines, read_lines, read_records
from malmoi.tasks.spans import Answer, check_span, list_field, number_field, text_field


@dataclass(frozen=True, slots=True)
class QaExample:
    """A question, the text to be read, and its answers where they are known."""

    question: str
    """Any text."""
    context: str
    """Any text, of any length."""
    id: str | None = None
    """Its name in the file, where it has one."""
    answers: tuple[Answer, ...] | None = None
    """All gold answers; empty: the context holds none."""


def read_jsonl(path: Path) -> Iterator[QaExample]:
    """JSON Lines: `{"question", "context", "id", "answers": [{"text", "start"}]}`, `id` and `answers` optional."""
    return read_records(path, read_json_lines, make_example)


def read_squad(path: Path) -> Iterator[QaExample]:
    """SQuAD's JSON, 1.1 or 2.0, which KorQuAD 1.0 and KLUE-MRC share (there `guid` is the id).

    `is_impossible` means no answer, whatever answers stand there; `plausible_answers` are not read.
    """
    for context, question in _questions(path):
        id = question.get("id", question.get("guid"))
        fields = {"question": question.get("question"), "context": context, "answers": question.get("answers")}
        if question.get("is_impossible"):
            fields["answers"] = []
        try:
            example = make_example(fields)
        except InputError as error:
            raise InputError(f"{path}: question {id!r}: {error}") from None
        yield replace(example, id=None if id is None else str(id))


def make_example(record: Mapping[str, Any]) -> QaExample:
    """Make an example of an object.

    Raises:
        InputError: a field is missing or wrong, or an answer does not stand where it should.
    """
    question, context = text_field(record, "question"), text_field(record, "context")
    id = record.get("id")
    if id is not None and not isinstance(id, str | int):
        raise InputError(f"id is {id!r}: expected a string")
    id = None if id is None else str(id)
    answers = list_field(_as_list(record), "answers")
    if answers is None:
        return QaExample(question, context, id)
    try:
        found = [answer for item in answers for answer in _answers(context, item)]
    except InputError as error:
        name = f"answer of question {id!r}: " if id is not None else "answer: "
        raise InputError(f"{name}{error}") from None
    return QaExample(question, context, id, tuple(dict.fromkeys(found)))


def read_texts_by_id(path: Path) -> dict[str, str] | None:
    """Predictions as SQuAD's scripts take them, `{id: text}`; `None` where the file is no such object.

    Raises:
        InputError: it cannot be read.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): expected a file of predictions") from error
    except ValueError:
        return None
    if not isinstance(record, dict) or {"text", "prediction"} & record.keys():
        return None
    if not all(isinstance(text, str) or text is None for text in record.values()):
        return None
    return {id: text or "" for id, text in record.items()}


def split_articles(path: Path, split: Path, out: Path, *, force: bool = False) -> dict[str, int]:
    """Write the articles of a SQuAD file that a split names into one file a part: `train.json`, `dev.json`.

    Args:
        path: a file in SQuAD's format.
        split: a JSON object of lists of article titles by part; what is no list (a note) is passed over.
        out: directory to make.
        force: replace `out`.

    Returns:
        Questions by part.

    Raises:
        InputError: a file cannot be read, or a title is in no article or in two parts.
        OutputError: `out` exists.
    """
    data = _load(path)
    parts = {name: titles for name, titles in _object(split).items() if isinstance(titles, list)}
    titles = [title for names in parts.values() for title in names]
    articles = {article.get("title"): article for article in data["data"]}
    if not titles or (wrong := [t for t in titles if t not in articles or titles.count(t) > 1]):
        what = f"{wrong[0]!r}" if titles else "nothing"
        raise InputError(f"{split} names {what}: expected titles of articles of {path}, each in one part")
    counts = {}
    with staged_directory(
        out, kind="questions", options={"file": str(path), "split": str(split)}, force=force
    ) as folder:
        for name, names in parts.items():
            chosen = [articles[title] for title in names]
            write_json(folder / f"{name}.json", {**data, "data": chosen})
            counts[name] = sum(len(p["qas"]) for article in chosen for p in article["paragraphs"])
    return counts


def _as_list(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answers as a list of objects, also where they are an object of lists, as in Hugging Face's data sets."""
    answers = record.get("answers")
    if not isinstance(answers, Mapping):
        return record
    try:
        listed = [dict(zip(answers, values, strict=True)) for values in zip(*answers.values(), strict=True)]
    except (TypeError, ValueError):
        raise InputError(f"answers {str(answers)[:80]}: expected lists of one length by name") from None
    return {**record, "answers": listed}


def _answers(context: str, item: Mapping[str, Any]) -> Iterator[Answer]:
    text, start = text_field(item, "text"), number_field(item, "start", "answer_start")
    check_span(context, start, start + len(text), text)
    yield Answer(text, start)
    if item.get("n_occurrences", 1) != 1:
        place = context.find(text)
        while place >= 0:
            yield Answer(text, place)
            place = context.find(text, place + 1)


def _questions(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        for article in _load(path)["data"]:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    yield paragraph["context"], question
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is not in SQuAD's format ({error!r}): expected data › paragraphs › qas with question and answers"
        ) from None


def _load(path: Path) -> dict[str, Any]:
    record = _object(path)
    if not isinstance(record.get("data"), list):
        raise InputError(
            f"{path} looks {read_head(path).description()}: expected SQuAD's format, one object with a list `data`"
        )
    return record


def _object(path: Path) -> dict[str, Any]:
    text = "".join(line for _, line in read_lines(path))
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not JSON ({error}): it looks {read_head(path).description()}; expected one JSON object"
        ) from None
    if not isinstance(record, dict):
        raise InputError(f"{path} looks {read_head(path).description()}: expected one JSON object")
    return record
