"""Fixtures shared by all tests. Real data is read through MALMOI_DATA and never needed."""

import json
import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from sample import SAMPLE

from malmoi.corpus.build import build_corpus
from malmoi.export import ExportOptions, export_model
from malmoi.finetune import finetune
from malmoi.model.checkpoint import save_model
from malmoi.model.heads import PretrainingModel
from malmoi.model.sizes import config_for
from malmoi.pretraining.pretrain import pretrain
from malmoi.pretraining.recipe import PretrainOptions
from malmoi.pretraining.shards import build_shards
from malmoi.tasks.options import TaskOptions
from malmoi.tokenizer.build import VocabOptions, build_vocab
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.options import FinetuneOptions

# How long an example takes says more about the load of the machine than about the code.
settings.register_profile("malmoi", deadline=None)
settings.load_profile("malmoi")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets, or a skip that says why."""
    value = os.environ.get("MALMOI_DATA")
    if not value:
        pytest.skip("MALMOI_DATA is not set: it names the folder of real data sets")
    path = Path(value)
    if not path.is_dir():
        pytest.skip(f"MALMOI_DATA={value} is not a directory")
    return path


@pytest.fixture(scope="session")
def quick_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the output of every stage: `corpus`, `tokenizer`, `shards`, `pretrained`, `model`.

    Real stages on the text that ships, cut short; and `train.tsv`, `dev.tsv`. Tests read it and never write to it.
    """
    folder = tmp_path_factory.mktemp("quick")
    for name, n in (("train", 160), ("dev", 40)):
        lines = (SAMPLE / f"opinions-{name}.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
        (folder / f"{name}.tsv").write_text("".join(lines[: n + 1]), encoding="utf-8")
    build_corpus([SAMPLE / "articles.jsonl"], folder / "corpus")
    build_vocab(folder / "corpus", folder / "tokenizer", VocabOptions(size=2800))
    build_shards(folder / "corpus", folder / "tokenizer", folder / "shards")
    tiny = PretrainOptions(size="tiny", steps=4, batch_rows=4, max_tokens=64, log_every=1, device="cpu")
    pretrain(folder / "shards", folder / "tokenizer", folder / "pretrained", tiny)
    once = FinetuneOptions(epochs=1, device="cpu")
    finetune(
        "classification", folder / "pretrained", folder / "train.tsv", folder / "model", once, dev=folder / "dev.tsv"
    )
    return folder


@pytest.fixture(scope="session")
def exported(quick_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`model` in int8 and `pretrained` in fp32, of `quick_run`, as they run without PyTorch."""
    folder = tmp_path_factory.mktemp("exported")
    export_model(quick_run / "model", folder / "model", ExportOptions(int8=True))
    export_model(quick_run / "pretrained", folder / "pretrained")
    return folder


@pytest.fixture(scope="session")
def travel_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`entities`, `relations` and the six sentences `train.jsonl` that both know by heart."""
    folder = tmp_path_factory.mktemp("graph")
    lines = (SAMPLE / "travel-train.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[:6]
    (folder / "train.jsonl").write_text("".join(lines), encoding="utf-8")
    texts = "".join(json.loads(line)["text"] + "\n" for line in lines)
    (folder / "text.txt").write_text(texts * 2, encoding="utf-8")
    build_vocab(folder / "text.txt", folder / "base", VocabOptions(size=200, segment="syllable", min_count=1))
    torch.manual_seed(3)
    n_tokens = Tokenizer.load(folder / "base").n_tokens
    save_model(PretrainingModel(config_for("tiny", n_tokens=n_tokens)), folder / "base")
    shared = {"device": "cpu", "precision": "fp32", "dropout": 0.0, "batch_size": 8, "max_tokens": 96}
    train = folder / "train.jsonl"
    for task, out, options, ways in (
        ("tagging", "entities", FinetuneOptions(epochs=50, lr=3e-3, **shared), TaskOptions(unit="syllable")),
        ("relation", "relations", FinetuneOptions(epochs=30, lr=2e-3, **shared), TaskOptions()),
    ):
        finetune(task, folder / "base", train, folder / out, options, task_options=ways)
    return folder
