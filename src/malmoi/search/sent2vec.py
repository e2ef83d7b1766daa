"""Sentence vectors as means of word and word-pair vectors, learnt on one's own text (Pagliardini et al. 2017).

Each word of a sentence is to be told, among random others, from the mean of the sentence's other words and pairs
(arXiv:1703.02507; pairs are hashed, as in fastText). NumPy only; no position, no grammar, and no Transformer.

Shapes: N words of a batch, S sentences, F their features (words and pairs), K random words, D width.
"""

import json
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np

from malmoi.artifact import file_hash, read_manifest, staged_directory, write_json
from malmoi.errors import InputError
from malmoi.progress import progress_bar
from malmoi.search.embedder import unit
from malmoi.search.options import Sent2VecOptions
from malmoi.search.terms import Terms

_VECTORS = "vectors.npy"
_VOCABULARY = "vocabulary.json"
_SENTENCES_A_BATCH = 256
_N_SHARED = 128
"""Random words a batch shares: one matrix product instead of many small ones; each counts less for it."""


@dataclass(frozen=True, kw_only=True)
class Sent2VecReport:
    """What was learnt."""

    n_texts: int
    n_words: int
    """In all texts."""
    vocabulary: int
    """Different ones that are kept."""
    epochs: int
    loss: float
    """Of the last epoch, a word."""

    def __str__(self) -> str:
        return (
            f"{self.n_texts:,} texts, {self.n_words:,} words, {self.vocabulary:,} different; {self.epochs} epochs, "
            f"loss {self.loss:.3f}"
        )


class Sent2Vec:
    """Vectors of words and pairs, and how texts are cut.

    >>> Sent2Vec.load("vectors").encode(["배송은 언제 오나요?"]).shape
    (1, 256)
    """

    def __init__(self, terms: Terms, vocabulary: Sequence[str], table: np.ndarray, *, name: str = "") -> None:
        """`table`: float32 [n_words + n_buckets, width], words first."""
        self.terms, self.table, self.name = terms, table, name
        self.vocabulary = {word: number for number, word in enumerate(vocabulary)}

    @classmethod
    def load(cls, directory: str | Path) -> Self:
        """Load what `malmoi sent2vec` wrote.

        Raises:
            InputError: it is something else, or damaged.
        """
        directory = Path(directory)
        manifest = read_manifest(directory, "sent2vec")
        try:
            words = json.loads((directory / _VOCABULARY).read_text(encoding="utf-8"))
            table = np.load(directory / _VECTORS, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InputError(f"{directory} cannot be read ({error}): run `malmoi sent2vec` again") from error
        terms = Terms(manifest.options["unit"], compounds=False)
        name = f"{directory.resolve().name} (sent2vec, {file_hash(directory / _VECTORS)[:12]})"
        return cls(terms, words, table, name=name)

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return int(self.table.shape[1])

    def encode(self, texts: Sequence[str], batch_size: int | None = None, *, normalize: bool = True) -> np.ndarray:
        """float32 [n_texts, width], in order; zeros for a text without a known word. `batch_size` changes nothing."""
        vectors = np.zeros((len(texts), self.width), np.float32)
        n_buckets = len(self.table) - len(self.vocabulary)
        for number, words in enumerate(self.terms(texts)):
            known = [self.vocabulary[word] for word in words if word in self.vocabulary]
            if known:
                vectors[number] = self.table[_features(known, len(self.vocabulary), n_buckets)].mean(0)
        return unit(vectors) if normalize else vectors


def _features(words: Sequence[int], n_words: int, n_buckets: int) -> list[int]:
    """Rows of the table that a sentence is the mean of: its words, and the buckets of its pairs."""
    if not n_buckets:
        return list(words)
    return [*words, *(n_words + zlib.crc32(b"%d %d" % pair) % n_buckets for pair in pairwise(words))]


def train_sent2vec(
    texts: Sequence[str], out: Path, options: Sent2VecOptions = Sent2VecOptions(), *, force: bool = False
) -> Sent2VecReport:
    """Learn sentence vectors from texts.

    Args:
        texts: sentences or short texts, best those that are searched.
        out: directory to make.
        options: see there.
        force: replace `out`.

    Raises:
        InputError: fewer than two different words.
        OutputError: `out` exists, or cannot be written.
    """
    with staged_directory(out, kind="sent2vec", options=asdict(options), force=force) as staged:
        cut = list(Terms(options.unit, compounds=False)(texts))
        counts = Counter(word for words in cut for word in words)
        vocabulary = sorted((w for w, n in counts.items() if n >= options.min_count), key=lambda w: (-counts[w], w))
        if len(vocabulary) < 2:
            raise InputError(f"{len(texts):,} texts have {len(vocabulary)} words: expected two different ones or more")
        numbers = {word: number for number, word in enumerate(vocabulary)}
        sentences = [[numbers[word] for word in words if word in numbers] for words in cut]
        learner = _Learner(
            [words for words in sentences if len(words) > 1], np.array([counts[w] for w in vocabulary]), options
        )
        loss = learner.run()
        np.save(staged / _VECTORS, learner.inputs)
        write_json(staged / _VOCABULARY, vocabulary)
        return Sent2VecReport(
            n_texts=len(texts),
            n_words=counts.total(),
            vocabulary=len(vocabulary),
            epochs=learner.n_epochs,
            loss=loss,
        )


@dataclass(frozen=True)
class _Batch:
    words: np.ndarray
    """int64 [N], what is to be told"""
    sentence_of_word: np.ndarray
    """int64 [N], rising"""
    features: np.ndarray
    """int64 [F]"""
    sentence_of_feature: np.ndarray
    """int64 [F], rising"""


class _Learner:
    """The two tables while they are learnt: `inputs` of features, `outputs` of words to be told."""

    def __init__(self, sentences: list[list[int]], counts: np.ndarray, options: Sent2VecOptions) -> None:
        self.options, self.n_words = options, len(counts)
        if not sentences:
            raise InputError("no text has two words: expected sentences to learn from")
        self.rng = np.random.default_rng(options.seed)
        features = [_features(words, self.n_words, options.pairs) for words in sentences]
        self.words, self.word_starts = _flat(sentences)
        self.features, self.feature_starts = _flat(features)
        shares = counts / counts.sum()
        self.kept = np.minimum(1, np.sqrt(options.subsample / shares) + options.subsample / shares)
        self.chances = np.sqrt(counts) / np.sqrt(counts).sum()
        self.n_epochs = options.epochs or int(np.clip(1_000_000 // len(self.words), 5, 30))
        shape = (self.n_words + options.pairs, options.width)
        self.inputs = ((self.rng.random(shape, np.float32) - 0.5) / options.width).astype(np.float32)
        self.outputs = np.zeros((self.n_words, options.width), np.float32)
        self._squares = np.full(shape[0], 1e-8, np.float32), np.full(self.n_words, 1e-8, np.float32)

    def run(self) -> float:
        """Learn; the last epoch's loss a word."""
        n_sentences = len(self.word_starts) - 1
        n_batches = -(-n_sentences // _SENTENCES_A_BATCH)
        loss, step, n_steps = 0.0, 0, self.n_epochs * n_batches
        with progress_bar("sentence vectors", self.n_epochs) as bar:
            for _ in range(self.n_epochs):
                total, n = 0.0, 0
                for chosen in np.array_split(self.rng.permutation(n_sentences), n_batches):
                    batch = self._batch(np.sort(chosen))
                    total += self._step(batch, self.options.lr * (1 - step / n_steps))
                    n, step = n + len(batch.words), step + 1
                loss = total / max(1, n)
                bar.update(note=f"loss {loss:.3f}")
        return loss

    def _batch(self, chosen: np.ndarray) -> _Batch:
        words, owners = _take(self.words, self.word_starts, chosen)
        features, feature_owners = _take(self.features, self.feature_starts, chosen)
        told = self.rng.random(len(words)) < self.kept[words]
        kept = self.rng.random(len(features)) >= self.options.dropout
        return _Batch(words[told], owners[told], features[kept], feature_owners[kept])

    def _step(self, batch: _Batch, lr: float) -> float:
        """One batch: gradients of the logistic loss, both tables changed; the sum of the loss."""
        n_sentences = max(batch.sentence_of_feature.max(initial=-1), batch.sentence_of_word.max(initial=-1)) + 1
        sums_SD = _sum_rows(self.inputs[batch.features], batch.sentence_of_feature, n_sentences)
        counts_S = np.bincount(batch.sentence_of_feature, minlength=n_sentences)
        # A word must not be among what it is told from: its own vector comes off where it was kept.
        own_N = _present(batch, n_sentences, self.n_words)
        left_N = counts_S[batch.sentence_of_word] - own_N
        usable = left_N > 0
        words_N, owners_N, own_N, left_N = (
            values[usable] for values in (batch.words, batch.sentence_of_word, own_N, left_N)
        )
        if not len(words_N):
            return 0.0
        means_ND = (sums_SD[owners_N] - own_N[:, None] * self.inputs[words_N]) / left_N[:, None].astype(np.float32)
        others_K = self.rng.choice(self.n_words, _N_SHARED, p=self.chances)
        right_ND, others_KD = self.outputs[words_N], self.outputs[others_K]
        pull_N = _sigmoid(-np.einsum("nd,nd->n", means_ND, right_ND))
        push_NK = _sigmoid(means_ND @ others_KD.T) * np.float32(self.options.negatives / _N_SHARED)
        push_NK[words_N[:, None] == others_K[None]] = 0
        ascent_ND = pull_N[:, None] * right_ND - push_NK @ others_KD
        self._climb(1, words_N, pull_N[:, None] * means_ND, lr)
        self._climb(1, others_K, -push_NK.T @ means_ND, lr)
        shared_ND = ascent_ND / left_N[:, None].astype(np.float32)
        by_sentence_SD = _sum_rows(shared_ND, owners_N, n_sentences)
        rows, places = np.concatenate([batch.features, words_N]), batch.sentence_of_feature
        self._climb(0, rows, np.concatenate([by_sentence_SD[places], -own_N[:, None] * shared_ND]), lr)
        return float(-np.log1p(-pull_N + 1e-7).sum())

    def _climb(self, table: int, rows: np.ndarray, ascent: np.ndarray, lr: float) -> None:
        """Adagrad with one scale a row (Duchi et al. 2011), rows that stand twice summed first."""
        order = np.argsort(rows, kind="stable")
        kept, starts = np.unique(rows[order], return_index=True)
        summed = np.add.reduceat(ascent[order], starts, axis=0)
        squares = self._squares[table]
        squares[kept] += np.einsum("nd,nd->n", summed, summed) / summed.shape[1]
        (self.inputs, self.outputs)[table][kept] += lr * summed / np.sqrt(squares[kept])[:, None]


def _flat(lists: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """All items (int64 [N]) and where each list begins (int64 [n + 1])."""
    starts = np.cumsum([0, *map(len, lists)])
    return np.fromiter((item for items in lists for item in items), np.int64, starts[-1]), starts


def _take(items: np.ndarray, starts: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The items of the chosen lists, and for each the place of its list among these."""
    lengths = starts[chosen + 1] - starts[chosen]
    owners = np.repeat(np.arange(len(chosen)), lengths)
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return items[starts[chosen][owners] + within], owners


def _sum_rows(rows: np.ndarray, owners: np.ndarray, n_owners: int) -> np.ndarray:
    """float32 [n_owners, D]: sums of the rows (float32 [n, D]) of each owner (int [n], rising)."""
    sums = np.zeros((n_owners, rows.shape[1]), np.float32)
    if len(rows):
        kept, starts = np.unique(owners, return_index=True)
        sums[kept] = np.add.reduceat(rows, starts, axis=0)
    return sums


def _present(batch: _Batch, n_sentences: int, n_words: int) -> np.ndarray:
    """float32 [N]: how often each word is among the features of its own sentence."""
    is_word = batch.features < n_words
    keys, counts = np.unique(
        batch.features[is_word] * n_sentences + batch.sentence_of_feature[is_word], return_counts=True
    )
    asked = batch.words * n_sentences + batch.sentence_of_word
    if not len(keys):
        return np.zeros(len(asked), np.float32)
    places = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[places] == asked, counts[places], 0).astype(np.float32)


def _sigmoid(values: Any) -> Any:
    return 1 / (1 + np.exp(-np.clip(values, -30, 30)))


def texts_of(records: Iterator[dict[str, Any]]) -> list[str]:
    """The lines of the texts that are not blank: a sentence, or as much as stands in a paragraph."""
    return [line for record in records for line in record["text"].split("\n") if line.strip()]
