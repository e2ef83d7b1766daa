"""Several rates and seeds: what is kept, and that a run which was stopped goes on behind what it had finished."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import malmoi.finetune_sweep
from malmoi.errors import MalmoiError, OptionError
from malmoi.finetune import finetune
from malmoi.finetune_run import FinetuningRun, Result
from malmoi.finetune_sweep import run_all
from malmoi.predictor import Predictor
from malmoi.tasks.task import Scores
from malmoi.training.options import FinetuneOptions

OPTIONS = FinetuneOptions(epochs=1, lrs="1e-3,3e-4", seeds=2, device="cpu")


@pytest.fixture
def files(quick_run: Path) -> dict[str, Any]:
    return {
        "task_name": "classification",
        "model_directory": quick_run / "pretrained",
        "train": quick_run / "dev.tsv",
        "dev": quick_run / "dev.tsv",
    }


def test_the_best_rate_is_kept_and_all_are_reported(files: dict[str, Any], tmp_path: Path) -> None:
    report = finetune(**files, out=tmp_path / "m", options=OPTIONS)
    assert list(report.rates) == [1e-3, 3e-4]
    assert report.mean == report.rates[report.lr]
    assert report.mean["accuracy"] == max(means["accuracy"] for means in report.rates.values())
    assert "rate 0.001: accuracy" in str(report)
    evaluated = Predictor.load(tmp_path / "m", device="cpu")
    from malmoi.tasks.catalog import read_examples

    accuracy = evaluated.evaluate(read_examples(evaluated.task, files["dev"])).metrics["accuracy"]
    assert accuracy == report.dev[report.best_seed]["accuracy"]
    assert [path.name for path in tmp_path.iterdir()] == ["m"], "nothing is left beside the output"


def test_a_stopped_sweep_goes_on_and_ends_like_one_that_was_not(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = finetune(**files, out=tmp_path / "whole", options=OPTIONS)
    train, trained = FinetuningRun.train, []

    def stopped(self: FinetuningRun, *arguments: Any) -> Result:
        trained.append(arguments)
        if len(trained) == 3:
            raise KeyboardInterrupt
        return train(self, *arguments)

    monkeypatch.setattr(FinetuningRun, "train", stopped)
    with pytest.raises(KeyboardInterrupt):
        finetune(**files, out=tmp_path / "m", options=OPTIONS)
    assert not (tmp_path / "m").exists()
    resumed = finetune(**files, out=tmp_path / "m", options=OPTIONS)
    assert len(trained) == 5 and resumed.n_resumed == 2
    assert replace(resumed, n_resumed=0) == whole
    for name in ("model.safetensors", "task.json"):
        assert (tmp_path / "m" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    lines = [json.loads(line) for line in (tmp_path / "m" / "log.jsonl").read_text().splitlines()]
    assert [line["seed"] for line in lines] == [1, 2, 1, 2]


def test_another_plan_starts_over(files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, n_trained = FinetuningRun.train, 0

    def stopped(self: FinetuningRun, *arguments: Any) -> Result:
        nonlocal n_trained
        n_trained += 1
        if n_trained == 2:
            raise MalmoiError("stopped")
        return train(self, *arguments)

    monkeypatch.setattr(FinetuningRun, "train", stopped)
    with pytest.raises(MalmoiError):
        finetune(**files, out=tmp_path / "m", options=OPTIONS)
    report = finetune(**files, out=tmp_path / "m", options=replace(OPTIONS, lrs=None, batch_size=8))
    assert report.n_resumed == 0


def test_a_run_that_fails_at_once_leaves_nothing(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: FinetuningRun, *arguments: Any) -> Result:
        raise MalmoiError("the loss is nan")

    monkeypatch.setattr(FinetuningRun, "train", fails)
    with pytest.raises(MalmoiError, match="nan"):
        finetune(**files, out=tmp_path / "m", options=OPTIONS)
    assert not list(tmp_path.iterdir())


def test_of_each_rate_only_the_best_weights_are_kept(quick_run: Path, tmp_path: Path) -> None:
    """The better rate is that with the better mean, though another has the best single run."""
    scores = {(1e-3, 1): 90.0, (1e-3, 2): 50.0, (3e-4, 1): 80.0, (3e-4, 2): 85.0}

    class Scripted(FinetuningRun):
        def train(self, examples: Any, dev: Any, seed: int, log: Any, lr: float | None = None) -> Result:
            assert lr is not None
            found = Scores(40, {"accuracy": scores[lr, seed]}, {})
            return Result(lr, seed, self.new_model(seed).state_dict(), found)

    predictor = Predictor.load(quick_run / "model", device="cpu")
    run = Scripted(predictor.task, predictor.tokenizer, quick_run / "pretrained", OPTIONS)
    sweep = run_all(run, [], [], tmp_path)
    assert (sweep.best.lr, sweep.best.seed) == (3e-4, 2)
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == [
        "run-lr0.0003-seed2.safetensors",
        "run-lr0.001-seed1.safetensors",
    ]
    assert malmoi.finetune_sweep._read_result(tmp_path, 1e-3, 2) == Result(
        1e-3, 2, {}, Scores(40, {"accuracy": 50.0}, {})
    )


def test_without_dev_nothing_can_be_compared(files: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--dev"):
        finetune(**(files | {"dev": None}), out=tmp_path / "m", options=OPTIONS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lrs": "1e-3;2e-3"}, "separated by commas"),
        ({"lrs": "1e-3,1e-3"}, "each rate once"),
        ({"lrs": "0.1,5"}, "below 1"),
        ({"lr": 1e-3, "lrs": "1e-3"}, "one of them"),
        ({"layer_decay": 0.0}, "layer_decay"),
        ({"patience": 0}, "patience"),
        ({"reinit_layers": -1}, "reinit_layers"),
    ],
)
def test_options_that_cannot_work(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        FinetuneOptions(**options)
