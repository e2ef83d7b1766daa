"""Tables for GLUE's server: a row for every row of the test file, in its order."""

from pathlib import Path

import numpy as np
import pytest

from malmoi.errors import InputError, OptionError
from malmoi.predictor import Predictor
from malmoi.submission import write_submission
from malmoi.tasks.cloze import Cloze
from malmoi.tasks.regression import Regression


def test_labels_in_order(quick_run: Path, tmp_path: Path) -> None:
    predictor = Predictor.load(quick_run / "model", device="cpu")
    test = tmp_path / "test.tsv"
    texts = ["정말 좋다", "너무 나쁘다", '"그저" 그렇다']
    test.write_text("index\tsentence\n" + "".join(f"{i}\t{t}\n" for i, t in enumerate(texts)), encoding="utf-8")
    assert write_submission(predictor, test, tmp_path / "SST-2.tsv") == 3
    labels = [p.label for p in predictor.predict([{"text": text} for text in texts])]
    lines = (tmp_path / "SST-2.tsv").read_text().splitlines()
    assert lines == ["index\tprediction", *(f"{i}\t{label}" for i, label in enumerate(labels))]
    with pytest.raises(OptionError, match="standard input"):
        write_submission(predictor, None, tmp_path / "x.tsv")


class Outputs:
    """A runtime that answers with given numbers: what a model says does not matter here."""

    def __init__(self, *values: float) -> None:
        self.values = values

    def run_examples(self, examples: list[object]) -> list[list[np.ndarray]]:
        return [[np.array([value], np.float32)] for value in self.values]


def test_numbers_stay_on_the_scale(quick_run: Path, tmp_path: Path) -> None:
    tokenizer = Predictor.load(quick_run / "model", device="cpu").tokenizer
    predictor = Predictor(Regression(low=0.0, high=5.0), tokenizer, Outputs(-1.5, 0.0, 0.5, 2.0), 32)  # type: ignore[arg-type]
    test = tmp_path / "test.tsv"
    header = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\n"
    test.write_text(header + "0\tg\tf\t2012\t1\ts\ts\t비가 온다\t눈이 온다\n" * 4, encoding="utf-8")
    write_submission(predictor, test, tmp_path / "STS-B.tsv")
    cells = [line.split("\t")[1] for line in (tmp_path / "STS-B.tsv").read_text().splitlines()[1:]]
    assert cells == ["0.000", "2.500", "3.750", "5.000"]


def test_what_the_server_would_not_take(quick_run: Path, tmp_path: Path) -> None:
    predictor = Predictor.load(quick_run / "pretrained", task="cloze", device="cpu")
    assert isinstance(predictor.task, Cloze)
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": "비가 ___", "choices": ["온다", "간다"]}', encoding="utf-8")
    with pytest.raises(OptionError, match="GLUE has no cloze"):
        write_submission(predictor, file, tmp_path / "x.tsv")
    with pytest.raises(InputError, match="cannot be read"):
        write_submission(predictor, tmp_path / "missing.tsv", tmp_path / "x.tsv")
