"""Masking: the paper's shares, an exact rate, whole words whole, and never a special token."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.pretraining.masking import Masked, Masking, MaskingVocabulary, mask_tokens

N_SPECIAL, N_TOKENS, MASK_ID = 5, 1000, 4
# From 600 on, pieces continue a word.
CONTINUATION = np.arange(N_TOKENS) >= 600
VOCABULARY = MaskingVocabulary(MASK_ID, np.arange(N_SPECIAL, N_TOKENS), CONTINUATION)


WAYS: tuple[Masking, ...] = ("token", "word", "span")


def mask(ids: np.ndarray, candidates: np.ndarray, *, rate: float, masking: Masking = "token", seed: int = 0) -> Masked:
    generator = np.random.default_rng(seed)
    return mask_tokens(ids, candidates, rate=rate, masking=masking, vocabulary=VOCABULARY, generator=generator)


def words_of(ids: list[int], candidates: list[bool]) -> list[set[int]]:
    """The words of a flat sequence, by the rule as it is written: a continuation belongs to the piece before it."""
    words: list[set[int]] = []
    for place, (piece, candidate) in enumerate(zip(ids, candidates, strict=True)):
        if not candidate:
            continue
        if CONTINUATION[piece] and place and candidates[place - 1]:
            words[-1].add(place)
        else:
            words.append({place})
    return words


def test_eighty_ten_ten() -> None:
    n = 200_000
    ids = np.random.default_rng(7).integers(N_SPECIAL, N_TOKENS, (400, n // 400))
    masked = mask(ids, np.ones_like(ids, bool), rate=0.15)
    assert len(masked.positions) == round(0.15 * n)  # exact, not about
    now, before = masked.ids.reshape(-1)[masked.positions], masked.targets
    is_mask, is_same = now == MASK_ID, now == before
    shares = {"mask": is_mask.mean(), "same": is_same.mean(), "random": (~is_mask & ~is_same).mean()}
    # 30,000 draws: a standard deviation is at most 0.0024, and one replacement in 995 meets its own id.
    assert shares["mask"] == pytest.approx(0.8, abs=0.01)
    assert shares["same"] == pytest.approx(0.1, abs=0.01)
    assert shares["random"] == pytest.approx(0.1, abs=0.01)


def test_replacements_come_from_the_whole_ordinary_vocabulary() -> None:
    ids = np.full((100, 1000), 77)
    masked = mask(ids, np.ones_like(ids, bool), rate=0.5)
    replaced = masked.ids[(masked.ids != 77) & (masked.ids != MASK_ID)]
    assert replaced.min() >= N_SPECIAL
    # 5,000 draws from 994 others leave each out with a chance of e^-5.
    assert len(np.unique(replaced)) > 950


@given(
    ids=st.lists(st.integers(N_SPECIAL, N_TOKENS - 1), min_size=1, max_size=60),
    data=st.data(),
    rate=st.floats(0.01, 0.99),
    masking=st.sampled_from(WAYS),
    seed=st.integers(0, 2**32),
)
def test_only_candidates_change_and_targets_restore_the_text(
    ids: list[int], data: st.DataObject, rate: float, masking: Masking, seed: int
) -> None:
    candidates = data.draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids)))
    before = np.array([i if c else 2 for i, c in zip(ids, candidates, strict=True)])
    masked = mask(before, np.array(candidates), rate=rate, masking=masking, seed=seed)
    assert np.all(np.diff(masked.positions) > 0)
    assert np.array(candidates)[masked.positions].all()
    assert (len(masked.positions) > 0) == any(candidates)
    assert not np.isin(masked.ids[masked.positions], [0, 1, 2, 3]).any()
    restored = masked.ids.copy()
    restored[masked.positions] = masked.targets
    assert np.array_equal(restored, before)
    if masking == "token":
        assert len(masked.positions) == (max(1, round(rate * sum(candidates))) if any(candidates) else 0)


@pytest.mark.parametrize("masking", ["word", "span"])
@given(
    ids=st.lists(st.sampled_from([10, 11, 12, 700, 701, 702]), min_size=1, max_size=60),
    data=st.data(),
    rate=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32),
)
def test_whole_words_stay_whole(masking: Masking, ids: list[int], data: st.DataObject, rate: float, seed: int) -> None:
    candidates = data.draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids)))
    masked = mask(np.array(ids), np.array(candidates), rate=rate, masking=masking, seed=seed)
    chosen = set(masked.positions.tolist())
    words = words_of(ids, candidates)
    assert all(word <= chosen or not word & chosen for word in words)
    n_chosen_words = sum(word <= chosen for word in words)
    n_wanted = max(1, round(rate * sum(candidates)))
    assert len(chosen) <= n_wanted or n_chosen_words == 1


def test_whole_words_and_spans_come_near_the_rate() -> None:
    generator = np.random.default_rng(3)
    ids = generator.integers(N_SPECIAL, N_TOKENS, (64, 128))
    for masking in ("word", "span"):
        masked = mask(ids, np.ones_like(ids, bool), rate=0.2, masking=masking)
        assert 0.195 * ids.size <= len(masked.positions) <= round(0.2 * ids.size)


def test_a_word_ends_where_its_sequence_ends() -> None:
    # Two packed sequences: [CLS] 10 ##700 [SEP] [CLS] ##701 11 [SEP]; the second begins inside a word.
    ids = np.array([2, 10, 700, 3, 2, 701, 11, 3])
    candidates = np.array([False, True, True, False, False, True, True, False])
    seen = set()
    for seed in range(200):
        masked = mask(ids, candidates, rate=0.5, masking="word", seed=seed)
        seen.add(tuple(masked.positions.tolist()))
    assert seen == {(1, 2), (5, 6), (5,), (6,)}


def test_draws_come_from_the_generator_alone() -> None:
    ids = np.random.default_rng(1).integers(N_SPECIAL, N_TOKENS, (8, 64))
    candidates = np.ones_like(ids, bool)
    for masking in WAYS:
        first, again, other = (mask(ids, candidates, rate=0.15, masking=masking, seed=seed) for seed in (1, 1, 2))
        assert np.array_equal(first.ids, again.ids) and np.array_equal(first.positions, again.positions)
        assert not np.array_equal(first.positions, other.positions)


def test_nothing_to_hide() -> None:
    ids = np.zeros((2, 4), np.int64)
    for masking in WAYS:
        masked = mask(ids, np.zeros_like(ids, bool), rate=0.15, masking=masking)
        assert len(masked.positions) == len(masked.targets) == 0
        assert np.array_equal(masked.ids, ids)


def _runs(masked: Masked) -> list[list[int]]:
    """Neighbouring chosen places."""
    return [part.tolist() for part in np.split(masked.positions, np.flatnonzero(np.diff(masked.positions) > 1) + 1)]


def test_spans_are_geometric_and_fare_alike() -> None:
    """SpanBERT, §3.1: words by Geo(0.2) of at most ten, 3.8 on average; all of a span masked, replaced or kept."""
    lengths, fates, n_alike = [], {"mask": 0, "same": 0, "random": 0}, 0
    for seed in range(120):
        ids = np.random.default_rng(seed).integers(N_SPECIAL, 600, (1, 4000))  # words of one piece
        masked = mask(ids, np.ones_like(ids, bool), rate=0.02, masking="span", seed=seed)
        for run in _runs(masked):
            lengths.append(len(run))
            now, before = masked.ids[0, run], ids[0, run]
            is_mask, is_same = now == MASK_ID, now == before
            fates["mask" if is_mask.any() else "random" if not is_same.all() else "same"] += 1
            n_alike += is_mask.all() or not is_mask.any()
    assert n_alike > 0.97 * len(lengths)  # seldom two neighbours meet
    assert np.mean(lengths) == pytest.approx(3.8, abs=0.25)
    assert np.mean(np.array(lengths) == 1) == pytest.approx(0.2, abs=0.05)
    n = sum(fates.values())
    assert fates["mask"] / n == pytest.approx(0.8, abs=0.05)
    assert fates["same"] / n == pytest.approx(0.1, abs=0.04)


def test_a_span_ends_where_its_sequence_ends() -> None:
    # [CLS] ten words [SEP] [CLS] ten words [SEP]: five of twenty places, so that a span could reach over.
    ids = np.array([2, *range(10, 20), 3, 2, *range(20, 30), 3])
    candidates = ids >= N_SPECIAL
    for seed in range(300):
        masked = mask(ids, candidates, rate=0.25, masking="span", seed=seed)
        assert len(masked.positions) == 5 and candidates[masked.positions].all()
