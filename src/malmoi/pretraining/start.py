"""The model a run goes on from: any BERT's or ModernBERT's weights, fitted to the run's vocabulary.

Rows of the token table are found by the token itself, so a vocabulary may be extended, cut down or in another order.
A piece that is new begins as the mean of the pieces it used to be cut into.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from malmoi.errors import OptionError
from malmoi.model.checkpoint import load_pretraining_model
from malmoi.model.heads import PretrainingModel
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.tokenizer.vocab import Vocabulary

_PREFIX = "##"


@dataclass(frozen=True, kw_only=True)
class StartReport:
    """Where the rows of the token table came from."""

    n_kept: int
    """Tokens that both vocabularies have."""
    n_composed: int
    """New ones, made of old pieces."""
    n_unknown: int
    """New ones that no old piece spells: the mean of all rows."""

    def __str__(self) -> str:
        return (
            f"{self.n_kept:,} entries of the vocabulary are known to the model, {self.n_composed:,} begin as the mean "
            f"of their old pieces, {self.n_unknown:,} as the mean of all"
        )


@dataclass(frozen=True)
class Start:
    """A model to go on from."""

    model: PretrainingModel
    report: StartReport
    weights_hash: str
    """SHA-256 (hex) of the weights as they begin."""


def load_start(directory: Path, tokenizer: Tokenizer, max_tokens: int, *, seed: int) -> Start:
    """Read the model in `directory` and give it the vocabulary of `tokenizer`.

    Args:
        directory: any BERT or ModernBERT with its masked head and its tokenizer.
        tokenizer: that of the run.
        max_tokens: of its longest row.
        seed: of a next-sentence head, where the directory has none.

    Raises:
        CheckpointError: no model, or a damaged one.
        InputError: its tokenizer is missing.
        OptionError: it cannot read rows of `max_tokens`.
    """
    torch.manual_seed(seed)
    old = load_pretraining_model(directory)
    if max_tokens > old.config.max_tokens:
        raise OptionError(f"max_tokens is {max_tokens}: {directory} reads {old.config.max_tokens} at most; pass fewer")
    before, now = Tokenizer.load(directory).vocabulary, tokenizer.vocabulary
    if len(before) > old.config.n_tokens:
        raise OptionError(
            f"{directory} has {old.config.n_tokens:,} rows for the {len(before):,} entries of its vocabulary: "
            "expected a tokenizer and a model that belong together"
        )
    sources = [_rows_of(token, before) for token in now.tokens]
    model = PretrainingModel(replace(old.config, n_tokens=len(now), pad_id=tokenizer.pad_id))
    state, weights = model.state_dict(), old.state_dict()
    for name, tensor in weights.items():
        if name in ("encoder.token_embedding.weight", "masked_head.bias"):
            tensor = _gathered(tensor[: len(before)], sources)
        state[name].copy_(tensor)
    n_kept = sum(token in before.id_of for token in now.tokens)
    n_unknown = sum(not rows for rows in sources)
    report = StartReport(n_kept=n_kept, n_composed=len(now) - n_kept - n_unknown, n_unknown=n_unknown)
    return Start(model, report, _weights_hash(state))


def _weights_hash(state: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name, tensor in state.items():
        digest.update(name.encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _rows_of(token: str, before: Vocabulary) -> list[int]:
    """The old ids that a token's row is the mean of: its own, or those of the longest old pieces that spell it."""
    if token in before.id_of:
        return [before.id_of[token]]
    rest, rows = token, list[int]()
    is_inside = token.startswith(_PREFIX) and len(token) > len(_PREFIX)
    if is_inside:
        rest = token[len(_PREFIX) :]
    while rest:
        forms = ((end, _PREFIX * is_inside + rest[:end]) for end in range(len(rest), 0, -1))
        end, row = next(((end, before.id_of[form]) for end, form in forms if form in before.id_of), (1, None))
        if row is not None:
            rows.append(row)
        rest, is_inside = rest[end:], True
    return rows


def _gathered(old_VX: Tensor, sources: list[list[int]]) -> Tensor:
    """The mean of the named rows for each source; of all rows where none is named."""
    lengths = torch.tensor([len(rows) for rows in sources])
    flat = torch.tensor([row for rows in sources for row in rows])
    target = torch.repeat_interleave(torch.arange(len(sources)), lengths)
    sums = torch.zeros(len(sources), *old_VX.shape[1:], dtype=torch.float64)
    sums.index_add_(0, target, old_VX[flat].double())
    shape = (-1, *[1] * (old_VX.ndim - 1))
    means = torch.where(lengths.view(shape) > 0, sums / lengths.clamp(min=1).view(shape), old_VX.double().mean(0))
    return means.to(old_VX.dtype)
