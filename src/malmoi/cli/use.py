"""Commands that use a model and judge it: evaluate, predict, score, export."""

from pathlib import Path
from typing import Annotated

from malmoi.cli.app import Flat, ModelPath, TextOrDash, app, print_record, print_report, say
from malmoi.progress import Tally
from malmoi.tasks.options import TaskOptions
from malmoi.tasks.tta import entity_table


@app.command
def evaluate(
    model: ModelPath,
    file: Path,
    /,
    *,
    format: str = "auto",
    task: str | None = None,
    errors: Path | None = None,
    task_options: Annotated[TaskOptions, Flat] = TaskOptions(),
    device: str | None = None,
) -> None:
    """Judge a fine-tuned model on labelled examples, an embedder on pairs of texts; scores are in percent.

    For example: `malmoi evaluate model test.tsv --errors errors.jsonl`

    Args:
        model: Fine-tuned model, embedder or Sent2Vec; a pre-trained model with --task cloze or --task embedding.
        file: Labelled examples.
        format: Format of the file; by default recognised by its content.
        task: The task, for a model that is only pre-trained.
        errors: File for the examples it got wrong (JSON Lines).
        device: cpu, cuda, cuda:1 ...; by default the best device found.
    """
    from malmoi.predictor import Predictor, evaluate_file
    from malmoi.search.likeness import evaluate_pairs
    from malmoi.search.vectorizer import compares_texts

    if task == "embedding" or (task is None and compares_texts(model)):
        print_record(evaluate_pairs(model, file, format=format, device=device))
        return
    predictor = Predictor.load(model, task=task, device=device).with_options(task_options)
    scores = evaluate_file(predictor, file, format=format, errors=errors)
    if predictor.task.name == "tagging":
        say(entity_table(scores["per_label"]))
    print_record(scores)


@app.command
def predict(
    model: ModelPath,
    file: TextOrDash = "-",
    /,
    *,
    format: str = "auto",
    task: str | None = None,
    submission: Path | None = None,
    task_options: Annotated[TaskOptions, Flat] = TaskOptions(),
    device: str | None = None,
) -> None:
    """Predict: print every example with its prediction, one JSON object per line.

    For example: `malmoi predict model test.tsv > predictions.jsonl`

    Args:
        model: Fine-tuned model directory, or a pre-trained one with --task cloze.
        file: Examples, or - for standard input: JSON objects, or plain lines (fields separated by tabs).
        format: Format of the file; by default recognised by its content.
        task: The task, for a model that is only pre-trained.
        submission: Write the predictions into this file, as GLUE's server takes them, and print none.
        device: cpu, cuda, cuda:1 ...; by default the best device found.
    """
    from malmoi.predictor import Predictor, predict_file
    from malmoi.submission import write_submission

    predictor = Predictor.load(model, task=task, device=device).with_options(task_options)
    if submission is not None:
        write_submission(predictor, None if file == "-" else Path(file), submission, format=format)
        return
    records = predict_file(predictor, None if file == "-" else Path(file), format=format)
    for record in Tally(records, "predictions"):
        print_record(record)


@app.command
def score(
    task: str,
    gold: Path,
    predictions: Path,
    /,
    *,
    format: str = "auto",
    task_options: Annotated[TaskOptions, Flat] = TaskOptions(),
) -> None:
    """Judge anybody's predictions by the task's official metrics, in percent.

    For example: `malmoi score classification test.tsv predictions.jsonl`

    Args:
        task: classification, pair, regression, qa, tagging, choice, relation or cloze.
        gold: Labelled examples.
        predictions: One prediction per line in the same order, as `malmoi predict` prints them or bare, {"label": ...};
            for qa also SQuAD's {id: text}, for tagging also a file of the gold file's format.
        format: Format of the gold file; by default recognised by its content.
    """
    from malmoi.tasks.catalog import score_files, task_type

    scores = score_files(task_type(task), gold, predictions, format, task_options)
    print_record({"task": task, **scores.to_json()})


@app.command
def export(
    model: ModelPath,
    /,
    *,
    out: Path,
    int8: bool = False,
    trainable: bool = False,
    dev: Path | None = None,
    format: str = "auto",
    force: bool = False,
) -> None:
    """Write a model as an ONNX graph, which the base install runs without PyTorch; or small, to train it further.

    For example: `malmoi export model --out small-model --int8 --dev dev.tsv`

    Args:
        model: Fine-tuned or pre-trained model directory.
        out: Directory to make.
        int8: Matrices and token table as bytes: a quarter of the size, about twice as fast on a CPU.
        trainable: No graph but the weights as bytes, a quarter of the size; PyTorch trains and runs them.
        dev: Labelled examples; what loses more than 0.3 points on them is refused.
        format: Format of the examples; by default recognised by its content.
        force: Replace what stands at --out.
    """
    from malmoi.export import ExportOptions, export_model

    options = ExportOptions(int8=int8, trainable=trainable)
    print_report(export_model(model, out, options, dev=dev, format=format, force=force))
