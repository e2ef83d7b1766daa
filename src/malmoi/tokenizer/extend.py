"""More entries for a vocabulary that a model knows already: the pieces that a corpus of another field would merge.

Old entries keep their ids, so a model's table only grows (`pretrain --from` fills the new rows). How text is cleaned
and cut stays that of the old tokenizer.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from malmoi.artifact import check_output, staged_directory, write_json, write_text
from malmoi.engine import Engine
from malmoi.errors import OptionError, VocabularyError
from malmoi.tokenizer.bpe import PairMerger
from malmoi.tokenizer.count import counted
from malmoi.tokenizer.learn import VocabOptions, choose_characters
from malmoi.tokenizer.measure import measure
from malmoi.tokenizer.segment import WAYS, Segment
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.tokenizer.vocab import Vocabulary


@dataclass(frozen=True, kw_only=True)
class ExtendReport:
    """What was added, and what it does to held-out text."""

    n_before: int
    n_characters: int
    """Entries added for characters."""
    n_pieces: int
    """Entries added for merged pieces."""
    size: int
    first: list[str]
    """The most frequent pieces among them."""
    fertility_before: float
    """Pieces an eojeol, on documents that were not learnt from."""
    fertility: float
    unk_rate_before: float
    unk_rate: float

    def __str__(self) -> str:
        return (
            f"{self.n_before:,} entries and {self.n_characters + self.n_pieces:,} new ones "
            f"({' '.join(self.first[:10])} ...); pieces an eojeol {self.fertility_before:.3f} before, "
            f"{self.fertility:.3f} now; [UNK] {self.unk_rate_before:.3%} before, {self.unk_rate:.3%} now"
        )


def extend_vocab(
    corpus: Path,
    base: Path,
    out: Path,
    options: VocabOptions,
    *,
    workers: int = 1,
    engine: Engine = "local",
    force: bool = False,
) -> ExtendReport:
    """Write the tokenizer `base` with entries learnt from `corpus` to the directory `out`.

    Args:
        corpus: corpus directory, or a single file of text.
        base: the tokenizer that is extended.
        out: the directory to make.
        options: `size` is that of the whole vocabulary; how text is cut is the base's.
        workers: processes that count words.
        engine: processes of this machine or of a Ray cluster.
        force: replace `out` if it exists.

    Raises:
        InputError: a directory is missing, or the corpus holds no text.
        OptionError: `size` is no more than the base has.
        VocabularyError: the corpus does not give so many new pieces.
        OutputError: `out` exists, or cannot be written.
    """
    check_output(out, force=force)
    old = Tokenizer.load(base)
    if options.size <= old.n_tokens:
        raise OptionError(f"size is {options.size}: expected more than the {old.n_tokens:,} entries of {base}")
    lowercase = not any(token != token.lower() and token[0] != "[" for token in old.vocabulary.tokens)
    options = replace(options, segment=old.segment, lowercase=lowercase)  # type: ignore[arg-type]
    with counted(corpus, out, options, workers=workers, engine=engine) as (counts, work):
        characters, pieces = _new_entries(old, counts.words, options)
        settings = {"size": options.size, "base": old.fingerprint}
        staging = staged_directory(out, kind="tokenizer", options=settings, force=force, temporary=work / "out")
        with staging as staged:
            _write_extended(old, [*characters, *pieces], staged)
            report = _judge(old, Tokenizer.load(staged), characters, pieces, counts.held_out)
            write_json(staged / "report.json", vars(report))
    return report


def _new_entries(old: Tokenizer, words: Mapping[str, int], options: VocabOptions) -> tuple[list[str], list[str]]:
    """Characters that are missing, and the pieces that there is room for then."""
    way, known = WAYS[old.segment], set(old.vocabulary.tokens)
    characters = [] if way.cut else [token for token in _character_entries(words, options) if token not in known]
    n_wanted = options.size - old.n_tokens - len(characters)
    if n_wanted < 0:
        raise OptionError(
            f"size is {options.size}: the corpus has characters for {len(characters)} new entries, pass --size "
            f"{old.n_tokens + len(characters)} or more, or a lower --char-coverage"
        )
    return characters, _new_pieces(words, way, options, known, n_wanted)


def _judge(
    old: Tokenizer, new: Tokenizer, characters: list[str], pieces: list[str], held_out: list[str]
) -> ExtendReport:
    before, now = measure(old, held_out), measure(new, held_out)
    return ExtendReport(
        n_before=old.n_tokens,
        n_characters=len(characters),
        n_pieces=len(pieces),
        size=new.n_tokens,
        first=pieces[:50],
        fertility_before=before.fertility,
        fertility=now.fertility,
        unk_rate_before=before.unk_rate,
        unk_rate=now.unk_rate,
    )


def _character_entries(words: Mapping[str, int], options: VocabOptions) -> list[str]:
    """`X` and `##X` for the characters that cover the corpus."""
    chosen = choose_characters(words, size=options.size, max_share=0.0, coverage=options.char_coverage)
    prefix = WAYS[options.segment].prefix
    symbols = Counter[str]()
    for word, count in words.items():
        for symbol in WAYS[options.segment].symbols(word):
            symbols[symbol] += count
    kept = {form for char in chosen.kept for form in (char, prefix + char)}
    return [symbol for symbol, _ in symbols.most_common() if symbol in kept]


def _new_pieces(
    words: Mapping[str, int], way: Segment, options: VocabOptions, known: set[str], n_wanted: int
) -> list[str]:
    """Merged pieces that are not known yet, most frequent first; merging goes on until there are enough."""
    if not n_wanted:
        return []
    whole = Counter[str]()
    for word, count in words.items():
        for piece in way.largest_pieces(word):
            whole[piece] += count
    merger = PairMerger(((way.symbols(piece), n) for piece, n in whole.items()), min_count=options.min_count)
    enough, new = n_wanted, dict[str, int]()
    for _ in merger.merges():
        if merger.n_merged_pieces >= enough:
            new = {piece: n for piece, n in merger.merged_pieces().items() if piece not in known}
            if len(new) >= n_wanted:
                break
            enough = merger.n_merged_pieces + n_wanted - len(new)
    else:
        new = {piece: n for piece, n in merger.merged_pieces().items() if piece not in known}
        if len(new) < n_wanted:
            raise VocabularyError(
                f"size is {options.size}, but this corpus gives {len(new)} new pieces with min_count "
                f"{options.min_count}: pass --size {options.size - n_wanted + len(new)} or smaller, or more text"
            )
    return sorted(new, key=new.__getitem__, reverse=True)[:n_wanted]


def _write_extended(old: Tokenizer, new: list[str], directory: Path) -> None:
    """The old tokenizer's files with more entries at the end of the vocabulary."""
    old.save(directory)
    path = directory / "tokenizer.json"
    spec: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    spec["model"]["vocab"] |= {token: old.n_tokens + number for number, token in enumerate(new)}
    write_text(path, json.dumps(spec, ensure_ascii=False, indent=2) + "\n")
    Vocabulary((*old.vocabulary.tokens, *new)).save(directory / "vocab.txt")
