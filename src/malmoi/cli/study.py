"""The command that compares ways to cut: study."""

from pathlib import Path
from typing import Annotated

from malmoi.cli.app import Flat, app, print_report, say
from malmoi.study.options import StudyOptions


@app.command
def study(
    corpus: Path,
    /,
    *,
    out: Path,
    options: Annotated[StudyOptions, Flat] = StudyOptions(),
    workers: int = 1,
    force: bool = False,
) -> None:
    """Compare ways to cut Korean into tokens, end to end, and make one page of it.

    For each way: vocabulary, shards, pre-training of equal compute, fine-tuning for the tasks that are named. A study
    that was stopped continues with the same command.

    Args:
        corpus: Corpus directory, or any file that `malmoi corpus` reads.
        out: Directory to make; report.html is the page.
        workers: Processes for vocabularies and shards.
        force: Start over, dropping the study in --out.
    """
    from malmoi.study.run import run_study

    print_report(run_study(corpus, out, options, workers=workers, force=force))
    say(f"the page: {out / 'report.html'}")
