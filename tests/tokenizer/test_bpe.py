"""The textbook's example step by step, and equality with the naive algorithm on whatever words."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.tokenizer.bpe import Merge, PairMerger, join, symbols_of

EXAMPLE = "경찰청 철창살은 외철창살이고 검찰청 철창살은 쌍철창살이다"


@pytest.fixture
def merger() -> PairMerger:
    return PairMerger((symbols_of(word), count) for word, count in Counter(EXAMPLE.split()).items())


def test_worked_example_step_by_step(merger: PairMerger) -> None:
    assert [" ".join(word) for word in merger.words()] == [
        "경 ##찰 ##청",
        "철 ##창 ##살 ##은",
        "외 ##철 ##창 ##살 ##이 ##고",
        "검 ##찰 ##청",
        "쌍 ##철 ##창 ##살 ##이 ##다",
    ]
    twice = [("##찰", "##청"), ("철", "##창"), ("##살", "##은"), ("##철", "##창"), ("##살", "##이")]
    once = [("경", "##찰"), ("외", "##철"), ("##이", "##고"), ("검", "##찰"), ("쌍", "##철"), ("##이", "##다")]
    assert merger.pair_counts() == {("##창", "##살"): 4} | dict.fromkeys(twice, 2) | dict.fromkeys(once, 1)
    steps = merger.merges()

    assert next(steps) == Merge(1, ("##창", "##살"), 4, "##창살")
    assert [" ".join(word) for word in merger.words()] == [
        "경 ##찰 ##청",
        "철 ##창살 ##은",
        "외 ##철 ##창살 ##이 ##고",
        "검 ##찰 ##청",
        "쌍 ##철 ##창살 ##이 ##다",
    ]
    assert {pair: n for pair, n in merger.pair_counts().items() if n > 1} == {
        ("##찰", "##청"): 2,
        ("철", "##창살"): 2,
        ("##창살", "##은"): 2,
        ("##철", "##창살"): 2,
        ("##창살", "##이"): 2,
    }

    assert next(steps) == Merge(2, ("##찰", "##청"), 2, "##찰청")
    assert [" ".join(word) for word in merger.words()][::3] == ["경 ##찰청", "검 ##찰청"]
    assert {pair for pair, n in merger.pair_counts().items() if n > 1} == {
        ("철", "##창살"),
        ("##창살", "##은"),
        ("##철", "##창살"),
        ("##창살", "##이"),
    }

    assert next(steps) == Merge(3, ("철", "##창살"), 2, "철창살")
    assert [" ".join(word) for word in merger.words()] == [
        "경 ##찰청",
        "철창살 ##은",
        "외 ##철 ##창살 ##이 ##고",
        "검 ##찰청",
        "쌍 ##철 ##창살 ##이 ##다",
    ]
    expected = "경 ##찰청 철창살 ##은 외 ##철 ##창살 ##이 ##고 검 쌍 ##다"
    assert list(merger.standing()) == expected.split()
    assert merger.standing()["철창살"] == 2


def naive_merge(words: list[list[str]], left: str, right: str) -> list[list[str]]:
    merged = []
    for word in words:
        new: list[str] = []
        i = 0
        while i < len(word):
            if word[i : i + 2] == [left, right]:
                new.append(join(left, right))
                i += 2
            else:
                new.append(word[i])
                i += 1
        merged.append(new)
    return merged


def naive_counts(words: list[list[str]], counts: list[int]) -> Counter[tuple[str, str]]:
    """Counts of all pairs, in order of first appearance."""
    pairs: Counter[tuple[str, str]] = Counter()
    for word, count in zip(words, counts, strict=True):
        for pair in pairwise(word):
            pairs[pair] += count
    return pairs


# Few letters and many repeats: overlaps (aaa) and ties everywhere.
WORDS = st.dictionaries(st.text("abc가", min_size=1, max_size=9), st.integers(1, 3), max_size=9)


@given(WORDS, st.integers(1, 3))
def test_merges_are_those_of_the_naive_algorithm(words: dict[str, int], min_count: int) -> None:
    merger = PairMerger(((symbols_of(word), n) for word, n in words.items()), min_count=min_count)
    naive, counts = [symbols_of(word) for word in words], list(words.values())
    steps = merger.merges()
    for step in range(1, 1000):
        pairs = naive_counts(naive, counts)
        assert merger.pair_counts() == pairs
        best = max(pairs, key=pairs.__getitem__, default=None)  # the first of the most frequent
        if best is None or pairs[best] < min_count:
            assert next(steps, None) is None
            return
        naive = naive_merge(naive, *best)
        assert next(steps) == Merge(step, best, pairs[best], join(*best))
        assert merger.words() == naive
        standing: Counter[str] = Counter()
        for word, count in zip(naive, counts, strict=True):
            for piece in word:
                standing[piece] += count
        assert list(merger.standing().items()) == list(standing.items())
        long = {piece: n for piece, n in standing.items() if len(piece.removeprefix("##")) > 1}
        assert list(merger.merged_pieces().items()) == list(long.items())
        assert merger.n_merged_pieces == len(long)


def test_stopping_leaves_the_state_of_that_step(merger: PairMerger) -> None:
    for merge in merger.merges():
        if merge.step == 2:
            break
    assert merger.n_merged_pieces == 2
    assert next(merger.merges()).symbol == "철창살"  # and learning can go on


def test_no_words_no_merges() -> None:
    merger = PairMerger([])
    assert list(merger.merges()) == []
    assert merger.standing() == {}
