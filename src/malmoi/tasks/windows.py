"""Texts as tokens with their places, rows of a text that is too long for one, and characters to tokens and back.

Not here: what stands beside the window in a row (a question), and what is predicted (`qa.py`, `tagging.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from malmoi.tasks.task import TaskTokenizer
from malmoi.text import nfc_with_spans

Spans = NDArray[np.int32]
"""int32 `[n, 2]`: characters, end exclusive."""
Cut = tuple[NDArray[np.int32], Spans]
"""Ids of a text's tokens, int32 `[n]`, and the characters each stands for."""


@dataclass(frozen=True, slots=True)
class Window:
    """Some tokens of a text: those from `start` to `end` (exclusive)."""

    start: int
    end: int


def windows(n_tokens: int, room: int, stride: int | None) -> list[Window]:
    """Windows of at most `room` tokens that together hold every token; one, perhaps empty, where all fit.

    Args:
        n_tokens: of the text.
        room: tokens in a window.
        stride: from one window's first token to the next one's; `None` is half a window, so that every token but
            those at the ends of the text has neighbours on both sides somewhere. Never more than a window.
    """
    step = min(room, stride or max(1, room // 2))
    found = [Window(0, min(room, n_tokens))]
    while found[-1].end < n_tokens:
        start = found[-1].start + step
        found.append(Window(start, min(start + room, n_tokens)))
    return found


def tokens_of_texts(texts: Sequence[str], tokenizer: TaskTokenizer) -> list[Cut]:
    """Each text as the tokenizer cuts it, without special tokens."""
    encodings = tokenizer.encode_batch(texts, special_tokens=False)
    return [(np.array(encoding.ids, np.int32), span_array(encoding.spans)) for encoding in encodings]


def syllables_of(texts: Sequence[str], tokenizer: TaskTokenizer) -> list[Cut]:
    """Every character that is no blank by itself, composed where it was not; what clean-up deletes is left out."""
    composed = [nfc_with_spans(text) for text in texts]
    chars = sorted({char for text, _ in composed for char in text})
    id_of = {char: ids[0] for char, ids in zip(chars, tokenizer.encode_ids(chars), strict=True) if len(ids)}
    cuts = []
    for text, origins in composed:
        places = [i for i, char in enumerate(text) if char in id_of]
        spans = span_array([(i, i + 1) for i in places]) if origins is None else origins[places]
        cuts.append((np.array([id_of[text[i]] for i in places], np.int32), spans))
    return cuts


def span_array(spans: Sequence[tuple[int, int]]) -> Spans:
    """Spans as an array, also when there are none."""
    return np.array(spans, np.int32).reshape(-1, 2)


def tokens_of(spans: Spans, start: int, end: int) -> tuple[int, int] | None:
    """First and last token that hold a character from `start` to `end`; `None` when no token does."""
    inside = np.flatnonzero((spans[:, 0] < end) & (spans[:, 1] > start))
    return (int(inside[0]), int(inside[-1])) if len(inside) else None


def readable(spans: Spans) -> tuple[int, int]:
    """First and last position (exclusive) of the tokens of the text in a row; they stand side by side."""
    places = np.flatnonzero(spans[:, 1] > spans[:, 0])
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)
