"""Dynamic masking for the masked language model: which tokens to hide, and what stands in their place.

Devlin et al. 2019, §3.1: of the chosen tokens 80 % become [MASK], 10 % a random token, 10 % stay as they are.
Every draw comes from the generator that is passed in, so a batch is a function of (seed, step) alone.
"""

from dataclasses import dataclass

import numpy as np

_MASKED_SHARE = 0.8
_RANDOM_SHARE = 0.1


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
    whole_words: bool,
    vocabulary: MaskingVocabulary,
    generator: np.random.Generator,
) -> Masked:
    """Hide about `rate` of the candidate positions of `ids`.

    Args:
        ids: int64, any shape.
        candidates: bool, same shape: positions that may be hidden (no special tokens, no padding).
        rate: share of the candidates to hide, in (0, 1); at least one token is hidden if there is a candidate.
        whole_words: hide all pieces of a word together, or none.
        vocabulary: the mask, replacements and continuation pieces.
        generator: the source of every draw.
    """
    flat = ids.reshape(-1)
    places = np.flatnonzero(candidates.reshape(-1))
    n_masked = max(1, round(rate * len(places))) if len(places) else 0
    if whole_words:
        chosen = places[_choose_words(flat[places], places, n_masked, vocabulary.continuation, generator)]
    else:
        chosen = np.sort(generator.choice(places, n_masked, replace=False)) if n_masked else places
    draw = generator.random(len(chosen))
    masked = flat.copy()
    masked[chosen[draw < _MASKED_SHARE]] = vocabulary.mask_id
    replaced = chosen[(draw >= _MASKED_SHARE) & (draw < _MASKED_SHARE + _RANDOM_SHARE)]
    masked[replaced] = generator.choice(vocabulary.ordinary_ids, len(replaced))
    return Masked(masked.reshape(ids.shape), chosen, flat[chosen])


def _choose_words(
    ids: np.ndarray,
    places: np.ndarray,
    n_masked: int,
    continuation: np.ndarray,
    generator: np.random.Generator,
) -> np.ndarray:
    """bool [n_candidates]: words in random order while they fit into `n_masked`, and at least one word."""
    if not n_masked:
        return np.zeros(len(ids), dtype=bool)
    # A continuation piece after a gap (another sequence begins) opens a word of its own.
    adjacent = np.diff(places, prepend=-2) == 1
    word_of = np.cumsum(~(continuation[ids] & adjacent)) - 1
    lengths = np.bincount(word_of)
    order = generator.permutation(len(lengths))
    chosen = order[np.cumsum(lengths[order]) <= n_masked]
    return np.isin(word_of, chosen if len(chosen) else order[:1])
