"""Two tokenizers side by side on the same text: how finely they cut, what they miss, where they differ.

Any tokenizer directory of a BERT will do. It says nothing of which one makes the better model.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from malmoi.corpus.readers import iter_corpus
from malmoi.errors import InputError, OptionError
from malmoi.tokenizer.count import split_eojeols
from malmoi.tokenizer.measure import N_EXAMPLES, Measured, is_special, measure, script_shares
from malmoi.tokenizer.tokenizer import Tokenizer

_EOJEOLS_AT_ONCE = 2000


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two."""

    name: str
    """Its directory."""
    n_tokens: int
    """Entries of its vocabulary."""
    measured: Measured
    """How it cuts the text."""
    shares: dict[str, float]
    """Scripts of its entries."""
    n_only_here: int
    """Entries that the other one does not have."""
    only_here: list[str]
    """Those of them that the text needs most often, most frequent first."""

    def record(self) -> dict[str, Any]:
        """As a line of JSON."""
        return {
            "tokenizer": self.name,
            "n_tokens": self.n_tokens,
            "n_eojeols": self.measured.n_eojeols,
            "n_pieces": self.measured.n_pieces,
            "fertility": self.measured.fertility,
            "pieces_per_character": self.measured.pieces_per_character,
            "unk_rate": self.measured.unk_rate,
            "unknown": self.measured.unknown,
            "piece_shares": self.shares,
            "n_only_here": self.n_only_here,
            "only_here": self.only_here,
        }


@dataclass(frozen=True, kw_only=True)
class Difference:
    """An eojeol that the two cut differently."""

    eojeol: str
    """As it stands in the text."""
    count: int
    """How often."""
    pieces: tuple[list[str], list[str]]
    """The first one's, the second one's."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two sides and where they differ."""

    sides: tuple[Side, Side]
    """In the order they were given."""
    n_different: int
    """Eojeols of the text that are cut differently."""
    differences: list[Difference]
    """The most frequent of them."""

    def records(self) -> Iterator[dict[str, Any]]:
        """Lines of JSON: a tokenizer each, then an eojeol each."""
        yield from (side.record() for side in self.sides)
        for found in self.differences:
            yield {"eojeol": found.eojeol, "count": found.count, "pieces": found.pieces}

    def __str__(self) -> str:
        first, second = self.sides
        rows = {"": [first.name, second.name], "entries": [f"{side.n_tokens:,}" for side in self.sides]}
        rows["pieces an eojeol"] = [f"{side.measured.fertility:.3f}" for side in self.sides]
        rows["pieces a character"] = [f"{side.measured.pieces_per_character:.3f}" for side in self.sides]
        rows["[UNK] among pieces"] = [f"{side.measured.unk_rate:.4%}" for side in self.sides]
        rows |= {f"entries in {name}": [f"{side.shares[name]:.1%}" for side in self.sides] for name in first.shares}
        rows["entries only here"] = [f"{side.n_only_here:,}" for side in self.sides]
        widths = [max(len(row[i]) for row in rows.values()) for i in range(2)]
        table = [f"{name:<18}  {a:>{widths[0]}}  {b:>{widths[1]}}" for name, (a, b) in rows.items()]
        share = self.n_different / max(1, first.measured.n_eojeols)
        examples = [
            f"{d.count:>9,}  {d.eojeol}:  {' '.join(d.pieces[0])}  |  {' '.join(d.pieces[1])}" for d in self.differences
        ]
        return "\n".join([*table, f"cut differently: {share:.1%} of the eojeols, most often", *examples])


def compare(first: Path, second: Path, corpus: Path, *, max_documents: int = 10_000) -> Comparison:
    """Compare the tokenizers in two directories on the first `max_documents` of a corpus.

    Raises:
        InputError: a directory or the corpus cannot be read, or holds no text. VocabularyError: no BERT's tokenizer.
        OptionError: `max_documents` below 1.
    """
    if max_documents < 1:
        raise OptionError(f"max_documents is {max_documents}: expected 1 or more")
    tokenizers = [Tokenizer.load(directory) for directory in (first, second)]
    texts = [document.text for document in islice(iter_corpus(corpus), max_documents)]
    eojeols = Counter(eojeol for text in texts for eojeol in split_eojeols(text))
    if not eojeols:
        raise InputError(f"{corpus} holds no text: expected a corpus, made by `malmoi corpus`")
    used: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    differences = list(_differences(tokenizers, eojeols, used))
    differences.sort(key=lambda difference: -difference.count)
    sides = [
        _side(str(directory), tokenizers[i], tokenizers[1 - i], texts, used[i])
        for i, directory in enumerate((first, second))
    ]
    return Comparison(
        sides=(sides[0], sides[1]),
        n_different=sum(difference.count for difference in differences),
        differences=differences[:N_EXAMPLES],
    )


def _differences(
    tokenizers: list[Tokenizer], eojeols: Counter[str], used: tuple[Counter[str], Counter[str]]
) -> Iterator[Difference]:
    """Eojeols cut differently, in order of appearance; counts in `used` which pieces each side needs."""
    remaining = iter(eojeols.items())
    while batch := list(islice(remaining, _EOJEOLS_AT_ONCE)):
        words = [eojeol for eojeol, _ in batch]
        cut = [tokenizer.encode_batch(words, special_tokens=False) for tokenizer in tokenizers]
        for (eojeol, count), one, other in zip(batch, *cut, strict=True):
            for counter, encoding in zip(used, (one, other), strict=True):
                for piece in encoding.pieces:
                    counter[piece] += count
            if one.pieces != other.pieces:
                yield Difference(eojeol=eojeol, count=count, pieces=(one.pieces, other.pieces))


def _side(name: str, tokenizer: Tokenizer, other: Tokenizer, texts: list[str], used: Counter[str]) -> Side:
    tokens, others = tokenizer.vocabulary.tokens, other.vocabulary.id_of
    only_here = [token for token in tokens if token not in others and not is_special(token)]
    return Side(
        name=name,
        n_tokens=len(tokens),
        measured=measure(tokenizer, texts),
        shares=script_shares(tokens),
        n_only_here=len(only_here),
        only_here=sorted((t for t in only_here if used[t]), key=lambda token: -used[token])[:N_EXAMPLES],
    )
