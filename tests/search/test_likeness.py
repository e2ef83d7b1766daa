"""Judging vectors on pairs, in Python and by `malmoi evaluate`."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from test_cli import malmoi, write

from malmoi.search.embedder import Embedder
from malmoi.search.likeness import pair_metrics
from malmoi.search.options import Sent2VecOptions
from malmoi.search.pairs import TextPair
from malmoi.search.sent2vec import train_sent2vec

pytestmark = pytest.mark.filterwarnings("ignore::malmoi.search.embedder.RawVectorsWarning")
TEXTS = [
    "고래는 바다에 산다",
    "고래가 바다에서 헤엄친다",
    "말모이는 사전이다",
    "우리말 사전을 모은다",
    "봄에 꽃이 핀다",
]


def test_scores_are_ranked_as_scipy_ranks_them(exported: Path) -> None:
    embedder = Embedder.load(exported / "pretrained")
    pairs = [TextPair(TEXTS[0], text, (), float(score)) for score, text in enumerate(TEXTS[1:])]
    cosines = embedder.encode([TEXTS[0]]) @ embedder.encode(TEXTS[1:]).T
    expected = 100 * spearmanr(cosines[0], range(4)).statistic
    assert pair_metrics(embedder, pairs) == {"spearman": pytest.approx(expected)}


def test_partners_are_found_among_all_second_texts(exported: Path) -> None:
    embedder = Embedder.load(exported / "pretrained")
    assert pair_metrics(embedder, [TextPair(text, text) for text in TEXTS]) == {"top_1": 100.0, "mrr": 100.0}
    vectors = embedder.encode(TEXTS)
    pairs = list(pairwise(TEXTS))
    ranks = [1 + int((vectors[1:] @ vectors[i] > vectors[i + 1] @ vectors[i] + 1e-6).sum()) for i in range(4)]
    found = pair_metrics(embedder, [TextPair(*pair) for pair in pairs])
    assert found == {"top_1": 25.0 * ranks.count(1), "mrr": pytest.approx(100 * float(np.mean(1 / np.array(ranks))))}
    assert pair_metrics(embedder, []) == {}


def test_the_command_judges_what_compares_texts(exported: Path, tmp_path: Path) -> None:
    pairs = write(tmp_path / "pairs.jsonl", "".join(json.dumps({"first": t, "second": t}) + "\n" for t in TEXTS))
    train_sent2vec(TEXTS, tmp_path / "vectors", Sent2VecOptions(width=8, epochs=1))
    for model, task in ((tmp_path / "vectors", ()), (exported / "pretrained", ("--task", "embedding"))):
        ran = malmoi("evaluate", model, pairs, *task)
        assert json.loads(ran.stdout) == {
            "task": "embedding",
            "n_examples": 5,
            "metrics": {"top_1": 100.0, "mrr": 100.0},
        }
