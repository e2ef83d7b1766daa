"""P3: encoding a corpus with one thread, ours against `tokenizers`' `encode_batch_fast`; same ids on every line.

Cold: nothing is known yet. Warm: the same text once more. The peer gets batches of 2,000 lines and need not
hand its ids over. The vocabulary (32,000 entries where the text gives them) is learnt from the text itself.

    python benchmarks/bulk_encoding.py [--quick]
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # before tokenizers is imported
os.environ["RAYON_NUM_THREADS"] = "1"

import numpy as np
import tokenizers
from machine import describe
from text import n_megabytes, review_lines, wiki_lines

from malmoi.tokenizer.build import VocabOptions, build_vocab
from malmoi.tokenizer.bulk import BulkEncoder
from malmoi.tokenizer.tokenizer import Tokenizer

BATCH_LINES = 2000


def learn(lines: list[str], folder: Path, size: int) -> Path:
    path = folder / "lines.txt"
    path.write_text("\n\n".join(lines), encoding="utf-8")
    build_vocab(path, folder / "tokenizer", VocabOptions(size=size))
    return folder / "tokenizer"


def seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def compare(name: str, lines: list[str], directory: Path, repeats: int) -> None:
    tokenizer = Tokenizer.load(directory)
    peer = tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json"))
    batches = [lines[start : start + BATCH_LINES] for start in range(0, len(lines), BATCH_LINES)]
    n_different = 0
    encoder = BulkEncoder(tokenizer)
    for batch in batches:
        pairs = zip(encoder.encode(batch).split(), tokenizer.encode_ids(batch), strict=True)
        n_different += sum(not np.array_equal(ours, theirs) for ours, theirs in pairs)
    cold, warm, theirs = [], [], []
    for _ in range(repeats):  # in turn, so that a slow minute of the machine hits all of them
        encoder = BulkEncoder(tokenizer)
        cold.append(seconds(lambda: [encoder.encode(batch) for batch in batches]))  # noqa: B023
        warm.append(seconds(lambda: [encoder.encode(batch) for batch in batches]))  # noqa: B023
        theirs.append(seconds(lambda: [peer.encode_batch_fast(batch, add_special_tokens=False) for batch in batches]))
    size = n_megabytes(lines)
    peer_s = float(np.median(theirs))
    print(f"\n{name}: {len(lines):,} lines, {size:.0f} MB; lines with other ids: {n_different}")
    print(f"  {'tokenizers encode_batch_fast':<30}{size / peer_s:>7.1f} MB/s")
    for label, values in (("malmoi, cold", cold), ("malmoi, warm", warm)):
        value = float(np.median(values))
        print(f"  {label:<30}{size / value:>7.1f} MB/s   ratio {peer_s / value:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less text, a smaller vocabulary")
    quick = parser.parse_args().quick
    print(describe("tokenizers", "numpy"))
    kind, wiki = wiki_lines(5_000 if quick else 200_000)
    reviews = review_lines(5_000 if quick else 200_000)
    with tempfile.TemporaryDirectory() as folder:
        size = 4_000 if "sample" in kind else 8_000 if quick else 32_000
        directory = learn(wiki, Path(folder), size)
        compare(kind, wiki, directory, repeats=3)
        if reviews:
            compare("reviews", reviews, directory, repeats=3)


if __name__ == "__main__":
    main()
