"""P8: fine-tuning rows a second, ours against a loop as transformers' Trainer runs it: opinions, reading, entities.

Both train a BERT of 6x256 with the same weights on the same rows (one a review, one a window of a text, one a
sentence) with AdamW, batches of 32. The peer is transformers' own model for the task; it shuffles, pads every batch to
its longest row (its data collators) and computes as `Trainer` does: under bf16 autocast where the processor has bf16
units, else in fp32. Ours is what `malmoi finetune` runs. Texts are cut into rows beforehand, for both: reading in
windows of 384 tokens. Each side learns the same rows once, in its own order.

Data: NSMC, KorQuAD and KONEC where MALMOI_DATA names them; else the opinions and sentences that ship, and questions
made of the articles that ship.

    python benchmarks/finetune_speed.py [--quick] [--task classification] [--task qa] [--task tagging]
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from machine import describe
from transformers import BertForQuestionAnswering, BertForSequenceClassification, BertForTokenClassification

import malmoi.sample
from malmoi.finetune_run import FinetuningRun
from malmoi.model.checkpoint import save_model
from malmoi.model.heads import PretrainingModel
from malmoi.model.sizes import config_for
from malmoi.tasks.catalog import learn_task, read_examples, task_type
from malmoi.tasks.task import Row
from malmoi.tokenizer.build import VocabOptions, build_vocab
from malmoi.tokenizer.tokenizer import Tokenizer
from malmoi.training.device import autocast, has_fast_bfloat16
from malmoi.training.fit import fit
from malmoi.training.optim import build_optimizers
from malmoi.training.options import FinetuneOptions, OptimizerOptions

BATCH_SIZE, N_WARM = 32, 3
SAMPLE = Path(malmoi.sample.__path__[0])
Arrays = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A task, its data and the peer's model for it."""

    real: str
    """File below the folder of data sets."""
    shipped: str
    """What is taken where there is no such folder."""
    n_steps: int
    peer: Any
    targets: Callable[[Sequence[Row], int], Arrays]
    """What the peer's model takes as labels of a batch of so wide rows."""


def label_targets(rows: Sequence[Row], width: int) -> Arrays:
    return {"labels": [row.target for row in rows]}


def span_targets(rows: Sequence[Row], width: int) -> Arrays:
    """The first marked start and end of each window; [CLS] where the answer is not in it."""
    codes = [np.maximum(np.asarray(row.target), 0) for row in rows]
    firsts = [(int(np.argmax(code & 1 > 0)), int(np.argmax(code & 2 > 0))) for code in codes]
    return {"start_positions": [start for start, _ in firsts], "end_positions": [end for _, end in firsts]}


def tag_targets(rows: Sequence[Row], width: int) -> Arrays:
    return {"labels": padded([np.asarray(row.target) for row in rows], width, -100)}


CASES = {
    "classification": Case(
        real="nsmc/ratings_train.txt",
        shipped="opinions-train.tsv",
        n_steps=60,
        peer=BertForSequenceClassification,
        targets=label_targets,
    ),
    "qa": Case(
        real="korquad/KorQuAD_v1.0_dev.json",
        shipped="articles.jsonl",
        n_steps=15,
        peer=BertForQuestionAnswering,
        targets=span_targets,
    ),
    "tagging": Case(
        real="konec/konec-dev.tsv",
        shipped="travel-train.jsonl",
        n_steps=40,
        peer=BertForTokenClassification,
        targets=tag_targets,
    ),
}


def padded(arrays: Sequence[np.ndarray], width: int, value: int) -> np.ndarray:
    """int64 `[n, width]`: arrays side by side, filled up with `value`."""
    table = np.full((len(arrays), width), value, np.int64)
    for number, array in enumerate(arrays):
        table[number, : len(array)] = array
    return table


def read_data(task: str, folder: Path) -> list[Any]:
    """Examples of the task: of the folder of data sets, or what ships."""
    case, data = CASES[task], os.environ.get("MALMOI_DATA")
    if data:
        return read_examples(task_type(task), Path(data) / case.real)[:20_000]
    path = SAMPLE / case.shipped
    return read_examples(task_type(task), made_questions(path, folder) if task == "qa" else path)


def made_questions(articles: Path, folder: Path) -> Path:
    """Questions about articles: for speed any words will do as an answer."""
    records = []
    for line in articles.read_text(encoding="utf-8").splitlines():
        article = json.loads(line)
        words = article["text"].split()
        for word in words[:: max(1, len(words) // 12)]:
            answer = {"text": word, "start": article["text"].index(word)}
            question = f"{article['title']} {word[::-1]}"
            records.append({"question": question, "context": article["text"], "answers": [answer]})
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


def make_base(texts: Sequence[str], directory: Path) -> Path:
    """A model directory with random weights and a vocabulary of these texts."""
    path = directory / "texts.txt"
    path.write_text("\n".join(texts), encoding="utf-8")
    build_vocab(path, directory / "base", VocabOptions(size=8000 if len("".join(texts)) > 500_000 else 3000))
    tokenizer = Tokenizer.load(directory / "base")
    model = PretrainingModel(config_for("small", encoder="bert", n_tokens=tokenizer.n_tokens))
    save_model(model, directory / "base")
    return directory / "base"


def our_seconds(run: FinetuningRun, rows: Sequence[list[Row]]) -> float:
    """Seconds of one epoch, after a warm-up."""
    model = run.new_model(seed=1)
    optimizers = build_optimizers(model, OptimizerOptions(lr=5e-4), 10 * len(rows))
    for _ in fit(model, islice(run.batches(rows, 1, 0), N_WARM), lambda batch: run.losses(model, batch), optimizers):
        pass
    started = time.perf_counter()
    for _ in fit(model, run.batches(rows, seed=1, epoch=1), lambda batch: run.losses(model, batch), optimizers):
        pass
    return time.perf_counter() - started


def peer_batches(case: Case, rows: Sequence[list[Row]], pad_id: int) -> Iterator[dict[str, torch.Tensor]]:
    """What Trainer's random sampler and its data collators give."""
    order = np.random.default_rng(1).permutation(len(rows))
    for start in range(0, len(order), BATCH_SIZE):
        batch = [rows[i][0] for i in order[start : start + BATCH_SIZE]]
        width = max(len(row.ids) for row in batch)
        arrays = {
            "input_ids": padded([row.ids for row in batch], width, pad_id),
            "token_type_ids": padded([row.segments for row in batch], width, 0),
            "attention_mask": padded([np.ones(len(row.ids)) for row in batch], width, 0),
        }
        yield {name: torch.as_tensor(value) for name, value in (arrays | case.targets(batch, width)).items()}


def their_seconds(case: Case, directory: Path, rows: Sequence[list[Row]], n_outputs: int) -> float:
    """Seconds of one epoch, after a warm-up."""
    model = case.peer.from_pretrained(directory, num_labels=n_outputs).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4, fused=True)
    precision = "bf16" if has_fast_bfloat16(torch.device("cpu")) else "fp32"

    def learn(batches: Iterator[dict[str, torch.Tensor]]) -> None:
        for batch in batches:
            with autocast(torch.device("cpu"), precision):
                loss = model(**batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    learn(islice(peer_batches(case, rows, model.config.pad_token_id), N_WARM))
    started = time.perf_counter()
    learn(peer_batches(case, rows, model.config.pad_token_id))
    return time.perf_counter() - started


def measure(task_name: str, n_steps: int, n_rounds: int, folder: Path) -> None:
    """Print both rates and their ratio."""
    case, examples = CASES[task_name], read_data(task_name, folder)
    texts = dict.fromkeys(text for e in examples for text in (getattr(e, "question", ""), *_text(e)) if text)
    base = make_base(list(texts), folder)
    task, tokenizer = learn_task(task_type(task_name), examples, base), Tokenizer.load(base)
    run = FinetuningRun(task, tokenizer, base, FinetuneOptions(batch_size=BATCH_SIZE))
    n_rows = n_steps * BATCH_SIZE
    chosen = [examples[i] for i in np.random.default_rng(1).permutation(len(examples))[:n_rows]]
    all_rows = [[row] for rows in task.encode_many(chosen, tokenizer, run.max_tokens) for row in rows]
    rows = [all_rows[i] for i in np.random.default_rng(2).permutation(len(all_rows))[:n_rows]]
    lengths = [len(row.ids) for [row] in rows]
    name = "malmoi.sample" if os.environ.get("MALMOI_DATA") is None else case.real
    print(f"{task_name}, {name}: {len(rows):,} rows, {statistics.fmean(lengths):.0f} tokens, longest {max(lengths)}")
    rates: dict[str, list[float]] = {"malmoi": [], "transformers": []}
    for _ in range(n_rounds):
        rates["malmoi"].append(len(rows) / our_seconds(run, rows))
        rates["transformers"].append(len(rows) / their_seconds(case, base, rows, task.head.n_outputs))
    for name, values in rates.items():
        print(f"  {name:<14}{statistics.median(values):>8.1f} rows/s")
    ratio = statistics.median(rates["malmoi"]) / statistics.median(rates["transformers"])
    print(f"  ratio: {ratio:.2f}", flush=True)


def _text(example: Any) -> tuple[str, ...]:
    return (getattr(example, "text", ""), getattr(example, "context", ""))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer steps, one round")
    parser.add_argument("--task", action="append", choices=list(CASES), help="only this; may be given again")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    print(describe("transformers"))
    for task in arguments.task or list(CASES):
        n_steps, n_rounds = (4, 1) if arguments.quick else (CASES[task].n_steps, 3)
        with tempfile.TemporaryDirectory() as folder:
            measure(task, n_steps, n_rounds, Path(folder))


if __name__ == "__main__":
    main()
