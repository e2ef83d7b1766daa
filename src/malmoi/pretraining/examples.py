"""From token shards to packed pre-training batches, each a function of (shards, options, seed, position).

A document is read in *windows* of as many tokens as fit a row. A window with more than one sentence becomes a pair:
the true continuation half the time, else text from another document (Devlin et al. 2019, §3.1), or both in the wrong
order (sentence order, Lan et al. 2020). A window of one sentence (a review) is only masked. Windows that are
short (a review, the end of an article) share a row; attention is kept inside each (`sequences`), so no work goes
into padding and nothing leaks. What is hidden is decided in `masking.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from malmoi.errors import OptionError
from malmoi.pretraining.batch import DataPosition, PretrainingBatch
from malmoi.pretraining.masking import Masking, MaskingVocabulary, mask_tokens
from malmoi.pretraining.shards import Shards

Objective = Literal["mlm", "mlm+nsp", "mlm+sop"]
"""Masked tokens alone; with the next sentence (Devlin et al. 2019); with the order of two (Lan et al. 2020, ALBERT)."""
IS_NEXT, IS_RANDOM = 0, 1
_LOOK_AHEAD_ROWS = 2
"""Windows that may be set aside per row, looking for some that fill the gaps, before a batch is closed."""
_SHORTEST = 8
"""Tokens of room in a row that are worth looking for a window."""
_OTHERS = 4
"""Places drawn for a random text until one is long enough: one that ends early leaves a gap in its row."""


@dataclass(frozen=True, kw_only=True)
class ExampleOptions:
    """The shape of a batch and the objective."""

    max_tokens: int = 128
    """Tokens in a row, special tokens included."""
    batch_rows: int = 64
    """Rows in a step."""
    objective: Objective = "mlm+nsp"
    """What is predicted."""
    mask_rate: float = 0.15
    """Share of the tokens that are predicted, at the start of the run."""
    mask_rate_end: float | None = None
    """The share at its end, if it changes over the run."""
    masking: Masking = "token"
    """What is hidden together."""

    def __post_init__(self) -> None:
        if not self.max_tokens >= 8:
            raise OptionError(f"max_tokens is {self.max_tokens}: expected 8 or more")
        if self.batch_rows < 1:
            raise OptionError(f"batch_rows is {self.batch_rows}: expected 1 or more")
        for name in ("mask_rate", "mask_rate_end"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise OptionError(f"{name} is {value}: expected a share between 0 and 1, such as 0.15")

    def mask_rate_at(self, progress: float) -> float:
        """The share when `progress` (0 to 1) of the run is done."""
        end = self.mask_rate if self.mask_rate_end is None else self.mask_rate_end
        return self.mask_rate + (end - self.mask_rate) * progress


def held_out_documents(n_documents: int, share: float) -> np.ndarray:
    """bool [n_documents]: which are kept back, spread evenly; the same for every run on the same shards.

    Raises:
        OptionError: there is no document to spare.
    """
    n_held_out = round(n_documents * share)
    if not 0 < n_held_out < n_documents:
        raise OptionError(
            f"held_out is {share}: {n_held_out} of {n_documents:,} documents; expected at least one, and one that stays"
        )
    held_out = np.zeros(n_documents, bool)
    held_out[(np.arange(n_held_out) * n_documents // n_held_out) + n_documents // n_held_out // 2] = True
    return held_out


class ExampleSource:
    """Windows over shards, and the batches made of them."""

    def __init__(
        self,
        shards: Shards,
        options: ExampleOptions,
        vocabulary: MaskingVocabulary,
        *,
        cls_id: int,
        sep_id: int,
        pad_id: int,
        seed: int,
        documents: np.ndarray | None = None,
    ) -> None:
        """Arrange the windows.

        Args:
            shards: the text.
            options: see `ExampleOptions`.
            vocabulary: what masking needs of the tokenizer's.
            cls_id: [CLS]
            sep_id: [SEP]
            pad_id: [PAD]
            seed: of everything that is drawn.
            documents: bool [n_documents], those that are read; None for all.
        """
        self.options, self.vocabulary, self.seed = options, vocabulary, seed
        self.cls_id, self.sep_id, self.pad_id = cls_id, sep_id, pad_id
        self._tokens = [shard.tokens for shard in shards.shards]
        self._document_ends = [shard.document_ends for shard in shards.shards]
        self._sentence_ends = [shard.sentence_ends for shard in shards.shards]
        self._content = options.max_tokens - (2 if options.objective == "mlm" else 3)
        self._find_windows(shards, documents)
        self._order_epoch = -1
        self._order = np.empty(0, dtype=np.int64)
        self._is_ordinary = np.zeros(len(vocabulary.continuation), dtype=bool)
        self._is_ordinary[vocabulary.ordinary_ids] = True

    def _find_windows(self, shards: Shards, wanted: np.ndarray | None) -> None:
        """Cut every document into consecutive windows of at most `_content` tokens."""
        starts, ends, documents, shard_numbers, n_sentences, n_documents = [], [], [], [], [], 0
        for number, shard in enumerate(shards.shards):
            document_ends = shard.document_ends
            document_starts = np.concatenate([[0], document_ends[:-1]])
            n_windows = -(-(document_ends - document_starts) // self._content)
            document = np.repeat(np.arange(len(document_ends)), n_windows)
            within = np.arange(len(document)) - np.repeat(np.cumsum(n_windows) - n_windows, n_windows)
            start = document_starts[document] + within * self._content
            starts.append(start)
            ends.append(np.minimum(start + self._content, document_ends[document]))
            documents.append(document + n_documents)
            shard_numbers.append(np.full(len(document), number))
            n_sentences.append(np.diff(shard.sentence_ends.searchsorted(document_ends, side="right"), prepend=0))
            n_documents += len(document_ends)
        self._starts, self._ends = np.concatenate(starts), np.concatenate(ends)
        self._documents, self._shard_of = np.concatenate(documents), np.concatenate(shard_numbers)
        if wanted is not None:
            keep = wanted[self._documents]
            self._starts, self._ends = self._starts[keep], self._ends[keep]
            self._documents, self._shard_of = self._documents[keep], self._shard_of[keep]
        self.n_windows = len(self._starts)
        self.n_documents = n_documents if wanted is None else int(wanted.sum())
        # Random texts come from documents that have pairs of their own, and from the same source: were a review set
        # behind an article, its style would say that it does not belong there.
        self._others = np.flatnonzero(np.concatenate(n_sentences)[self._documents] > 1)
        self._other_documents = self._documents[self._others]
        self._source_ends = np.cumsum(shards.report.sources or [n_documents])

    @property
    def n_row_tokens(self) -> int:
        """Room in rows that one epoch takes, special tokens included."""
        n_special = self.options.max_tokens - self._content
        return int((self._ends - self._starts).sum()) + n_special * self.n_windows

    def _window(self, epoch: int, cursor: int) -> int:
        """The window at `cursor` of an epoch's random order."""
        if epoch != self._order_epoch:
            self._order = np.random.default_rng([self.seed, 1, epoch]).permutation(self.n_windows)
            self._order_epoch = epoch
        return int(self._order[cursor])

    def _boundaries(self, window: int) -> np.ndarray:
        """Sentence ends strictly inside a window, in tokens from the shard's start."""
        ends = self._sentence_ends[self._shard_of[window]]
        first = ends.searchsorted(self._starts[window], side="right")
        inside: np.ndarray = ends[first : ends.searchsorted(self._ends[window])]
        return inside

    def _slice(self, window: int, start: int, end: int) -> np.ndarray:
        return np.asarray(self._tokens[self._shard_of[window]][start:end], dtype=np.int64)

    def _other_text(self, window: int, n_tokens: int, generator: np.random.Generator) -> np.ndarray | None:
        """At most `n_tokens` from a random place of another document, from a sentence's start where one is near.

        None where its source has no other one with pairs.

        Only the document's end cuts it short: were it cut at its window's end, its length would give it away.
        """
        document = self._documents[window]
        source = np.searchsorted(self._source_ends, document, side="right")
        bounds = [*np.append(0, self._source_ends)[[source, source + 1]], document, document + 1]
        start_of_source, end_of_source, first, last = np.searchsorted(self._other_documents, bounds).tolist()
        if start_of_source + last - first == end_of_source:
            return None
        longest = (0, 0, 0)
        for _ in range(_OTHERS):
            place = start_of_source + int(generator.integers(end_of_source - start_of_source - (last - first)))
            other = int(self._others[place + (last - first if place >= first else 0)])
            start, document_end = self._some_start(other, generator)
            longest = max(longest, (min(n_tokens, document_end - start), other, start))
            if longest[0] == n_tokens:
                break
        length, other, start = longest
        return self._slice(other, start, start + length)

    def _some_start(self, window: int, generator: np.random.Generator) -> tuple[int, int]:
        """A sentence's start inside a window, or the window's; and where its document ends."""
        boundaries = self._boundaries(window)
        start = boundaries[generator.integers(len(boundaries))] if len(boundaries) else self._starts[window]
        document_ends = self._document_ends[self._shard_of[window]]
        return int(start), int(document_ends[np.searchsorted(document_ends, start, side="right")])

    def _texts(self, window: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None, int | None]:
        """First text, second text and their label of a window; a window of one sentence has no second."""
        start, end = int(self._starts[window]), int(self._ends[window])
        boundaries = () if self.options.objective == "mlm" else self._boundaries(window)
        if not len(boundaries):
            return self._slice(window, start, end), None, None
        split = int(boundaries[generator.integers(len(boundaries))])
        first = self._slice(window, start, split)
        if generator.random() < 0.5:
            if self.options.objective == "mlm+sop":
                return self._slice(window, split, end), first, IS_RANDOM
            other = self._other_text(window, end - split, generator)
            if other is not None:
                return first, other, IS_RANDOM
        return first, self._slice(window, split, end), IS_NEXT

    def _length(self, window: int) -> int:
        """An upper bound of a window's tokens in a row, special tokens included."""
        n_special = self.options.max_tokens - self._content
        return int(self._ends[window] - self._starts[window]) + n_special

    def _pack(self, position: DataPosition, n_rows: int) -> tuple[list[list[int]], DataPosition]:
        """Windows for each row of the next batch: first fit, in order; what does not fit waits for the next one."""
        room = self.options.max_tokens
        free = np.full(n_rows, room)
        rows: list[list[int]] = [[] for _ in range(n_rows)]
        waiting, set_aside = list(position.set_aside), list[int]()
        epoch, cursor = position.epoch, position.cursor
        while len(set_aside) < _LOOK_AHEAD_ROWS * n_rows and free.max() >= _SHORTEST:
            if waiting:
                window = waiting.pop(0)
            else:
                if cursor == self.n_windows:
                    epoch, cursor = epoch + 1, 0
                window, cursor = self._window(epoch, cursor), cursor + 1
            length = self._length(window)
            row = int(np.argmax(free >= length))
            if free[row] >= length:
                rows[row].append(window)
                free[row] -= length
            else:
                set_aside.append(window)
        return rows, DataPosition(position.step + 1, epoch, cursor, (*set_aside, *waiting))

    def _sequence(self, first: np.ndarray, second: np.ndarray | None) -> np.ndarray:
        """Texts between their special tokens."""
        cls, sep = np.array([self.cls_id]), np.array([self.sep_id])
        return np.concatenate([cls, first, sep] if second is None else [cls, first, sep, second, sep])

    def batch(self, position: DataPosition, *, n_rows: int | None = None, progress: float = 0.0) -> PretrainingBatch:
        """The batch at `position`.

        Args:
            position: where the batch before it ended.
            n_rows: rows of this batch, if not the usual number.
            progress: share of the run that is done, 0 to 1; the mask rate may depend on it.
        """
        generator = np.random.default_rng([self.seed, 2, position.step])
        shape = (n_rows or self.options.batch_rows, self.options.max_tokens)
        rows, following = self._pack(position, shape[0])
        ids = np.full(shape, self.pad_id, dtype=np.int64)
        segments, positions, sequences = (np.zeros(shape, dtype=np.int64) for _ in range(3))
        firsts, labels = [], []
        for row, windows in enumerate(rows):
            at = 0
            for number, window in enumerate(windows, start=1):
                first, second, label = self._texts(window, generator)
                sequence = self._sequence(first, second)
                if label is not None:
                    firsts.append(row * shape[1] + at)
                    labels.append(label)
                end, split = at + len(sequence), at + len(first) + 2
                ids[row, at:end] = sequence
                segments[row, split:end] = 1
                positions[row, at:end] = np.arange(len(sequence))
                sequences[row, at:end] = number
                at = end
        masked = mask_tokens(
            ids,
            self._is_ordinary[ids],  # not [UNK] either: nothing is learnt from predicting it
            rate=self.options.mask_rate_at(progress),
            masking=self.options.masking,
            vocabulary=self.vocabulary,
            generator=generator,
        )
        return PretrainingBatch(
            masked.ids,
            segments,
            positions,
            sequences,
            masked.positions,
            masked.targets,
            np.array(firsts, dtype=np.int64),
            np.array(labels, dtype=np.int64),
            following,
        )

    def batches(self, position: DataPosition, n_batches: int) -> Iterator[PretrainingBatch]:
        """So many batches of the usual shape, from `position` on."""
        for _ in range(n_batches):
            batch = self.batch(position)
            position = batch.following
            yield batch
