"""From counted words to the entries of a vocabulary: characters, pieces. Counts nothing: see `count.py`.

Two rules. The default is for use: special tokens, every character as `X` and `##X` (so that no word of known
characters is [UNK]), and the pieces that stand in the corpus when the vocabulary is full. The pure rule of
the literature, `n_merges`, is for study: the pieces that stand after that many merges, single characters or
not.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np

from malmoi.errors import OptionError, VocabularyError
from malmoi.morphology.sejong import TAGS
from malmoi.text import is_cjk, is_hangul, is_punctuation
from malmoi.tokenizer.backend import malmoi_normalizer
from malmoi.tokenizer.bpe import PREFIX, PairMerger
from malmoi.tokenizer.segment import WAYS, Segment
from malmoi.tokenizer.vocab import SPECIAL_TOKENS, Vocabulary

_LEAST_ROOM = 256
"""Entries that other characters than Hangul and ASCII may take, however little room there is."""


@dataclass(frozen=True, kw_only=True)
class VocabOptions:
    """Options of the vocabulary stage."""

    size: int = 32_000
    """Entries of the vocabulary, special tokens and characters included."""
    min_count: int = 2
    """Pairs of pieces seen fewer times are not merged."""
    segment: Literal[
        "eojeol", "syllable", "morpheme", "morpheme-tag", "base-form", "lemma", "morpheme-learnt", "korbert"
    ] = "eojeol"
    """How text is cut: `eojeol` (pieces grow to whole words), `syllable` (Hangul stays single); by an analyser
    `morpheme` (발견 ##된 ##다), `morpheme-tag` (발견/NNG 된/XSV 다/EF), `base-form` (발견 되 ㄴ 다),
    `lemma` (발견 되다), `korbert` (발견/NNG_ 되/XSV_ ㄴ다/EF_); `morpheme-learnt`: an analyser while learning only."""
    analyzer: Literal["kiwi", "mecab", "okt"] = "kiwi"
    """The morphological analyser of the ways that need one."""
    lowercase: bool = False
    """Lowercase all letters; accents stay."""
    max_char_share: float = 0.3
    """Characters other than Hangul and ASCII are kept, frequent ones first, while all together take at most
    this share of the entries."""
    char_coverage: float = 0.9995
    """The most frequent characters that make up this share of the corpus are kept (SentencePiece's default) where
    there is room: they take at most half of what Hangul and ASCII leave; 1 keeps all that fit."""
    tokens: tuple[str, ...] = ()
    """An entry that is always in the vocabulary and never split, such as a name or `[URL]`; may be repeated."""
    held_out: int | None = 100
    """One document in this many is not learnt from, and the vocabulary is judged by them."""
    max_words: int | None = 30_000_000
    """Distinct words kept in memory (some 150 bytes each); beyond, the rarest are dropped, and the report says how
    many."""
    n_merges: int | None = None
    """Learn by the pure rule instead: this many merges, and the pieces that stand after them (no `size`)."""

    def __post_init__(self) -> None:
        if self.segment not in WAYS:
            raise OptionError(f"segment is {self.segment!r}: expected one of {', '.join(WAYS)}")
        if self.tokens and WAYS[self.segment].analyzed:
            raise OptionError(f"tokens are for ways without an analyser, not for {self.segment}: leave --tokens out")
        if self.size <= len(SPECIAL_TOKENS):
            raise OptionError(
                f"size is {self.size}: expected more than the {len(SPECIAL_TOKENS)} special tokens; 32000 is usual"
            )
        if self.min_count < 1:
            raise OptionError(f"min_count is {self.min_count}: expected 1 or more")
        for name in ("max_char_share", "char_coverage"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"{name} is {getattr(self, name)}: expected a share from 0 to 1")
        for name, least in (("held_out", 2), ("max_words", 1000)):
            if (value := getattr(self, name)) is not None and value < least:
                raise OptionError(f"{name} is {value}: expected {least} or more, or none")
        _check_tokens(self.tokens, lowercase=self.lowercase)
        if self.n_merges is not None and self.n_merges < 0:
            raise OptionError(f"n_merges is {self.n_merges}: expected 0 or more")


def _check_tokens(tokens: tuple[str, ...], *, lowercase: bool) -> None:
    normalize = malmoi_normalizer(lowercase=lowercase).normalize_str
    for token in tokens:
        if not token or normalize(token) != token or token.split() != [token]:
            raise OptionError(
                f"token {token!r}: expected characters as clean-up leaves them, without blanks and ideographs"
                f"{' and capitals' * lowercase}; it would read {normalize(token)!r}"
            )
        if token in SPECIAL_TOKENS or token.startswith(PREFIX) or tokens.count(token) > 1:
            raise OptionError(f"token {token!r}: expected each once, no special token, and none that begins with ##")


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """A vocabulary and how it came about."""

    vocabulary: Vocabulary
    """Special tokens first."""
    n_merges: int
    """Merges done."""
    least_count: int
    """How often the pair of the last merge stood; 0 without merges."""
    char_coverage: float
    """Share of the characters counted that have entries."""
    n_kept_chars: int
    """Characters with entries."""
    dropped_chars: list[str]
    """Characters without, most frequent first."""


@dataclass(frozen=True, kw_only=True)
class CharacterChoice:
    """Which characters get entries."""

    kept: list[str]
    """Most frequent first."""
    dropped: list[str]
    """Most frequent first."""
    n_entries: int
    """Entries that those kept take."""
    coverage: float
    """Share of the characters counted that are kept."""


def learn(words: Mapping[str, int], options: VocabOptions) -> Learnt:
    """Learn a vocabulary from words with their counts, in order of first appearance.

    For ways that cut by an analyser they are not eojeols but the words of `analysed.count_words`.

    Raises:
        VocabularyError: these words do not give a vocabulary of this size; the message says what they give.
    """
    if options.n_merges is not None:
        return _learn_pure(words, options)
    return _learn_to_size(words, options)


def choose_characters(
    words: Mapping[str, int],
    *,
    size: int,
    max_share: float,
    coverage: float = VocabOptions.char_coverage,
    n_reserved: int = len(SPECIAL_TOKENS),
    way: Segment = WAYS["eojeol"],
) -> CharacterChoice:
    """Choose the characters that get entries: all Hangul and ASCII, others by count.

    Those that cover the corpus but for a rest are kept in half of the room that Hangul and ASCII leave, or a small
    vocabulary would lose its quotation marks to rare syllables, and its pieces to rare ideographs; more of them while
    all characters together take at most `max_share` of the entries. `n_reserved` entries are for special tokens and
    the like.

    Raises:
        VocabularyError: Hangul and ASCII alone do not fit.
    """
    counts = _count_characters(words)
    ranked = sorted(counts, key=lambda char: (-counts[char], char))
    always = [char for char in ranked if char.isascii() or is_hangul(char)]
    n_entries = sum(_n_entries(char, way) for char in always)
    smallest = n_reserved + n_entries
    if smallest > size:
        raise VocabularyError(
            f"size is {size}, but the {len(always)} Hangul and ASCII characters of this corpus "
            f"take {n_entries} entries: pass --size {smallest} or more, "
            f"better {2 * smallest}, to have room for words"
        )
    room = size - n_reserved
    room_by_share = min(room, int(size * max_share))
    if coverage < 1:
        left = room - n_entries
        room = n_entries + max(left // 2, min(left, _LEAST_ROOM))
    kept = set(always)
    uncovered = (1 - coverage) * counts.total()
    remaining = counts.total()
    for char in ranked:
        if remaining <= uncovered:
            room = room_by_share
        remaining -= counts[char]
        if char in kept:
            continue
        if n_entries + _n_entries(char, way) > room:
            break
        kept.add(char)
        n_entries += _n_entries(char, way)
    return CharacterChoice(
        kept=[char for char in ranked if char in kept],
        dropped=[char for char in ranked if char not in kept],
        n_entries=n_entries,
        coverage=sum(counts[char] for char in kept) / max(1, counts.total()),
    )


def _count_characters(words: Mapping[str, int]) -> Counter[str]:
    codes = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32)
    weights = np.repeat(np.fromiter(words.values(), np.int64, len(words)), [len(word) for word in words])
    totals = np.bincount(codes, weights)  # floats, but of whole numbers below 2⁵³: exact
    return Counter({chr(code): int(totals[code]) for code in np.flatnonzero(totals).tolist()})


def _n_entries(char: str, way: Segment) -> int:
    """One where a character never continues a word (clean-up sets it apart), or has no mark where it does; else two."""
    return 1 if not way.prefix or is_cjk(char) or is_punctuation(char) else 2


def _entries(chars: Iterable[str], way: Segment) -> list[str]:
    """The entries of characters: `X` for all, then `##X`."""
    chars = list(chars)
    return chars + [way.prefix + char for char in chars if _n_entries(char, way) == 2]


def _texts_and_tags(words: Mapping[str, int], way: Segment) -> tuple[Mapping[str, int], list[str]]:
    """Words without `##` and tags; and the entries of tags (`##/NNG`), also of those that this corpus does not have."""
    if not way.cut:
        return words, []
    texts: Counter[str] = Counter()
    for word, count in words.items():
        bare = (symbol.removeprefix(way.prefix) for symbol in way.symbols(word))
        texts["".join(char for char in bare if len(char) == 1)] += count
    end_mark = "" if way.prefix else "_"
    return texts, [f"{way.prefix}/{tag}{end_mark}" for tag in sorted(TAGS)] if way.tagged else []


def _choose(texts: Mapping[str, int], tags: list[str], options: VocabOptions, size: int) -> CharacterChoice:
    return choose_characters(
        texts,
        size=size,
        max_share=options.max_char_share,
        coverage=options.char_coverage,
        n_reserved=len(SPECIAL_TOKENS) + len(options.tokens) + len(tags),
        way=WAYS[options.segment],
    )


def _learn_to_size(words: Mapping[str, int], options: VocabOptions) -> Learnt:
    way = WAYS[options.segment]
    texts, tags = _texts_and_tags(words, way)
    chars = _choose(texts, tags, options, options.size)
    fixed = list(dict.fromkeys([*SPECIAL_TOKENS, *options.tokens, *_entries(chars.kept, way), *tags]))
    wanted = options.size - len(fixed)
    merger = _merger(words, options, min_count=options.min_count, dropped=set(chars.dropped))
    n_merges = least_count = most = 0
    if wanted:
        for merge in merger.merges():
            n_merges, least_count, most = merge.step, merge.count, max(most, merger.n_merged_pieces)
            # A merge adds one piece at most, so no number is stepped over.
            if merger.n_merged_pieces == wanted:
                break
        else:
            raise _too_large(words, options, most)
    pieces = merger.merged_pieces() if wanted else {}
    by_count = sorted(pieces, key=pieces.__getitem__, reverse=True)
    return Learnt(
        vocabulary=Vocabulary((*fixed, *by_count)),
        n_merges=n_merges,
        least_count=least_count,
        char_coverage=chars.coverage,
        n_kept_chars=len(chars.kept),
        dropped_chars=chars.dropped,
    )


def _learn_pure(words: Mapping[str, int], options: VocabOptions) -> Learnt:
    merger = _merger(words, options, min_count=1, dropped=set())
    merges = list(islice(merger.merges(), options.n_merges))
    n_merges = len(merges)
    if n_merges < (options.n_merges or 0):
        raise VocabularyError(
            f"n_merges is {options.n_merges}, but this corpus has nothing left after {n_merges}: "
            f"pass {n_merges} or fewer, or more text"
        )
    pieces = merger.standing()
    n_chars = len({piece for piece in pieces if len(piece.removeprefix(PREFIX)) == 1})
    return Learnt(
        vocabulary=Vocabulary(tuple(dict.fromkeys([*SPECIAL_TOKENS, *options.tokens, *pieces]))),
        n_merges=n_merges,
        least_count=merges[-1].count if merges else 0,
        char_coverage=1.0,
        n_kept_chars=n_chars,
        dropped_chars=[],
    )


def _merger(words: Mapping[str, int], options: VocabOptions, *, min_count: int, dropped: set[str]) -> PairMerger:
    """Words as the chosen way lets them merge; those with a dropped character will be [UNK], so not these."""
    way = WAYS[options.segment]
    pieces: Counter[str] = Counter()
    for word, count in words.items():
        if dropped.isdisjoint(word):
            for piece in way.largest_pieces(word):
                pieces[piece] += count
    return PairMerger(((way.symbols(piece), n) for piece, n in pieces.items()), min_count=min_count)


def _too_large(words: Mapping[str, int], options: VocabOptions, n_pieces: int) -> VocabularyError:
    """Say which size this corpus gives; a smaller one may keep fewer characters, so look again for it."""
    way = WAYS[options.segment]
    texts, tags = _texts_and_tags(words, way)
    size, reached = options.size, 0
    while reached != size:
        chars = _choose(texts, tags, options, size)
        n_fixed = len(SPECIAL_TOKENS) + len(options.tokens) + chars.n_entries + len(tags)
        reached, size = size, min(size, n_fixed + n_pieces)
    error = VocabularyError(
        f"size is {options.size}, but this corpus gives {size} entries with min_count {options.min_count}: "
        f"pass --size {size} or smaller, a lower --min-count, or more text"
    )
    error.possible_size = size
    return error
