"""Looks at held-out text: it is never learnt from, the looks change nothing, and their numbers are right."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from malmoi.errors import OptionError
from malmoi.pretraining.evaluation import HeldOut, _written_characters
from malmoi.pretraining.examples import held_out_documents
from malmoi.pretraining.opening import EVALUATIONS
from malmoi.pretraining.pretrain import pretrain
from malmoi.pretraining.recipe import PretrainOptions
from malmoi.pretraining.run import PretrainingRun
from malmoi.pretraining.shards import load_shards
from malmoi.tokenizer.tokenizer import Tokenizer

TINY = {
    "size": "tiny",
    "encoder": "bert",
    "max_tokens": 32,
    "batch_rows": 4,
    "device": "cpu",
    "precision": "fp32",
    "compile": False,
    "held_out": 0.1,
}


def run_of(workshop: Path, **values: object) -> tuple[PretrainingRun, Tokenizer]:
    tokenizer = Tokenizer.load(workshop / "tokenizer")
    options = PretrainOptions(**{**TINY, **values})  # type: ignore[arg-type]
    return PretrainingRun(load_shards(workshop / "shards"), tokenizer, options), tokenizer


def test_documents_held_out_are_spread_and_always_the_same() -> None:
    held_out = held_out_documents(1000, 0.01)
    assert held_out.sum() == 10
    assert np.diff(np.flatnonzero(held_out)).tolist() == [100] * 9
    with pytest.raises(OptionError, match=r"held_out is 0\.001: 0 of 40 documents"):
        held_out_documents(40, 0.001)


def test_held_out_text_is_never_learnt_from(workshop: Path) -> None:
    run, _ = run_of(workshop)
    assert run.held_out is not None
    assert run.held_out.n_documents == 4 and run.source.n_documents == 36
    seen = {
        name: {int(source._documents[w]) for w in range(source.n_windows)}
        for name, source in (("training", run.source), ("held out", run.held_out))
    }
    assert not seen["training"] & seen["held out"] and len(seen["training"] | seen["held out"]) == 40


def test_the_numbers_are_means_over_all_batches(workshop: Path) -> None:
    run, tokenizer = run_of(workshop)
    assert run.held_out is not None
    held_out = HeldOut(run, run.held_out, tokenizer)
    values = held_out.evaluate()
    run.model.eval()
    losses, n_characters = [], 0
    for batch in held_out.batches:
        with torch.no_grad():
            found = run.part_losses(batch).values
        losses.append((len(batch.masked), found["masked_lm_loss"].item(), found["masked_lm_accuracy"].item()))
        n_characters += sum(len(tokenizer.vocabulary.tokens[i].removeprefix("##")) for i in batch.targets)
    n_masked, loss, right = np.array(losses).T
    assert len(losses) > 1
    assert values["masked_lm_loss"] == pytest.approx((n_masked * loss).sum() / n_masked.sum(), rel=1e-4)
    assert values["masked_lm_accuracy"] == pytest.approx((n_masked * right).sum() / n_masked.sum(), abs=1e-5)
    assert values["loss_per_character"] == pytest.approx((n_masked * loss).sum() / n_characters, rel=1e-4)
    assert 0 <= values["next_sentence_accuracy"] <= 1
    assert values == held_out.evaluate()


def test_samples_show_what_was_hidden(workshop: Path) -> None:
    run, tokenizer = run_of(workshop)
    assert run.held_out is not None
    samples = HeldOut(run, run.held_out, tokenizer).evaluate()["samples"]
    assert samples and any(len(sample["hidden"]) for sample in samples)
    for sample in samples:
        assert sample["pieces"][0] == "[CLS]"
        for hidden in sample["hidden"]:
            assert 0 < hidden["place"] < len(sample["pieces"])
            assert hidden["right"] in tokenizer.vocabulary.id_of and len(hidden["guesses"]) == 3
            chances = [chance for _, chance in hidden["guesses"]]
            assert chances == sorted(chances, reverse=True) and 0 < sum(chances) <= 1


def test_looking_changes_nothing_and_a_resume_looks_again(workshop: Path, tmp_path: Path) -> None:
    places = (workshop / "shards", workshop / "tokenizer")
    values = {**TINY, "steps": 6, "save_every": 4, "log_every": 2}
    pretrain(*places, tmp_path / "rarely", PretrainOptions(**values))  # type: ignore[arg-type]
    often = PretrainOptions(**values, eval_every=2)  # type: ignore[arg-type]
    pretrain(*places, tmp_path / "often", often)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("rarely", "often")]
    assert weights[0] == weights[1]
    path = tmp_path / "often" / EVALUATIONS
    before = path.read_text(encoding="utf-8")
    assert [json.loads(line)["step"] for line in before.splitlines()] == [2, 4, 6]
    # As if it had been killed after step 4 was saved.
    for file in (tmp_path / "often" / "checkpoints" / "step-00000006").iterdir():
        file.unlink()
    (tmp_path / "often" / "checkpoints" / "step-00000006").rmdir()
    pretrain(*places, tmp_path / "often", often, resume=True)
    assert path.read_text(encoding="utf-8") == before


def test_tensorboard_gets_the_same_numbers(workshop: Path, tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    options = PretrainOptions(**TINY, steps=4, log_every=2, tensorboard=True)  # type: ignore[arg-type]
    pretrain(workshop / "shards", workshop / "tokenizer", tmp_path / "run", options)
    events = accumulator.EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    found = [(event.step, event.value) for event in events.Scalars("training/loss")]
    assert found == [(line["step"], pytest.approx(line["loss"], rel=1e-6)) for line in log]
    assert len(events.Scalars("held-out/masked_lm_loss")) == 1


@pytest.mark.parametrize(
    ("token", "n"), [("말모이", 3), ("##모이", 2), ("##", 2), ("발견/NNG", 2), ("발견/NNG_", 2), ("1/2", 3), ("/SS", 3)]
)
def test_characters_of_a_piece(token: str, n: int) -> None:
    assert _written_characters(token) == n
