"""A pre-training run wired together: model, data, losses. What it writes and how it resumes is `pretrain.py`."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from malmoi.model.heads import PretrainingModel, PretrainingOutput
from malmoi.model.sizes import config_for
from malmoi.pretraining.batch import DataPosition, PretrainingBatch
from malmoi.pretraining.course import stage_at
from malmoi.pretraining.examples import ExampleOptions, ExampleSource, held_out_documents
from malmoi.pretraining.masking import MaskingVocabulary
from malmoi.pretraining.recipe import PretrainOptions, example_options, long_options, optimizer_options
from malmoi.pretraining.shards import Shards
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.device import select_device
from malmoi.training.distributed import ALONE, Group, gradients_stay, replicated
from malmoi.training.fit import Losses, fit
from malmoi.training.losses import IGNORED, cross_entropy_pass, cross_entropy_with_accuracy
from malmoi.training.optim import Optimizers, build_optimizers
from malmoi.training.sharded import ShardedMuon, shard

_SENTENCE_LOSS = {"mlm+nsp": "next_sentence", "mlm+sop": "sentence_order"}
_N_ROOMS = 8
_MAX_SHAPES = 64
"""Of batches: more than any course of a run has. PyTorch refuses to compile more than eight."""


class PretrainingRun:
    """Model, data and optimisers of a run, wired together; what the command and the benchmarks share."""

    def __init__(
        self,
        shards: Shards,
        tokenizer: Tokenizer,
        options: PretrainOptions,
        start: PretrainingModel | None = None,
        group: Group = ALONE,
    ) -> None:
        self.options, self.group = options, group
        self.device = select_device(group.device_name(options.device))
        self._cross_entropy_pass = cross_entropy_pass
        shape, long = example_options(options), long_options(options)
        torch.manual_seed(options.seed)
        if start is None:
            config = config_for(
                options.size,
                encoder=options.encoder,
                n_tokens=tokenizer.n_tokens,
                max_tokens=max(512, (long or shape).max_tokens),
                pad_id=tokenizer.pad_id,
            )
            start = PretrainingModel(config)
        self.model = start.to(self.device)
        self.is_sharded = options.parallel == "fsdp" and group.size > 1
        if self.is_sharded:
            shard(self.model, group.size)
        self.replica = self.model if self.is_sharded else replicated(self.model, group)
        self._seed = options.seed
        held_out = None
        if options.held_out is not None:
            held_out = held_out_documents(shards.report.n_documents, options.held_out)
        vocabulary = masking_vocabulary(tokenizer)

        def source(asked: ExampleOptions, documents: np.ndarray | None, seed: int) -> ExampleSource:
            ids = (tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id)
            return ExampleSource(
                shards, asked, vocabulary, cls_id=ids[0], sep_id=ids[1], pad_id=ids[2], seed=seed, documents=documents
            )

        kept = None if held_out is None else ~held_out
        self.source = source(shape, kept, options.seed)
        self.long_source = self.source if long is None else source(long, kept, options.seed)
        # The same text, masked in the same way, whatever the run itself does: so that runs can be compared.
        judged = replace(shape, mask_rate=0.15, mask_rate_end=None, masking="token")
        self.held_out = None if held_out is None else source(judged, held_out, 0)

    def compile(self) -> None:
        """Compile the parts whose shapes never change."""
        torch._dynamo.config.recompile_limit = _MAX_SHAPES
        if self.is_sharded:  # what puts a layer's weights together is no part of it
            for part in (*self.model.encoder.layers, self.model.masked_head):
                part.forward = torch.compile(part.forward, fullgraph=True, dynamic=False)
        else:
            self.model.encoder.compile(fullgraph=True, dynamic=False)
            self.model.masked_head.compile(fullgraph=True, dynamic=False)
        self._cross_entropy_pass = torch.compile(cross_entropy_pass, fullgraph=True, dynamic=False)

    def optimizers(self, n_steps: int) -> Optimizers:
        """The optimisers of the weights as they are, under a schedule of so many steps."""
        options = self.options
        muon = ShardedMuon if self.is_sharded else None
        return build_optimizers(self.model, optimizer_options(options), n_steps, precision=options.precision, muon=muon)

    def batches(self, position: DataPosition, n_steps: int) -> Iterator[PretrainingBatch]:
        """The batches from `position` up to and with step `n_steps`."""
        while position.step < n_steps:
            stage = stage_at(self.options, position.step, n_steps)
            if position.step == stage.first_step:  # longer rows are cut into other windows
                position = DataPosition(step=position.step)
            source = self.source if stage.max_tokens == self.source.options.max_tokens else self.long_source
            batch = source.batch(position, n_rows=stage.n_rows, progress=position.step / n_steps)
            position = batch.following
            yield batch

    def losses(self, batch: PretrainingBatch) -> Losses | Iterator[Losses]:
        """The losses of a step, in as many parts as the options say."""
        if self.options.accumulate == self.group.size == 1:
            return self.part_losses(batch)
        return self.losses_by_parts(batch, self.options.accumulate)

    def losses_by_parts(self, batch: PretrainingBatch, n_parts: int) -> Iterator[Losses]:
        """This process's parts, `n_parts` of them: shares of the means over the whole batch, which add up to them.

        What is dropped out of a part depends on its place in the run, not on the process that works it.
        """
        n_rows, n_all = len(batch.ids), n_parts * self.group.size
        bounds = [number * n_rows // n_all for number in range(n_all + 1)]
        own = range(self.group.rank * n_parts, (self.group.rank + 1) * n_parts)
        for number in own:
            part = batch.rows(bounds[number], bounds[number + 1])
            torch.manual_seed(_mixed(self._seed, batch.following.step, number))
            with gradients_stay(self.replica, until_last=number < own[-1]):
                yield self.part_losses(part, of=batch)

    def part_losses(self, batch: PretrainingBatch, of: PretrainingBatch | None = None) -> Losses:
        """Masked-LM and sentence loss, each the mean over what is predicted in the batch.

        Args:
            batch: what is run.
            of: the batch that this one is a part of; then its share of that one's means.
        """
        n_masked = self._masked_room(batch, is_part=of is not None)
        masked = _padded(batch.masked, n_masked, 0)
        targets = self._tensor(_padded(batch.targets, n_masked, IGNORED))
        # How many pairs a batch holds varies; few different numbers keep the compiled shapes few.
        n_firsts = -(-len(batch.firsts) // len(batch.ids)) * len(batch.ids)
        if self.is_sharded and of is not None and len(of.firsts):
            n_firsts = max(n_firsts, len(batch.ids))  # all processes need the same heads' weights at the same time
        labels = self._tensor(_padded(batch.next_labels, n_firsts, IGNORED))
        output = self.forward(batch, masked, _padded(batch.firsts, n_firsts, 0))
        masked_loss, right = cross_entropy_with_accuracy(output.masked_logits_NV, targets, self._cross_entropy_pass)
        if of is not None:
            # The mean over the processes comes later; the shares are of the sum.
            share = self.group.size * len(batch.masked) / max(1, len(of.masked))
            masked_loss, right = masked_loss * share, right * share
        values = {"masked_lm_loss": masked_loss.detach(), "masked_lm_accuracy": right}
        total = masked_loss
        if output.next_logits_M2 is not None:
            next_logits = output.next_logits_M2.float()
            if len(batch.firsts):
                next_loss = cross_entropy(next_logits, labels, ignore_index=IGNORED)
            else:  # a mean of nothing is no number
                next_loss = next_logits.sum() * 0
            if of is not None:
                next_loss = next_loss * (self.group.size * len(batch.firsts) / len(of.firsts))
            total = total + next_loss
            name = self.sentence_loss
            values[f"{name}_loss"] = next_loss.detach()
            scale = (self.group.size if of is not None else 1) / len((of or batch).firsts)
            values[f"{name}_accuracy"] = (next_logits.argmax(-1) == labels).sum() * scale
        elif of is not None and len(of.firsts):  # all processes log the same names
            values |= dict.fromkeys(_names_of(self.sentence_loss), torch.zeros((), device=self.device))
        return Losses(total, values)

    def forward(self, batch: PretrainingBatch, masked: np.ndarray, firsts: np.ndarray) -> PretrainingOutput:
        """Run a batch; scores at the flat places `masked` (int64 [N]) and of the pairs at `firsts` (int64 [M])."""
        sequences = self._tensor(batch.sequences)
        output: PretrainingOutput = (self.replica if self.model.training else self.model)(
            self._tensor(batch.ids),
            segments_BT=self._tensor(batch.segments),
            positions_BT=self._tensor(batch.positions),
            mask=(sequences[:, None, :, None] == sequences[:, None, None, :]),
            masked_N=self._tensor(masked),
            first_M=self._tensor(firsts) if len(firsts) else None,
        )
        return output

    @property
    def sentence_loss(self) -> str:
        """What the loss over pairs of texts is called in logs."""
        return _SENTENCE_LOSS[self.source.options.objective]

    def _masked_room(self, batch: PretrainingBatch, *, is_part: bool) -> int:
        """Positions that the masked head works on: fixed, or a few different ones where their number varies.

        Few rooms keep the compiled shapes few; whole words stay below the rate.
        """
        options = self.source.options
        most = max(options.mask_rate, options.mask_rate_end or 0.0)
        room = round(most * batch.ids.size) + 1
        if options.mask_rate_end is None and not is_part:
            return room
        unit = -(-room // _N_ROOMS)
        return -(-len(batch.masked) // unit) * unit

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self.device, non_blocking=True)


def _names_of(loss: str) -> tuple[str, str]:
    return f"{loss}_loss", f"{loss}_accuracy"


def _mixed(seed: int, step: int, part: int) -> int:
    """A seed of its own for each part of each step."""
    return int(np.random.SeedSequence([seed, 3, step, part]).generate_state(1, np.uint64)[0] >> 1)


def _padded(array: np.ndarray, length: int, value: int) -> np.ndarray:
    return np.concatenate([array[:length], np.full(max(0, length - len(array)), value, dtype=array.dtype)])


def masking_vocabulary(tokenizer: Tokenizer) -> MaskingVocabulary:
    """What masking needs of a tokenizer."""
    special = [tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id]
    ordinary = np.setdiff1d(np.arange(tokenizer.n_tokens), special)
    return MaskingVocabulary(tokenizer.mask_id, ordinary, tokenizer.vocabulary.continuation)


def time_steps(run: PretrainingRun, n_steps: int, source: ExampleSource | None = None) -> list[float]:
    """Seconds of each of a few steps after one to warm up; weights and random state are put back.

    Args:
        run: the run whose steps are timed.
        n_steps: how many.
        source: of their batches; by default the run's usual one, not that of its longer rows.
    """
    weights = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    options = run.options
    optimizers = run.optimizers(n_steps + 1)
    batches = (source or run.source).batches(DataPosition(), n_steps + 1)
    with torch.random.fork_rng(devices=[run.device] if run.device.type == "cuda" else []):
        steps = fit(run.model, batches, run.losses, optimizers, precision=options.precision)
        seconds = [step.seconds for step in steps][1:]
    run.model.load_state_dict(weights)
    return seconds
