"""Lines and JSON from files: every line counts, and whatever is wrong is named with its place."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from malmoi.errors import DataError, InputError
from malmoi.tasks.files import bare_suffix, read_head, read_json_lines, read_json_list, read_lines

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("가나]}\n,"), inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.lists(st.dictionaries(st.text("ab[{\n,"), JSON_VALUES, max_size=3), max_size=5)


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("suffix", "compress"), [("gz", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress)])
def test_compressed_by_suffix(tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]) -> None:
    path = written(tmp_path, f"후기.tsv.{suffix}", compress("가\n나\n".encode()))
    assert bare_suffix(path) == ".tsv"
    assert list(read_lines(path)) == [(1, "가\n"), (2, "나\n")]
    whole = path.read_bytes()
    with pytest.raises(InputError, match=r"whole|cannot be read"):
        list(read_lines(written(tmp_path, path.name, whole[: len(whole) // 2])))
    with pytest.raises(InputError, match=r"whole|cannot be read"):
        list(read_lines(written(tmp_path, path.name, "그냥 글".encode())))


def test_only_line_feeds_end_a_line_and_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", "\ufeff가\u2028나\x0b\x85\r\n다".encode())
    assert list(read_lines(path)) == [(1, "가\u2028나\x0b\x85\r\n"), (2, "다")]


def test_a_line_that_is_not_utf8_is_an_error_with_its_number(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", "좋다\n".encode() + "나쁘다\n".encode("cp949"))
    with pytest.raises(DataError, match=r"a\.txt:2: byte 1 .*cp949"):
        list(read_lines(path))


def test_files_that_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"UTF-16.*convert"):
        list(read_lines(written(tmp_path, "a.txt", "가나".encode("utf-16"))))
    with pytest.raises(InputError, match="cannot be read"):
        list(read_lines(tmp_path / "none.txt"))
    with pytest.raises(InputError, match="cannot be read"):
        list(read_lines(tmp_path))


@pytest.mark.parametrize(
    ("content", "description"),
    [
        (b"", "empty"),
        (b"\0\1", "binary"),
        (b'{"text": "x"}', "JSON objects"),
        (b" [\n{}]", "JSON list"),
        (b"id\tdocument\n1\tx", "tab-separated with the columns id, document"),
        (b"a,b\r\n1,2", "comma-separated with the columns a, b"),
        (b"hello world", "plain text that begins with 'hello world'"),
    ],
)
def test_what_a_file_looks_like(tmp_path: Path, content: bytes, description: str) -> None:
    assert description in read_head(written(tmp_path, "a", content)).description()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=RECORDS, indent=st.sampled_from([None, 2]))
def test_json_reads_back_with_the_line_it_begins_on(
    tmp_path: Path, records: list[dict[str, Any]], indent: int | None
) -> None:
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    path = written(tmp_path, "a.jsonl", "\n\n".join(lines).encode())
    assert list(read_json_lines(path)) == [(1 + 2 * i, record) for i, record in enumerate(records)]

    text = "\n" + json.dumps(records, ensure_ascii=False, indent=indent)
    found = list(read_json_list(written(tmp_path, "a.json", text.encode())))
    assert [record for _, record in found] == records
    for (line, _), start in zip(found, _starts(text, records, indent), strict=True):
        assert line == start


def _starts(text: str, records: list[dict[str, Any]], indent: int | None) -> list[int]:
    """Lines on which the items begin: with indentation those at two blanks, else all on the second line."""
    if indent is None:
        return [2] * len(records)
    return [n for n, line in enumerate(text.split("\n"), start=1) if line.startswith("  {")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1}\n{"a": ', r":2: not JSON"),
        ('{"a": 1}\n[1, 2]', r":2: '\[1, 2\]': expected a JSON object"),
        ("[" * 100_000, r":1: not JSON"),
        ("1" * 5000, r":1: not JSON"),
        ("좋다\t1", r":1: not JSON.*tab-separated"),
    ],
)
def test_broken_json_lines(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(read_json_lines(written(tmp_path, "a.jsonl", content.encode())))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"a": 1}\n{"a": 2}]', ":2: not JSON"),
        ('[{"a": 1},\n{"a": 2}', ":2: not JSON"),
        ('[{"a": 1},\n\n 7]', ":3: '7': expected a JSON object"),
        ('{"a": 1}', "looks like JSON objects: expected one JSON list"),
        ("", "looks empty"),
    ],
)
def test_broken_json_lists(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(read_json_list(written(tmp_path, "a.json", content.encode())))
