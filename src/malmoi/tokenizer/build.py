"""The vocabulary stage: a corpus in, a tokenizer directory out, and a report on what it does to the corpus.

Eojeols are counted in one pass; everything after works on distinct ones, so memory and time grow with these
and not with the corpus. Merging itself is in `bpe.py`, choosing what becomes an entry in `learn.py`.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from malmoi.artifact import check_output, staged_directory, write_json
from malmoi.corpus.readers import corpus_parts, iter_corpus
from malmoi.corpus.sentences import split_sentences
from malmoi.engine import map_ordered
from malmoi.errors import InputError
from malmoi.morphology.catalog import make_analyzer
from malmoi.morphology.morph import Analyzer
from malmoi.text import is_cjk, is_hangul
from malmoi.tokenizer.analysed import UnitCutter, count_words
from malmoi.tokenizer.learn import VocabOptions as VocabOptions
from malmoi.tokenizer.learn import learn
from malmoi.tokenizer.segment import WAYS
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.tokenizer.vocab import SPECIAL_TOKENS

N_EXAMPLES = 20
"""How many dropped characters and longest pieces the report shows."""
_TAG = re.compile(r"(?<!^)/[A-Z]+_?$")
_BATCH_EOJEOLS = 20_000

# `str.split` cuts at these, BERT's clean-up deletes them; at all other blanks both cut.
_DELETED_BLANKS = re.compile("[\x0b\x0c\x1c-\x1f\x85]")


@dataclass
class CorpusCounts:
    """What one pass over a corpus counts."""

    eojeols: Counter[str] = field(default_factory=Counter)
    """Distinct eojeols (what stands between blanks), in order of first appearance."""
    n_documents: int = 0
    """Documents."""
    n_characters: int = 0
    """Characters of their texts."""
    words: Counter[str] = field(default_factory=Counter)
    """For ways that cut by an analyser: what WordPiece is given."""

    def add(self, text: str) -> None:
        """Count one more document."""
        self.n_documents += 1
        self.n_characters += len(text)
        if _DELETED_BLANKS.search(text):
            text = _DELETED_BLANKS.sub("", text)
        self.eojeols.update(text.split())

    def merge(self, later: "CorpusCounts") -> None:
        """Take in the counts of text that follows."""
        self.eojeols.update(later.eojeols)
        self.n_documents += later.n_documents
        self.n_characters += later.n_characters
        self.words.update(later.words)


@dataclass(frozen=True, kw_only=True)
class VocabReport:
    """What was learnt, and how the tokenizer cuts the corpus it was learnt from."""

    n_documents: int
    """Documents of the corpus."""
    n_characters: int
    """Characters of the corpus."""
    n_eojeols: int
    """Eojeols of the corpus."""
    n_distinct: int
    """Distinct eojeols."""
    size: int
    """Entries of the vocabulary."""
    n_merges: int
    """Merges done; fewer pieces stand, as merges use up pieces."""
    n_kept_chars: int
    """Characters that have entries."""
    n_dropped_chars: int
    """Characters that have none; words with them are [UNK]."""
    dropped_chars: list[str]
    """The most frequent of those."""
    fertility: float
    """Pieces an eojeol, on average."""
    unk_rate: float
    """Share of [UNK] among the pieces of the corpus."""
    piece_shares: dict[str, float]
    """Shares of `hangul`, `hanja`, `latin` and `other` (digits, signs, mixtures) among the entries."""
    longest_pieces: list[str]
    """The longest entries."""

    def lines(self) -> list[str]:
        """The report as a person reads it."""
        shares = ", ".join(f"{name} {share:.1%}" for name, share in self.piece_shares.items())
        return [
            f"corpus: {self.n_documents:,} documents, {self.n_characters:,} characters, "
            f"{self.n_eojeols:,} eojeols, {self.n_distinct:,} of them distinct",
            f"vocabulary: {self.size:,} entries after {self.n_merges:,} merges ({shares})",
            f"characters: {self.n_kept_chars:,} kept, {self.n_dropped_chars:,} dropped " + " ".join(self.dropped_chars),
            f"pieces an eojeol: {self.fertility:.3f}; [UNK]: {self.unk_rate:.4%} of pieces",
            f"longest pieces: {' '.join(self.longest_pieces)}",
        ]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def build_vocab(
    corpus: Path,
    out: Path,
    options: VocabOptions = VocabOptions(),  # noqa: B008  (frozen)
    *,
    workers: int = 1,
    force: bool = False,
) -> VocabReport:
    """Learn a vocabulary from `corpus` and write the tokenizer directory `out`.

    Args:
        corpus: a corpus directory, or a single file of text.
        out: the directory to make: what `Tokenizer.save` writes, `report.json`, `manifest.json`.
        options: see `VocabOptions`.
        workers: processes that count eojeols; the result is the same, bit for bit, for every number.
        force: replace `out` if it exists.

    Raises:
        InputError: the corpus cannot be read or holds no text.
        VocabularyError: the corpus does not give a vocabulary of this size.
        OutputError: `out` cannot be written, or exists.
    """
    check_output(out, force=force)
    analyzer = _analyzer(options)  # first: it may not be installed
    counts = count_corpus(corpus, options, workers=workers)
    if not counts.eojeols:
        raise InputError(f"{corpus} holds no text: expected a corpus, made by `malmoi corpus`")
    learnt = learn(counts.words if WAYS[options.segment].cut else counts.eojeols, options)
    tokenizer = Tokenizer.from_vocabulary(
        learnt.vocabulary, segment=options.segment, lowercase=options.lowercase, analyzer=analyzer
    )
    fertility, unk_rate = measure(tokenizer, counts.eojeols, counts.words)
    report = VocabReport(
        n_documents=counts.n_documents,
        n_characters=counts.n_characters,
        n_eojeols=counts.eojeols.total(),
        n_distinct=len(counts.eojeols),
        size=tokenizer.n_tokens,
        n_merges=learnt.n_merges,
        n_kept_chars=learnt.n_kept_chars,
        n_dropped_chars=len(learnt.dropped_chars),
        dropped_chars=learnt.dropped_chars[:N_EXAMPLES],
        fertility=fertility,
        unk_rate=unk_rate,
        piece_shares=_piece_shares(tokenizer.vocabulary.tokens),
        longest_pieces=sorted(tokenizer.vocabulary.tokens, key=_bare_length, reverse=True)[:N_EXAMPLES],
    )
    with staged_directory(out, kind="tokenizer", options=asdict(options), force=force) as staged:
        tokenizer.save(staged)
        write_json(staged / "report.json", asdict(report))
    return report


def count_corpus(
    corpus: Path,
    options: VocabOptions = VocabOptions(),  # noqa: B008  (frozen)
    *,
    workers: int = 1,
) -> CorpusCounts:
    """Count the eojeols of a corpus directory, a part a worker, or of a single file; and words, see `CorpusCounts`."""
    parts = corpus_parts(corpus) if corpus.is_dir() else [corpus]
    total = CorpusCounts()
    count = partial(_count_part, options=options, threads=None if workers == 1 else 1)
    for counts in map_ordered(count, parts, workers):
        total.merge(counts)
    return total


def _count_part(part: Path, options: VocabOptions, threads: int | None) -> CorpusCounts:
    counts = CorpusCounts()
    for document in iter_corpus(part):
        counts.add(document.text)
    way = WAYS[options.segment]
    if way.cut:
        # Sentence by sentence, as the shards' text will be cut: analysers look at what stands around.
        sentences = (sentence for document in iter_corpus(part) for sentence in split_sentences(document.text))
        analyzer = make_analyzer(options.analyzer, threads=threads)
        counts.words = count_words(sentences, UnitCutter(way, analyzer, lowercase=options.lowercase))
    return counts


def _analyzer(options: VocabOptions) -> Analyzer | None:
    return make_analyzer(options.analyzer) if WAYS[options.segment].cut else None


def measure(tokenizer: Tokenizer, eojeols: Counter[str], words: Counter[str] | None = None) -> tuple[float, float]:
    """Pieces an eojeol, and the share of [UNK] among pieces, over what was counted; see `CorpusCounts` for `words`."""
    n_pieces = n_unknown = 0
    remaining = iter((words if tokenizer.analyzer and words else eojeols).items())
    encode = tokenizer.encode_words if tokenizer.analyzer else tokenizer.encode_ids
    while batch := list(islice(remaining, _BATCH_EOJEOLS)):
        texts, counts = zip(*batch, strict=True)
        for ids, count in zip(encode(texts), counts, strict=True):
            n_pieces += count * len(ids)
            n_unknown += count * int(np.count_nonzero(ids == tokenizer.unk_id))
    return n_pieces / eojeols.total(), n_unknown / n_pieces if n_pieces else 0.0


def _piece_shares(tokens: Iterable[str]) -> dict[str, float]:
    kinds = Counter({"hangul": 0, "hanja": 0, "latin": 0, "other": 0})
    kinds.update(_script(token.removeprefix("##") or token) for token in tokens if token not in SPECIAL_TOKENS)
    return {kind: count / max(1, kinds.total()) for kind, count in kinds.items()}


def _script(piece: str) -> str:
    piece = _TAG.sub("", piece) or piece
    if all(map(is_hangul, piece)):
        return "hangul"
    if all(map(is_cjk, piece)):
        return "hanja"
    return "latin" if all(unicodedata.name(c, "").startswith("LATIN ") for c in piece) else "other"


def _bare_length(token: str) -> int:
    return 0 if token in SPECIAL_TOKENS else len(token.removeprefix("##"))
