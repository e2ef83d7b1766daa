"""Files of texts with named entities, in the formats they are published in. Prediction is `tagging.py`.

All of them become a text and spans of its characters. Where a file has tags, they are read by CoNLL's rule, so IOB1
and IOB2 are the same to it. A tag or a mark that cannot be read is an error with its line.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from malmoi.errors import DataError, InputError
from malmoi.tasks.bio import entities_of
from malmoi.tasks.files import read_head, read_json_lines, read_lines, read_records
from malmoi.tasks.spans import Entity, check_apart, check_span, list_field, number_field, text_field

_TAG = re.compile(r"O|[BI]-\S+")
_NAVER_TAG = re.compile(r"([A-Z]+)_([BI])")
_MARK = re.compile(r"<([^<>]*):([A-Z]{2}[A-Z0-9_-]*)>")
_Rows = list[tuple[int, list[str]]]


@dataclass(frozen=True, slots=True)
class TaggingExample:
    """A text and, where they are known, the entities in it."""

    text: str
    """Any text, also an empty one, of any length."""
    entities: tuple[Entity, ...] | None = None
    """Apart from each other, in order."""


def make_example(record: Mapping[str, Any]) -> TaggingExample:
    """Make an example of an object; an entity may have its `text` for a check.

    Raises:
        InputError: a field is missing or wrong, a span is not in the text, or two overlap.
    """
    text = text_field(record, "text")
    items = list_field(record, "entities")
    if items is None:
        return TaggingExample(text)
    entities = []
    for item in items:
        start, end = number_field(item, "start"), number_field(item, "end")
        label = text_field(item, "label").strip()
        if not label:
            raise InputError(f"the entity {start}–{end} has an empty label: expected its type")
        check_span(text, start, end, item.get("text"))
        entities.append(Entity(start, end, label))
    check_apart(entities)
    return TaggingExample(text, tuple(sorted(entities, key=lambda entity: entity.start)))


def read_jsonl(path: Path) -> Iterator[TaggingExample]:
    """JSON Lines: `{"text", "entities": [{"start", "end", "label"}]}`."""
    return read_records(path, read_json_lines, make_example)


def read_conll(path: Path) -> Iterator[TaggingExample]:
    """CoNLL-2003 and its like: a token a line, in the last column IOB1 or IOB2; a blank line after a sentence.

    The text is the tokens with blanks between; `-DOCSTART-` is no sentence.
    """
    for rows in _sentences(path, str.split):
        if rows[0][1][0] != "-DOCSTART-":
            tags = [_checked_tag(path, number, cells, at_least=2) for number, cells in rows]
            yield _joined([cells[0] for _, cells in rows], tags, " ")


def read_klue_ner(path: Path) -> Iterator[TaggingExample]:
    """KLUE-NER's TSV: a character a line, blanks too, with its tag; lines that begin with `##` are remarks."""
    for rows in _sentences(path, _tab_cells, remark="##"):
        tags = [_checked_tag(path, number, cells, at_least=2) for number, cells in rows]
        yield _joined([cells[0] for _, cells in rows], tags, "")


def read_konec_fine(path: Path) -> Iterator[TaggingExample]:
    """KONEC with its 150 classes: as KLUE-NER."""
    return read_klue_ner(path)


def read_konec(path: Path) -> Iterator[TaggingExample]:
    """KONEC with the 15 types of TTA.KO-10.0852, the first two letters of its classes (`level1` in its tag set)."""
    for example in read_klue_ner(path):
        entities = (Entity(e.start, e.end, e.label[:2]) for e in example.entities or ())
        yield TaggingExample(example.text, tuple(entities))


def read_naver(path: Path) -> Iterator[TaggingExample]:
    """Naver's NER file: number, eojeol and tag (`PER_B`, `PER_I`, `-`) apart by tabs; the number may be missing.

    An entity is as long as its eojeols, particles included: the file has it no finer.
    """
    for rows in _sentences(path, _tab_cells):
        tags = []
        for number, cells in rows:
            match = _NAVER_TAG.fullmatch(cells[-1])
            if len(cells) not in (2, 3) or not (match or cells[-1] == "-"):
                message = (
                    f"{cells[-1]!r} in {len(cells)} columns: expected an eojeol and a tag such as PER_B, PER_I or -"
                )
                raise DataError(path, number, f"{message}; {_looks(path)}")
            tags.append(f"{match[2]}-{match[1]}" if match else "O")
        yield _joined([cells[-2] for _, cells in rows], tags, " ")


def read_inline(path: Path) -> Iterator[TaggingExample]:
    """A sentence a line with its entities marked: `<대한상공회의소:OG>에 다녔다`; blank lines are passed over."""
    for number, line in read_lines(path):
        if line.strip():
            yield _unmarked(path, number, line.strip("\r\n"))


def read_kmou(path: Path) -> Iterator[TaggingExample]:
    """KMOU's NER corpus: of `## number`, `## text`, `## marked text` and morphemes the third line is read."""
    remarks: _Rows = []
    for number, line in read_lines(path):
        if line.startswith("## "):
            remarks.append((number, [line[3:].strip("\r\n")]))
            if len(remarks) == 3:
                yield _unmarked(path, number, remarks[2][1][0], remarks[1][1][0])
        elif remarks:
            if len(remarks) != 3:
                message = f"{len(remarks)} lines that begin with ##: expected number, text and marked text"
                raise DataError(path, number, f"{message}; {_looks(path)}")
            remarks = []


def read_etri(path: Path) -> Iterator[TaggingExample]:
    """The contest files made from ETRI's: of `; text`, `$marked text` and morphemes the line with `$` is read."""
    plain = None
    for number, line in read_lines(path):
        if line.startswith(";"):
            plain = line[1:].strip()
        elif line.startswith("$"):
            yield _unmarked(path, number, line[1:].strip(), plain)
            plain = None


def _sentences(path: Path, cut: Callable[[str], list[str]], remark: str | None = None) -> Iterator[_Rows]:
    """Yield the lines of each sentence, cut into cells, with their numbers."""
    rows: _Rows = []
    for number, line in read_lines(path):
        bare = line.strip("\r\n")
        if remark is not None and bare.startswith(remark):
            continue
        if bare.strip():
            rows.append((number, cut(bare)))
        elif rows:
            yield rows
            rows = []
    if rows:
        yield rows


def _tab_cells(line: str) -> list[str]:
    return line.split("\t")


def _checked_tag(path: Path, number: int, cells: Sequence[str], at_least: int) -> str:
    tag = cells[-1].strip()
    if len(cells) < at_least or not _TAG.fullmatch(tag):
        message = f"{tag!r} in {len(cells)} columns: expected a tag O, B-… or I-… in the last of {at_least} or more"
        raise DataError(path, number, f"{message}; {_looks(path)}")
    return tag


def _looks(path: Path) -> str:
    return f"the file looks {read_head(path).description()}"


def _joined(tokens: Sequence[str], tags: Sequence[str], blank: str) -> TaggingExample:
    starts, position = [], 0
    for token in tokens:
        starts.append(position)
        position += len(token) + len(blank)
    entities = (Entity(starts[a], starts[b - 1] + len(tokens[b - 1]), label) for a, b, label in entities_of(tags))
    return TaggingExample(blank.join(tokens), tuple(entities))


def _unmarked(path: Path, number: int, marked: str, plain: str | None = None) -> TaggingExample:
    """The text without its marks, and the entities that they marked."""
    text, entities, position = "", [], 0
    for match in _MARK.finditer(marked):
        text += marked[position : match.start()]
        if not match[1].strip():
            raise DataError(path, number, f"{match[0]!r} marks nothing: expected <text:TYPE>")
        entities.append(Entity(len(text), len(text) + len(match[1]), match[2]))
        text += match[1]
        position = match.end()
    text += marked[position:]
    if nested := _MARK.search(text):
        message = f"{nested[0]!r} holds a mark within a mark: expected entities side by side; keep one of them"
        raise DataError(path, number, message)
    if plain is not None and "".join(plain.split()) != "".join(text.split()):
        message = f"the marked text is {text[:60]!r}: expected the text before it, {plain[:60]!r}; correct one of them"
        raise DataError(path, number, message)
    return TaggingExample(text, tuple(entities))
