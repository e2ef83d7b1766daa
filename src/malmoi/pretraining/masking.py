"""Dynamic masking for the masked language model: which tokens to hide, and what stands in their place.

Devlin et al. 2019, §3.1: of the chosen tokens 80 % become [MASK], 10 % a random token, 10 % stay as they are.
Tokens are chosen one by one, by words, or by spans of words (Joshi et al. 2020, SpanBERT, §3.1).
Every draw comes from the generator that is passed in, so a batch is a function of (seed, step) alone.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Masking = Literal["token", "word", "span"]
"""What is hidden together: nothing, the pieces of a word (eojeol), or a few words in a row."""
_MASKED_SHARE = 0.8
_RANDOM_SHARE = 0.1
_SPAN_WORDS = np.arange(1, 11)
_SPAN_CHANCES = 0.8 ** (_SPAN_WORDS - 1) / (0.8 ** (_SPAN_WORDS - 1)).sum()
"""SpanBERT's lengths in words: Geo(0.2) cut off at ten and made to sum to one again, 3.8 on average."""


@dataclass(frozen=True)
class MaskingVocabulary:
    """What masking needs to know of a vocabulary."""

    mask_id: int
    ordinary_ids: np.ndarray
    """int64 [n_ordinary]: the ids a random replacement is drawn from (no special tokens)"""
    continuation: np.ndarray
    """bool [n_tokens]: pieces that continue a word (`##…`)"""


@dataclass(frozen=True)
class Masked:
    """Ids with some of them hidden."""

    ids: np.ndarray
    """int64, shape of the input: with masks and replacements"""
    positions: np.ndarray
    """int64 [n_masked]: flat positions to predict, rising"""
    targets: np.ndarray
    """int64 [n_masked]: the ids that stood there"""


def mask_tokens(
    ids: np.ndarray,
    candidates: np.ndarray,
    *,
    rate: float,
    masking: Masking,
    vocabulary: MaskingVocabulary,
    generator: np.random.Generator,
) -> Masked:
    """Hide about `rate` of the candidate positions of `ids`.

    Args:
        ids: int64, any shape.
        candidates: bool, same shape: positions that may be hidden (no special tokens, no padding).
        rate: share of the candidates to hide, in (0, 1); at least one token is hidden if there is a candidate.
        masking: what is hidden together. All of a span becomes [MASK], random tokens, or stays.
        vocabulary: the mask, replacements and continuation pieces.
        generator: the source of every draw.
    """
    flat = ids.reshape(-1)
    places = np.flatnonzero(candidates.reshape(-1))
    n_masked = max(1, round(rate * len(places))) if len(places) else 0
    if masking == "token":
        chosen = np.sort(generator.choice(places, n_masked, replace=False)) if n_masked else places
        draw = generator.random(len(chosen))
    else:
        word_of = _words(flat[places], places, vocabulary.continuation)
        choose = _choose_words if masking == "word" else _choose_spans
        group_of = choose(word_of, places, n_masked, generator)
        chosen, groups = places[group_of >= 0], group_of[group_of >= 0]
        draw = generator.random(len(chosen)) if masking == "word" else generator.random(len(chosen))[groups]
    masked = flat.copy()
    masked[chosen[draw < _MASKED_SHARE]] = vocabulary.mask_id
    replaced = chosen[(draw >= _MASKED_SHARE) & (draw < _MASKED_SHARE + _RANDOM_SHARE)]
    masked[replaced] = generator.choice(vocabulary.ordinary_ids, len(replaced))
    return Masked(masked.reshape(ids.shape), chosen, flat[chosen])


def _words(ids: np.ndarray, places: np.ndarray, continuation: np.ndarray) -> np.ndarray:
    """int64 [n_candidates]: number of each candidate's word."""
    # A continuation piece after a gap (another sequence begins) opens a word of its own.
    adjacent = np.diff(places, prepend=-2) == 1
    return np.cumsum(~(continuation[ids] & adjacent)) - 1


def _choose_words(word_of: np.ndarray, places: np.ndarray, n_masked: int, generator: np.random.Generator) -> np.ndarray:
    """int64 [n_candidates], -1 or a group: words in random order while they fit into `n_masked`, at least one."""
    if not n_masked:
        return np.full(len(word_of), -1)
    lengths = np.bincount(word_of)
    order = generator.permutation(len(lengths))
    chosen = order[np.cumsum(lengths[order]) <= n_masked]
    return np.where(np.isin(word_of, chosen if len(chosen) else order[:1]), word_of, -1)


def _choose_spans(word_of: np.ndarray, places: np.ndarray, n_masked: int, generator: np.random.Generator) -> np.ndarray:
    """int64 [n_candidates], -1 or the span's number: spans of whole words, none across two texts, at least a word."""
    if not n_masked:
        return np.full(len(word_of), -1)
    lengths = np.bincount(word_of)
    starts = np.flatnonzero(np.diff(word_of, prepend=-1))
    is_cut = np.diff(places, prepend=-2)[starts] > 1  # a special token stands before this word
    span_of_word = np.full(len(lengths), -1)
    wanted = generator.choice(_SPAN_WORDS, len(lengths), p=_SPAN_CHANCES)
    room, span = n_masked, 0
    for start in generator.permutation(len(lengths)).tolist():
        word = start
        while word < min(start + wanted[start], len(lengths)) and span_of_word[word] < 0 and lengths[word] <= room:
            if word > start and is_cut[word]:
                break
            span_of_word[word] = span
            room -= lengths[word]
            word += 1
        span += word > start
        if not room:
            break
    if room == n_masked:  # every word is longer than that
        span_of_word[generator.integers(len(lengths))] = 0
    span_of: np.ndarray = span_of_word[word_of]
    return span_of
