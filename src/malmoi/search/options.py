"""Options of all of search, free of everything that computes, so that the command line knows them at once."""

from dataclasses import dataclass
from typing import Literal

from malmoi.errors import OptionError

Unit = Literal["morpheme", "eojeol"]
"""`morpheme`: content morphemes, compound nouns whole and by parts; `eojeol`: what stands between blanks."""

By = Literal["hybrid", "rrf", "vector", "lexical"]
"""What ranks: terms, vectors, or both: by their scores (hybrid), or by their ranks (rrf: reciprocal rank fusion)."""


@dataclass(frozen=True, kw_only=True)
class EmbeddingOptions:
    """What only the training of embedders has."""

    temperature: float = 0.05
    """embedding: cosines are divided by it; lower looks harder at what is nearly right."""
    positive: str | None = None
    """embedding: the label of pairs that mean the same, in files of labelled pairs; known for published data."""

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise OptionError(f"temperature is {self.temperature}: expected a number above 0")


@dataclass(frozen=True, kw_only=True)
class Sent2VecOptions:
    """How sentence vectors are learnt."""

    unit: Unit = "morpheme"
    """What a word is: content morphemes, or what stands between spaces (eojeol)."""
    width: int = 256
    """Numbers in a vector."""
    epochs: int | None = None
    """Passes over the text; by default as many as make a million words, between 5 and 30."""
    min_count: int = 1
    """Words that occur fewer times are left out."""
    pairs: int = 200_000
    """Buckets for pairs of neighbouring words; 0 for words alone."""
    negatives: int = 10
    """Random words against each word."""
    subsample: float = 1e-3
    """Words more frequent than this share are now and then not guessed while learning."""
    dropout: float = 0.3
    """Share of the features left out while learning, so that no word is guessed from its pairs alone."""
    lr: float = 0.1
    """Learning rate (Adagrad), falling to zero."""
    seed: int = 1
    """Seed of everything random."""

    def __post_init__(self) -> None:
        for name in ("width", "min_count", "negatives"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} is {getattr(self, name)}: expected 1 or more")
        if self.pairs < 0 or (self.epochs is not None and self.epochs < 1):
            raise OptionError(f"pairs {self.pairs}, epochs {self.epochs}: expected 0 or more pairs, 1 or more epochs")
        if not 0 <= self.dropout < 1 or not self.lr > 0 or not self.subsample > 0:
            raise OptionError(
                f"dropout {self.dropout}, lr {self.lr}, subsample {self.subsample}: expected a dropout below 1, "
                "the others above 0"
            )


@dataclass(frozen=True, kw_only=True)
class Bm25Options:
    """How terms are weighed."""

    k1: float = 1.2
    """How soon repeating a term stops to matter."""
    b: float = 0.75
    """How much a long document is marked down."""

    def __post_init__(self) -> None:
        if not self.k1 >= 0 or not 0 <= self.b <= 1:
            raise OptionError(f"k1 {self.k1}, b {self.b}: expected k1 of 0 or more, b between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class AnswerOptions:
    """How a question is answered."""

    candidates: int = 10
    """Documents that are retrieved, and re-ranked where there is a model for it."""
    by: By | None = None
    """What retrieves them: lexical, vector, or both, by scores (hybrid) or by ranks (rrf); by default hybrid
    where there are vectors."""
    threshold: float | None = None
    """Below this score of the best document the answer is none: a probability where a pair model re-ranks."""
    positive: str | None = None
    """The pair model's label that means "this one"; by default found out of two labels (1 of 0 and 1)."""

    def __post_init__(self) -> None:
        if self.candidates < 1:
            raise OptionError(f"candidates is {self.candidates}: expected 1 or more")


@dataclass(frozen=True, kw_only=True)
class MineOptions:
    """What is mined."""

    target: Literal["embedding", "pair"] = "embedding"
    """For training embedders (per line a pair with its negatives), or a pair classifier (per line a labelled pair)."""
    negatives: int = 4
    """Near misses per question."""
    skip: int = 0
    """Nearest wrong ones to pass over: some are right, though no pair says so."""
    by: By | None = None
    """What retrieves: lexical, vector, or both, by scores (hybrid) or by ranks (rrf); by default hybrid
    where there are vectors."""

    def __post_init__(self) -> None:
        if self.negatives < 1 or self.skip < 0:
            raise OptionError(f"negatives {self.negatives}, skip {self.skip}: expected 1 or more, 0 or more")
