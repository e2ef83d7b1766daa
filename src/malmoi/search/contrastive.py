"""Training an embedder: texts that belong together come to lie together (`malmoi finetune embedding`).

Pairs without a score: the second text is told among those of the whole batch and the hard negatives, and the first
likewise (InfoNCE; van den Oord et al. 2018). With a score: of two pairs the more alike one shall have the larger
cosine (CoSENT), for which only the order of the scores counts. Not here: reading (`pairs.py`), use (`embedder.py`).

Shapes: B pairs, H hard negatives of a batch, D width.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from malmoi.artifact import check_output, staged_directory, write_json, write_text
from malmoi.errors import OptionError
from malmoi.finetune_run import default_epochs, default_lr
from malmoi.model.card import finetuning_card
from malmoi.model.checkpoint import load_config, new_task_model, save_encoder
from malmoi.model.pooling import EmbeddingSettings, read_embedding_settings, write_embedding_settings
from malmoi.model.torch_runtime import TorchRuntime, embed
from malmoi.predictor import check_vocabulary
from malmoi.progress import progress_bar
from malmoi.search.embedder import Embedder
from malmoi.search.likeness import pair_metrics
from malmoi.search.options import EmbeddingOptions
from malmoi.search.pairs import TextPair, read_pairs
from malmoi.shipped import find_model
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.batch import Batch, collate
from malmoi.training.device import select_device
from malmoi.training.fit import Losses, fit
from malmoi.training.log import StepLog, log_names
from malmoi.training.optim import build_optimizers
from malmoi.training.options import FinetuneOptions

_BATCH_SIZE = 64
_MAX_TOKENS = 128


@dataclass(frozen=True, kw_only=True)
class EmbeddingReport:
    """What the training of an embedder reached."""

    n_train: int
    n_dev: int
    kind: str
    """`pairs`, or `scores`."""
    epochs: int
    best_epoch: int
    """From 1; the one that is kept."""
    lr: float
    before: dict[str, float]
    """On dev in percent, without any training; empty without dev pairs."""
    dev: dict[str, float]
    """Of the epoch that is kept."""

    def __str__(self) -> str:
        lines = [f"embedding: {self.n_train:,} pairs to learn from, {self.n_dev:,} for development"]
        lines += [f"dev {name}: {value:.2f} (before: {self.before[name]:.2f})" for name, value in self.dev.items()]
        return "\n".join(lines)


@dataclass(frozen=True)
class PairBatch:
    """First texts, second texts, hard negatives, one below the other."""

    rows: Batch
    n: int
    """B"""
    numbers: np.ndarray
    """int64 [2B + H], equal for equal texts: what is the same text is no wrong answer"""
    scores: np.ndarray | None
    """float32 [B]"""

    @property
    def n_examples(self) -> int:
        """Pairs."""
        return self.n

    @property
    def n_tokens(self) -> int:
        """Of all texts, without padding."""
        return self.rows.n_tokens


def finetune_embedding(
    model_directory: Path,
    train: Path,
    out: Path,
    options: FinetuneOptions = FinetuneOptions(),
    embedding_options: EmbeddingOptions = EmbeddingOptions(),
    *,
    dev: Path | None = None,
    format: str = "auto",
    force: bool = False,
) -> EmbeddingReport:
    """Train a model's vectors on pairs of texts.

    Args:
        model_directory: pre-trained, or an embedder already.
        train: pairs; see `read_pairs`.
        out: directory to make; sentence-transformers opens it.
        options: the recipe.
        embedding_options: what only embedders have.
        dev: pairs of the same kind, to keep the best epoch by; without them the last one.
        format: of both files.
        force: replace `out`.

    Raises:
        InputError: pairs that cannot be read, or scored ones with others that are not.
        OptionError: an option that this training does not have.
        CheckpointError: the model cannot be read.
        OutputError: `out` exists, or cannot be written.
    """
    check_output(out, force=force)
    model_directory = find_model(model_directory)
    _check(options)
    pairs = read_pairs(train, format, embedding_options.positive)
    dev_pairs = [] if dev is None else read_pairs(dev, format, embedding_options.positive)
    if dev_pairs and (dev_pairs[0].score is None) != (pairs[0].score is None):
        raise OptionError(f"{train} and {dev}: expected scores in both files or in none")
    run = EmbeddingRun(model_directory, options, embedding_options)
    recorded = asdict(options) | asdict(embedding_options) | {"task": "embedding", "model": str(model_directory)}
    with staged_directory(out, kind="model", options=recorded, force=force) as staged:
        with StepLog(staged / "log.jsonl") as log:
            report = run.train(pairs, dev_pairs, log)
        save_encoder(run.model, staged)
        run.tokenizer.save(staged)
        write_embedding_settings(staged, run.settings, width=run.model.config.width)
        write_json(staged / "report.json", asdict(report))
        scores = {"dev": report.dev, "before": report.before}
        write_text(staged / "README.md", finetuning_card(run.model.config, "embedding", (), recorded, scores))
    return report


def _check(options: FinetuneOptions) -> None:
    """Refuse what the other tasks' runs have and this one has not."""
    plain = FinetuneOptions()
    for name in ("lrs", "seeds", "class_weights", "reinit_layers", "layer_decay", "from_scratch"):
        if getattr(options, name) != getattr(plain, name):
            raise OptionError(f"{name} is {getattr(options, name)}: embedding has no such option, leave it out")


class EmbeddingRun:
    """A model while it learns to compare texts."""

    def __init__(
        self, directory: Path, options: FinetuneOptions, embedding_options: EmbeddingOptions = EmbeddingOptions()
    ) -> None:
        self.options, self.temperature = options, embedding_options.temperature
        self.tokenizer = Tokenizer.load(directory)
        config = load_config(directory)
        check_vocabulary(self.tokenizer, config.n_tokens, directory)
        saved = read_embedding_settings(directory) or EmbeddingSettings()
        self.settings = EmbeddingSettings(
            pooling=options.pooling or saved.pooling,
            max_tokens=min(options.max_tokens or saved.max_tokens or _MAX_TOKENS, config.max_tokens),
        )
        torch.manual_seed(options.seed)
        self.model = new_task_model(directory, "pooled", 1, dropout=options.dropout).to(select_device(options.device))
        self.model.head.requires_grad_(False)
        self.batch_size = options.batch_size or _BATCH_SIZE

    @property
    def embedder(self) -> Embedder:
        """The model as it is now."""
        runtime = TorchRuntime(self.model, precision=self.options.precision, pooling=self.settings.pooling)
        return Embedder(self.tokenizer, runtime, self.settings)

    def train(self, pairs: Sequence[TextPair], dev: Sequence[TextPair], log: StepLog) -> EmbeddingReport:
        """Learn; the model has the weights of the best epoch at the end."""
        lr = self.options.lr or default_lr(self.model.config.width)
        n_epochs = self.options.epochs or default_epochs(len(pairs))
        steps_per_epoch = -(-len(pairs) // self.batch_size)
        n_steps = steps_per_epoch * n_epochs
        optimizers = build_optimizers(self.model, self.options.optimizer(lr), n_steps)
        before = pair_metrics(self.embedder, dev)
        best, best_epoch, weights = before, 0, None
        with progress_bar("training vectors", n_steps) as bar:
            for epoch in range(n_epochs):
                steps = fit(
                    self.model,
                    self.batches(pairs, epoch),
                    self.losses,
                    optimizers,
                    precision=self.options.precision,
                    first_step=epoch * steps_per_epoch + 1,
                )
                log.follow(steps, bar, steps_per_epoch, epoch=epoch)
                with log.paused():
                    metrics = pair_metrics(self.embedder, dev)
                log.write(epoch=epoch, **log_names(metrics))
                if weights is None or _rank(metrics) >= _rank(best):
                    best, best_epoch, weights = metrics, epoch + 1, deepcopy(self.model.state_dict())
        assert weights is not None, "there is an epoch or more"
        self.model.load_state_dict(weights)
        return EmbeddingReport(
            n_train=len(pairs),
            n_dev=len(dev),
            kind="pairs" if pairs[0].score is None else "scores",
            epochs=n_epochs,
            best_epoch=best_epoch,
            lr=lr,
            before=before,
            dev=best,
        )

    def batches(self, pairs: Sequence[TextPair], epoch: int) -> Iterator[PairBatch]:
        """One epoch, in a random order."""
        order = np.random.default_rng([self.options.seed, epoch]).permutation(len(pairs))
        embedder = self.embedder
        for start in range(0, len(order), self.batch_size):
            chosen = [pairs[number] for number in order[start : start + self.batch_size]]
            negatives = [text for pair in chosen for text in pair.negatives]
            texts = [pair.first for pair in chosen] + [pair.second for pair in chosen] + negatives
            places: dict[str, int] = {}
            numbers = np.array([places.setdefault(text, len(places)) for text in texts], np.int64)
            scores = None
            if chosen[0].score is not None:
                scores = np.array([pair.score for pair in chosen], np.float32)
            rows = [row for [row] in embedder.rows(texts)]
            yield PairBatch(collate(rows, self.tokenizer.pad_id, embedder.max_tokens), len(chosen), numbers, scores)

    def losses(self, batch: PairBatch) -> Losses:
        """The loss of one batch."""
        vectors = normalize(embed(self.model, batch.rows, self.settings.pooling).float(), dim=-1)
        first_BD, second_BD, hard_HD = vectors[: batch.n], vectors[batch.n : 2 * batch.n], vectors[2 * batch.n :]
        if batch.scores is not None:
            gold_B = torch.from_numpy(batch.scores).to(vectors.device)
            return Losses(order_loss((first_BD * second_BD).sum(-1), gold_B, self.temperature), {})
        numbers = torch.from_numpy(batch.numbers).to(vectors.device)
        return Losses(contrastive_loss(first_BD, second_BD, hard_HD, numbers, self.temperature), {})


def _rank(metrics: dict[str, float]) -> float:
    """What epochs are compared by; all are equal without dev pairs."""
    value = metrics.get("spearman", metrics.get("mrr", 0.0))
    return -np.inf if np.isnan(value) else value


def contrastive_loss(
    first_BD: Tensor, second_BD: Tensor, hard_HD: Tensor, numbers: Tensor, temperature: float
) -> Tensor:
    """Cross-entropy of each text's partner among all of the batch, in both directions.

    Args:
        first_BD: float, of length one, as the others.
        second_BD: partners.
        hard_HD: texts that are nobody's partner; perhaps none.
        numbers: int64 [2B + H], equal for equal texts.
        temperature: of the softmax.
    """
    n = len(first_BD)
    firsts, others = numbers[:n], numbers[n:]
    right = torch.arange(n, device=first_BD.device)
    # What is the same text as the partner, or as the question itself, is no wrong answer.
    same = (others[None] == others[:n, None]) | (others[None] == firsts[:, None])
    same[right, right] = False
    forth = (first_BD @ torch.cat([second_BD, hard_HD]).T / temperature).masked_fill(same, -torch.inf)
    same = (firsts[None] == firsts[:, None]) | (firsts[None] == others[:n, None])
    same[right, right] = False
    back = (second_BD @ first_BD.T / temperature).masked_fill(same, -torch.inf)
    return (cross_entropy(forth, right) + cross_entropy(back, right)) / 2


def order_loss(cosines_B: Tensor, scores_B: Tensor, temperature: float) -> Tensor:
    """log(1 + Σ exp((cos of the less alike pair - cos of the more alike one) / temperature)), over all two pairs."""
    differences_BB = (cosines_B[:, None] - cosines_B[None]) / temperature
    wrong = differences_BB[scores_B[:, None] < scores_B[None]]
    return torch.logsumexp(torch.cat([wrong, wrong.new_zeros(1)]), 0)
