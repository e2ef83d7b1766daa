"""Encoding by morphemes against the analyser alone, on the same text: how much of its speed is left (target: 0.9).

Both sides use the same loaded analyser and the same threads. The ratio of processor time is printed beside that of the
clock: on a busy machine only the former is steady.

    python benchmarks/morphology.py --quick
    python benchmarks/morphology.py --corpus corpus --analyzer mecab
"""

import argparse
import statistics
import time
from collections.abc import Callable
from importlib.resources import files
from itertools import islice
from pathlib import Path

from machine import describe

from malmoi.corpus.readers import iter_corpus
from malmoi.corpus.sentences import split_sentences
from malmoi.morphology.catalog import make_analyzer
from malmoi.morphology.morph import Analyzer
from malmoi.tokenizer.analysed import UnitCutter, count_words
from malmoi.tokenizer.learn import VocabOptions, learn
from malmoi.tokenizer.segment import WAYS
from malmoi.tokenizer.tokenizer import Tokenizer

_PACKAGES = {"kiwi": "kiwipiepy", "mecab": "python-mecab-ko", "okt": "konlpy"}


def library_alone(analyzer: Analyzer, texts: list[str]) -> Callable[[], object]:
    """The analyser's own call as its users make it, nothing of ours."""
    list(analyzer.analyze(["가"]))
    if analyzer.name == "kiwi":
        return lambda: sum(len(tokens) for tokens in analyzer._kiwi.tokenize(texts))  # type: ignore[attr-defined]
    if analyzer.name == "mecab":
        return lambda: sum(len(analyzer._mecab.parse(text)) for text in texts)  # type: ignore[attr-defined]
    return lambda: sum(len(analyzer._okt.tokenize(text, False, False)) for text in texts)  # type: ignore[attr-defined]


def make_tokenizer(way: str, analyzer: Analyzer, texts: list[str]) -> Tokenizer:
    words = count_words(texts, UnitCutter(WAYS[way], analyzer))
    vocabulary = learn(words, VocabOptions(segment=way, n_merges=1000)).vocabulary
    return Tokenizer.from_vocabulary(vocabulary, segment=way, analyzer=analyzer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--corpus", type=Path, default=Path(str(files("malmoi.sample"))) / "articles.jsonl")
    parser.add_argument("--analyzer", default="kiwi")
    parser.add_argument("--sentences", type=int, default=10_000)
    arguments = parser.parse_args()
    n = 1500 if arguments.quick else arguments.sentences
    sentences = (s for document in iter_corpus(arguments.corpus) for s in split_sentences(document.text))
    texts = list(islice(sentences, n))
    n_bytes = sum(len(text.encode()) for text in texts)
    print(describe(_PACKAGES[arguments.analyzer]))
    print(f"{len(texts):,} sentences, {n_bytes / 1e6:.2f} MB; {arguments.analyzer}")
    analyzer = make_analyzer(arguments.analyzer)
    candidates = {"analyser alone": library_alone(analyzer, texts)}
    for way in WAYS:
        if WAYS[way].analyzed:
            tokenizer = make_tokenizer(way, analyzer, texts)
            candidates[way] = lambda tokenizer=tokenizer: tokenizer.encode_ids(texts)  # type: ignore[misc]
            candidates[f"{way}, with spans"] = lambda tokenizer=tokenizer: tokenizer.encode_batch(texts)  # type: ignore[misc]
    clock: dict[str, list[float]] = {name: [] for name in candidates}
    processor: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(3 if arguments.quick else 7):
        for name, run in candidates.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            clock[name].append(time.perf_counter() - wall)
            processor[name].append(time.process_time() - cpu)
    base_wall, base_cpu = (statistics.median(times["analyser alone"]) for times in (clock, processor))
    print(f"{'':28}{'MB/s':>8}{'ratio':>8}{'ratio of processor time':>26}")
    for name in candidates:
        wall, cpu = statistics.median(clock[name]), statistics.median(processor[name])
        print(f"{name:28}{n_bytes / wall / 1e6:8.3f}{base_wall / wall:8.2f}{base_cpu / cpu:26.2f}")


if __name__ == "__main__":
    main()
