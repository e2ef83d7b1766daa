"""P8: fine-tuning examples a second, ours against a loop as transformers' Trainer runs it.

Both train a BERT of 6x256 on the same reviews with AdamW, batches of 32. The peer shuffles, pads every batch to its
longest text (DataCollatorWithPadding) and computes as `Trainer` does: under bf16 autocast where the processor has
bf16 units, else in fp32. Ours is what `malmoi finetune` runs. Reviews: NSMC where MALMOI_DATA names it, else the
opinions that ship.

    python benchmarks/finetune_speed.py [--quick]
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import transformers
from machine import describe
from transformers import BertForSequenceClassification

import malmoi.sample
from malmoi.finetune_run import FinetuningRun
from malmoi.model.checkpoint import save_model
from malmoi.model.config import config_for
from malmoi.model.heads import PretrainingModel
from malmoi.tasks.catalog import read_examples
from malmoi.tasks.classification import Classification, ClassificationExample
from malmoi.tasks.task import Row
from malmoi.tokenizer.build import VocabOptions, build_vocab
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.device import autocast, has_fast_bfloat16
from malmoi.training.fit import fit
from malmoi.training.optim import build_optimizers
from malmoi.training.options import FinetuneOptions, OptimizerOptions

BATCH_SIZE = 32


def read_reviews(n: int) -> list[ClassificationExample]:
    data = os.environ.get("MALMOI_DATA")
    path = Path(data) / "nsmc/ratings_train.txt" if data else Path(malmoi.sample.__path__[0]) / "opinions-train.tsv"
    print(f"reviews: {path.name}")
    return read_examples(Classification, path)[:n]


def make_base(reviews: list[ClassificationExample], directory: Path) -> Path:
    """A model directory with random weights and a vocabulary of these reviews."""
    texts = directory / "texts.txt"
    texts.write_text("\n".join(review.text for review in reviews), encoding="utf-8")
    build_vocab(texts, directory / "base", VocabOptions(size=8000 if len(reviews) > 5000 else 3000))
    tokenizer = Tokenizer.load(directory / "base")
    model = PretrainingModel(config_for("small", encoder="bert", n_tokens=tokenizer.n_tokens))
    save_model(model, directory / "base")
    return directory / "base"


def our_seconds(run: FinetuningRun, rows: list[list[Row]], n_steps: int) -> tuple[int, float]:
    """Examples and seconds of `n_steps` steps after a warm-up of five."""
    model = run.new_model(seed=1)
    optimizers = build_optimizers(model, OptimizerOptions(lr=5e-4), 10 * n_steps)
    batches = islice(run.batches(rows, seed=1, epoch=0), n_steps + 5)
    steps = list(fit(model, batches, lambda batch: run.losses(model, batch), optimizers))[5:]
    return sum(len(step.batch.row_lengths) for step in steps), sum(step.seconds for step in steps)


def padded_batches(rows: list[list[Row]], pad_id: int) -> Iterator[dict[str, torch.Tensor]]:
    """What Trainer's random sampler and DataCollatorWithPadding give."""
    order = np.random.default_rng(1).permutation(len(rows))
    for start in range(0, len(order), BATCH_SIZE):
        batch = [rows[i][0] for i in order[start : start + BATCH_SIZE]]
        width = max(len(row.ids) for row in batch)
        ids = np.full((len(batch), width), pad_id)
        for number, row in enumerate(batch):
            ids[number, : len(row.ids)] = row.ids
        ids_BT = torch.from_numpy(ids)
        yield {
            "input_ids": ids_BT,
            "attention_mask": (ids_BT != pad_id).long(),
            "labels": torch.tensor([row.target for row in batch]),
        }


def their_seconds(directory: Path, rows: list[list[Row]], n_steps: int) -> tuple[int, float]:
    model = BertForSequenceClassification.from_pretrained(directory, num_labels=2).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4, fused=True)
    precision = "bf16" if has_fast_bfloat16(torch.device("cpu")) else "fp32"
    n_examples, started = 0, 0.0
    for number, batch in enumerate(islice(padded_batches(rows, model.config.pad_token_id), n_steps + 5)):
        if number == 5:
            n_examples, started = 0, time.perf_counter()
        with autocast(torch.device("cpu"), precision):
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        n_examples += len(batch["labels"])
    return n_examples, time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer steps")
    n_steps, n_rounds = (15, 1) if parser.parse_args().quick else (60, 3)
    transformers.logging.set_verbosity_error()
    print(describe("transformers"))
    reviews = read_reviews(20_000)
    with tempfile.TemporaryDirectory() as folder:
        base = make_base(reviews, Path(folder))
        task, tokenizer = Classification.from_examples(reviews), Tokenizer.load(base)
        rows = task.encode_many(reviews, tokenizer, 128)
        run = FinetuningRun(task, tokenizer, base, FinetuneOptions(batch_size=BATCH_SIZE))
        rates: dict[str, list[float]] = {"malmoi": [], "transformers": []}
        for _ in range(n_rounds):
            for name, (n, seconds) in {
                "malmoi": our_seconds(run, rows, n_steps),
                "transformers": their_seconds(base, rows, n_steps),
            }.items():
                rates[name].append(n / seconds)
    for name, values in rates.items():
        print(f"  {name:<14}{statistics.median(values):>8.0f} examples/s")
    print(f"  ratio: {statistics.median(rates['malmoi']) / statistics.median(rates['transformers']):.2f}")


if __name__ == "__main__":
    main()
