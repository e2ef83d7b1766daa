"""A run as one HTML page: of pre-training or of fine-tuning. No PyTorch; the page fetches nothing."""

from pathlib import Path

from malmoi.artifact import write_text
from malmoi.errors import InputError, OptionError, OutputError
from malmoi.report.finetuning import REPORT_FILE, finetuning_page
from malmoi.report.pretraining import RUN_FILE, pretraining_page


def write_report(run: Path, out: Path, *, scores: Path | None = None, force: bool = False) -> None:
    """Write the page about the run in the directory `run` to the file `out`.

    Args:
        run: what `malmoi pretrain` or `malmoi finetune` made.
        out: the file to make.
        scores: what `malmoi evaluate` printed of a fine-tuned model, to be shown beside.
        force: replace `out`.

    Raises:
        InputError: no run, one that has not logged anything yet, or scores that cannot be read.
        OptionError: scores of a pre-training run; or matplotlib is not installed.
        OutputError: `out` exists, or cannot be written.
    """
    if out.exists() and not (force and out.is_file()):
        raise OutputError(f"{out} exists already: choose another --out, or pass --force to replace it")
    if (run / RUN_FILE).is_file():
        if scores is not None:
            raise OptionError(f"{run} is a pre-training run, which has no scores: leave --scores out")
        text = pretraining_page(run)
    elif (run / REPORT_FILE).is_file():
        text = finetuning_page(run, scores)
    else:
        raise InputError(
            f"{run} has neither {RUN_FILE} nor {REPORT_FILE}: expected the --out of `malmoi pretrain` or of "
            "`malmoi finetune`"
        )
    try:
        write_text(out, text)
    except OSError as error:
        raise OutputError(f"cannot write {out} ({error.strerror}): choose another --out") from error
