"""Predictions as GLUE's evaluation server takes them: a table of `index` and `prediction`, the rows in order.

The server wants the files zipped together, by name: `CoLA.tsv`, `SST-2.tsv`, `MRPC.tsv`, `STS-B.tsv`, `QQP.tsv`,
`MNLI-m.tsv`, `MNLI-mm.tsv`, `QNLI.tsv`, `RTE.tsv`, `WNLI.tsv`, `AX.tsv`.
"""

from pathlib import Path

from malmoi.artifact import write_text
from malmoi.errors import InputError, OptionError
from malmoi.predictor import Predictor
from malmoi.tasks.catalog import read_example_file
from malmoi.tasks.labels import LabelPrediction
from malmoi.tasks.regression import Regression, RegressionPrediction


def write_submission(predictor: Predictor, path: Path | None, out: Path, *, format: str = "auto") -> int:
    """Predict a test file and write the table; returns how many rows it has.

    Args:
        predictor: the model.
        path: the test file, whole and in its own order.
        out: the table to write; one that is there is replaced.
        format: of the test file, or `auto`.

    Raises:
        OptionError: no file, or a task that GLUE does not have.
        InputError: the file cannot be read, or lacks rows.
    """
    if path is None:
        raise OptionError("--submission needs a test file: expected its path, not standard input")
    file = read_example_file(predictor.task, path, format)
    if file.dropped:
        raise InputError(f"{path} has rows that its format leaves out: the server wants a prediction for each")
    predictions = [_cell(predictor, prediction) for prediction in predictor.predict(file.examples)]
    rows = ("index\tprediction", *(f"{index}\t{cell}" for index, cell in enumerate(predictions)))
    write_text(out, "".join(f"{row}\n" for row in rows))
    return len(predictions)


def _cell(predictor: Predictor, prediction: object) -> str:
    """A label; or a number, which the server takes only between the ends of the scale."""
    if isinstance(prediction, LabelPrediction):
        return prediction.label
    task = predictor.task
    if isinstance(prediction, RegressionPrediction) and isinstance(task, Regression):
        return f"{min(max(prediction.score, task.low), task.high):.3f}"
    raise OptionError(f"GLUE has no {task.name}: expected a model for classification, pair or regression")
