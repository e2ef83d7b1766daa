"""Training data from a retriever's own near misses: what it finds for a question and should not have."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from malmoi.errors import InputError
from malmoi.progress import progress_bar
from malmoi.search.index import Index
from malmoi.search.options import MineOptions
from malmoi.search.pairs import TextPair


def mine(index: Index, pairs: Sequence[TextPair], options: MineOptions = MineOptions()) -> Iterator[dict[str, Any]]:
    """Records to train on.

    Args:
        index: of the texts that questions are answered with.
        pairs: questions with what is right for them.
        options: see there.

    Yields:
        `{"first", "second", "negatives"}`; or for a pair classifier `{"first", "second", "label"}`, label 1 or 0.

    Raises:
        InputError: pairs with scores.
    """
    if any(pair.score is not None for pair in pairs):
        raise InputError("the pairs have scores: expected pairs that belong together, of which others are near misses")
    right: dict[str, list[str]] = defaultdict(list)
    for pair in pairs:
        if pair.second not in right[pair.first]:
            right[pair.first].append(pair.second)
    with progress_bar("mining", len(right)) as bar:
        for question, answers in right.items():
            missed = near_misses(index, question, {question, *answers}, options)
            if options.target == "embedding":
                yield from ({"first": question, "second": text, "negatives": missed} for text in answers)
            else:
                yield from ({"first": question, "second": text, "label": "1"} for text in answers)
                yield from ({"first": question, "second": text, "label": "0"} for text in missed)
            bar.update()


def near_misses(index: Index, question: str, right: set[str], options: MineOptions) -> list[str]:
    """Texts that are found for a question and are not among the right ones, the nearest first."""
    if not question.strip():
        return []
    n = options.negatives + options.skip + len(right)
    texts = dict.fromkeys(hit.text for hit in index.search(question, n, by=options.by))
    wrong = [text for text in texts if text not in right]
    return wrong[options.skip : options.skip + options.negatives]
