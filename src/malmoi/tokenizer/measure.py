"""What a tokenizer does to a text: pieces an eojeol, [UNK] and what it stands for, pieces a character.

Any tokenizer of a BERT can be measured, ours or not, on any text; nothing is learnt here. See `card.py` for the
report on a vocabulary of ours, `compare.py` for two side by side.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from malmoi.corpus.sentences import split_sentences
from malmoi.text import is_cjk, is_hangul
from malmoi.tokenizer.count import split_eojeols
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.tokenizer.vocab import SPECIAL_TOKENS

N_EXAMPLES = 20
"""How many unknown strings, longest pieces and the like are shown."""
_LINES_AT_ONCE = 1000
_TAG = re.compile(r"(?<=.)/[A-Z]+_?$")
SCRIPTS = ("hangul", "hanja", "latin", "digits", "other")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """How a text is cut."""

    n_eojeols: int
    """Eojeols of the text."""
    n_characters: int
    """Characters, blanks not counted."""
    n_pieces: int
    """Pieces, special tokens not counted."""
    n_unknown: int
    """Those that are [UNK]."""
    unknown: dict[str, int]
    """What most of these stand for, most frequent first."""

    @property
    def fertility(self) -> float:
        """Pieces an eojeol."""
        return self.n_pieces / max(1, self.n_eojeols)

    @property
    def unk_rate(self) -> float:
        """Share of [UNK] among the pieces."""
        return self.n_unknown / max(1, self.n_pieces)

    @property
    def pieces_per_character(self) -> float:
        """Pieces a character."""
        return self.n_pieces / max(1, self.n_characters)


def measure(tokenizer: Tokenizer, texts: Iterable[str]) -> Measured:
    """Cut `texts` line by line and count."""
    n_eojeols = n_characters = n_pieces = n_unknown = 0
    unknown: Counter[str] = Counter()
    lines = (line for text in texts for line in text.split("\n"))
    while batch := list(islice(lines, _LINES_AT_ONCE)):
        for line, ids in zip(batch, tokenizer.encode_ids(batch), strict=True):
            eojeols = split_eojeols(line)
            n_eojeols += len(eojeols)
            n_characters += sum(map(len, eojeols))
            n_pieces += len(ids)
            if n := int(np.count_nonzero(ids == tokenizer.unk_id)):
                n_unknown += n
                unknown.update(_unknown_in(tokenizer, line))
    return Measured(
        n_eojeols=n_eojeols,
        n_characters=n_characters,
        n_pieces=n_pieces,
        n_unknown=n_unknown,
        unknown=most_frequent(unknown),
    )


def most_frequent(counts: Counter[str]) -> dict[str, int]:
    """The first few, most frequent first, equal ones by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:N_EXAMPLES])


def _unknown_in(tokenizer: Tokenizer, line: str) -> Iterator[str]:
    encoding = tokenizer.encode(line, special_tokens=False)
    for piece_id, (start, end) in zip(encoding.ids, encoding.spans, strict=True):
        if piece_id == tokenizer.unk_id:
            yield line[start:end]


def pick_sentences(texts: Sequence[str], n: int) -> list[str]:
    """Some sentences to show, from texts that stand far apart, of a length that can be read."""
    step = max(1, len(texts) // n)
    first_ones = (next(filter(_can_be_read, split_sentences(text)), None) for text in texts[::step])
    return list(islice(filter(None, first_ones), n))


def _can_be_read(sentence: str) -> bool:
    return 20 <= len(sentence) <= 100


def script_shares(tokens: Iterable[str]) -> dict[str, float]:
    """Shares of `SCRIPTS` among the entries of a vocabulary."""
    kinds = Counter(dict.fromkeys(SCRIPTS, 0))
    kinds.update(_script(bare(token)) for token in tokens if not is_special(token))
    return {kind: count / max(1, kinds.total()) for kind, count in kinds.items()}


def longest_pieces(tokens: Sequence[str]) -> list[str]:
    """The longest entries, special tokens not among them."""
    words = [token for token in tokens if not is_special(token)]
    return sorted(words, key=lambda token: len(bare(token)), reverse=True)[:N_EXAMPLES]


def is_special(token: str) -> bool:
    """Whether an entry is no piece of text: [PAD], [unused7]."""
    return token in SPECIAL_TOKENS or (token.startswith("[unused") and token.endswith("]"))


def bare(token: str) -> str:
    """A piece without the mark of continuation."""
    return token.removeprefix("##") or token


def _script(piece: str) -> str:
    """One of `SCRIPTS`; mixtures and signs are `other`. A tag behind a morpheme (`발견/NNG`) does not count."""
    piece = _TAG.sub("", piece)
    if all(map(is_hangul, piece)):
        return "hangul"
    if all(map(is_cjk, piece)):
        return "hanja"
    if all(map(str.isdecimal, piece)):
        return "digits"
    return "latin" if all(unicodedata.name(c, "").startswith("LATIN ") for c in piece) else "other"
