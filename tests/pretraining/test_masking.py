"""Masking: the paper's shares, an exact rate, whole words whole, and never a special token."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.pretraining.masking import Masked, MaskingVocabulary, mask_tokens

N_SPECIAL, N_TOKENS, MASK_ID = 5, 1000, 4
# From 600 on, pieces continue a word.
CONTINUATION = np.arange(N_TOKENS) >= 600
VOCABULARY = MaskingVocabulary(MASK_ID, np.arange(N_SPECIAL, N_TOKENS), CONTINUATION)


def mask(ids: np.ndarray, candidates: np.ndarray, *, rate: float, whole_words: bool = False, seed: int = 0) -> Masked:
    generator = np.random.default_rng(seed)
    return mask_tokens(ids, candidates, rate=rate, whole_words=whole_words, vocabulary=VOCABULARY, generator=generator)


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
    whole_words=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_only_candidates_change_and_targets_restore_the_text(
    ids: list[int], data: st.DataObject, rate: float, whole_words: bool, seed: int
) -> None:
    candidates = data.draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids)))
    before = np.array([i if c else 2 for i, c in zip(ids, candidates, strict=True)])
    masked = mask(before, np.array(candidates), rate=rate, whole_words=whole_words, seed=seed)
    assert np.all(np.diff(masked.positions) > 0)
    assert np.array(candidates)[masked.positions].all()
    assert (len(masked.positions) > 0) == any(candidates)
    assert not np.isin(masked.ids[masked.positions], [0, 1, 2, 3]).any()
    restored = masked.ids.copy()
    restored[masked.positions] = masked.targets
    assert np.array_equal(restored, before)
    if not whole_words:
        assert len(masked.positions) == (max(1, round(rate * sum(candidates))) if any(candidates) else 0)


@given(
    ids=st.lists(st.sampled_from([10, 11, 12, 700, 701, 702]), min_size=1, max_size=60),
    data=st.data(),
    rate=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32),
)
def test_whole_words_stay_whole(ids: list[int], data: st.DataObject, rate: float, seed: int) -> None:
    candidates = data.draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids)))
    masked = mask(np.array(ids), np.array(candidates), rate=rate, whole_words=True, seed=seed)
    chosen = set(masked.positions.tolist())
    words = words_of(ids, candidates)
    assert all(word <= chosen or not word & chosen for word in words)
    n_chosen_words = sum(word <= chosen for word in words)
    n_wanted = max(1, round(rate * sum(candidates)))
    assert len(chosen) <= n_wanted or n_chosen_words == 1


def test_whole_words_come_near_the_rate() -> None:
    generator = np.random.default_rng(3)
    ids = generator.integers(N_SPECIAL, N_TOKENS, (64, 128))
    masked = mask(ids, np.ones_like(ids, bool), rate=0.2, whole_words=True)
    assert 0.195 * ids.size <= len(masked.positions) <= round(0.2 * ids.size)


def test_a_word_ends_where_its_sequence_ends() -> None:
    # Two packed sequences: [CLS] 10 ##700 [SEP] [CLS] ##701 11 [SEP]; the second begins inside a word.
    ids = np.array([2, 10, 700, 3, 2, 701, 11, 3])
    candidates = np.array([False, True, True, False, False, True, True, False])
    seen = set()
    for seed in range(200):
        masked = mask(ids, candidates, rate=0.5, whole_words=True, seed=seed)
        seen.add(tuple(masked.positions.tolist()))
    assert seen == {(1, 2), (5, 6), (5,), (6,)}


def test_draws_come_from_the_generator_alone() -> None:
    ids = np.random.default_rng(1).integers(N_SPECIAL, N_TOKENS, (8, 64))
    candidates = np.ones_like(ids, bool)
    for whole_words in (False, True):
        first, again, other = (
            mask(ids, candidates, rate=0.15, whole_words=whole_words, seed=seed) for seed in (1, 1, 2)
        )
        assert np.array_equal(first.ids, again.ids) and np.array_equal(first.positions, again.positions)
        assert not np.array_equal(first.positions, other.positions)


def test_nothing_to_hide() -> None:
    ids = np.zeros((2, 4), np.int64)
    for whole_words in (False, True):
        masked = mask(ids, np.zeros_like(ids, bool), rate=0.15, whole_words=whole_words)
        assert len(masked.positions) == len(masked.targets) == 0
        assert np.array_equal(masked.ids, ids)
