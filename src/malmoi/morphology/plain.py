"""Plain text for analysers, and the way back: composed, cleaned as BERT does it, every character with its place.

Analysers differ in what they make of decomposed Hangul or zero-width characters, mostly nonsense. It does not
set punctuation or ideographs apart: analysers need the text as it stands.
"""

from collections.abc import Iterator
from typing import NamedTuple

from malmoi.text import is_clean, is_control, is_whitespace, nfc_with_spans, replace_half_surrogates

MAX_CHARS = 2000
"""Longer texts go to the analyser in parts: some take more than linear time. Parts end at blanks if they can."""


class Plain(NamedTuple):
    """A text as analysers see it."""

    text: str
    """NFC, white space as blanks, without what BERT's clean-up deletes."""
    spans: list[tuple[int, int]] | None
    """Where each character stands in the original; None where that is the same place."""

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The span in the original text of a span (not empty) of the plain one."""
        if self.spans is None:
            return start, end
        return self.spans[start][0], self.spans[end - 1][1]


def make_plain(text: str) -> Plain:
    """Compose and clean `text`."""
    if is_clean(text):
        return Plain(text, None)
    composed, origins = nfc_with_spans(replace_half_surrogates(text))
    places = [(i, i + 1) for i in range(len(composed))] if origins is None else [(a, b) for a, b in origins.tolist()]
    chars: list[str] = []
    spans: list[tuple[int, int]] = []
    for char, span in zip(composed, places, strict=True):
        if not is_control(char):
            chars.append(" " if is_whitespace(char) else char)
            spans.append(span)
    return Plain("".join(chars), spans)


def chunks(text: str) -> Iterator[tuple[int, str]]:
    """Parts of `text` with their places, none longer than `MAX_CHARS`; white space around a cut stays."""
    start = 0
    while len(text) - start > MAX_CHARS:
        # In the later half only, or a blank at the start would give a part of one word.
        blank = text.rfind(" ", start + MAX_CHARS // 2, start + MAX_CHARS)
        end = blank + 1 if blank >= 0 else start + MAX_CHARS
        yield start, text[start:end]
        start = end
    yield start, text[start:]
