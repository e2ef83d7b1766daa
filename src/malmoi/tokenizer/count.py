"""Counting a corpus for the vocabulary: its words, and documents put aside to judge the vocabulary by.

A part of the corpus is a unit of work: eojeols are counted, then the distinct ones cut into words as the tokenizer
will. Parts come back in order and are added up, so the counts and the order of first appearance do not depend
on the number of workers. In memory are the distinct words, at most `max_words` of them; it learns nothing.
"""

import json
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from malmoi import __version__
from malmoi.corpus.readers import corpus_parts, iter_corpus
from malmoi.corpus.sentences import split_sentences
from malmoi.engine import Engine, map_ordered
from malmoi.errors import InputError
from malmoi.morphology.catalog import make_analyzer
from malmoi.tokenizer.analysed import UnitCutter
from malmoi.tokenizer.analysed import count_words as count_unit_words
from malmoi.tokenizer.backend import DELETED_BLANKS, MAX_WORD_CHARS, malmoi_normalizer, malmoi_pre_tokenizer
from malmoi.tokenizer.learn import VocabOptions
from malmoi.tokenizer.segment import WAYS
from malmoi.workplace import map_kept, workplace

MAX_HELD_OUT_CHARS = 10_000_000
"""Characters of held-out text that are kept to measure on; what exceeds them is left out of learning all the same."""
_PIECE_CHARS = 4_000_000


@dataclass
class CorpusCounts:
    """What one pass over a corpus counts."""

    words: Counter[str] = field(default_factory=Counter)
    """Distinct words, as the tokenizer will see them, in order of first appearance."""
    n_documents: int = 0
    """Documents, those held out not among them."""
    n_characters: int = 0
    """Characters of their texts."""
    n_eojeols: int = 0
    """Eojeols (what stands between blanks)."""
    n_forgotten: int = 0
    """Distinct words that were dropped for want of room, each with at most `forgotten_count` places."""
    forgotten_count: int = 0
    """The largest count that was dropped."""
    held_out: list[str] = field(default_factory=list)
    """Texts of documents that are not counted."""

    def merge(self, later: "CorpusCounts", max_words: int | None = None) -> None:
        """Take in the counts of text that follows; drop rare words where there are more than `max_words` then.

        The rarest go first, until three quarters of the room are taken (lossy counting). A dropped word that
        comes again counts from 0. This looks at counts alone, after every part, and so is the same for any
        number of workers.
        """
        self.words.update(later.words)
        for name in ("n_documents", "n_characters", "n_eojeols"):
            setattr(self, name, getattr(self, name) + getattr(later, name))
        room = MAX_HELD_OUT_CHARS - sum(map(len, self.held_out))
        for text in later.held_out:
            room -= len(text)
            if room >= 0:
                self.held_out.append(text)
        if max_words is not None and len(self.words) > max_words:
            self._forget(max_words)

    def _forget(self, max_words: int) -> None:
        by_count = Counter(self.words.values())
        n_left, lowest = len(self.words), 0
        while n_left > max_words * 3 // 4:
            lowest += 1
            n_left -= by_count[lowest]
        self.n_forgotten += len(self.words) - n_left
        self.forgotten_count = max(lowest, self.forgotten_count)
        self.words = Counter({word: n for word, n in self.words.items() if n > lowest})


@contextmanager
def counted(
    corpus: Path, out: Path, options: VocabOptions, *, workers: int = 1, engine: Engine = "local"
) -> Iterator[tuple[CorpusCounts, Path]]:
    """Count a corpus for `out`; yields the counts and the working directory, where they stay until the block ends well.

    Raises:
        InputError: the corpus cannot be read or holds no text. OutputError: see `workplace`.
    """
    analyzer = make_analyzer(options.analyzer) if WAYS[options.segment].cut else None
    journal = {  # all that decides what is counted; the size, for one, does not
        "malmoi": __version__,
        "corpus": corpus_state(corpus),
        "analyzer": analyzer and [analyzer.name, analyzer.version],
        **{name: getattr(options, name) for name in ("segment", "lowercase", "tokens", "held_out")},
    }
    with workplace(out, journal) as work:
        counts = count_corpus(corpus, options, work=work, workers=workers, engine=engine)
        if not counts.words:
            raise InputError(f"{corpus} holds no text: expected a corpus, made by `malmoi corpus`")
        yield counts, work


def count_corpus(
    corpus: Path, options: VocabOptions, *, work: Path | None = None, workers: int = 1, engine: Engine = "local"
) -> CorpusCounts:
    """Count a corpus directory, a part a worker, or a single file; with `work`, the counts of a part are kept there."""
    total = CorpusCounts()
    count, pieces = partial(_count, options=options, threads=None if workers == 1 else 1), corpus_pieces(corpus)
    if work is None:
        parts = map_ordered(count, pieces, workers, engine)
    else:
        parts = map_kept(count, pieces, work, save=_save, load=_load, workers=workers, engine=engine)
    for counts in parts:
        total.merge(counts, options.max_words)
    return total


def _save(counts: CorpusCounts, file: IO[bytes]) -> None:
    file.write(json.dumps(vars(counts), ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _load(path: Path) -> CorpusCounts:
    values = json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
    return CorpusCounts(**{**values, "words": Counter(values["words"])})


def corpus_pieces(corpus: Path) -> Iterator[Path | list[str]]:
    """Units of work: the parts of a directory, to be read by the worker; of a single file, its texts."""
    if corpus.is_dir():
        yield from corpus_parts(corpus)
        return
    texts: list[str] = []
    n_chars = 0
    for document in iter_corpus(corpus):
        texts.append(document.text)
        n_chars += len(document.text)
        if n_chars >= _PIECE_CHARS:
            yield texts
            texts, n_chars = [], 0
    yield texts


def corpus_state(corpus: Path) -> list[list[str | int]]:
    """By what a corpus is known again: its files with their sizes and times of change."""
    files = corpus_parts(corpus) if corpus.is_dir() else [corpus]
    states = [(file, file.stat()) for file in files if file.exists()]
    return [[str(file.absolute()), state.st_size, state.st_mtime_ns] for file, state in states]


def texts_of(piece: Path | Sequence[str]) -> Iterable[str]:
    """The documents of such a unit."""
    return (document.text for document in iter_corpus(piece)) if isinstance(piece, Path) else piece


def _count(piece: Path | Sequence[str], options: VocabOptions, threads: int | None) -> CorpusCounts:
    """Count one piece. Runs in a worker."""
    counts = CorpusCounts()
    eojeols: Counter[str] = Counter()
    texts = _counted_texts(piece, options, counts, eojeols)
    way = WAYS[options.segment]
    if way.cut:
        # Sentence by sentence, as the shards' text will be cut: analysers look at what stands around.
        sentences = (sentence for text in texts for sentence in split_sentences(text))
        analyzer = make_analyzer(options.analyzer, threads=threads)
        counts.words = count_unit_words(sentences, UnitCutter(way, analyzer, lowercase=options.lowercase))
    else:
        deque(texts, maxlen=0)
        counts.words = count_words(eojeols, lowercase=options.lowercase, tokens=options.tokens)
    counts.n_eojeols = eojeols.total()
    return counts


def _counted_texts(
    piece: Path | Sequence[str], options: VocabOptions, counts: CorpusCounts, eojeols: Counter[str]
) -> Iterator[str]:
    """The texts to learn from, counted as they pass; others are put aside."""
    for number, text in enumerate(texts_of(piece), 1):
        if options.held_out and number % options.held_out == 0:
            counts.held_out.append(text)
            continue
        counts.n_documents += 1
        counts.n_characters += len(text)
        eojeols.update(split_eojeols(text))
        yield text


def split_eojeols(text: str) -> list[str]:
    """Cut at blanks, exactly where the tokenizer does."""
    return (DELETED_BLANKS.sub("", text) if DELETED_BLANKS.search(text) else text).split()


def count_words(eojeols: Mapping[str, int], *, lowercase: bool, tokens: Sequence[str] = ()) -> Counter[str]:
    """The words that the tokenizer will see in eojeols, with their counts, in order of first appearance.

    `tokens` are entries that are never split: they are taken out, and the words end there.
    """
    normalize = malmoi_normalizer(lowercase=lowercase).normalize_str
    cut = malmoi_pre_tokenizer().pre_tokenize_str
    # Nearly all eojeols are of characters that clean-up leaves alone; these need no library. Of what is no letter
    # here, every character is a word, and so are its runs of letters.
    letters = f"0-9{'a-z' if lowercase else 'a-zA-Z'}가-힣"
    is_one_word = re.compile(f"[{letters}]{{1,{MAX_WORD_CHARS}}}").fullmatch
    is_plain = re.compile(f"[{letters}一-鿌!-/:-@\\[-`{{-~“”‘’·…「」『』《》〈〉–—、。]+").fullmatch
    words_of_plain = re.compile(f"[{letters}]{{1,{MAX_WORD_CHARS}}}|.").findall
    # The library takes the longest of those that begin at the same place; so does this.
    never_split = "|".join(re.escape(token) for token in sorted(tokens, key=len, reverse=True))
    between_tokens = re.compile(never_split).split if tokens else None
    words: Counter[str] = Counter()
    for eojeol, count in eojeols.items():
        if between_tokens is not None:
            parts = between_tokens(normalize(_without_surrogates(eojeol)))
            found = [word for part in parts for word, _ in cut(part)]
        elif is_one_word(eojeol):
            words[eojeol] += count
            continue
        elif is_plain(eojeol):
            found = words_of_plain(eojeol)
        else:
            found = [word for word, _ in cut(normalize(_without_surrogates(eojeol)))]
        for word in found:
            words[word] += count
    return words


def _without_surrogates(text: str) -> str:
    return text.encode("utf-8", "ignore").decode("utf-8")
