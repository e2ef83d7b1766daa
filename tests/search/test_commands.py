"""The commands of search as a user meets them: the whole way, and bad input in one line."""

import json
from pathlib import Path

import pytest
from test_cli import assert_refused, malmoi, write

pytest.importorskip("lancedb")


def test_from_documents_to_an_answer(tmp_path: Path) -> None:
    lines = ['{"id": 1, "text": "도서관은 아홉 시에 연다", "year": 2020}', '{"id": 2, "text": "고래는 바다에 산다"}']
    documents, index = write(tmp_path / "d.jsonl", "\n".join(lines)), tmp_path / "index"
    made = malmoi("index", "lexical", documents, "--out", index)
    assert json.loads(made.stdout)["n_documents"] == 2, made.stderr
    [hit] = map(json.loads, malmoi("search", index, "도서관의 시간", "--where", "year = 2020").stdout.splitlines())
    assert (hit["id"], hit["text"], hit["year"]) == ("1", "도서관은 아홉 시에 연다", 2020)
    answer = json.loads(malmoi("answer", index, "고래가 어디에 사나요?").stdout)
    assert answer["document"]["id"] == "2" and answer["answer"] == "고래는 바다에 산다"
    assert_refused(malmoi("search", index, " "), "query is empty")
    assert_refused(malmoi("index", "lexical", documents, "--out", index), "--force")
    assert json.loads(malmoi("index-delete", index, "--where", "id <> ''").stdout) == {"deleted": 2}
    assert malmoi("search", index, "고래").stdout == ""
    more = write(tmp_path / "more.jsonl", '{"id": 3, "text": "고래가 돌아왔다"}')
    updated = json.loads(malmoi("index", "lexical", more, "--out", index, "--update").stdout)
    assert (updated["n_written"], updated["n_documents"]) == (1, 1)


def test_raw_vectors_give_one_line_of_warning(quick_run: Path) -> None:
    result = malmoi("embed", quick_run / "pretrained", "-", stdin='고래\n{"text": "바다", "id": 7}\n')
    first, second = map(json.loads, result.stdout.splitlines())
    assert len(first["vector"]) == len(second["vector"]) and second["id"] == 7
    [line] = [line for line in result.stderr.splitlines() if "never learnt" in line]
    assert line.startswith("warning: ")
