"""Duplicates: equal texts by hash, similar ones by MinHash. The first document in input order stays.

A document is the set of its runs of five characters, white space and case aside. MinHash by one permutation: the runs
are hashed once, each hash falls into one of 128 bins, and the smallest of every bin makes the signature; empty bins
borrow (Shrivastava 2017, "Optimal Densification for Fast and Accurate Minwise Hashing"). Bins in bands find
candidates (locality-sensitive hashing); the share of equal minima decides. Per document 128 bytes and eight a band
are kept, so that ten million fit into a few gigabytes; only the signatures of documents ever meet, not their texts.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

N_BINS = 128
_VALUE_BITS = np.uint64(41)
_RUN_CHARS = 5
MIN_RUNS = 16
"""Texts with fewer runs are only compared as a whole: in a remark of ten words one word decides what it says."""
_BATCH_CHARS = 1 << 16  # what is at work stays in the processor's cache
_BATCH_TEXTS = 1 << 12
_CHECK_PAIRS = 1 << 16
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def content_hash(text: str) -> int:
    """64 bits of a clean text, white space and case aside.

    That two of 100 million texts have the same by accident has a chance of 0.0003.
    """
    return int.from_bytes(hashlib.blake2b(_bare(text).encode(), digest_size=8).digest(), "little")


def _bare(text: str) -> str:
    return text.replace(" ", "").replace("\n", "").lower()


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


def n_band_rows(threshold: float) -> int:
    """How many bins a band has: the most with which a pair at `threshold` is found with a chance of at least 0.94."""
    good = [rows for rows in (1, 2, 4, 8, 16, 32) if 1 - (1 - threshold**rows) ** (N_BINS // rows) >= 0.94]
    return max(good)


class Signer:
    """Makes the signatures of documents, added one by one, worked on in batches."""

    def __init__(self, threshold: float | None) -> None:
        self._rows = None if threshold is None else n_band_rows(threshold)
        self._texts: list[str] = []
        self._n_chars = 0
        self._minima: list[np.ndarray] = []
        self._bands: list[np.ndarray] = []

    def add(self, text: str) -> None:
        """Add a document."""
        self._texts.append(_bare(text) if self._rows else "")
        self._n_chars += len(self._texts[-1])
        if self._n_chars >= _BATCH_CHARS or len(self._texts) >= _BATCH_TEXTS:
            self._flush()

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """Bands, uint64 [n_documents, n_bands], and minima, uint8 [n_documents, 128]; widths are 0 when turned off.

        A document with too few runs has the band 0 everywhere, which means none.
        """
        self._flush()
        n_bands, n_bins = (0, 0) if self._rows is None else (N_BINS // self._rows, N_BINS)
        # Something to join even where no document was added.
        bands, minima = np.zeros((0, n_bands), np.uint64), np.zeros((0, n_bins), np.uint8)
        return np.concatenate([bands, *self._bands]), np.concatenate([minima, *self._minima])

    def _flush(self) -> None:
        if not self._texts:
            return
        if self._rows is None:
            self._bands.append(np.zeros((len(self._texts), 0), np.uint64))
            self._minima.append(np.zeros((len(self._texts), 0), np.uint8))
        else:
            smallest, is_long = _sign(self._texts)
            self._minima.append((smallest & np.uint64(0xFF)).astype(np.uint8))
            self._bands.append(_band(smallest, is_long, self._rows))
        self._texts, self._n_chars = [], 0


def _sign(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The smallest hash of every bin, uint64 [n_texts, 128], and whether a text has one: bool [n_texts]."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    lengths = np.array([len(text) for text in texts])
    smallest = np.zeros((len(texts), N_BINS), np.uint64)
    is_filled = np.zeros(smallest.shape, np.bool_)
    n_runs = max(0, len(codes) - _RUN_CHARS + 1)
    hashes = codes[:n_runs].astype(np.uint64)
    for start in range(1, _RUN_CHARS):
        hashes *= _MULTIPLIER
        hashes += codes[start : start + n_runs]
    owner = np.repeat(np.arange(len(texts)), lengths)[:n_runs]
    is_long = lengths >= MIN_RUNS + _RUN_CHARS - 1
    within = (np.arange(n_runs) + _RUN_CHARS <= np.cumsum(lengths)[owner]) & is_long[owner]
    # One number holds text (16 bits), bin (7) and hash (41): sorted, the first of each bin is its smallest.
    packed = owner[within].astype(np.uint64) << np.uint64(48) | _mix(hashes[within]) >> np.uint64(16)
    packed.sort()
    place = (packed >> _VALUE_BITS).astype(np.int64)
    first = np.flatnonzero(np.diff(place, prepend=-1))
    smallest.reshape(-1)[place[first]] = packed[first] & ((np.uint64(1) << _VALUE_BITS) - np.uint64(1))
    is_filled.reshape(-1)[place[first]] = True
    _fill(smallest, is_filled, is_long)
    return smallest, is_long


def _mix(hashes: np.ndarray) -> np.ndarray:
    """Spread 64 bits over one another (the finish of SplitMix64)."""
    hashes = (hashes ^ hashes >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ hashes >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return np.asarray(hashes ^ hashes >> np.uint64(31))


def _lenders() -> np.ndarray:
    """Where an empty bin looks for a value, try after try: int64 [n_tries, 128]; the last tries reach every bin."""
    tries, bins = np.indices((64, N_BINS), dtype=np.uint64)
    scattered = _mix(tries << np.uint64(32) | bins) % np.uint64(N_BINS)
    rotated = (np.arange(N_BINS)[:, None] + np.arange(N_BINS)) % N_BINS
    return np.concatenate([scattered.astype(np.int64), rotated])


_LENDERS = _lenders()


def _fill(smallest: np.ndarray, is_filled: np.ndarray, is_long: np.ndarray) -> None:
    """Let the empty bins of long texts borrow, in place; a bin looks in the same places for every text."""
    rows, bins = np.nonzero(~is_filled & is_long[:, None])
    for lenders in _LENDERS:
        if not len(rows):
            return
        found = is_filled[rows, lenders[bins]]
        smallest[rows[found], bins[found]] = smallest[rows[found], lenders[bins[found]]]
        rows, bins = rows[~found], bins[~found]


def _band(smallest: np.ndarray, is_long: np.ndarray, n_rows: int) -> np.ndarray:
    """Hash the bins of every band into one number that is not 0: uint64 [n_texts, n_bands]; 0 for short texts."""
    grouped = smallest.reshape(len(smallest), -1, n_rows)
    bands = np.zeros(grouped.shape[:2], np.uint64)
    for row in range(n_rows):
        bands = bands * _MULTIPLIER + grouped[:, :, row]
    return np.where(is_long[:, None], _mix(bands) | np.uint64(1), np.uint64(0))


def find_near_duplicates(
    bands: Sequence[np.ndarray], minima: Sequence[np.ndarray], is_out: np.ndarray, threshold: float
) -> np.ndarray:
    """Mark documents that are similar to one before them that stays.

    Args:
        bands: per piece, uint64 [n_documents, n_bands], as `Signer.finish` gives them.
        minima: per piece, uint8 [n_documents, 128].
        is_out: bool [n_documents of all pieces]: those that are out of the question.
        threshold: the least estimated similarity.

    Returns:
        bool [n_documents of all pieces].
    """
    near = np.zeros(len(is_out), np.bool_)
    if not len(is_out):
        return near
    all_minima = np.concatenate(minima)
    edges = [
        _similar_pairs(np.concatenate([piece[:, band] for piece in bands]), all_minima, is_out, threshold)
        for band in range(bands[0].shape[1])
    ]
    # By the later document, so that whether the earlier one stays is known when it matters.
    pairs = np.unique(np.concatenate(edges), axis=0)
    for later, earlier in pairs.tolist():
        if not near[earlier]:
            near[later] = True
    return near


def _similar_pairs(band: np.ndarray, minima: np.ndarray, is_out: np.ndarray, threshold: float) -> np.ndarray:
    """Pairs (later, earlier) of similar documents: int64 [n_pairs, 2]. Of a bucket all are held against the first."""
    documents = np.flatnonzero((band != 0) & ~is_out)
    documents = documents[np.argsort(band[documents], kind="stable")]
    is_first = np.diff(band[documents], prepend=np.uint64(0)) != 0
    first = documents[np.flatnonzero(is_first)][np.cumsum(is_first) - 1]
    later, earlier = documents[~is_first], first[~is_first]
    # Two different minima agree in eight bits once in 256 times.
    n_needed = N_BINS * (1 / 256 + threshold * 255 / 256)
    is_similar = np.zeros(len(later), np.bool_)
    for start in range(0, len(later), _CHECK_PAIRS):
        chosen = slice(start, start + _CHECK_PAIRS)
        is_similar[chosen] = (minima[later[chosen]] == minima[earlier[chosen]]).sum(1) >= n_needed
    return np.stack([later[is_similar], earlier[is_similar]], axis=1)
