"""Reading documents and texts: what is wrong is named with its file and line."""

import io
import json
from pathlib import Path

import pytest

from malmoi.errors import DataError, InputError
from malmoi.search.documents import SearchDocument, document_of, kinds_of, read_documents, read_texts


def test_documents_keep_their_fields(tmp_path: Path) -> None:
    file = tmp_path / "d.jsonl"
    records = [{"id": 7, "text": "글", "year": 2020, "share": 1}, {"id": "b", "text": "말", "share": 0.5, "note": None}]
    file.write_text("\n\n".join(json.dumps(record, ensure_ascii=False) for record in records), encoding="utf-8")
    found = list(read_documents(file))
    assert found == [
        (1, SearchDocument("7", "글", {"year": 2020, "share": 1})),
        (3, SearchDocument("b", "말", {"share": 0.5})),
    ]
    assert kinds_of(found, "d") == (2, {"year": "integer", "share": "number"})


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"text": "글"}, "id is missing"),
        ({"id": True, "text": "글"}, "id is missing"),
        ({"id": "a", "text": "\n"}, "has no text"),
        ({"id": "a", "text": "글", "vector": [1]}, "'vector'.*rename it"),
        ({"id": "a", "text": "글", "a b": 1}, "'a b'"),
        ({"id": "a", "text": "글", "tags": ["x"]}, "tags is a list"),
        ({"id": "a", "text": "글", "n": 10**30}, "64 bits"),
    ],
)
def test_what_is_no_document(record: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        document_of(record)


def test_texts_are_objects_or_plain_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "t.txt"
    file.write_text('맨 글\n{"text": "글", "id": 1}\n\n', encoding="utf-8")
    expected = [{"text": "맨 글"}, {"text": "글", "id": 1}, {"text": ""}]
    assert list(read_texts(file)) == expected
    monkeypatch.setattr("sys.stdin", io.StringIO(file.read_text(encoding="utf-8")))
    assert list(read_texts(None)) == expected
    file.write_text('{"texte": "글"}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"t\.txt:1: found the keys texte"):
        list(read_texts(file))
