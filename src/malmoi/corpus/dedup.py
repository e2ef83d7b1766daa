"""Exact duplicates by hash: the first document in input order stays. Near duplicates are not looked for."""

import hashlib
from collections.abc import Sequence

import numpy as np


def content_hash(text: str) -> int:
    """64 bits of a clean text, white space and case aside.

    That two of 100 million texts have the same by accident has a chance of 0.0003.
    """
    normalised = text.replace(" ", "").replace("\n", "").lower()
    return int.from_bytes(hashlib.blake2b(normalised.encode(), digest_size=8).digest(), "little")


def find_duplicates(pieces: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Mark what has been there before.

    Args:
        pieces: per piece of the corpus, the hashes of its documents in order: uint64 [n_documents].

    Returns:
        Per piece, bool [n_documents]: True where a document before it, in this piece or another, is equal.
    """
    if not pieces:
        return []
    hashes = np.concatenate(pieces)
    # One sort of eight bytes a document; a set of Python integers would hold some seventy.
    _, first = np.unique(hashes, return_index=True)
    duplicate = np.ones(len(hashes), dtype=np.bool_)
    duplicate[first] = False
    return np.split(duplicate, np.cumsum([len(piece) for piece in pieces])[:-1])
