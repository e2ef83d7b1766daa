"""Which documents of several sources make a mixture: shares of the characters and caps, the same ones for a seed."""

from collections.abc import Sequence

import numpy as np

from malmoi.corpus.options import Source


def choose(
    sources: Sequence[Source], of_source: np.ndarray, n_chars: np.ndarray, hashes: np.ndarray, seed: int
) -> np.ndarray:
    """Mark the documents that stay in the mixture.

    Nothing is repeated: of the sources that have a weight, the mixture is the largest in which their characters are
    in proportion to the weights. A source without one stays whole. Which documents stay is drawn by their content,
    so the same document gets the same lot whatever stands around it.

    Args:
        sources: with their weights and caps.
        of_source: int [n_documents], the place of each document's source among `sources`.
        n_chars: int64 [n_documents].
        hashes: uint64 [n_documents], of their contents.
        seed: another seed, other lots.

    Returns:
        bool [n_documents].
    """
    available = np.bincount(of_source, n_chars, minlength=len(sources))
    limits = [
        min(n, float("inf") if s.max_chars is None else s.max_chars) for n, s in zip(available, sources, strict=True)
    ]
    weighted = [(limit, s.weight) for limit, s in zip(limits, sources, strict=True) if s.weight is not None]
    unit = min((limit / weight for limit, weight in weighted), default=0.0)
    is_in = np.zeros(len(n_chars), np.bool_)
    lots = _lots(hashes, seed)
    for number, source in enumerate(sources):
        wanted = limits[number] if source.weight is None else source.weight * unit
        own = np.flatnonzero(of_source == number)
        own = own[np.argsort(lots[own], kind="stable")]
        is_in[own[np.cumsum(n_chars[own]) <= np.floor(wanted + 1e-6)]] = True
    return is_in


def _lots(hashes: np.ndarray, seed: int) -> np.ndarray:
    salt = np.random.default_rng(seed).integers(0, 2**64, dtype=np.uint64)
    mixed = (hashes ^ salt) * np.uint64(0xBF58476D1CE4E5B9)
    return (mixed ^ mixed >> np.uint64(31)) * np.uint64(0x94D049BB133111EB)
