"""How well a model knows text it has not seen, in bits a character, so that ways to cut can be compared.

Two figures. `masked`: the masked tokens of the training objective, their loss times the tokens a character. It flatters
small pieces, for the rest of a word stays in sight. `eojeol`: the same whole eojeols hidden for every way, their pieces
predicted from left to right, which is the chance of the eojeol given what stands around it (and how many pieces it
has), whatever the pieces are. NumPy only; the model is behind a `Runtime`.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from malmoi.corpus.sentences import split_sentences
from malmoi.errors import InputError
from malmoi.model.runtime import Runtime
from malmoi.pretraining.masking import MaskingVocabulary, mask_tokens
from malmoi.tasks.task import Row
from malmoi.tokenizer.tokenizer import Encoding, Tokenizer

_WINDOW_CHARS = 100
"""Blanks not counted; so short that no way makes more tokens of it than a row of pre-training has."""
_MASK_RATE = 0.15
_HIDDEN_SHARE = 0.15
# What no way makes [UNK] of: a guess at [UNK] would be worth nothing and cost little.
_HIDEABLE = re.compile(r"[가-힣]+[.,!?]?")


@dataclass(frozen=True, kw_only=True)
class HeldOutLoss:
    """Bits a character, blanks not counted; smaller is better."""

    masked: float
    """Of tokens hidden as in training."""
    eojeol: float
    """Of whole eojeols."""
    n_characters: int
    """Characters of the text."""
    n_eojeols: int
    """Eojeols that were hidden."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A stretch of text, and which of its eojeols are hidden."""

    text: str
    hidden: tuple[tuple[int, int], ...]
    """Where they stand in the text."""


def windows_of(texts: Iterable[str], max_characters: int, seed: int) -> list[Window]:
    """Sentences, joined to about a hundred characters, with some eojeols chosen: the same for every way.

    Args:
        texts: documents.
        max_characters: about so many of them, blanks not counted, evenly from all.
        seed: of the choice.
    """
    stretches = [stretch for text in texts for stretch in _stretches(text)]
    total = sum(map(_n_characters, stretches))
    step = max(1, round(total / max_characters))
    generator = np.random.default_rng([seed, 3])
    return [Window(text=text, hidden=_choose(text, generator)) for text in stretches[::step]]


def _stretches(text: str) -> Iterable[str]:
    waiting: list[str] = []
    room = _WINDOW_CHARS
    for sentence in split_sentences(text):
        sentence = " ".join(sentence.split())
        n = _n_characters(sentence)
        if n > room and waiting:
            yield " ".join(waiting)
            waiting, room = [], _WINDOW_CHARS
        if n <= _WINDOW_CHARS:
            waiting.append(sentence)
            room -= n
    if waiting:
        yield " ".join(waiting)


def _n_characters(text: str) -> int:
    return len(text) - text.count(" ")


def _choose(text: str, generator: np.random.Generator) -> tuple[tuple[int, int], ...]:
    found = [match.span() for match in re.finditer(r"\S+", text) if _HIDEABLE.fullmatch(match[0])]
    return tuple(span for span in found if generator.random() < _HIDDEN_SHARE)


def held_out_loss(
    runtime: Runtime, tokenizer: Tokenizer, vocabulary: MaskingVocabulary, windows: Sequence[Window], *, seed: int
) -> HeldOutLoss:
    """Both figures of a pre-trained model.

    Args:
        runtime: with a masked head.
        tokenizer: the model's.
        vocabulary: what masking needs to know of it.
        windows: as `windows_of` makes them.
        seed: of the tokens that are masked.

    Raises:
        InputError: no window has an eojeol to hide.
    """
    n_hidden = sum(end - start for window in windows for start, end in window.hidden)
    if not n_hidden:
        raise InputError(
            "the held-out text has no eojeol to hide: expected Korean text, some thousand characters of it"
        )
    encodings = tokenizer.encode_batch([window.text for window in windows])
    n_characters = sum(_n_characters(window.text) for window in windows)
    n_tokens = sum(len(encoding.ids) - 2 for encoding in encodings)
    masked = [_masked_row(encoding, vocabulary, seed, number) for number, encoding in enumerate(encodings)]
    chances, n_predicted = _log_chances(runtime, masked)
    hidden = [
        row
        for window, encoding in zip(windows, encodings, strict=True)
        for row in _eojeol_rows(window, encoding, tokenizer.mask_id)
    ]
    eojeol_chances, _ = _log_chances(runtime, hidden)
    return HeldOutLoss(
        masked=-chances / n_predicted * n_tokens / n_characters / math.log(2),
        eojeol=-eojeol_chances / n_hidden / math.log(2),
        n_characters=n_characters,
        n_eojeols=sum(len(window.hidden) for window in windows),
    )


def _masked_row(encoding: Encoding, vocabulary: MaskingVocabulary, seed: int, number: int) -> Row:
    ids = np.array(encoding.ids, np.int64)
    masked = mask_tokens(
        ids,
        np.isin(ids, vocabulary.ordinary_ids),
        rate=_MASK_RATE,
        masking="token",
        vocabulary=vocabulary,
        generator=np.random.default_rng([seed, 4, number]),
    )
    asked = np.full(len(ids), -1, np.int32)
    asked[masked.positions] = masked.targets
    return _row(masked.ids, asked)


def _eojeol_rows(window: Window, encoding: Encoding, mask_id: int) -> list[Row]:
    """One row for the first pieces of all hidden eojeols, one for the second ones, which see the first, and so on."""
    ids = np.array(encoding.ids, np.int64)
    spans = np.array(encoding.spans, np.int64).reshape(-1, 2)
    groups = [np.flatnonzero((spans[:, 0] < end) & (spans[:, 1] > start)) for start, end in window.hidden]
    rows = []
    for turn in range(max(map(len, groups), default=0)):
        shown, asked = ids.copy(), np.full(len(ids), -1, np.int32)
        for places in groups:
            shown[places[turn:]] = mask_id
            asked[places[turn : turn + 1]] = ids[places[turn : turn + 1]]
        rows.append(_row(shown, asked))
    return rows


def _row(ids: np.ndarray, asked: np.ndarray) -> Row:
    return Row(ids.astype(np.int32), np.zeros(len(ids), np.uint8), asked=asked)


def _log_chances(runtime: Runtime, rows: Sequence[Row]) -> tuple[float, int]:
    """The sum of the log-probabilities that rows ask for, and how many these are."""
    outputs = runtime.run_examples([[row] for row in rows])
    total = sum(float(output.sum()) for (output,) in outputs)
    return total, sum(int(np.count_nonzero(row.asked >= 0)) for row in rows if row.asked is not None)
