"""Where the base forms of contracted morphemes stand in what is written: `했` is 하 and 었, `도와` 돕 and 아.

Letters (jamo) of both are aligned as well as they can be. It knows no grammar.
"""

from collections.abc import Sequence

from malmoi.morphology.sejong import COMPATIBILITY
from malmoi.text import decompose


def trace(surface: str, forms: Sequence[str]) -> list[tuple[int, int]]:
    """Spans in `surface` of `forms`, which it contracts: in order, never empty, overlapping where a syllable is shared.

    A form that left no letter stands at the last syllable of the one before.
    """
    written = [(letter, place) for place, char in enumerate(surface) for letter in _letters(char)]
    meant = [(letter, number) for number, form in enumerate(forms) for char in form for letter in _letters(char)]
    found: list[list[int]] = [[] for _ in forms]
    for i, j in _align([letter for letter, _ in written], [letter for letter, _ in meant]):
        found[meant[j][1]].append(written[i][1])
    return _close_gaps(found, len(surface))


def _letters(char: str) -> str:
    return decompose(char).translate(COMPATIBILITY)


def _align(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """A longest common subsequence, as pairs of places; of equally long ones the earliest."""
    best = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i in reversed(range(len(left))):
        for j in reversed(range(len(right))):
            best[i][j] = best[i + 1][j + 1] + 1 if left[i] == right[j] else max(best[i + 1][j], best[i][j + 1])
    pairs = []
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i] == right[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i + 1][j] > best[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def _close_gaps(found: list[list[int]], n_chars: int) -> list[tuple[int, int]]:
    """Syllables that nothing was found in belong to the form before them; the first begins, the last ends it all."""
    starts: list[int] = []
    for number, places in enumerate(found):
        before = starts[-1] if starts else 0
        trail = max((p for group in found[:number] for p in group), default=before)
        starts.append(0 if number == 0 else max(before, min(places) if places else trail))
    ends = []
    for number, start in enumerate(starts):
        own = max(found[number], default=start) + 1
        following = starts[number + 1] if number + 1 < len(starts) else n_chars
        ends.append(max(own, following, start + 1))
    return list(zip(starts, ends, strict=True))
