"""Sentences: F1 of the boundaries against gold and megabytes a second, the rules against Kiwi. Needs MALMOI_DATA."""

import argparse
import os
import time
from pathlib import Path

from malmoi.corpus.sentences import Splitter, score_boundaries, sentence_splitter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the smallest text only")
    options = parser.parse_args()
    if not os.environ.get("MALMOI_DATA"):
        print("MALMOI_DATA is not set: it names the folder of real data sets")
        return
    folder = Path(os.environ["MALMOI_DATA"]) / "sentence_split"
    splitters: dict[str, Splitter] = {name: sentence_splitter(name) for name in ("rules", "kiwi")}  # type: ignore[arg-type]
    splitters["kiwi"]("준비.")  # loads its model
    for name in ["sample"] if options.quick else ["wikipedia", "nested", "sample", "blogs_ko"]:
        parts = (folder / f"{name}.txt").read_text(encoding="utf-8").split("\n\n")
        documents = [[line.strip() for line in part.split("\n") if line.strip()] for part in parts]
        n_bytes = sum(len(" ".join(document).encode()) for document in documents)
        for label, split in splitters.items():
            began = time.process_time()
            score = score_boundaries(split, documents)
            rate = n_bytes / 1e6 / (time.process_time() - began)
            print(f"{name}, {label}: F1 {score.f1:.3f} of {score.n_gold} boundaries, {rate:.2f} MB/s of processor time")


if __name__ == "__main__":
    main()
