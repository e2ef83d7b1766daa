"""Answers: what a pair model thinks best comes first, a threshold says no, a reading model finds the span."""

import json
from pathlib import Path

import pytest

from malmoi.errors import CheckpointError, OptionError
from malmoi.finetune import finetune
from malmoi.predictor import Predictor
from malmoi.search.answer import Answerer, Reranker, load_reranker
from malmoi.search.build import build_index
from malmoi.search.index import Index
from malmoi.search.mine import mine
from malmoi.search.options import AnswerOptions, MineOptions, Sent2VecOptions
from malmoi.search.pairs import TextPair
from malmoi.search.sent2vec import Sent2Vec, train_sent2vec
from malmoi.training.options import FinetuneOptions

pytest.importorskip("lancedb")
DOCUMENTS = [
    "비밀번호를 잊었을 때 찾는 법",
    "비밀번호를 바꾸는 법",
    "비밀번호의 길이",
    "배송이 늦을 때",
    "배송을 취소하는 법",
]
OPTIONS = FinetuneOptions(epochs=40, lr=1e-3, dropout=0.0, device="cpu")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("index")
    lines = [json.dumps({"id": str(n), "text": text}, ensure_ascii=False) for n, text in enumerate(DOCUMENTS)]
    (folder / "d.jsonl").write_text("\n".join(lines), encoding="utf-8")
    build_index("lexical", folder / "d.jsonl", folder / "index")
    return Index.load(folder / "index")


@pytest.fixture(scope="module")
def pair_model(quick_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that has learnt by heart which of the documents answers."""
    folder = tmp_path_factory.mktemp("pair")
    lines = ["first\tsecond\tlabel"] + [
        f"비밀번호\t{text}\t{'yes' if number == 2 else 'no'}"
        for number, text in enumerate(DOCUMENTS[:3])
        for _ in range(4)
    ]
    (folder / "train.tsv").write_text("\n".join(lines), encoding="utf-8")
    finetune("pair", quick_run / "pretrained", folder / "train.tsv", folder / "model", OPTIONS)
    return folder / "model"


def test_the_pair_model_orders_candidates_and_the_threshold_says_no(index: Index, pair_model: Path) -> None:
    reranker = Reranker.load(pair_model, device="cpu")
    assert reranker.positive == "yes"
    found = [hit.id for hit in index.search("비밀번호", 3)]
    answer = Answerer(index, reranker).answer("비밀번호")
    assert (answer.text, answer.candidates[0].id) == ("비밀번호의 길이", "2")
    assert sorted(hit.id for hit in answer.candidates) == sorted(found) == ["0", "1", "2"]
    scores = reranker.scores("비밀번호", [hit.text for hit in answer.candidates])
    assert [hit.score for hit in answer.candidates] == pytest.approx(sorted(scores, reverse=True), abs=1e-5)
    assert answer.score is not None and answer.score > 0.5
    refused = Answerer(index, reranker, options=AnswerOptions(threshold=1.01)).answer("비밀번호").to_json()
    assert refused["answer"] is refused["document"] is None and len(refused["candidates"]) == 3
    assert Answerer(index).answer("자동차").to_json()["answer"] is None
    other = Reranker.load(pair_model, "no", device="cpu")
    assert Answerer(index, other).answer("비밀번호").candidates[0].id != "2"
    with pytest.raises(OptionError, match="one of no, yes"):
        Reranker.load(pair_model, "maybe", device="cpu")


def test_vectors_order_candidates_by_their_cosines(index: Index, pair_model: Path, tmp_path: Path) -> None:
    train_sent2vec(DOCUMENTS, tmp_path / "vectors", Sent2VecOptions(width=8, epochs=20))
    reranker = load_reranker(tmp_path / "vectors")
    texts = [hit.text for hit in index.search("비밀번호", 3)]
    query, *vectors = Sent2Vec.load(tmp_path / "vectors").encode(["비밀번호", *texts], normalize=True)
    assert reranker.scores("비밀번호", texts) == pytest.approx([float(vector @ query) for vector in vectors], abs=1e-6)
    scores = [hit.score for hit in Answerer(index, reranker).retrieve("비밀번호")]
    assert scores == sorted(scores, reverse=True) and len(scores) == 3
    assert isinstance(load_reranker(pair_model, "yes", device="cpu"), Reranker)
    with pytest.raises(OptionError, match="has no labels"):
        load_reranker(tmp_path / "vectors", "yes")


def test_a_reading_model_finds_the_span(index: Index, quick_run: Path, tmp_path: Path) -> None:
    train = [
        {"question": "배송이 언제", "context": text, "answers": [{"text": text[:3], "start": 0}]}
        for text in DOCUMENTS[3:]
    ]
    (tmp_path / "qa.jsonl").write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in train), encoding="utf-8")
    finetune("qa", quick_run / "pretrained", tmp_path / "qa.jsonl", tmp_path / "qa", OPTIONS)
    reader = Predictor.load(tmp_path / "qa", device="cpu")
    record = Answerer(index, reader=reader).answer("배송이 언제").to_json()
    text = record["document"]["text"]
    assert record["answer"] == text[record["start"] : record["end"]] == text[:3]
    with pytest.raises(CheckpointError, match="classification: expected pair or regression"):
        Reranker.load(quick_run / "model", device="cpu")
    with pytest.raises(CheckpointError, match="classification: expected qa"):
        Answerer(index, reader=Predictor.load(quick_run / "model", device="cpu"))


def test_near_misses_are_what_is_found_and_not_right(index: Index) -> None:
    pairs = [TextPair("비밀번호 찾기", DOCUMENTS[0]), TextPair("비밀번호 찾기", DOCUMENTS[1]), TextPair("자동차", "차")]
    [first, second, third] = mine(index, pairs)
    assert first == {"first": "비밀번호 찾기", "second": DOCUMENTS[0], "negatives": [DOCUMENTS[2]]}
    assert second["second"] == DOCUMENTS[1] and second["negatives"] == [DOCUMENTS[2]]
    assert third["negatives"] == []
    labelled = list(mine(index, pairs[:2], MineOptions(target="pair")))
    assert [(record["second"], record["label"]) for record in labelled] == [
        (DOCUMENTS[0], "1"),
        (DOCUMENTS[1], "1"),
        (DOCUMENTS[2], "0"),
    ]
    assert next(mine(index, pairs[:1], MineOptions(skip=1, negatives=1)))["negatives"] == [DOCUMENTS[1]]
