"""The command line: parse, call one function, print. No logic; every flag is a field of an options dataclass.

Results are JSON on standard output, messages and progress go to standard error. Exit codes: 0 done, 1 an error
that the user can mend, 2 wrong usage, 130 stopped by Ctrl-C.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from malmoi import __version__
from malmoi.corpus.build import CorpusOptions
from malmoi.errors import MalmoiError
from malmoi.pretraining.recipe import PretrainOptions
from malmoi.pretraining.shards import ShardOptions
from malmoi.tokenizer.build import VocabOptions
from malmoi.training.options import FinetuneOptions

app = App(
    name="malmoi",
    help="From raw Korean text to a Korean BERT that works. One command a step.",
    version=__version__,
    help_on_error=False,
)
Flat = Parameter(name="*")
TextOrDash = Annotated[str, Parameter(allow_leading_hyphen=True)]


@app.command
def corpus(
    inputs: list[Path],
    /,
    *,
    out: Path,
    options: Annotated[CorpusOptions, Flat] = CorpusOptions(),
    rejects: Path | None = None,
    workers: int = 1,
    force: bool = False,
) -> None:
    """Read, clean, filter and deduplicate text files into a corpus.

    Args:
        inputs: Files or folders; .gz, .bz2 and .xz are read as they are.
        out: Directory to make.
        rejects: File for the documents that were dropped, with the reason (JSON Lines).
        workers: Processes.
        force: Replace what stands at --out.
    """
    from malmoi.corpus.build import build_corpus

    _report(build_corpus(inputs, out, options, rejects=rejects, workers=workers, force=force))


@app.command
def vocab(
    corpus: Path,
    /,
    *,
    out: Path,
    options: Annotated[VocabOptions, Flat] = VocabOptions(),
    workers: int = 1,
    force: bool = False,
) -> None:
    """Learn a vocabulary from a corpus.

    Args:
        corpus: Corpus directory, or any file that `malmoi corpus` reads.
        out: Directory to make.
        workers: Processes.
        force: Replace what stands at --out.
    """
    from malmoi.tokenizer.build import build_vocab

    _report(build_vocab(corpus, out, options, workers=workers, force=force))


@app.command
def tokenize(tokenizer: Path, text: TextOrDash = "-", /, *, special_tokens: bool = True) -> None:
    """Cut text into pieces: one JSON object a line with pieces, ids and spans in the text.

    Args:
        tokenizer: Tokenizer directory.
        text: The text, or - for lines from standard input.
        special_tokens: Put [CLS] and [SEP] around.
    """
    from malmoi.tokenizer.tokenizer import Tokenizer

    loaded = Tokenizer.load(tokenizer)
    for line in _stdin_lines() if text == "-" else [text]:
        encoding = loaded.encode(line, special_tokens=special_tokens)
        _print(
            {
                "text": line,
                "pieces": list(encoding.pieces),
                "ids": list(encoding.ids),
                "spans": [list(span) for span in encoding.spans],
            }
        )


@app.command
def shards(
    corpus: Path,
    tokenizer: Path,
    /,
    *,
    out: Path,
    options: Annotated[ShardOptions, Flat] = ShardOptions(),
    force: bool = False,
) -> None:
    """Encode a corpus into token shards for pre-training.

    Args:
        corpus: Corpus directory, or any file that `malmoi corpus` reads.
        tokenizer: Tokenizer directory.
        out: Directory to make.
        force: Replace what stands at --out.
    """
    from malmoi.pretraining.shards import build_shards

    _report(build_shards(corpus, tokenizer, out, options, force=force))


@app.command
def pretrain(
    shards: Path,
    tokenizer: Path,
    /,
    *,
    out: Path,
    options: Annotated[PretrainOptions, Flat] = PretrainOptions(),
    resume: bool = False,
    force: bool = False,
) -> None:
    """Pre-train an encoder on token shards: masked language model and next-sentence prediction.

    Args:
        shards: Shard directory.
        tokenizer: The tokenizer the shards were made with.
        out: The run's directory, at its end a model directory.
        resume: Go on from the newest save; begins where there is none.
        force: Start over, dropping the run in --out.
    """
    from malmoi.pretraining.pretrain import pretrain as run

    report = run(shards, tokenizer, out, options, resume=resume, force=force)
    _report(report)
    if not report.finished:
        _say("the run goes on with the same command and --resume")
        raise SystemExit(130)


@app.command
def finetune(
    task: str,
    model: Path,
    /,
    *,
    train: Path,
    out: Path,
    dev: Path | None = None,
    format: str = "auto",
    options: Annotated[FinetuneOptions, Flat] = FinetuneOptions(),
    force: bool = False,
) -> None:
    """Fine-tune a pre-trained model for a task.

    Args:
        task: classification or pair.
        model: Any BERT or ModernBERT directory with its tokenizer.
        train: Labelled examples.
        out: Directory to make.
        dev: Labelled examples to choose the best epoch and seed by.
        format: Format of both files; by default it is found out.
        force: Replace what stands at --out.
    """
    from malmoi.finetune import finetune as run

    _report(run(task, model, train, out, options, dev=dev, format=format, force=force))


@app.command
def evaluate(
    model: Path,
    file: Path,
    /,
    *,
    format: str = "auto",
    errors: Path | None = None,
    device: str | None = None,
) -> None:
    """Judge a fine-tuned model on labelled examples; scores are in percent.

    Args:
        model: Fine-tuned model directory.
        file: Labelled examples.
        format: Format of the file; by default it is found out.
        errors: File for the examples it got wrong (JSON Lines).
        device: cpu, cuda, ...; by default the best one here.
    """
    from malmoi.predictor import Predictor, evaluate_file

    scores = evaluate_file(Predictor.load(model, device=device), file, format=format, errors=errors)
    _print(scores)


@app.command
def predict(model: Path, file: TextOrDash = "-", /, *, format: str = "auto", device: str | None = None) -> None:
    """Predict: every example as one JSON object a line, with its prediction.

    Args:
        model: Fine-tuned model directory.
        file: Examples, or - for standard input: JSON objects, or plain lines (the fields apart by tabs).
        format: Format of the file; by default it is found out.
        device: cpu, cuda, ...; by default the best one here.
    """
    from malmoi.predictor import Predictor, predict_file

    predictor = Predictor.load(model, device=device)
    for record in predict_file(predictor, None if file == "-" else Path(file), format=format):
        _print(record)


@app.command
def score(task: str, gold: Path, predictions: Path, /, *, format: str = "auto") -> None:
    """Judge anybody's predictions by the task's official metrics, in percent.

    Args:
        task: classification or pair.
        gold: Labelled examples.
        predictions: One prediction a line in the same order, as `malmoi predict` prints them or {"label": ...}.
        format: Format of the gold file; by default it is found out.
    """
    from malmoi.tasks.catalog import score_files, task_type

    scores = score_files(task_type(task), gold, predictions, format)
    _print({"task": task, **asdict(scores)})


@app.command
def info(path: Path, /) -> None:
    """Say what a directory is: corpus, tokenizer, shards, pre-training run or model.

    Args:
        path: Any directory that malmoi or transformers made.
    """
    from malmoi.info import describe

    _print(describe(path))


@app.command
def quickstart(
    *,
    corpus: list[Path] | None = None,
    out: Path = Path("quickstart"),
    budget: str = "150s",
    seed: int = 1,
    force: bool = False,
) -> None:
    """Run the whole chain in minutes, on the text that ships with malmoi or on yours.

    Args:
        corpus: Your own text, files or folders, in place of the text that ships.
        out: Directory to make, with a folder for every stage.
        budget: Time for pre-training, such as 90s or 10m.
        seed: Of everything random.
        force: Replace what stands at --out.
    """
    from malmoi.quickstart import run_quickstart

    run_quickstart(corpus, out, budget=budget, seed=seed, force=force)


def main() -> None:
    """Run the command line and exit with its code."""
    with _errors_as_exit_codes():
        app()


@contextmanager
def _errors_as_exit_codes() -> Iterator[None]:
    try:
        yield
    except MalmoiError as error:
        _say(f"error: {error}")
        raise SystemExit(1) from None
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; standard output must not be flushed again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _say(f"error: {place}{error.strerror or error}: check the path, its rights and the space left")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        _say("stopped")
        raise SystemExit(130) from None


def _stdin_lines() -> Iterable[str]:
    return (line.rstrip("\r\n") for line in sys.stdin)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _print(record: dict[str, Any]) -> None:
    print(json.dumps(record, ensure_ascii=False), flush=True)


def _report(report: Any) -> None:
    """A stage's report: for people on standard error; as JSON where standard output goes to a program."""
    _say(str(report))
    if not sys.stdout.isatty():
        _print(asdict(report))


if __name__ == "__main__":
    main()
