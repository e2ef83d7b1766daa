"""A command that selects articles of a file of questions: split-articles."""

from pathlib import Path

from malmoi.cli.app import app, print_record


@app.command
def split_articles(file: Path, split: Path, /, *, out: Path, force: bool = False) -> None:
    """Split a file in SQuAD's format by its articles: one JSON file per part.

    Args:
        file: SQuAD, KorQuAD or KLUE-MRC.
        split: JSON object of lists of article titles: {"train": [...], "dev": [...]}; a note beside them is ignored.
        out: Directory to make; holds train.json, dev.json ...
        force: Replace what stands at --out.
    """
    from malmoi.tasks.qa_files import split_articles as run

    print_record(run(file, split, out, force=force))
