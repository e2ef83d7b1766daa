"""One run: defaults by size, rates by layer, layers begun anew, weights by label, stopping early."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from malmoi.errors import OptionError
from malmoi.finetune_run import FinetuningRun, layer_shares
from malmoi.predictor import Predictor
from malmoi.tasks.choice import Choice
from malmoi.tasks.classification import Classification, ClassificationExample
from malmoi.training.log import StepLog
from malmoi.training.optim import build_optimizers
from malmoi.training.options import FinetuneOptions, OptimizerOptions
from malmoi.training.rows import encode_compactly

CPU = FinetuneOptions(device="cpu", dropout=0.0)


def make_run(quick_run: Path, options: FinetuneOptions, task: object | None = None) -> FinetuningRun:
    predictor = Predictor.load(quick_run / "model", device="cpu")
    return FinetuningRun(task or predictor.task, predictor.tokenizer, quick_run / "pretrained", options)  # type: ignore[arg-type]


def test_fewer_examples_get_more_epochs_unless_told_otherwise(quick_run: Path) -> None:
    run = make_run(quick_run, CPU)
    epochs = [run.n_epochs(n) for n in (10, 999, 1_000, 5_000, 20_000, 10**6)]
    assert epochs == [20, 20, 10, 5, 3, 3]
    assert make_run(quick_run, replace(CPU, epochs=2)).n_epochs(10) == 2


def test_defaults_are_the_task_s(quick_run: Path) -> None:
    assert (make_run(quick_run, CPU).batch_size, make_run(quick_run, CPU, Choice()).batch_size) == (32, 16)
    run = make_run(quick_run, replace(CPU, max_tokens=100_000))
    assert run.max_tokens == run.config.max_tokens


def test_each_layer_has_a_smaller_rate_than_the_one_above(quick_run: Path) -> None:
    run = make_run(quick_run, CPU)
    model, share = run.new_model(1), layer_shares(0.5, run.config.n_layers)
    optimizers = build_optimizers(model, OptimizerOptions(lr=0.1, warmup=0, decay=1), 10, share)
    rate_of = {
        id(weight): group["lr"] for o in optimizers.optimizers for group in o.param_groups for weight in group["params"]
    }
    rates = {name: rate_of[id(weight)] for name, weight in model.named_parameters()}
    top = run.config.n_layers
    assert optimizers.lr == rates["head.out.weight"] == 0.1
    for number in range(top):
        assert rates[f"encoder.layers.{number}.qkv.weight"] == pytest.approx(0.1 * 0.5 ** (top - number))
    assert rates["encoder.token_embedding.weight"] == pytest.approx(0.1 * 0.5 ** (top + 1))
    assert rates["encoder.final_norm.weight"] == pytest.approx(0.05)


def test_the_uppermost_layers_begin_anew_and_the_others_stay(quick_run: Path) -> None:
    plain = make_run(quick_run, CPU).new_model(1).state_dict()
    renewed = make_run(quick_run, replace(CPU, reinit_layers=1)).new_model(1).state_dict()
    last = max(int(name.split(".")[2]) for name in plain if ".layers." in name)
    changed = {name for name, weight in plain.items() if not torch.equal(weight, renewed[name])}
    assert f"encoder.layers.{last}.qkv.weight" in changed and "head.transform.dense.weight" in changed
    assert all(name.startswith((f"encoder.layers.{last}.", "head.")) for name in changed)
    with pytest.raises(OptionError, match="reinit_layers is 99"):
        make_run(quick_run, replace(CPU, reinit_layers=99))


def test_rare_labels_weigh_more(quick_run: Path) -> None:
    task = Classification(("드묾", "많음"))
    run = make_run(quick_run, replace(CPU, class_weights=True), task)
    examples = [ClassificationExample("글", "드묾")] + [ClassificationExample("글", "많음")] * 3
    weights = run._class_weights(task.encode_many(examples, run.tokenizer, 16))
    assert weights is not None and weights.tolist() == pytest.approx([2.0, 2 / 3])  # 4 / (2 · 1), 4 / (2 · 3)
    assert make_run(quick_run, CPU, task)._class_weights([]) is None
    with pytest.raises(OptionError, match="not for choice"):
        make_run(quick_run, replace(CPU, class_weights=True), Choice())._class_weights([])


def test_patience_ends_a_run_that_no_longer_improves(quick_run: Path, tmp_path: Path) -> None:
    """A rate that moves nothing: every epoch scores the same, so the second is the last."""
    options = replace(CPU, epochs=50, lr=1e-12, patience=2, batch_size=8)
    run = make_run(quick_run, options)
    examples = [ClassificationExample("좋다", "positive"), ClassificationExample("나쁘다", "negative")] * 4
    rows = encode_compactly(run.task, examples, run.tokenizer, 16)
    with StepLog(tmp_path / "log.jsonl") as log:
        run.train(rows, examples, 1, log, 1e-12)
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 3  # the first, and two that are no better
