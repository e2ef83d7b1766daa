"""Which documents are worth learning from. A filter answers True, or False and the reason.

Rules of thumb that need no model and change no text. Duplicates are not their affair.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np

from malmoi.text import hangul_share

Verdict = Literal[True] | tuple[Literal[False], str]
Filter = Callable[[str], Verdict]
_FIRST_SYLLABLE = np.uint16(ord("가"))
_N_SYLLABLES = ord("힣") - ord("가") + 1


def has_text(text: str) -> Verdict:
    """Drop what is empty: redirects, pages of nothing but tables."""
    return True if text else (False, "empty")


def is_long_enough(text: str, min_chars: int) -> Verdict:
    """Drop what is shorter than `min_chars` characters."""
    return True if len(text) >= min_chars else (False, "too-short")


def is_korean(text: str, min_hangul: float) -> Verdict:
    """Drop what has too small a share of Hangul among its letters, or no letters."""
    # Letters are at most all characters, so syllables among these are a lower bound, and quick to count.
    codes = np.frombuffer(text.encode("utf-16-le"), dtype="<u2")
    n_syllables = np.count_nonzero(codes - _FIRST_SYLLABLE < _N_SYLLABLES)  # wraps around below the first
    if n_syllables >= min_hangul * len(text) or hangul_share(text) >= min_hangul:
        return True
    return False, "low-hangul"


def is_varied(text: str, max_repeated: float) -> Verdict:
    """Drop what says the same lines again and again: lists, logs, navigation.

    Source: "duplicate line character fraction" of Gopher's rules (Rae et al. 2021, arXiv:2112.11446, A.1).
    """
    lines = text.split("\n")
    if len(lines) < 2:
        return True
    distinct = set(lines)
    if len(distinct) == len(lines):
        return True
    n_chars = sum(map(len, lines))
    n_repeated = n_chars - sum(map(len, distinct))
    return True if n_repeated <= max_repeated * n_chars else (False, "repeated-lines")


def make_filters(*, min_chars: int, min_hangul: float, max_repeated: float) -> tuple[Filter, ...]:
    """The filters in the order in which they are asked: cheap ones first; the first refusal is the reason."""
    return (
        has_text,
        partial(is_long_enough, min_chars=min_chars),
        partial(is_korean, min_hangul=min_hangul),
        partial(is_varied, max_repeated=max_repeated),
    )


def judge(text: str, filters: tuple[Filter, ...]) -> Verdict:
    """The first refusal, or True."""
    for filter_text in filters:
        verdict = filter_text(text)
        if verdict is not True:
            return verdict
    return True
