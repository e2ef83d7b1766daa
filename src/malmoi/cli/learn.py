"""Commands that train: plan, pretrain, finetune."""

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from malmoi.cli.app import Flat, ModelPath, app, print_report, say
from malmoi.pretraining.plan import PlanOptions, make_plan
from malmoi.pretraining.recipe import PretrainOptions
from malmoi.search.options import EmbeddingOptions
from malmoi.tasks.options import TaskOptions
from malmoi.training.options import FinetuneOptions


@app.command
def plan(text: Path, /, *, options: Annotated[PlanOptions, Flat] = PlanOptions()) -> None:
    """Estimate time, memory and money of a pre-training run, and what other sizes would take.

    For example: `malmoi plan shards --size base --device h100 --price-per-hour 3`

    Args:
        text: Shard directory, or a corpus directory before it is encoded.
    """
    from malmoi.pretraining.probe import probe_tokens_per_second

    print_report(make_plan(text, options, probe_tokens_per_second))


@app.command
def pretrain(
    shards: Path,
    tokenizer: ModelPath,
    /,
    *,
    out: Path,
    options: Annotated[PretrainOptions, Flat] = PretrainOptions(),
    start: Annotated[ModelPath | None, Parameter(name="--from")] = None,
    resume: bool = False,
    force: bool = False,
) -> None:
    """Pre-train an encoder on token shards: masked language model and next-sentence prediction.

    For example: `malmoi pretrain shards tokenizer --out pretrained --size small --budget 2h`

    Args:
        shards: Shard directory.
        tokenizer: The tokenizer the shards were made with.
        out: The run's directory, at its end a model directory.
        start: Model directory to continue from, instead of random weights: any BERT or ModernBERT with its tokenizer.
            Its shape is kept, --size gives the recipe only; entries it does not know begin as the mean of their
            old pieces.
        resume: Continue from the newest save; start anew if there is none.
        force: Start over, dropping the run in --out.
    """
    from malmoi.pretraining.pretrain import pretrain as run

    report = run(shards, tokenizer, out, options, start=start, resume=resume, force=force)
    speaks = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun started, one
    if speaks:
        print_report(report)
    if not report.finished:
        if speaks:
            say("the run continues with the same command and --resume")
        raise SystemExit(130)


@app.command
def finetune(
    task: str,
    model: ModelPath,
    /,
    *,
    train: Path,
    out: Path,
    dev: Path | None = None,
    format: str = "auto",
    options: Annotated[FinetuneOptions, Flat] = FinetuneOptions(),
    baseline: bool = False,
    task_options: Annotated[TaskOptions, Flat] = TaskOptions(),
    embedding_options: Annotated[EmbeddingOptions, Flat] = EmbeddingOptions(),
    force: bool = False,
) -> None:
    """Fine-tune a pre-trained model for a task. A run that was stopped continues with the same command.

    For example: `malmoi finetune classification pretrained --train train.tsv --dev dev.tsv --out model`

    Args:
        task: classification, pair, regression, qa, tagging, choice, relation, cloze; or embedding, to search by.
        model: Any BERT or ModernBERT directory with its tokenizer.
        train: Labelled examples; for embedding pairs of texts, with or without a score.
        out: Directory to make.
        dev: Labelled examples to choose the best epoch and seed by.
        format: Format of both files; by default recognised by their content.
        baseline: Also train a linear model (TF-IDF) on the same examples, to compare with.
        force: Replace what stands at --out.
    """
    if task == "embedding":
        from malmoi.search.contrastive import finetune_embedding

        report = finetune_embedding(model, train, out, options, embedding_options, dev=dev, format=format, force=force)
        print_report(report)
        return
    from malmoi.finetune import finetune as run

    print_report(
        run(
            task,
            model,
            train,
            out,
            options,
            task_options=task_options,
            dev=dev,
            format=format,
            baseline=baseline,
            force=force,
        )
    )
