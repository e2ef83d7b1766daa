"""An index: what is found and why, writes of this and of other processes, a kill in the middle, bad input."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from malmoi.errors import CheckpointError, DataError, InputError, OptionError
from malmoi.search.build import build_index, delete_documents, update_index
from malmoi.search.embedder import Embedder
from malmoi.search.hit import fuse, mix
from malmoi.search.index import Index
from malmoi.search.options import Sent2VecOptions
from malmoi.search.sent2vec import train_sent2vec

pytest.importorskip("lancedb")
pytestmark = pytest.mark.filterwarnings("ignore::malmoi.search.embedder.RawVectorsWarning")
DOCUMENTS = [
    {"id": "a", "text": "도서관에서 책을 빌리려면 회원증이 필요하다.", "year": 2019, "title": "도서관"},
    {"id": "b", "text": "고래는 바다에 사는 가장 큰 동물이다.", "year": 2021, "title": "고래"},
    {"id": "c", "text": "바다의 물고기를 잡는 배가 항구로 돌아왔다.", "year": 2023},
    {"id": "d'e", "text": "국어사전편찬회는 사전을 만드는 모임이었다.", "year": 1929},
]


def write(path: Path, records: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("docs") / "d.jsonl", DOCUMENTS)


@pytest.fixture
def lexical(file: Path, tmp_path: Path) -> Path:
    build_index("lexical", file, tmp_path / "index")
    return tmp_path / "index"


def ids(index: Index, query: str, **options: object) -> list[str]:
    return [hit.id for hit in index.search(query, **options)]  # type: ignore[arg-type]


def test_terms_find_other_forms_and_parts_of_compounds(lexical: Path) -> None:
    index = Index.load(lexical)
    assert ids(index, "책을 빌렸다") == ["a"]
    assert ids(index, "사전 편찬")[0] == "d'e"
    assert set(ids(index, "바다가 보인다")) == {"b", "c"}
    assert ids(index, "자동차") == [] and len(index) == 4
    [hit] = index.search("고래", 1)
    assert hit.to_json() == {
        "id": "b",
        "score": round(hit.score, 6),
        "text": DOCUMENTS[1]["text"],
        "year": 2021,
        "title": "고래",
    }


def test_fields_filter(lexical: Path) -> None:
    index = Index.load(lexical)
    assert ids(index, "바다", where="year > 2021") == ["c"]
    assert ids(index, "바다", where="title = '고래'") == ["b"]
    with pytest.raises(OptionError, match=r"where is 'yeer > 1'.*over id, text, year, title"):
        index.search("바다", where="yeer > 1")


def test_vectors_and_both_together(exported: Path, file: Path, tmp_path: Path) -> None:
    model = exported / "pretrained"
    build_index(str(model), file, tmp_path / "index")
    index = Index.load(tmp_path / "index")
    texts = [str(document["text"]) for document in DOCUMENTS]
    embedder = Embedder.load(model)
    cosines = (embedder.encode(texts) @ embedder.encode(["고래가 산다"]).T)[:, 0]
    hits = index.search("고래가 산다", 4, by="vector")
    assert [hit.id for hit in hits] == [DOCUMENTS[i]["id"] for i in np.argsort(-cosines)]
    np.testing.assert_allclose([hit.score for hit in hits], np.sort(cosines)[::-1], atol=1e-5)
    by_vector, by_terms = (
        [(h.id, h.score) for h in index.search("고래가 산다", 4, by=by)] for by in ("vector", "lexical")
    )
    for by, joined in (("hybrid", mix(by_terms, by_vector, 4)), ("rrf", fuse([by_vector, by_terms], 4))):
        assert [(h.id, h.score) for h in index.search("고래가 산다", 4, by=by)] == joined
    assert ids(index, "고래", by="vector", where="year < 2000") == ["d'e"]


def test_a_hit_says_why_it_was_found(lexical: Path) -> None:
    first, *_ = Index.load(lexical).search("바다의 물고기는 어디 있나?", 3)
    assert (first.id, first.reason.vector) == ("c", None)
    assert first.reason.lexical is not None and first.reason.lexical.rank == 1
    assert set(first.reason.terms) == {"바다", "물고기"}
    assert sum(first.reason.terms.values()) == pytest.approx(first.reason.lexical.score) == pytest.approx(first.score)
    assert list(first.reason.to_json()) == ["lexical", "vector", "terms"] and "why" not in first.to_json()


def test_fusion_is_the_sum_of_reciprocal_ranks() -> None:
    assert fuse([[("a", 9.0), ("b", 8.0)], [("b", 0.3), ("c", 0.2)]], 2) == [("b", 1 / 62 + 1 / 61), ("a", 1 / 61)]


def test_mixing_keeps_what_terms_are_sure_of() -> None:
    lexical, vector = [("a", 8.0), ("b", 2.0)], [("c", 0.9), ("b", 0.8), ("d", 0.6)]
    # a is not among the nearest: it has the cosine of the last of them; c and d have no term
    assert mix(lexical, vector, 3) == [("a", 0.5 + 0.3), ("b", 0.125 + 0.4), ("c", 0.45)]
    assert mix([], vector, 1) == [("c", 0.45)] and mix(lexical, [], 1) == [("a", 0.5)]


def test_documents_come_change_and_go(lexical: Path) -> None:
    ours, theirs = Index.load(lexical), Index.load(lexical)
    assert ids(theirs, "자전거") == []
    ours.add([{"id": "f", "text": "자전거를 타고 강변을 달린다", "year": 2020}])
    assert ids(ours, "자전거") == ids(theirs, "자전거") == ["f"]
    ours.update([{"id": "f", "text": "기차를 타고 달린다"}, {"id": "g", "text": "자전거 수리점"}])
    assert ids(theirs, "자전거") == ids(ours, "자전거") == ["g"] and ids(ours, "기차") == ["f"]
    assert theirs.delete(["g", "없다"]) == 1 and theirs.delete(where="year = 1929") == 1
    assert ids(ours, "자전거") == [] and len(ours) == len(theirs) == 4
    ours.tidy()
    assert ids(Index.load(lexical), "기차") == ["f"]
    assert delete_documents(lexical, ids=["f"]) == 1


def test_what_is_added_wrongly_changes_nothing(lexical: Path) -> None:
    index = Index.load(lexical)
    wrong: list[tuple[list[dict[str, object]], str]] = [
        ([{"id": "x", "text": "새 글"}, {"id": "a", "text": "또"}], "'a' is in the index already"),
        ([{"id": "x", "text": "새 글"}, {"id": "x", "text": "또"}], "the id 'x' stands in line 1 as well"),
        ([{"id": "x", "text": "  "}], "document 'x' has no text"),
        ([{"text": "이름이 없다"}], "id is missing"),
        ([{"id": "x", "text": "글", "author": "김"}], "'author' is not in the index"),
        ([{"id": "x", "text": "글", "year": "작년"}], "'year' is of the kind text: expected integer"),
        ([{"id": "x", "text": "글", "year": [1]}], "year is a list"),
    ]
    for documents, message in wrong:
        with pytest.raises(InputError, match=message):
            index.add(documents)
    assert len(index) == 4


def test_a_file_is_checked_before_anything_is_made(tmp_path: Path) -> None:
    twice = write(tmp_path / "twice.jsonl", [{"id": 1, "text": "가"}, {"id": "1", "text": "나"}])
    with pytest.raises(DataError, match=r"twice.jsonl:2: the id '1' stands in line 1"):
        build_index("lexical", twice, tmp_path / "index")
    kinds = write(
        tmp_path / "kinds.jsonl", [{"id": "1", "text": "가", "year": 1}, {"id": "2", "text": "나", "year": "2"}]
    )
    with pytest.raises(DataError, match=r"kinds.jsonl:2: year is '2'"):
        build_index("lexical", kinds, tmp_path / "index")
    with pytest.raises(InputError, match="no document"):
        build_index("lexical", write(tmp_path / "empty.jsonl", []), tmp_path / "index")
    assert not (tmp_path / "index").exists()


def test_queries_of_any_kind(lexical: Path) -> None:
    index = Index.load(lexical)
    for empty in ("", " \n"):
        with pytest.raises(OptionError, match="query is empty"):
            index.search(empty)
    assert ids(index, "고래는 바다에 산다. " * 10_000)[0] == "b"
    assert ids(index, "!!! ' \" \x00") == []
    with pytest.raises(OptionError, match="no vectors"):
        index.search("고래", by="vector")


def test_an_index_of_another_model_is_refused_by_name(file: Path, tmp_path: Path) -> None:
    for seed in (1, 2):
        options = Sent2VecOptions(width=8, epochs=2, pairs=10, seed=seed)
        train_sent2vec([str(d["text"]) for d in DOCUMENTS], tmp_path / f"v{seed}", options)
    build_index(str(tmp_path / "v1"), file, tmp_path / "index")
    assert len(Index.load(tmp_path / "index").search("고래", 4)) == 4
    with pytest.raises(CheckpointError, match=r"made with v1 \(sent2vec.*this is v2 \(sent2vec"):
        Index.load(tmp_path / "index", model=tmp_path / "v2")
    with pytest.raises(CheckpointError, match="this is terms only"):
        update_index("lexical", file, tmp_path / "index")
    (tmp_path / "v1").rename(tmp_path / "moved")
    with pytest.raises(CheckpointError, match="--model"):
        Index.load(tmp_path / "index")
    assert len(Index.load(tmp_path / "index", model=tmp_path / "moved")) == 4


def test_a_half_written_index(lexical: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="malmoi index"):
        Index.load(tmp_path / "nothing")
    (lexical / "documents.lance").rename(lexical / "gone")
    with pytest.raises(InputError, match=r"has no documents\.lance"):
        Index.load(lexical)
    (lexical / "manifest.json").unlink()
    with pytest.raises(InputError, match=r"has no manifest\.json"):
        Index.load(lexical)


WRITER = """
import sys
from malmoi.search.index import Index
index = Index.load(sys.argv[1])
for number in range(100_000):
    index.add([{"id": f"{number}-{part}", "text": f"글 {number} 번"} for part in range(3)])
    print(number, flush=True)
"""


def test_a_kill_in_the_middle_of_writing_loses_nothing_that_was_acknowledged(lexical: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(lexical)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    reader = Index.load(lexical)
    acknowledged = 0
    for line in process.stdout:
        acknowledged = int(line)
        # Searching goes on meanwhile.
        assert f"{acknowledged}-0" in ids(reader, f"글 {acknowledged} 번", top_k=3)
        if acknowledged >= 8:
            break
    time.sleep(0.03)
    os.kill(process.pid, signal.SIGKILL)
    acknowledged = max([acknowledged, *map(int, process.communicate()[0].split())])
    index = Index.load(lexical)
    n = len(index)
    assert (n - 4) % 3 == 0 and n >= 4 + 3 * (acknowledged + 1)
    index.add([{"id": "danach", "text": "그 뒤에 더한 글"}])
    assert len(Index.load(lexical)) == n + 1
