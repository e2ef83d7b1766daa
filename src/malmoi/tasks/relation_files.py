"""Files of relations between mentions: KLUE-RE, KAIST's TSV, two kinds of JSON Lines. Prediction is `relation.py`."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

from malmoi.errors import DataError, InputError
from malmoi.tasks.fields import plain_label
from malmoi.tasks.files import read_head, read_json_lines, read_json_list, read_lines, read_records
from malmoi.tasks.spans import Mention, check_span, list_field, number_field, text_field
from malmoi.tasks.tagging_files import make_example as make_sentence

_KAIST_MARK = re.compile(r" ?\[\[ ?(.*?) ?\]\] ?")  # one blank on both sides is the mark's, not the sentence's
_TAGS = re.compile(r"</?e([12])>")
NO_RELATION = "NA"
"""The label of KAIST's sentences of which people said that they do not show the relation."""
UNRELATED = "no_relation"
"""The label of two entities of which a sentence says nothing."""


@dataclass(frozen=True, slots=True)
class RelationExample:
    """A text, two mentions in it, and how they are related where it is known."""

    text: str
    """Any text, of any length."""
    subject: Mention
    """Of what the relation is told."""
    object: Mention
    """What it is told to be, to have, to be in …"""
    label: str | None = None
    """The relation."""


def make_example(record: Mapping[str, Any]) -> RelationExample:
    """Make an example of an object.

    Raises:
        InputError: a field is missing or wrong, a span is not in the text, or the mentions overlap.
    """
    text = text_field(record, "text")
    mentions = [_mention(text, record, name) for name in ("subject", "object")]
    return check_example(RelationExample(text, mentions[0], mentions[1], plain_label(record.get("label"))))


def check_example(example: RelationExample) -> RelationExample:
    """The example, if its mentions are in the text and apart.

    Raises:
        InputError: they are not.
    """
    for mention in (example.subject, example.object):
        check_span(example.text, mention.start, mention.end)
    first, second = sorted((example.subject, example.object), key=lambda mention: (mention.start, mention.end))
    if second.start < first.end:
        raise InputError(
            f"subject and object, {first.start}–{first.end} and {second.start}–{second.end}, overlap: expected two "
            "mentions apart from each other; leave the example out or choose other mentions"
        )
    return example


def read_jsonl(path: Path) -> Iterator[RelationExample]:
    """JSON Lines: `{"text", "subject": {"start", "end", "type"}, "object", "label"}`; `type` is optional."""
    return read_records(path, read_json_lines, make_example)


def read_graph(path: Path) -> Iterator[RelationExample]:
    """Sentences with all their entities and relations, as JSON Lines: an example for every ordered pair of entities.

    `{"text", "entities": [{"start", "end", "label"}], "relations": [{"subject": 0, "object": 1, "label"}]}`; these
    numbers are places in `entities`. Pairs that are not named are `no_relation`. The tagging task reads the same file.
    """
    for examples in read_records(path, read_json_lines, _pairs):
        yield from examples


def _pairs(record: Mapping[str, Any]) -> list[RelationExample]:
    entities = list_field(record, "entities")
    relations = list_field(record, "relations")
    if entities is None:
        raise InputError("the sentence has no entities: expected a list, empty where there are none")
    # Checked as the tagging task does; the order stays that of the file, which the relations count by.
    make_sentence(record)
    mentions = [Mention(int(e["start"]), int(e["end"]), e["label"].strip()) for e in entities]
    labels: dict[tuple[int, int], str | None] = {}
    for relation in relations or ():
        ends = number_field(relation, "subject"), number_field(relation, "object")
        if ends[0] == ends[1] or not all(0 <= end < len(mentions) for end in ends):
            raise InputError(
                f"a relation from entity {ends[0]} to entity {ends[1]}: expected two different numbers from 0 to "
                f"{len(mentions) - 1}, places in the list of entities"
            )
        if ends in labels:
            raise InputError(f"two relations from entity {ends[0]} to entity {ends[1]}: expected one; keep one of them")
        labels[ends] = text_field(relation, "label")
    text = record["text"]
    known = None if relations is None else UNRELATED
    return [
        RelationExample(text, mentions[a], mentions[b], labels.get((a, b), known))
        for a, b in permutations(range(len(mentions)), 2)
    ]


def read_klue_re(path: Path) -> Iterator[RelationExample]:
    """KLUE-RE: a JSON list, or the same as a table; the entities' `end_idx` is inclusive."""
    if read_head(path).first_line.startswith("["):
        yield from read_records(path, read_json_list, _from_klue)
        return
    # CSV quoting, but apart by tabs: the entities are JSON in quoted cells.
    rows = csv.DictReader((line for _, line in read_lines(path)), delimiter="\t", strict=True)
    try:
        for row in rows:
            try:
                yield _from_klue({k: json.loads(v) if k in _KLUE_ENTITIES else v for k, v in row.items()})
            except (InputError, ValueError, TypeError) as error:
                raise DataError(path, rows.line_num, f"{error}; {_looks(path)}") from None
    except csv.Error as error:
        raise DataError(path, rows.line_num, f"not a table ({error}); {_looks(path)}") from None


def read_kaist(path: Path) -> Iterator[RelationExample]:
    """KAIST's TSV: subject, object, relation, sentence, and perhaps an id and the answer `yes` or `no`.

    In the sentence `[[ _sbj_ ]]` and `[[ _obj_ ]]` stand for the two, or `<e1>…</e1>` and `<e2>…</e2>` surround
    them; other mentions are in double brackets, which are dropped. Underscores of names become blanks. A sentence
    answered with `no` has the label `NA`.
    """
    for number, line in read_lines(path):
        cells = line.strip("\r\n").split("\t")
        if not line.strip():
            continue
        try:
            yield check_example(_from_kaist(cells))
        except InputError as error:
            raise DataError(path, number, f"{error}; {_looks(path)}") from None


_KLUE_ENTITIES = ("subject_entity", "object_entity")


def _from_klue(record: Mapping[str, Any]) -> RelationExample:
    text = text_field(record, "sentence")
    mentions = []
    for name in _KLUE_ENTITIES:
        entity = record.get(name)
        if not isinstance(entity, Mapping):
            raise InputError(f"{name} is {entity!r}: expected an object with start_idx, end_idx (inclusive) and type")
        start, end = number_field(entity, "start_idx"), number_field(entity, "end_idx") + 1
        check_span(text, start, end, entity.get("word"))
        mentions.append(Mention(start, end, entity.get("type")))
    label = plain_label(record.get("gold_label_name", record.get("label")))
    return check_example(RelationExample(text, mentions[0], mentions[1], label))


def _from_kaist(cells: list[str]) -> RelationExample:
    marked = next((cell for cell in cells if "[[ _sbj_ ]]" in cell or "<e1>" in cell), None)
    if marked is None or len(cells) < 4:
        raise InputError(
            f"{len(cells)} columns: expected subject, object, relation and a sentence with [[ _sbj_ ]] and "
            "[[ _obj_ ]], or with <e1> and <e2>"
        )
    label = plain_label(cells[2])
    if cells[-1].strip().lower() == "no":
        label = NO_RELATION
    if "<e1>" in marked:
        return _from_tags(marked, label)
    names = {"_sbj_": cells[0], "_obj_": cells[1]}
    text, position, found = "", 0, {}
    for match in _KAIST_MARK.finditer(marked):
        text += marked[position : match.start()]
        name = names.get(match[1], match[1]).replace("_", " ").strip()
        if match[1] in names and match[1] not in found:
            found[match[1]] = Mention(len(text), len(text) + len(name))
        text += name
        position = match.end()
    if len(found) < 2:
        raise InputError("the sentence lacks [[ _sbj_ ]] or [[ _obj_ ]]: expected both")
    return RelationExample(text + marked[position:], found["_sbj_"], found["_obj_"], label)


def _from_tags(marked: str, label: str | None) -> RelationExample:
    text, position, places = "", 0, {}
    for match in _TAGS.finditer(marked):
        text += marked[position : match.start()]
        places[match[0]] = len(text)
        position = match.end()
    text += marked[position:]
    try:
        mentions = [Mention(places[f"<e{i}>"], places[f"</e{i}>"]) for i in (1, 2)]
    except KeyError as error:
        raise InputError(f"the sentence lacks {error.args[0]}: expected <e1>…</e1> and <e2>…</e2>") from None
    return RelationExample(text, mentions[0], mentions[1], label)


def _mention(text: str, record: Mapping[str, Any], name: str) -> Mention:
    value = record.get(name)
    if not isinstance(value, Mapping):
        raise InputError(f"{name} is {value!r}: expected an object with start, end and perhaps type")
    start, end, kind = number_field(value, "start"), number_field(value, "end"), value.get("type")
    if kind is not None and not isinstance(kind, str):
        raise InputError(f"type of {name} is {kind!r}: expected a string")
    check_span(text, start, end, value.get("text"))
    return Mention(start, end, kind or None)


def _looks(path: Path) -> str:
    return f"the file looks {read_head(path).description()}"
