"""Tags mean what conlleval and seqeval say they mean; the best allowed sequence is the best of all allowed ones."""

import warnings
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2, Entities

from malmoi.tasks.bio import best_tags, entities_of, entity_counts, tag_names, tag_tokens
from malmoi.tasks.spans import Entity
from malmoi.tasks.windows import span_array

TAGS = ["O", "B-PS", "I-PS", "B-LC", "I-LC", "I-OG"]


def conlleval(tags: list[str]) -> list[tuple[int, int, str]]:
    """conlleval's `startOfChunk` and `endOfChunk`, told as what begins and what goes on."""
    found: list[list[object]] = []
    before = ("O", "")
    for i, tag in enumerate(tags):
        prefix, _, kind = tag.partition("-")
        if prefix == "B" or (prefix == "I" and (before[0] == "O" or before[1] != kind)):
            found.append([i, i + 1, kind])
        elif prefix == "I":
            found[-1][1] = i + 1
        before = (prefix, kind)
    return [(int(str(a)), int(str(b)), str(c)) for a, b, c in found]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(TAGS), max_size=12))
def test_equals_conlleval_and_seqevals_strict_mode(tags: list[str]) -> None:
    assert entities_of(tags) == conlleval(tags)
    strict = [(e.start, e.end, e.tag) for e in Entities([tags], IOB2).entities[0]] if tags else []
    assert entities_of(tags, "strict") == strict


def test_iob1_and_iob2_by_hand() -> None:
    iob1 = ["I-LC", "I-LC", "B-LC", "O", "I-PS", "I-LC"]
    iob2 = ["B-LC", "I-LC", "B-LC", "O", "B-PS", "B-LC"]
    assert entities_of(iob1) == entities_of(iob2) == [(0, 2, "LC"), (2, 3, "LC"), (4, 5, "PS"), (5, 6, "LC")]
    assert entities_of(iob1, "strict") == [(2, 3, "LC")]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=9), min_size=1))
@pytest.mark.parametrize("scheme", ["conll", "strict"])
def test_counts_give_seqevals_report(scheme: str, pairs: list[list[tuple[str, str]]]) -> None:
    gold, predicted = ([[pair[side] for pair in sentence] for sentence in pairs] for side in (0, 1))
    strict = {"mode": "strict", "scheme": IOB2} if scheme == "strict" else {}
    sets = [
        [set(entities_of(tags, "strict" if strict else "conll")) for tags in sentences]
        for sentences in (gold, predicted)
    ]
    counts = entity_counts(*sets)
    if not any(any(s) for s in sets):
        return  # seqeval cannot report on nothing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = classification_report(gold, predicted, output_dict=True, zero_division=0, **strict)
    assert counts.keys() == report.keys() - {"micro avg", "macro avg", "weighted avg"}
    for kind, (right, n_predicted, n_gold) in counts.items():
        row = report[kind]
        assert row["support"] == n_gold
        assert row["precision"] == pytest.approx(right / n_predicted if n_predicted else 0)
        assert row["recall"] == pytest.approx(right / n_gold if n_gold else 0)


def exhaustive(scores: np.ndarray) -> float:
    names = tag_names(["A", "B"])
    best = -np.inf
    for path in product(range(len(names)), repeat=len(scores)):
        tags = ["O", *(names[tag] for tag in path)]
        allowed = all(t[0] != "I" or b[1:] == t[1:] for b, t in pairwise(tags))
        if allowed:
            best = max(best, float(sum(scores[i, tag] for i, tag in enumerate(path))))
    return best


def test_the_best_sequence_is_the_best_of_all() -> None:
    generator = np.random.default_rng(3)
    n_repaired = 0
    for _ in range(60):
        scores = generator.normal(size=(int(generator.integers(1, 6)), 5))
        tags = best_tags(scores)
        n_repaired += tags.tolist() != scores.argmax(axis=1).tolist()
        assert scores[np.arange(len(tags)), tags].sum() == pytest.approx(exhaustive(scores))
        names = [tag_names(["A", "B"])[tag] for tag in tags]
        assert entities_of(names) == entities_of(names, "strict")
    assert n_repaired > 20


NUMBERS = {"LC": 0, "PS": 1}


def tags_of(spans: list[tuple[int, int]], *entities: tuple[int, int, str]) -> list[str]:
    tags = tag_tokens(span_array(spans), [Entity(*entity) for entity in entities], NUMBERS)
    return [tag_names(["LC", "PS"])[tag] for tag in tags]


def test_tokens_of_every_size_take_their_tags_from_characters() -> None:
    characters = [(i, i + 1) for i in range(6)]
    assert tags_of(characters, (1, 3, "PS"), (3, 5, "LC")) == ["O", "B-PS", "I-PS", "B-LC", "I-LC", "O"]
    # a name with its particle in one token
    assert tags_of([(0, 4), (5, 6)], (0, 3, "PS")) == ["B-PS", "O"]
    # two entities in one token: the one with more characters, the first of equals
    assert tags_of([(0, 2), (2, 6)], (0, 3, "LC"), (3, 6, "PS")) == ["B-LC", "B-PS"]
    assert tags_of([(0, 4)], (0, 2, "LC"), (2, 4, "PS")) == ["B-LC"]
    # pieces of one character, and one that stands for none
    assert tags_of([(0, 1), (0, 1), (1, 1), (1, 2)], (0, 2, "LC")) == ["B-LC", "I-LC", "O", "B-LC"]
    assert tags_of([], (0, 1, "LC")) == []
    assert tags_of([(0, 1)]) == ["O"]
