"""Rows into batches: nothing lost, an example's rows together, little padding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.tasks.task import Row
from malmoi.training.batch import collate, shuffled_batches, sorted_batches


def row(n_tokens: int, target: int | float | np.ndarray | None = None, first_id: int = 10) -> Row:
    ids = np.arange(first_id, first_id + n_tokens, dtype=np.int32)
    return Row(ids, (np.arange(n_tokens) >= n_tokens // 2).astype(np.uint8), target)


examples_strategy = st.lists(st.lists(st.integers(1, 40).map(row), min_size=1, max_size=4), max_size=40)


def test_training_batches_have_few_lengths() -> None:
    lengths = [collate([row(n)], 0, max_tokens=500).ids.shape[1] for n in range(1, 501)]
    assert all(n <= padded <= min(n + n // 8, 500) for n, padded in enumerate(lengths, start=1))
    assert len(set(lengths)) <= 7 + 8 * 6 + 1
    padded = collate([row(21, 1), row(17, 0)], 7, max_tokens=64)
    assert padded.ids.shape == (2, 22) and padded.mask is not None and padded.mask.sum(1).tolist() == [21, 17]
    assert padded.ids[0, 21:].tolist() == [7]
    assert collate([row(30)], 0, max_tokens=30).mask is None


def test_a_batch_by_hand() -> None:
    batch = collate([row(3, 1), row(1, 0, first_id=5)], pad_id=7)
    assert batch.ids.tolist() == [[10, 11, 12], [5, 7, 7]]
    assert batch.segments.tolist() == [[0, 1, 1], [1, 0, 0]]
    assert batch.mask is not None and batch.mask.tolist() == [[True, True, True], [True, False, False]]
    assert batch.targets is not None and batch.targets.tolist() == [1, 0] and batch.targets.dtype == np.int64
    assert batch.row_lengths.tolist() == [3, 1]


def test_no_mask_without_padding() -> None:
    assert collate([row(3), row(3)], pad_id=0).mask is None


def test_targets_by_kind() -> None:
    scores = collate([row(2, 0.5), row(2, 2.0)], 0).targets
    assert scores is not None and scores.dtype == np.float32 and scores.tolist() == [0.5, 2.0]
    tags = collate([row(3, np.array([1, 2, -100])), row(1, np.array([4]))], 0).targets
    assert tags is not None and tags.tolist() == [[1, 2, -100], [4, -100, -100]]
    assert collate([row(2, 1), row(2)], 0).targets is None


@given(examples=examples_strategy, batch_size=st.integers(1, 9), seed=st.integers(0, 99))
def test_an_epoch_has_every_example_once(examples: list[list[Row]], batch_size: int, seed: int) -> None:
    batches = shuffled_batches(examples, batch_size, np.random.default_rng(seed))
    assert sorted(number for batch in batches for number in batch) == list(range(len(examples)))
    assert all(1 <= len(batch) <= batch_size for batch in batches)
    assert batches == shuffled_batches(examples, batch_size, np.random.default_rng(seed))


@given(examples=examples_strategy, max_tokens=st.integers(1, 300), max_padding=st.integers(0, 100))
def test_prediction_sees_every_example_once_within_its_budget(
    examples: list[list[Row]], max_tokens: int, max_padding: int
) -> None:
    batches = list(sorted_batches(examples, max_tokens, max_padding))
    assert sorted(number for batch in batches for number in batch) == list(range(len(examples)))
    for batch in batches:
        rows = [row for number in batch for row in examples[number]]
        assert len(batch) == 1 or len(rows) * max(len(row.ids) for row in rows) <= max_tokens
        longest = [(len(examples[number]), max(len(row.ids) for row in examples[number])) for number in batch]
        assert sum(n * (longest[-1][1] - length) for n, length in longest) <= max_padding


@pytest.mark.parametrize(("start_tokens", "at_most"), [(0, 1.0), (8, 1.15), (64, 1.5)])
def test_batches_of_mixed_lengths_cost_little_more_than_their_tokens(start_tokens: int, at_most: float) -> None:
    lengths = np.clip(np.random.default_rng(0).lognormal(2.8, 0.6, 64), 3, 90).astype(int)
    batches = list(sorted_batches([[row(int(length))] for length in lengths], 2048, start_tokens))
    cost = sum(start_tokens + len(batch) * lengths[batch].max() for batch in batches)
    assert cost <= at_most * lengths.sum()


def test_even_lengths_and_random_order() -> None:
    lengths = np.random.default_rng(0).integers(5, 120, 2000)
    examples = [[row(int(length))] for length in lengths]
    batches = shuffled_batches(examples, 32, np.random.default_rng(1))
    n_padded = sum(len(batch) * lengths[batch].max() for batch in batches)
    assert lengths.sum() / n_padded > 0.93
    means = np.array([lengths[batch].mean() for batch in batches])
    assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.4  # not from short to long
    assert batches != shuffled_batches(examples, 32, np.random.default_rng(2))


def test_no_examples() -> None:
    assert shuffled_batches([], 4, np.random.default_rng(0)) == []
    assert list(sorted_batches([], 100, 10)) == []


def test_parts_of_a_batch_keep_what_is_asked() -> None:
    """A long example is run in parts; those of a cloze once lost what the masked head was asked for."""
    asked = np.array([-1, 3, -1], np.int32)
    rows = [Row(np.arange(3, dtype=np.int32), np.zeros(3, np.uint8), asked=asked) for _ in range(3)]
    batch = collate(rows, pad_id=0)
    parts = list(batch.parts(6))
    assert [len(part.ids) for part in parts] == [2, 1]
    assert batch.asked is not None
    assert [part.asked.tolist() for part in parts if part.asked is not None] == [
        batch.asked[:2].tolist(),
        batch.asked[2:].tolist(),
    ]
