"""Signatures for near duplicates: documents a second and bytes a document, ours against datasketch and rensa.

The same runs of five characters, 128 values a signature, one thread; then ours alone on many made-up signatures, for
time and peak memory of finding the pairs. The peers are optional: pip install datasketch rensa
"""

import argparse
import importlib
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from malmoi.corpus.dedup import N_BINS, Signer, find_near_duplicates, n_band_rows
from malmoi.corpus.readers import iter_corpus


def ours(texts: Sequence[str]) -> None:
    signer = Signer(0.8)
    for text in texts:
        signer.add(text)
    signer.finish()


def _runs(text: str) -> set[str]:
    bare = text.replace(" ", "").replace("\n", "").lower()
    return {bare[start : start + 5] for start in range(len(bare) - 4)}


def datasketch(texts: Sequence[str]) -> None:
    peer = importlib.import_module("datasketch")
    for text in texts:
        minhash = peer.MinHash(num_perm=N_BINS)
        minhash.update_batch([run.encode() for run in _runs(text)])


def rensa(texts: Sequence[str]) -> None:
    peer = importlib.import_module("rensa")
    for text in texts:
        minhash = peer.RMinHash(num_perm=N_BINS, seed=42)
        minhash.update(list(_runs(text)))


def time_signatures(texts: Sequence[str]) -> None:
    n_chars = sum(map(len, texts))
    print(f"{len(texts):,} documents, {n_chars:,} characters")
    candidates: list[Callable[[Sequence[str]], None]] = [ours, datasketch, rensa]
    base = 0.0
    for sign in candidates:
        try:
            began = time.process_time()
            sign(texts)
            seconds = time.process_time() - began
        except ImportError:
            print(f"{sign.__name__}: not installed")
            continue
        base = base or seconds
        rates = f"{len(texts) / seconds:,.0f} documents/s, {n_chars / seconds / 1e6:.2f} M characters/s"
        print(f"{sign.__name__}: {rates}, {seconds / base:.1f} times ours")


def find_pairs(n_documents: int) -> None:
    rng = np.random.default_rng(0)
    n_bands = N_BINS // n_band_rows(0.8)
    bands = rng.integers(1, 2**63, (n_documents, n_bands), dtype=np.uint64)
    minima = rng.integers(0, 256, (n_documents, N_BINS), dtype=np.uint8)
    n_copies = n_documents // 50
    bands[-n_copies:], minima[-n_copies:] = bands[:n_copies], minima[:n_copies]
    began = time.process_time()
    near = find_near_duplicates([bands], [minima], np.zeros(n_documents, np.bool_), 0.8)
    assert near.sum() == n_copies
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    size = n_bands * 8 + N_BINS
    print(f"{n_documents:,} signatures of {size} bytes: {time.process_time() - began:.1f} s, peak {peak:.2f} GiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, help="default: the text that ships, repeated")
    parser.add_argument("--documents", type=int, default=1_000_000, help="made-up signatures")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    corpus = options.corpus or Path(sys.modules["malmoi"].__path__[0]) / "sample" / "articles.jsonl"
    texts = [
        document.text for document, _ in zip(iter_corpus(corpus), range(200 if options.quick else 5000), strict=False)
    ]
    time_signatures(texts)
    find_pairs(100_000 if options.quick else options.documents)


if __name__ == "__main__":
    main()
