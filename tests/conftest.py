"""Fixtures shared by all tests. Real data is read through MALMOI_DATA and never needed."""

import os
from pathlib import Path

import pytest

from malmoi.corpus.build import build_corpus

SAMPLE = Path(__file__).parents[1] / "src" / "malmoi" / "sample"


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
def quick_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `malmoi quickstart` leaves, from a few steps on the text that ships: every stage in a folder of its own."""
    # Imported here: PyTorch takes seconds, and most tests do without.
    from malmoi.finetune import finetune
    from malmoi.pretraining.pretrain import pretrain
    from malmoi.pretraining.recipe import PretrainOptions
    from malmoi.pretraining.shards import build_shards
    from malmoi.tokenizer.build import VocabOptions, build_vocab
    from malmoi.training.options import FinetuneOptions

    out = tmp_path_factory.mktemp("quick") / "quickstart"
    out.mkdir()
    build_corpus([SAMPLE / "articles.jsonl"], out / "corpus")
    build_vocab(out / "corpus", out / "tokenizer", VocabOptions(size=3000))
    build_shards(out / "corpus", out / "tokenizer", out / "shards")
    options = PretrainOptions(size="tiny", steps=5, batch_rows=4, device="cpu", compile=False)
    pretrain(out / "shards", out / "tokenizer", out / "pretrained", options)
    opinions = SAMPLE / "opinions-dev.tsv"  # the shorter file: the model need not be good
    once = FinetuneOptions(epochs=1, device="cpu")
    finetune("classification", out / "pretrained", opinions, out / "model", once, dev=opinions)
    return out
