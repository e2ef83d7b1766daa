"""Batches: nothing lost, nothing mixed, and each a function of (shards, options, seed, position)."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.errors import OptionError
from malmoi.pretraining.batch import DataPosition, PretrainingBatch
from malmoi.pretraining.examples import (
    IS_NEXT,
    IS_RANDOM,
    ExampleOptions,
    ExampleSource,
    Objective,
)
from malmoi.pretraining.masking import Masking, MaskingVocabulary
from malmoi.pretraining.shards import Shard, ShardReport, Shards

PAD, UNK, CLS, SEP, MASK = range(5)
SPECIAL = (PAD, UNK, CLS, SEP, MASK)
FIRST_ID = 5


def make_shards(
    shards: Sequence[Sequence[Sequence[int]]], n_vocabulary: int, sources: Sequence[int] = (), dtype: str = "<u4"
) -> Shards:
    """Shards of documents given as lengths of their sentences; every token of all of them has an id of its own."""
    made, next_id = [], FIRST_ID
    for documents in shards:
        lengths = [sum(document) for document in documents]
        n_tokens = sum(lengths)
        tokens = np.arange(next_id, next_id + n_tokens).astype(dtype)
        next_id += n_tokens
        sentences = np.cumsum([length for document in documents for length in document], dtype=np.int64)
        made.append(Shard(tokens, sentences, np.cumsum(lengths, dtype=np.int64)))
    report = ShardReport(
        n_shards=len(made),
        n_documents=sum(len(s.document_ends) for s in made),
        n_sentences=sum(len(s.sentence_ends) for s in made),
        n_tokens=next_id - FIRST_ID,
        n_unknown=0,
        n_vocabulary=n_vocabulary,
        dtype=dtype,
        tokenizer="",
        sources=list(sources),
    )
    return Shards(report, tuple(made), "")


def make_source(
    shards: Sequence[Sequence[Sequence[int]]],
    *,
    seed: int = 1,
    sources: Sequence[int] = (),
    **options: int | float | str,
) -> ExampleSource:
    n_vocabulary = FIRST_ID + sum(length for documents in shards for document in documents for length in document)
    vocabulary = MaskingVocabulary(MASK, np.arange(FIRST_ID, n_vocabulary), np.zeros(n_vocabulary, bool))
    return ExampleSource(
        make_shards(shards, n_vocabulary, sources),
        ExampleOptions(**options),  # type: ignore[arg-type]
        vocabulary,
        cls_id=CLS,
        sep_id=SEP,
        pad_id=PAD,
        seed=seed,
    )


def stream(source: ExampleSource, position: DataPosition | None = None) -> Iterator[PretrainingBatch]:
    position = position or DataPosition()
    while True:
        batch = source.batch(position)
        yield batch
        position = batch.following


def unmasked(batch: PretrainingBatch) -> np.ndarray:
    ids = batch.ids.reshape(-1).copy()
    ids[batch.masked] = batch.targets
    return ids.reshape(batch.ids.shape)


def same(one: PretrainingBatch, other: PretrainingBatch) -> bool:
    return all(np.array_equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))


def windows(documents: Sequence[Sequence[int]], content: int) -> list[tuple[int, int]]:
    """First and last id of every window, by the rule as it is written: documents cut every `content` tokens."""
    found, start = [], FIRST_ID
    for document in documents:
        end = start + sum(document)
        found += [(at, min(at + content, end) - 1) for at in range(start, end, content)]
        start = end
    return found


def mixed_documents(n_documents: int, seed: int = 5) -> list[list[int]]:
    """Mostly short documents, such as reviews, and some long ones, such as articles."""
    generator = np.random.default_rng(seed)
    n_sentences = np.where(generator.random(n_documents) < 0.8, generator.integers(1, 4, n_documents), 60)
    return [generator.integers(3, 30, n).tolist() for n in n_sentences]


documents_strategy = st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=8), min_size=1, max_size=8)


@settings(deadline=None, max_examples=60)
@given(
    shards=st.lists(documents_strategy, min_size=1, max_size=3),
    max_tokens=st.integers(8, 24),
    batch_rows=st.integers(1, 5),
    n_batches=st.integers(1, 12),
)
def test_an_epoch_holds_every_token_once(
    shards: list[list[list[int]]], max_tokens: int, batch_rows: int, n_batches: int
) -> None:
    source = make_source(shards, max_tokens=max_tokens, batch_rows=batch_rows, objective="mlm")
    expected = windows([d for documents in shards for d in documents], max_tokens - 2)
    number_of = {window: number for number, window in enumerate(expected)}
    seen: Counter[int] = Counter()
    for batch in islice(stream(source), n_batches):
        ids = unmasked(batch)
        for row in range(batch_rows):
            for number in range(1, batch.sequences[row].max() + 1):
                text = ids[row][batch.sequences[row] == number][1:-1]
                assert np.array_equal(text, np.arange(text[0], text[-1] + 1))
                seen[number_of[int(text[0]), int(text[-1])]] += 1
    # What was set aside counts as taken: then each window was taken `epoch` times, `cursor` of them once more.
    seen.update(batch.following.set_aside)
    epoch, cursor = batch.following.epoch, batch.following.cursor
    assert [seen[n] - epoch for n in range(len(expected))].count(1) == cursor
    assert all(seen[n] - epoch in (0, 1) for n in range(len(expected)))


@settings(deadline=None, max_examples=40)
@given(
    shards=st.lists(documents_strategy, min_size=1, max_size=2),
    max_tokens=st.integers(8, 40),
    batch_rows=st.integers(1, 4),
    objective=st.sampled_from(("mlm", "mlm+nsp", "mlm+sop")),
    masking=st.sampled_from(("token", "word", "span")),
)
def test_a_row_is_whole_sequences_side_by_side(
    shards: list[list[list[int]]], max_tokens: int, batch_rows: int, objective: Objective, masking: Masking
) -> None:
    source = make_source(
        shards,
        max_tokens=max_tokens,
        batch_rows=batch_rows,
        objective=objective,
        masking=masking,
        mask_rate=0.3,
    )
    for batch in islice(stream(source), 4):
        ids = unmasked(batch)
        pairs = []
        for row in range(batch_rows):
            numbers = batch.sequences[row]
            n_real = int(np.count_nonzero(numbers))
            assert np.all(np.diff(numbers[:n_real]) >= 0) and not numbers[n_real:].any()
            assert np.all(ids[row, n_real:] == PAD) and not batch.segments[row, n_real:].any()
            for number in range(1, numbers.max() + 1):
                places = np.flatnonzero(numbers == number)
                text, segments = ids[row, places], batch.segments[row, places]
                assert np.array_equal(batch.positions[row, places], np.arange(len(places)))
                assert text[0] == CLS and text[-1] == SEP and np.count_nonzero(text == CLS) == 1
                n_texts = np.count_nonzero(text == SEP)
                first_end = int(np.argmax(text == SEP))
                assert not segments[: first_end + 1].any() and segments[first_end + 1 :].all()
                assert n_texts == 1 or (n_texts == 2 and objective != "mlm")
                if n_texts == 2:
                    pairs.append(row * max_tokens + int(places[0]))
        assert batch.firsts.tolist() == pairs and len(batch.next_labels) == len(pairs)
        assert batch.n_tokens == np.count_nonzero(ids != PAD)
        assert batch.n_examples == np.count_nonzero(ids == CLS)
        assert not np.isin(batch.targets, SPECIAL).any()
        assert not np.isin(ids.reshape(-1)[batch.masked], SPECIAL).any()


def pairs_of(batch: PretrainingBatch) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """First text, second text and label of every pair."""
    ids, n_tokens = unmasked(batch), batch.ids.shape[1]
    for place, label in zip(batch.firsts, batch.next_labels, strict=True):
        row, at = divmod(int(place), n_tokens)
        inside = batch.sequences[row] == batch.sequences[row, at]
        text, segments = ids[row][inside], batch.segments[row][inside]
        yield text[segments == 0][1:-1], text[segments == 1][:-1], int(label)


def document_of(ids: np.ndarray, documents: Sequence[Sequence[int]]) -> int:
    """The one document that all of a text stands in, without a gap."""
    assert np.array_equal(ids, np.arange(ids[0], ids[-1] + 1))
    ends = FIRST_ID + np.cumsum([sum(d) for d in documents])
    first, last = np.searchsorted(ends, [ids[0], ids[-1]], side="right")
    assert first == last
    return int(first)


def test_half_the_second_texts_come_from_another_document() -> None:
    documents = mixed_documents(120)
    sentence_starts = {FIRST_ID, *(FIRST_ID + np.cumsum([n for d in documents for n in d])).tolist()}
    source = make_source([documents[:50], documents[50:]], max_tokens=64, batch_rows=16)
    labels, others = [], set()
    for batch in islice(stream(source), 60):
        for first, second, label in pairs_of(batch):
            labels.append(label)
            if label == IS_NEXT:
                assert second[0] == first[-1] + 1
                assert document_of(first, documents) == document_of(second, documents)
                assert int(second[0]) in sentence_starts
            else:
                assert document_of(first, documents) != document_of(second, documents)
                others.add(document_of(second, documents))
    assert len(labels) > 900
    assert np.mean(np.array(labels) == IS_RANDOM) == pytest.approx(0.5, abs=0.065)  # four standard deviations
    assert len(others) > 40


def test_the_length_does_not_give_the_label_away() -> None:
    # Once a random text ended with its window: a row that was full was a true pair, 97 times of 100.
    documents = [[9] * 80 for _ in range(40)]
    source = make_source([documents], max_tokens=64, batch_rows=16)
    lengths: dict[int, list[int]] = {IS_NEXT: [], IS_RANDOM: []}
    for batch in islice(stream(source), 60):
        for first, second, label in pairs_of(batch):
            lengths[label].append(len(first) + len(second))
    full = {label: np.mean(np.array(seen) == 61) for label, seen in lengths.items()}
    assert full[IS_RANDOM] == pytest.approx(full[IS_NEXT], abs=0.1)


def test_sentence_order_turns_half_the_pairs_round() -> None:
    documents = mixed_documents(120)
    source = make_source([documents], max_tokens=64, batch_rows=16, objective="mlm+sop")
    labels = []
    for batch in islice(stream(source), 60):
        for first, second, label in pairs_of(batch):
            labels.append(label)
            one, other = (first, second) if label == IS_NEXT else (second, first)
            assert other[0] == one[-1] + 1
            assert document_of(one, documents) == document_of(other, documents)
    assert len(labels) > 900
    assert np.mean(labels) == pytest.approx(0.5, abs=0.065)


@pytest.mark.parametrize("objective", ["mlm+nsp", "mlm+sop"])
def test_sources_of_single_sentences_take_part_without_a_pair(objective: Objective) -> None:
    """Reviews beside articles: the first are masked like everything else and have no label."""
    reviews, articles = [[12]] * 60, [[9] * 12] * 20
    source = make_source([reviews, articles], max_tokens=64, batch_rows=16, objective=objective)
    n_reviews, seen = 60 * 12, set()
    for batch in islice(stream(source), 20):
        seen |= set(batch.targets[batch.targets < FIRST_ID + n_reviews].tolist())
        for first, second, label in pairs_of(batch):
            assert document_of(first if label == IS_NEXT else second, [*reviews, *articles]) >= 0
            if objective == "mlm+sop":
                assert min(first[0], second[0]) >= FIRST_ID + n_reviews
            else:
                assert first[0] >= FIRST_ID + n_reviews
    assert len(seen) > 0.5 * n_reviews


def test_a_random_text_is_no_review_beside_an_article() -> None:
    """Once it was drawn from all documents, so that most of the false second texts were short reviews."""
    reviews, articles = [[12]] * 200, [[9] * 12] * 20
    source = make_source([reviews, articles], max_tokens=64, batch_rows=16)
    false = [second for b in islice(stream(source), 20) for _, second, label in pairs_of(b) if label == IS_RANDOM]
    assert len(false) > 50
    assert min(int(second[0]) for second in false) >= FIRST_ID + 200 * 12


def test_a_random_text_comes_from_the_same_source() -> None:
    """Remarks of two sentences have pairs too; they get remarks, articles get articles, and one alone gets none."""
    remarks, articles, speech = [[6, 6]] * 60, [[9] * 12] * 20, [[5] * 10]
    documents = [*remarks, *articles, *speech]
    source = make_source([documents[:40], documents[40:]], sources=[60, 20, 1], max_tokens=64, batch_rows=16)
    kinds = np.repeat([0, 1, 2], [60, 20, 1])
    found = {(0, 0): 0, (1, 1): 0}
    for batch in islice(stream(source), 30):
        for first, second, label in pairs_of(batch):
            pair = tuple(int(kinds[document_of(text, documents)]) for text in (first, second))
            if label == IS_RANDOM:
                found[pair] += 1  # type: ignore[index]
            else:
                assert document_of(first, documents) == document_of(second, documents)
    assert min(found.values()) > 100


def test_the_mask_rate_falls_over_the_run() -> None:
    source = make_source([mixed_documents(60)], max_tokens=64, batch_rows=16, mask_rate=0.3, mask_rate_end=0.15)
    for progress, rate in ((0.0, 0.3), (0.5, 0.225), (1.0, 0.15)):
        batch = source.batch(DataPosition(), progress=progress)
        n_candidates = np.isin(unmasked(batch), SPECIAL, invert=True).sum()
        assert len(batch.masked) == round(rate * n_candidates)


def test_one_document_has_no_other() -> None:
    source = make_source([[[4, 5, 6, 7, 8]]], max_tokens=16, batch_rows=4)
    labels = np.concatenate([batch.next_labels for batch in islice(stream(source), 10)])
    assert len(labels) and set(labels.tolist()) == {IS_NEXT}


def test_another_document_is_found_beside_a_huge_one() -> None:
    # Drawn until it fits, the other document took as many draws as the huge one has windows.
    documents = [[10] * 40_000, [6, 7]]
    source = make_source([documents], max_tokens=32, batch_rows=32)
    found = [document_of(s, documents) for b in islice(stream(source), 5) for f, s, label in pairs_of(b) if label]
    assert len(found) > 30 and set(found) == {1}


def test_a_single_sentence_has_no_next() -> None:
    source = make_source([[[5], [7], [3]]], max_tokens=16, batch_rows=2)
    for batch in islice(stream(source), 5):
        assert len(batch.firsts) == len(batch.next_labels) == 0
        assert not batch.segments.any()


def test_a_corpus_smaller_than_a_batch() -> None:
    source = make_source([[[3, 2]]], max_tokens=32, batch_rows=8, objective="mlm")
    batch = source.batch(DataPosition())
    texts = unmasked(batch)
    assert batch.n_tokens > 0.8 * texts.size
    assert np.array_equal(np.unique(texts[batch.sequences > 0]), [CLS, SEP, *range(FIRST_ID, FIRST_ID + 5)])


def test_unknown_pieces_are_never_predicted() -> None:
    shards = make_shards([[[4, 4, 4]] * 20], 300)
    for shard in shards.shards:
        shard.tokens[::2] = UNK
    vocabulary = MaskingVocabulary(MASK, np.arange(FIRST_ID, 300), np.zeros(300, bool))
    options = ExampleOptions(max_tokens=32, batch_rows=4, mask_rate=0.5)
    source = ExampleSource(shards, options, vocabulary, cls_id=CLS, sep_id=SEP, pad_id=PAD, seed=1)
    for batch in islice(stream(source), 5):
        assert (unmasked(batch) == UNK).any()
        assert len(batch.targets) and not np.isin(batch.targets, SPECIAL).any()


def test_a_batch_is_a_function_of_seed_and_position() -> None:
    documents = mixed_documents(60)
    options = {"max_tokens": 48, "batch_rows": 6, "mask_rate": 0.2}
    source = make_source([documents], **options)
    batches = list(islice(stream(source), 80))
    assert batches[-1].following.epoch >= 1  # the epoch's end is on the way
    assert any(batch.following.set_aside for batch in batches)
    position = DataPosition()
    for number, batch in enumerate(batches):
        again = source.batch(position)
        assert same(again, batch)
        if number % 9 == 0:
            stored = DataPosition.from_json(json.loads(json.dumps(asdict(position))))
            assert stored == position
            fresh = make_source([documents], **options)
            assert all(same(a, b) for a, b in zip(stream(fresh, stored), batches[number : number + 5], strict=False))
        position = batch.following
    # Backwards too: the order of an earlier epoch is found again.
    assert same(source.batch(DataPosition()), batches[0])
    assert not same(make_source([documents], seed=2, **options).batch(DataPosition()), batches[0])


def test_epochs_differ_in_order_and_masks() -> None:
    source = make_source([[[6]] * 32], max_tokens=8, batch_rows=32, objective="mlm")
    first, second = islice(stream(source), 2)
    assert (first.following.epoch, first.following.cursor) == (0, 32)
    assert not np.array_equal(unmasked(first), unmasked(second))
    assert np.array_equal(np.sort(unmasked(first)[:, 1]), np.sort(unmasked(second)[:, 1]))


@pytest.mark.parametrize("objective", ["mlm", "mlm+nsp"])
@pytest.mark.parametrize(("max_tokens", "batch_rows"), [(128, 32), (512, 8)])
def test_rows_are_well_filled(objective: Objective, max_tokens: int, batch_rows: int) -> None:
    short_ones = [[n] for n in range(3, 40)] * 20  # once no more than 16 of them came into a row
    for documents in (mixed_documents(800), [[9] * 300] * 6, short_ones):
        source = make_source([documents], max_tokens=max_tokens, batch_rows=batch_rows, objective=objective)
        batches = list(islice(stream(source), 15))
        assert np.mean([batch.n_tokens / batch.ids.size for batch in batches]) >= 0.9
        assert max(len(batch.following.set_aside) for batch in batches) <= 128


def test_packing_takes_time_in_proportion_to_the_rows() -> None:
    seconds = {}
    for batch_rows in (64, 512):
        source = make_source([mixed_documents(3000)], max_tokens=128, batch_rows=batch_rows)
        next(stream(source))
        began = time.process_time()
        for _ in islice(stream(source), 1024 // batch_rows):
            pass
        seconds[batch_rows] = time.process_time() - began
    assert seconds[512] < 3 * seconds[64]  # 8 times the rows a batch, the same rows in total


@pytest.mark.parametrize("values", [{"max_tokens": 7}, {"batch_rows": 0}, {"mask_rate": 1.0}, {"mask_rate_end": 0.0}])
def test_impossible_options(values: dict[str, int | float]) -> None:
    (name,) = values
    with pytest.raises(OptionError, match=rf"{name} is {values[name]}.*expected"):
        ExampleOptions(**values)  # type: ignore[arg-type]
