"""P8: fine-tuning rows a second, ours against a loop as transformers' Trainer runs it: opinions, reading, entities.

Both train a BERT of 6x256 with the same weights on the same rows (one a review, one a window of a text, one a
sentence) with AdamW, batches of 32. The peer is transformers' own model for the task; it shuffles, pads every batch to
its longest row (its data collators) and computes as `Trainer` does: under bf16 autocast where the processor has bf16
units, else in fp32. Ours is what `malmoi finetune` runs. Texts are cut into rows beforehand, for both: reading in
windows of 384 tokens. A call is an epoch of the same rows, in each side's own order. Each has a process of its own,
where nothing that another set holds, and they take turns; the peer runs once more with our setting of the allocator.

Data: NSMC, KorQuAD and KONEC where MALMOI_DATA names them; else the opinions and sentences that ship, and questions
made of the articles that ship.

    python benchmarks/finetune_speed.py [--quick] [--task classification] [--task qa] [--task tagging]
"""

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from machine import describe, medians_apart
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
from malmoi.training.device import autocast, has_fast_bfloat16, keep_freed_memory
from malmoi.training.fit import fit
from malmoi.training.optim import build_optimizers
from malmoi.training.options import FinetuneOptions, OptimizerOptions, Precision

BATCH_SIZE, LR = 32, 5e-4
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
        n_steps=40,
        peer=BertForSequenceClassification,
        targets=label_targets,
    ),
    "qa": Case(
        real="korquad/KorQuAD_v1.0_dev.json",
        shipped="articles.jsonl",
        n_steps=8,
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


@dataclass(frozen=True, kw_only=True)
class Side:
    """What both sides learn."""

    task: Any
    base: Path
    rows: Sequence[list[Row]]


@dataclass(frozen=True, kw_only=True)
class Ours(Side):
    """What `malmoi finetune` runs."""

    def __call__(self) -> Callable[[], None]:
        """Set up; each call of what is returned is an epoch."""
        run = FinetuningRun(self.task, Tokenizer.load(self.base), self.base, FinetuneOptions(batch_size=BATCH_SIZE))
        model, numbers = run.new_model(seed=1), count()
        optimizers = build_optimizers(model, OptimizerOptions(lr=LR), 100 * len(self.rows))

        def epoch() -> None:
            batches = run.batches(self.rows, seed=1, epoch=next(numbers))
            for _ in fit(model, batches, lambda batch: run.losses(model, batch), optimizers):
                pass

        return epoch


@dataclass(frozen=True, kw_only=True)
class Theirs(Side):
    """What transformers' Trainer runs."""

    case: Case
    keeps_memory: bool = False

    def __call__(self) -> Callable[[], None]:
        """Set up; each call of what is returned is an epoch."""
        if self.keeps_memory:
            keep_freed_memory()
        transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        model = self.case.peer.from_pretrained(self.base, num_labels=self.task.head.n_outputs).train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=LR, fused=True)
        precision: Precision = "bf16" if has_fast_bfloat16(torch.device("cpu")) else "fp32"
        numbers = count()

        def epoch() -> None:
            for batch in peer_batches(self.case, self.rows, model.config.pad_token_id, next(numbers)):
                with autocast(torch.device("cpu"), precision):
                    loss = model(**batch).loss
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)

        return epoch


def peer_batches(case: Case, rows: Sequence[list[Row]], pad_id: int, epoch: int) -> Iterator[dict[str, torch.Tensor]]:
    """What Trainer's random sampler and its data collators give."""
    order = np.random.default_rng(epoch).permutation(len(rows))
    for start in range(0, len(order), BATCH_SIZE):
        batch = [rows[i][0] for i in order[start : start + BATCH_SIZE]]
        width = max(len(row.ids) for row in batch)
        arrays = {
            "input_ids": padded([row.ids for row in batch], width, pad_id),
            "token_type_ids": padded([row.segments for row in batch], width, 0),
            "attention_mask": padded([np.ones(len(row.ids)) for row in batch], width, 0),
        }
        yield {name: torch.as_tensor(value) for name, value in (arrays | case.targets(batch, width)).items()}


def measure(task_name: str, n_steps: int, n_rounds: int, folder: Path) -> None:
    """Print all rates, times as shares of ours, and the most memory each process took."""
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
    shared: Any = {"task": task, "base": base, "rows": rows}
    sides: dict[str, Callable[[], Callable[[], None]]] = {
        "malmoi": Ours(**shared),
        "transformers": Theirs(**shared, case=case),
        "the same, our allocator setting": Theirs(**shared, case=case, keeps_memory=True),
    }
    found = dict(zip(sides, medians_apart(list(sides.values()), n_rounds), strict=True))
    ours = found["malmoi"].seconds
    for name, apart in found.items():
        rate, ratio = len(rows) / apart.seconds, apart.seconds / ours
        print(
            f"  {name:<32}{rate:>8.1f} rows/s{ratio:>6.2f} times our time{apart.peak_bytes / 1e6:>8,.0f} MB", flush=True
        )


def _text(example: Any) -> tuple[str, ...]:
    return (getattr(example, "text", ""), getattr(example, "context", ""))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer steps, one round")
    parser.add_argument("--task", action="append", choices=list(CASES), help="only this; may be given again")
    arguments = parser.parse_args()
    print(describe("transformers"))
    for task in arguments.task or list(CASES):
        n_steps, n_rounds = (4, 1) if arguments.quick else (CASES[task].n_steps, 3)
        with tempfile.TemporaryDirectory() as folder:
            measure(task, n_steps, n_rounds, Path(folder))


if __name__ == "__main__":
    main()
