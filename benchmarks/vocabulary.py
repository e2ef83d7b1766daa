"""P4: a vocabulary of 32,000 from lines of text, ours against `tokenizers`' WordPiece trainer, as many cores each.

Both get the same normalizer, words and least count; the peer keeps all characters (its default of 1,000 would drop
hanja) and reads from memory or, where that is faster, from a file. Ours is the whole stage: reading a corpus
directory, counting, merging, judging the vocabulary on held-out documents, writing. Memory is the peak of each process.

    python benchmarks/vocabulary.py [--quick] [--workers 2]
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from machine import describe
from text import n_megabytes, wiki_lines

LINES_IN_A_PART = 20_000


def ours(folder: Path, size: int, workers: int) -> str:
    from malmoi.artifact import read_manifest
    from malmoi.tokenizer.build import VocabOptions, build_vocab

    out = Path(tempfile.mkdtemp(dir=folder)) / "tokenizer"
    build_vocab(folder / "corpus", out, VocabOptions(size=size), workers=workers)
    return read_manifest(out, "tokenizer").content_hash


def theirs(folder: Path, size: int, workers: int, *, from_file: bool) -> str:
    os.environ["RAYON_NUM_THREADS"] = str(workers)
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    from malmoi.tokenizer.backend import malmoi_normalizer
    from malmoi.tokenizer.vocab import SPECIAL_TOKENS

    peer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    peer.normalizer = malmoi_normalizer(lowercase=False)
    peer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, min_frequency=2, special_tokens=list(SPECIAL_TOKENS), show_progress=False
    )
    if from_file:
        peer.train([str(folder / "lines.txt")], trainer)
    else:
        lines = (folder / "lines.txt").read_text(encoding="utf-8").split("\n")
        peer.train_from_iterator(lines, trainer, length=len(lines))
    return str(hash(frozenset(peer.get_vocab())))


CANDIDATES: dict[str, Callable[[Path, int, int], str]] = {
    "malmoi": ours,
    "tokenizers, from memory": partial(theirs, from_file=False),
    "tokenizers, from a file": partial(theirs, from_file=True),
}


def _measured(
    run: Callable[[Path, int, int], str], folder: Path, size: int, workers: int, connection: Connection
) -> None:
    started = time.perf_counter()
    result = run(folder, size, workers)
    seconds = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    connection.send((seconds, peak_mb, result))


def in_own_process(
    run: Callable[[Path, int, int], str], folder: Path, size: int, workers: int
) -> tuple[float, float, str]:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(run, folder, size, workers, sender))
    process.start()
    result: tuple[float, float, str] = receiver.recv()
    process.join()
    return result


def write_texts(lines: list[str], folder: Path) -> None:
    (folder / "lines.txt").write_text("\n".join(lines), encoding="utf-8")
    (folder / "corpus").mkdir()
    for number, start in enumerate(range(0, len(lines), LINES_IN_A_PART)):
        with (folder / "corpus" / f"part-{number:05}.jsonl").open("w", encoding="utf-8") as file:
            for i, line in enumerate(lines[start : start + LINES_IN_A_PART]):
                file.write(json.dumps({"id": f"{start + i}", "title": "", "text": line}, ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less text, a smaller vocabulary, once, one worker")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    quick, workers = arguments.quick, 1 if arguments.quick else arguments.workers
    print(describe("tokenizers", "numpy"))
    kind, lines = wiki_lines(20_000 if quick else 1_000_000)
    size = 4_000 if "sample" in kind else 8_000 if quick else 32_000
    print(f"\n{kind}: {len(lines):,} lines, {n_megabytes(lines):.0f} MB; {size:,} entries, {workers} workers")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_texts(lines, folder)
        runs: dict[str, list[tuple[float, float, str]]] = {candidate: [] for candidate in CANDIDATES}
        for _ in range(1 if quick else 2):  # in turn, so that a slow minute of the machine hits all of them
            for candidate, run in CANDIDATES.items():
                runs[candidate].append(in_own_process(run, folder, size, workers))
    best = {candidate: min(seconds for seconds, _, _ in found) for candidate, found in runs.items()}
    for candidate, found in runs.items():
        peak, same = max(mb for _, mb, _ in found), len({result for _, _, result in found}) == 1
        repeated = "" if quick else f", {'the same' if same else 'another'} vocabulary when repeated"
        print(f"  {candidate:<26}{best[candidate]:>7.1f} s, {peak:>6,.0f} MB{repeated}")
    peer = min(seconds for candidate, seconds in best.items() if candidate != "malmoi")
    print(f"  ours takes {best['malmoi'] / peer:.2f} times as long as the better of the peer's")


if __name__ == "__main__":
    main()
