"""A run wired together: the losses are what they say, and it can learn."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from malmoi.pretraining.batch import DataPosition
from malmoi.pretraining.recipe import PretrainOptions, optimizer_options
from malmoi.pretraining.run import PretrainingRun, masking_vocabulary, time_steps
from malmoi.pretraining.shards import build_shards, load_shards
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.fit import fit
from malmoi.training.optim import build_optimizers

TINY = {"size": "tiny", "max_tokens": 32, "batch_rows": 8, "device": "cpu", "precision": "fp32", "compile": False}


def run_of(workshop: Path, **values: object) -> PretrainingRun:
    tokenizer = Tokenizer.load(workshop / "tokenizer")
    options = PretrainOptions(**{**TINY, **values})  # type: ignore[arg-type]
    return PretrainingRun(load_shards(workshop / "shards"), tokenizer, options)


def test_losses_are_means_over_what_is_predicted(workshop: Path) -> None:
    """Against the plain way: the whole vocabulary's scores at every place, then those that count are picked."""
    run = run_of(workshop, encoder="modernbert")
    batch = run.source.batch(DataPosition())
    losses = run.losses(batch)
    sequences = torch.from_numpy(batch.sequences)
    hidden = run.model.encoder(
        torch.from_numpy(batch.ids),
        positions_BT=torch.from_numpy(batch.positions),
        mask=(sequences[:, None, :, None] == sequences[:, None, None, :]),
    )
    scores = run.model.masked_head(hidden, run.model.encoder.token_embedding.weight).log_softmax(-1).flatten(0, 1)
    targets = torch.from_numpy(batch.targets)
    expected = -scores[torch.from_numpy(batch.masked)].gather(1, targets[:, None]).mean()
    assert losses.values["masked_lm_loss"].item() == pytest.approx(expected.item(), rel=1e-5)
    right = (scores[torch.from_numpy(batch.masked)].argmax(-1) == targets).float().mean()
    assert losses.values["masked_lm_accuracy"].item() == pytest.approx(right.item())
    next_scores = run.model.next_head(hidden.flatten(0, 1)[torch.from_numpy(batch.firsts)]).log_softmax(-1)
    next_loss = -next_scores.gather(1, torch.from_numpy(batch.next_labels)[:, None]).mean()
    assert losses.values["next_sentence_loss"].item() == pytest.approx(next_loss.item(), rel=1e-5)
    assert losses.total.item() == pytest.approx((expected + next_loss).item(), rel=1e-5)
    assert losses.total.item() == pytest.approx(math.log(160) + math.log(2), abs=0.5)  # as good as a guess


def test_without_next_sentence_there_is_none(workshop: Path) -> None:
    run = run_of(workshop, objective="mlm")
    assert set(run.losses(run.source.batch(DataPosition())).values) == {"masked_lm_loss", "masked_lm_accuracy"}


def test_the_order_of_sentences_has_its_own_name(workshop: Path) -> None:
    run = run_of(workshop, objective="mlm+sop")
    assert {"sentence_order_loss", "sentence_order_accuracy"} < set(run.losses(run.source.batch(DataPosition())).values)


def test_a_falling_mask_rate_has_few_shapes(workshop: Path) -> None:
    run = run_of(workshop, mask_rate=0.3, mask_rate_end=0.1, objective="mlm")
    seen = []
    run.model.masked_head.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    for batch in run.batches(DataPosition(), 40):
        run.losses(batch)
        assert len(batch.masked) <= seen[-1] <= len(batch.masked) + round(0.3 * 32 * 8) // 8 + 1
    assert seen[0] == max(seen) and seen[-1] == min(seen) and 3 <= len(set(seen)) <= 8


@pytest.mark.parametrize("masking", ["token", "word", "span"])
def test_the_compiled_shapes_never_change(workshop: Path, masking: str) -> None:
    run = run_of(workshop, masking=masking, mask_rate=0.3)
    seen = set()
    run.model.masked_head.register_forward_pre_hook(lambda _, inputs: seen.add(inputs[0].shape))
    for batch in run.batches(DataPosition(), 12):
        assert len(batch.masked) <= round(0.3 * 32 * 8) + 1  # nothing chosen is left out
        run.losses(batch)
    assert len(seen) == 1


def test_batches_go_on_from_a_position(workshop: Path) -> None:
    run = run_of(workshop)
    batches = list(run.batches(DataPosition(), 6))
    assert len(batches) == 6
    rest = list(run.batches(batches[3].following, 6))
    assert [batch.following for batch in rest] == [batch.following for batch in batches[4:]]


def test_replacements_are_ordinary_pieces(workshop: Path) -> None:
    tokenizer = Tokenizer.load(workshop / "tokenizer")
    vocabulary = masking_vocabulary(tokenizer)
    tokens = np.array(tokenizer.vocabulary.tokens)
    assert set(tokens) - set(tokens[vocabulary.ordinary_ids]) == {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
    assert tokens[vocabulary.mask_id] == "[MASK]"
    assert all(token.startswith("##") for token in tokens[vocabulary.continuation])


def test_timing_leaves_no_trace(workshop: Path) -> None:
    run = run_of(workshop, encoder="bert")  # with dropout, which draws from torch's generator
    weights = {name: weight.clone() for name, weight in run.model.state_dict().items()}
    random_state = torch.get_rng_state()
    seconds = time_steps(run, 2)
    assert len(seconds) == 2 and min(seconds) > 0
    assert all(torch.equal(weights[name], weight) for name, weight in run.model.state_dict().items())
    assert torch.equal(random_state, torch.get_rng_state())
    assert all(weight.grad is None for weight in run.model.parameters())


@pytest.mark.parametrize("objective", ["mlm", "mlm+nsp"])
def test_a_step_in_parts_is_the_same_step(workshop: Path, objective: str) -> None:
    """Losses and gradients of the parts add up to those of the whole, however unevenly they are filled."""
    whole = run_of(workshop, encoder="modernbert", objective=objective)
    parts = run_of(workshop, encoder="modernbert", objective=objective, accumulate=4)
    batch = whole.source.batch(DataPosition())
    losses = whole.losses(batch)
    losses.total.backward()
    pieces = list(parts.losses(batch))
    assert len(pieces) == 4
    for piece in pieces:
        piece.total.backward()
    for name, value in losses.values.items():
        assert sum(piece.values.get(name, 0.0) for piece in pieces).item() == pytest.approx(value.item(), rel=1e-5)
    for (name, one), two in zip(whole.model.named_parameters(), parts.model.parameters(), strict=True):
        if one.grad is not None:
            assert torch.allclose(one.grad, two.grad, atol=1e-6), name


def test_rows_grow_longer_at_the_end_and_more_at_the_start(workshop: Path) -> None:
    run = run_of(workshop, batch_ramp=0.3, long_tokens=64, long_share=0.2)
    batches = list(run.batches(DataPosition(), 20))
    assert [batch.ids.shape for batch in batches] == [
        *[(1, 32)] * 2,
        *[(2, 32)] * 2,
        *[(4, 32)] * 2,
        *[(8, 32)] * 10,
        *[(4, 64)] * 4,
    ]
    for number in (3, 15, 16, 18):  # from any step on, also where the rows change
        rest = list(run.batches(batches[number].following, 20))
        assert [b.following for b in rest] == [b.following for b in batches[number + 1 :]]
    assert run.model.config.max_tokens == 512


@pytest.fixture(scope="module")
def repetitive(workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two texts, again and again: all of it can be known by heart."""
    root = tmp_path_factory.mktemp("repetitive")
    texts = (
        "할머니가 마당에서 사과를 나누었다. 동생이 부엌에서 빵을 찾았다. 어부는 강가에서 생선을 보았다.",
        "화가는 산길에서 그림을 기억했다. 목수는 시장에서 나무를 옮겼다. 학생이 학교에서 편지를 기다린다.",
    )
    lines = [f'{{"id": "{i}", "title": "", "text": "{texts[i % 2]}"}}\n' for i in range(20)]
    (root / "corpus.jsonl").write_text("".join(lines), encoding="utf-8")
    (root / "tokenizer").symlink_to(workshop / "tokenizer")
    build_shards(root / "corpus.jsonl", workshop / "tokenizer", root / "shards")
    return root


# Frequencies alone give about 3.5. BERT's learnt positions know a text by heart sooner than relative ones.
@pytest.mark.parametrize(("encoder", "at_most"), [("modernbert", 2.8), ("bert", 1.5)])
def test_a_repetitive_corpus_is_learnt_by_heart(repetitive: Path, encoder: str, at_most: float) -> None:
    n_steps = 60
    run = run_of(repetitive, encoder=encoder, batch_rows=16, max_tokens=48, seed=3, steps=n_steps)
    optimizers = build_optimizers(run.model, optimizer_options(run.options), n_steps)
    steps = fit(run.model, run.batches(DataPosition(), n_steps), run.losses, optimizers, precision="fp32")
    losses = [step.values["masked_lm_loss"] for step in steps]
    assert np.mean(losses[:3]) > 4.0
    assert np.mean(losses[-5:]) < at_most
