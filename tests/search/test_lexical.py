"""BM25: the formula term by term, whatever was added, joined and deleted in between."""

import math
import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.errors import OptionError
from malmoi.search.lexical import Bm25, best
from malmoi.search.options import Bm25Options

DOCUMENTS = [["책", "도서관", "책"], ["바다", "고래"], ["도서관", "바다", "배", "섬"], []]


def naive(documents: Sequence[Sequence[str]], query: Sequence[str], k1: float = 1.2, b: float = 0.75) -> list[float]:
    """The textbook, one document at a time."""
    mean = sum(map(len, documents)) / len(documents)
    scores = []
    for document in documents:
        counts, score = Counter(document), 0.0
        for term in set(query):
            n_with = sum(term in other for other in documents)
            weight = math.log(1 + (len(documents) - n_with + 0.5) / (n_with + 0.5))
            score += weight * counts[term] * (k1 + 1) / (counts[term] + k1 * (1 - b + b * len(document) / mean))
        scores.append(score)
    return scores


def test_scores_are_the_formula() -> None:
    index = Bm25()
    index.add(DOCUMENTS)
    for query in (["책"], ["도서관", "바다"], ["없다"], [], ["책", "책"]):
        np.testing.assert_allclose(index.scores(query), naive(DOCUMENTS, query), atol=1e-5)
    numbers, scores = index.search(["도서관"], 10)
    assert numbers.tolist() == [0, 2] and scores[0] > scores[1] > 0
    assert index.search(["도서관"], 10, allowed=np.array([False, True, True, True]))[0].tolist() == [2]
    assert index.search(["없다"], 10)[0].tolist() == []


def test_an_index_without_documents_finds_nothing() -> None:
    assert Bm25().search(["책"], 3)[0].tolist() == []


words = st.lists(st.sampled_from("가나다라마바사"), max_size=6)


@given(st.lists(st.lists(words, max_size=4), min_size=1, max_size=30), words, st.randoms())
def test_documents_come_and_go(groups: list[list[list[str]]], query: list[str], chance: random.Random) -> None:
    """Thirty groups are more than stay segments: they are joined on the way."""
    index, kept = Bm25(), []
    for group in groups:
        index.add(group)
        kept += group
        if kept and chance.random() < 0.3:
            number = chance.randrange(len(kept))
            index.delete([number])
            kept[number] = []  # a hole: the numbers of the others stay
    alive = [number for number in range(len(kept)) if index._alive[number]]
    assert len(index) == len(alive)
    scores = index.scores(query)
    if alive and any(kept[number] for number in alive):
        np.testing.assert_allclose(scores[alive], naive([kept[n] for n in alive], query), atol=1e-4)
    assert not scores[[number for number in range(len(kept)) if number not in alive]].any()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(0, 50))
def test_best_is_a_stable_sort(values: list[int], top_k: int) -> None:
    scores = np.array(values, np.float32)
    top_k = min(top_k, len(values))
    expected = sorted(range(len(values)), key=lambda number: (-values[number], number))[:top_k]
    assert best(scores, top_k)[0].tolist() == expected


def test_options_that_cannot_work() -> None:
    with pytest.raises(OptionError, match="b between 0 and 1"):
        Bm25Options(b=2)


@given(
    st.lists(st.lists(st.sampled_from("가나다라마"), max_size=8), min_size=1, max_size=40),
    st.lists(st.sampled_from("가나다라마바"), unique=True, max_size=4),
    st.data(),
)
def test_what_each_term_adds_is_the_score(documents: list[list[str]], query: list[str], data: st.DataObject) -> None:
    index = Bm25()
    for document in documents:  # a segment each, so that they are joined on the way
        index.add([document])
    gone = data.draw(st.lists(st.integers(0, len(documents) - 1), unique=True, max_size=3))
    index.delete(gone)
    numbers = [number for number in range(len(documents)) if number not in gone]
    weights = index.weights(query, numbers)
    assert weights.shape == (len(query), len(numbers))
    np.testing.assert_allclose(weights.sum(0), index.scores(query)[numbers], atol=1e-5)
