"""Commands to begin with and to look around: info, report, quickstart."""

from pathlib import Path

from malmoi.cli.app import ModelPath, app, print_record, say


@app.command
def info(path: ModelPath, /) -> None:
    """Say what a directory is: corpus, tokenizer, shards, pre-training run or model.

    Args:
        path: Any directory that malmoi or transformers made.
    """
    from malmoi.info import describe

    print_record(describe(path))


@app.command
def report(run: Path, /, *, out: Path, scores: Path | None = None, force: bool = False) -> None:
    """Show a run of pre-training or fine-tuning as one HTML page: curves, guesses or scores by label, options, machine.

    Args:
        run: The --out of `malmoi pretrain`, finished or not, or of `malmoi finetune`.
        out: File to make.
        scores: What `malmoi evaluate` printed of this model, to be shown too: by label, and what was taken for what.
        force: Replace what stands at --out.
    """
    from malmoi.report.write import write_report

    write_report(run, out, scores=scores, force=force)
    say(f"wrote {out}")


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
        corpus: Your own text, files or folders, instead of the text that ships.
        out: Directory to make, with a folder for every stage.
        budget: Time for pre-training, such as 90s or 10m.
        seed: Seed of everything random.
        force: Replace what stands at --out.
    """
    from malmoi.quickstart import run_quickstart

    run_quickstart(corpus, out, budget=budget, seed=seed, force=force)
