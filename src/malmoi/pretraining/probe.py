"""How fast this machine pre-trains a model of some shape: a few steps on made-up text, timed."""

import itertools
import statistics
import time

import numpy as np

from malmoi.pretraining.batch import DataPosition
from malmoi.pretraining.recipe import PretrainOptions
from malmoi.pretraining.run import PretrainingRun
from malmoi.pretraining.shards import Shard, ShardReport, Shards
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.tokenizer.vocab import SPECIAL_TOKENS, Vocabulary
from malmoi.training.fit import fit

_MIN_STEPS = 2


def probe_tokens_per_second(options: PretrainOptions, n_vocabulary: int, seconds: float) -> float:
    """Tokens a second of real training steps, not compiled; the first step does not count.

    Args:
        options: shape, device, precision.
        n_vocabulary: entries of the vocabulary.
        seconds: about how long to measure.
    """
    run = PretrainingRun(_made_up_text(n_vocabulary), _made_up_tokenizer(n_vocabulary), options)
    optimizers = run.optimizers(1000)
    batches = run.source.batches(DataPosition(), 1000)
    until, rates = time.monotonic() + seconds, list[float]()
    for step in itertools.islice(fit(run.model, batches, run.losses, optimizers, precision=options.precision), 1000):
        rates.append(step.batch.n_tokens / step.seconds)
        if len(rates) > _MIN_STEPS and time.monotonic() > until:
            break
    return statistics.median(rates[1:])


def _made_up_text(n_vocabulary: int, n_documents: int = 400, n_tokens: int = 600) -> Shards:
    """Documents of sentences of twenty random tokens."""
    tokens = np.random.default_rng(0).integers(len(SPECIAL_TOKENS), n_vocabulary, n_documents * n_tokens)
    shard = Shard(
        tokens.astype(np.uint32),
        np.arange(20, len(tokens) + 1, 20, dtype=np.int64),
        np.arange(n_tokens, len(tokens) + 1, n_tokens, dtype=np.int64),
    )
    report = ShardReport(
        n_shards=1,
        n_documents=n_documents,
        n_sentences=len(shard.sentence_ends),
        n_tokens=len(tokens),
        n_unknown=0,
        n_vocabulary=n_vocabulary,
        dtype="<u4",
        tokenizer="",
    )
    return Shards(report, (shard,), "")


def _made_up_tokenizer(n_vocabulary: int) -> Tokenizer:
    names = (f"t{number}" for number in range(n_vocabulary - len(SPECIAL_TOKENS)))
    return Tokenizer.from_vocabulary(Vocabulary((*SPECIAL_TOKENS, *names)), segment="eojeol")
