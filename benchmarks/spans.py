"""Spans of every way of cutting, on as many real lines as wanted: a check, not a timing.

    python benchmarks/spans.py CORPUS --lines 100000

Of every piece of every line: its span is inside the text, not empty and in order; for ways that keep what is written,
the text at the span is the piece, and decoding gives the text back up to blanks. Prints a line a way; stops at a fault.
"""

import argparse
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from itertools import islice
from pathlib import Path

from malmoi.corpus.readers import iter_corpus
from malmoi.morphology.catalog import make_analyzer
from malmoi.text import is_control, is_whitespace
from malmoi.tokenizer.analysed import UnitCutter, count_words
from malmoi.tokenizer.learn import VocabOptions, learn
from malmoi.tokenizer.segment import WAYS
from malmoi.tokenizer.tokenizer import Encoding, Tokenizer
from malmoi.tokenizer.vocab import SPECIAL_TOKENS

_AT_ONCE = 2000
_SURFACE = ("eojeol", "syllable", "morpheme", "morpheme-tag", "morpheme-learnt")


def clean(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFC", text) if not is_control(c) and not is_whitespace(c))


def bare(piece: str, way: str) -> str:
    piece = piece.removeprefix("##")
    if way != "morpheme-tag" or "/" not in piece:
        return piece
    form, _, tag = piece.rpartition("/")
    return form if tag else piece


def check(text: str, encoding: Encoding, way: str, tokenizer: Tokenizer) -> None:
    spans = encoding.spans
    assert all(0 <= start < end <= len(text) for start, end in spans), text
    assert [s for s, _ in spans] == sorted(s for s, _ in spans), text
    assert [e for _, e in spans] == sorted(e for _, e in spans), text
    if way not in _SURFACE:
        return
    several = Counter(spans)
    for piece, (start, end) in zip(encoding.pieces, spans, strict=True):
        form = bare(piece, way)
        if form and piece not in SPECIAL_TOKENS and several[start, end] == 1:
            assert clean(text[start:end]) == form, (text, piece, start, end)
    if tokenizer.unk_id not in encoding.ids:
        decoded = tokenizer.decode(encoding.ids)
        assert clean(decoded).replace(" ", "") == clean(text), (text, decoded)


def make_tokenizer(way: str, lines: list[str], analyzer_name: str) -> Tokenizer:
    analyzer = make_analyzer(analyzer_name)
    if WAYS[way].cut:
        words = count_words(lines, UnitCutter(WAYS[way], analyzer))
    else:
        words = Counter(word for line in lines for word in line.split())
    learnt = learn(words, VocabOptions(segment=way, size=6000, max_char_share=0.9, min_count=1))
    return Tokenizer.from_vocabulary(learnt.vocabulary, segment=way, analyzer=analyzer)


def read(corpus: Path) -> Iterator[str]:
    return (line for document in iter_corpus(corpus) for line in document.text.splitlines() if line.strip())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=Path(str(files("malmoi.sample"))) / "articles.jsonl")
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--analyzer", default="kiwi")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    n_lines = 200 if arguments.quick else arguments.lines
    for way in arguments.ways.split(","):
        tokenizer = make_tokenizer(way, list(islice(read(arguments.corpus), 20_000)), arguments.analyzer)
        lines = islice(read(arguments.corpus), n_lines)
        started, n_done, n_pieces, n_unknown = time.perf_counter(), 0, 0, 0
        while batch := list(islice(lines, _AT_ONCE)):
            for line, encoding in zip(batch, tokenizer.encode_batch(batch, special_tokens=False), strict=True):
                check(line, encoding, way, tokenizer)
                n_pieces += len(encoding.ids)
                n_unknown += encoding.ids.count(tokenizer.unk_id)
            n_done += len(batch)
        seconds = time.perf_counter() - started
        print(f"{way:16} {n_done:,} lines, {n_pieces:,} pieces, {n_unknown:,} [UNK], {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
