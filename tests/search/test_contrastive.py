"""Training vectors: the losses by hand, pairs that are learnt by heart, files of every kind."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from malmoi.errors import DataError, InputError, OptionError
from malmoi.search.contrastive import contrastive_loss, finetune_embedding, order_loss
from malmoi.search.embedder import Embedder
from malmoi.search.options import EmbeddingOptions
from malmoi.search.pairs import TextPair, read_pairs
from malmoi.training.options import FinetuneOptions

PAIRS = [
    ("배송은 언제 오나요", "택배가 도착하는 날을 알고 싶어요"),
    ("환불하고 싶어요", "돈을 돌려받는 방법"),
    ("비밀번호를 잊었어요", "암호를 다시 정하는 법"),
    ("회원 탈퇴는 어디서 하나요", "계정을 지우려면"),
    ("포인트는 언제까지 쓰나요", "적립금의 기한"),
    ("영업 시간이 궁금해요", "가게는 몇 시에 여나요"),
]
OPTIONS = FinetuneOptions(epochs=30, batch_size=6, lr=2e-3, dropout=0.0, device="cpu")


def write(path: Path, records: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
    return path


def test_the_contrastive_loss_by_hand() -> None:
    first, second = torch.eye(3)[:2], torch.tensor([[0.8, 0.6, 0.0], [0.0, 1.0, 0.0]])
    hard = torch.tensor([[0.6, 0.0, 0.8]])

    def entropy(right: float, *wrong: float) -> float:
        return -math.log(math.exp(right / 0.5) / sum(math.exp(x / 0.5) for x in (right, *wrong)))

    forth = (entropy(0.8, 0.0, 0.6) + entropy(1.0, 0.6, 0.0)) / 2
    back = (entropy(0.8, 0.6) + entropy(1.0, 0.0)) / 2
    loss = contrastive_loss(first, second, hard, torch.arange(5), 0.5)
    assert float(loss) == pytest.approx((forth + back) / 2, abs=1e-6)
    # The second text of the second pair is the first one's as well: it is no wrong answer there.
    equal = contrastive_loss(first, second, hard, torch.tensor([0, 1, 2, 2, 4]), 0.5)
    assert float(equal) == pytest.approx(((entropy(0.8, 0.6) + entropy(1.0, 0.0)) / 2 + back) / 2, abs=1e-6)


def test_the_order_loss_counts_pairs_in_the_wrong_order() -> None:
    scores = torch.tensor([0.0, 5.0, 5.0])
    loss = order_loss(torch.tensor([0.5, 0.1, 0.9]), scores, 1.0)
    assert float(loss) == pytest.approx(math.log(1 + math.exp(0.4) + math.exp(-0.4)), abs=1e-6)
    assert float(order_loss(torch.tensor([0.5]), torch.tensor([1.0]), 1.0)) == 0


def test_pairs_are_learnt(quick_run: Path, tmp_path: Path) -> None:
    negatives = ["환불한 상품", "비밀번호가 있는 문"]
    train = write(tmp_path / "t.jsonl", [{"first": a, "second": b, "negatives": negatives} for a, b in PAIRS])
    report = finetune_embedding(quick_run / "pretrained", train, tmp_path / "e", OPTIONS, dev=train)
    assert report.dev["top_1"] == 100 and report.kind == "pairs"
    embedder = Embedder.load(tmp_path / "e", device="cpu", precision="fp32")
    alike = embedder.encode([a for a, _ in PAIRS]) @ embedder.encode([b for _, b in PAIRS]).T
    assert (alike.argmax(1) == np.arange(len(PAIRS))).all()
    assert embedder.settings.normalize and embedder.max_tokens == 128


def test_scores_are_learnt(quick_run: Path, tmp_path: Path) -> None:
    sides = [(a, b, 5.0) for a, b in PAIRS] + [(PAIRS[i][0], PAIRS[i - 1][1], 0.0) for i in range(len(PAIRS))]
    train = write(tmp_path / "t.jsonl", [{"first": a, "second": b, "score": s} for a, b, s in sides])
    report = finetune_embedding(quick_run / "pretrained", train, tmp_path / "e", OPTIONS, dev=train)
    assert report.kind == "scores" and report.dev["spearman"] > max(80, report.before["spearman"])


def test_what_cannot_be_learnt_from(quick_run: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="seeds is 3"):
        finetune_embedding(quick_run / "pretrained", tmp_path, tmp_path / "e", FinetuneOptions(seeds=3))
    mixed = write(tmp_path / "m.jsonl", [{"first": "가", "second": "나"}, {"first": "가", "second": "나", "score": 1}])
    with pytest.raises(InputError, match="with and without a score"):
        read_pairs(mixed)
    with pytest.raises(DataError, match=r"n\.jsonl:1: negatives"):
        read_pairs(write(tmp_path / "n.jsonl", [{"first": "가", "second": "나", "negatives": "다"}]))
    with pytest.raises(OptionError, match="temperature"):
        EmbeddingOptions(temperature=0)


def test_files_of_the_tasks_are_read(tmp_path: Path) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text("question1\tquestion2\tis_duplicate\n가\t나\t0\n가\t다\t1\n라\t라\t0\n", encoding="utf-8")
    assert read_pairs(file) == [TextPair("가", "나")]
    assert read_pairs(file, positive="1") == [TextPair("가", "다")]
    with pytest.raises(OptionError, match="expected one of 0, 1"):
        read_pairs(file, positive="same")
    file.write_text("sentence1\tsentence2\tscore\n가\t나\t4.5\n", encoding="utf-8")
    assert read_pairs(file) == [TextPair("가", "나", (), 4.5)]
    file.write_text("first\tsecond\tlabel\n가\t나\tsame\n가\t다\tno\n", encoding="utf-8")
    assert read_pairs(file, positive="same") == [TextPair("가", "나")]
