"""Judging retrievers: the metrics by hand, rows for every combination, queries that fit no document."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from malmoi.errors import DataError
from malmoi.search.evaluate import evaluate_search, score_ranking
from malmoi.search.options import Sent2VecOptions
from malmoi.search.sent2vec import train_sent2vec

TEXTS = ["고래가 바다에서 헤엄친다", "도서관에서 책을 빌렸다", "기차를 타고 여행을 떠났다", "산에 올라 해를 보았다"]


def write(path: Path, records: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
    return path


def test_metrics_by_hand() -> None:
    is_right = np.array([False, True, False, True] + [False] * 20)
    gained = 1 / math.log2(3) + 1 / math.log2(5)
    expected = (0, 1, 0.5, gained / (1 + 1 / math.log2(3) + 1 / math.log2(4)))
    assert score_ranking(is_right, 3) == pytest.approx(expected)
    assert score_ranking(np.roll(is_right, 10), 1) == pytest.approx((0, 0, 1 / 12, 0))
    assert score_ranking(np.zeros(5, bool), 1) == (0, 0, 0, 0)
    assert score_ranking(np.ones(20, bool), 20) == pytest.approx((1, 1, 1, 1))


def test_every_retriever_has_a_row(tmp_path: Path) -> None:
    documents = write(tmp_path / "d.jsonl", [{"id": str(n), "text": text} for n, text in enumerate(TEXTS)])
    queries = write(
        tmp_path / "q.jsonl",
        [{"query": "바다의 고래", "relevant": ["0"]}, {"query": "도서관 책", "relevant": ["1"]}],
    )
    train_sent2vec(TEXTS, tmp_path / "v", Sent2VecOptions(width=8, epochs=3, pairs=10))
    rows = list(evaluate_search(documents, queries, [tmp_path / "v"]))
    names = ["BM25, white space", "BM25, morphemes", str(tmp_path / "v"), f"{tmp_path / 'v'} + morphemes"]
    assert [row.retriever for row in rows] == names
    spaces, morphemes = rows[:2]
    assert morphemes.metrics == {"top_1": 100, "top_10": 100, "mrr": 100, "ndcg_10": 100}
    assert spaces.metrics["top_1"] == 0 and morphemes.intervals["mrr"] == (100, 100)
    assert all(row.n_queries == 2 and row.ms_per_query > 0 for row in rows)
    assert str(morphemes).startswith("BM25, morphemes ")
    again = list(evaluate_search(documents, queries, [tmp_path / "v"], rerank=[tmp_path / "v"], candidates=4))
    assert [(row.retriever, row.reranker) for row in again] == [
        pair for name in names for pair in ((name, None), (name, str(tmp_path / "v"))) if pair != (names[2],) * 2
    ]
    assert again[-1].metrics == again[4].metrics  # four candidates are all there are: the re-ranker's own order


def test_a_query_whose_document_is_not_there(tmp_path: Path) -> None:
    documents = write(tmp_path / "d.jsonl", [{"id": "0", "text": TEXTS[0]}])
    queries = write(tmp_path / "q.jsonl", [{"query": "고래", "relevant": ["0"]}, {"query": "책", "relevant": ["1"]}])
    with pytest.raises(DataError, match=r"q\.jsonl:2: no document has the id '1'"):
        list(evaluate_search(documents, queries))
    with pytest.raises(DataError, match=r"q\.jsonl:1: expected"):
        list(evaluate_search(documents, write(queries, [{"query": "고래", "relevant": []}])))
