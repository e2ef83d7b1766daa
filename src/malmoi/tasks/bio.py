"""BIO tags: from entities to a tag a token, and from tags, or scores of tags, to entities. No text, no files.

`tags` are strings (`O`, `B-PS`, `I-PS`) where people wrote them and numbers inside a model: 0 is `O`, 1 + 2 k and
2 + 2 k are B and I of type number k. An entity is (first token, last token exclusive, type).
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from malmoi.tasks.spans import Entity
from malmoi.tasks.windows import Spans

Scheme = Literal["conll", "strict"]
TagSpan = tuple[int, int, str]


def tag_names(types: Sequence[str]) -> tuple[str, ...]:
    """The tags of these types, in the order of their numbers."""
    return ("O", *(f"{prefix}-{type}" for type in types for prefix in "BI"))


def entities_of(tags: Sequence[str], scheme: Scheme = "conll") -> list[TagSpan]:
    """The entities that a sequence of tags means.

    Args:
        tags: `O`, `B-…` or `I-…`.
        scheme: `conll` reads as conlleval does: an I that continues nothing begins an entity, so IOB1 and IOB2 are
            read alike. `strict` is IOB2 to the letter (seqeval's strict mode): such an I is nothing.
    """
    found: list[TagSpan] = []
    start, open_type = 0, None
    for i, tag in enumerate([*tags, "O"]):
        prefix, _, type = tag.partition("-")
        if prefix == "I" and type == open_type:
            continue
        if open_type is not None:
            found.append((start, i, open_type))
        begins = prefix == "B" or (prefix == "I" and scheme == "conll")
        start, open_type = i, type if begins else None
    return found


def tag_tokens(spans: Spans, entities: Sequence[Entity], number_of: dict[str, int]) -> NDArray[np.int64]:
    """The tag of every token (int64 `[n]`) by the characters it stands for.

    A token in which an entity ends, as a name with its particle, belongs to it as a whole; one with parts of two
    entities belongs to the one with more characters in it, the first if they have as many.

    Args:
        spans: of the tokens.
        entities: apart from each other.
        number_of: of each type.
    """
    owner = np.full(len(spans), -1, np.int64)
    n_owned = np.zeros(len(spans), np.int64)
    types = np.zeros(len(entities) + 1, np.int64)
    for number, entity in enumerate(sorted(entities, key=lambda entity: entity.start)):
        n_shared = np.minimum(spans[:, 1], entity.end) - np.maximum(spans[:, 0], entity.start)
        taken = n_shared > n_owned
        owner[taken], n_owned[taken] = number, n_shared[taken]
        types[number] = number_of[entity.label]
    first = owner != np.concatenate(([-1], owner[:-1]))
    tags: NDArray[np.int64] = np.where(owner < 0, 0, 1 + 2 * types[owner] + ~first)
    return tags


def best_tags(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """The tags (int64 `[n]`) of the highest sum of scores of all sequences in which every I continues its entity.

    Viterbi's algorithm; an I may follow B and I of its type only, so a step is linear in the number of tags.

    Args:
        scores: float `[n, n_tags]`, logarithms of probabilities.
    """
    tags: NDArray[np.int64] = scores.argmax(axis=1)
    if _is_allowed(tags):  # nearly always: then it is the best one
        return tags
    n, n_tags = scores.shape
    inside = np.arange(2, n_tags, 2)
    best = scores[0].copy()
    best[inside] = -np.inf
    back = np.zeros((n, n_tags), np.int64)
    for i in range(1, n):
        came = np.full(n_tags, best.argmax())
        came[inside] = np.where(best[inside] > best[inside - 1], inside, inside - 1)
        best = best[came] + scores[i]
        back[i] = came
    path = np.empty(n, np.int64)
    path[-1] = best.argmax()
    for i in range(n - 1, 0, -1):
        path[i - 1] = back[i, path[i]]
    return path


def _is_allowed(tags: NDArray[np.int64]) -> bool:
    before = np.concatenate((np.zeros(1, np.int64), tags[:-1]))
    is_inside = (tags > 0) & (tags % 2 == 0)
    return not bool((is_inside & (before != tags) & (before != tags - 1)).any())


def entity_counts(gold: Sequence[set[Any]], predicted: Sequence[set[Any]]) -> dict[str, tuple[int, int, int]]:
    """For each type how many entities are right, predicted and gold. Items are tuples that end with the type."""
    counts: dict[str, list[int]] = {}
    for golds, guesses in zip(gold, predicted, strict=True):
        for place, items in enumerate((golds & guesses, guesses, golds)):
            for item in items:
                counts.setdefault(item[-1], [0, 0, 0])[place] += 1
    return {type: (right, guessed, real) for type, (right, guessed, real) in sorted(counts.items())}
