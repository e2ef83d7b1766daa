"""The page about a fine-tuned model: every rate and seed, every label, and what was taken for what."""

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from malmoi.errors import InputError
from malmoi.finetune import finetune
from malmoi.report.write import write_report
from malmoi.training.options import FinetuneOptions


class Tables(HTMLParser):
    """The cells of all rows of all tables."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._is_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
        self._is_cell = tag in ("th", "td")

    def handle_endtag(self, tag: str) -> None:
        self._is_cell = False

    def handle_data(self, data: str) -> None:
        if self._is_cell:
            self.rows[-1][-1] += data.strip()


@pytest.fixture(scope="module")
def swept(quick_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two rates and two seeds."""
    out = tmp_path_factory.mktemp("swept") / "opinions"
    options = FinetuneOptions(epochs=2, lrs="1e-3,3e-4", seeds=2, device="cpu")
    dev = quick_run / "dev.tsv"
    finetune("classification", quick_run / "pretrained", quick_run / "train.tsv", out, options, dev=dev)
    return out


def test_every_run_and_every_label_is_on_the_page(swept: Path, tmp_path: Path) -> None:
    write_report(swept, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    report = json.loads((swept / "report.json").read_text(encoding="utf-8"))
    for title in ("Training loss", "accuracy on dev (percent)", "Learning rate", "0.001, seed 1", "0.0003, seed 2"):
        assert title in page
    rows = Tables(page).rows
    for seed, metrics in report["dev"].items():
        name = f"seed {seed}" + " (kept)" * (int(seed) == report["best_seed"])
        assert [name, *(f"{value:.2f}" for value in metrics.values())] in rows
    for rate, metrics in report["rates"].items():
        assert [rate, *(f"{value:.2f}" for value in metrics.values())] in rows
    for label, counts in report["scores"]["confusion"].items():
        assert [label, *map(str, counts.values())] in rows
    assert sum(sum(counts.values()) for counts in report["scores"]["confusion"].values()) == 40
    assert any(row[0] == "processor" for row in rows) and ["seeds", "2"] in rows


def test_the_log_says_what_dev_said_after_each_epoch(swept: Path) -> None:
    report = json.loads((swept / "report.json").read_text(encoding="utf-8"))
    log = [json.loads(line) for line in (swept / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    looks = [line for line in log if "dev_accuracy" in line]
    assert [(line["seed"], line["epoch"]) for line in looks] == 2 * [(1, 0), (1, 1), (2, 0), (2, 1)]
    kept = looks[4 * list(report["rates"]).index(str(report["lr"])) :][:4]
    best = max(line["dev_accuracy"] for line in kept if line["seed"] == report["best_seed"])
    assert best == report["scores"]["metrics"]["accuracy"] == report["dev"][str(report["best_seed"])]["accuracy"]


def test_what_evaluate_printed_stands_beside(swept: Path, quick_run: Path, tmp_path: Path) -> None:
    scores = tmp_path / "train scores.json"
    evaluate = [sys.executable, "-m", "malmoi.cli", "evaluate", swept, quick_run / "train.tsv", "--device", "cpu"]
    scores.write_bytes(subprocess.run(evaluate, check=True, stdout=subprocess.PIPE).stdout)
    write_report(swept, tmp_path / "page.html", scores=scores)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "On train scores: 160 examples" in page and "On dev, the kept model: 40 examples" in page


def test_types_of_entities_and_names_that_html_would_read(quick_run: Path, swept: Path, tmp_path: Path) -> None:
    """Without a confusion matrix, as in tagging; labels are anybody's text."""
    label = {"precision": 50.0, "recall": 25.0, "f1": 33.3, "n": 4}
    scores = {"n_examples": 9, "metrics": {"f1": 33.3}, "per_label": {"<b>": label, "인명": label | {"n": 5}}}
    (tmp_path / "test.json").write_text(json.dumps(scores), encoding="utf-8")
    write_report(quick_run / "model", tmp_path / "page.html", scores=tmp_path / "test.json")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    rows = Tables(page).rows
    assert rows.index(["인명", "5", "50.0", "25.0", "33.3", ""]) < rows.index(["<b>", "4", "50.0", "25.0", "33.3", ""])
    assert "By seed" not in page and "By learning rate" not in page


@pytest.mark.parametrize(
    ("text", "message"),
    [("[1", "cannot be read"), ('{"n_examples": 3}', "has no metrics: expected what `malmoi evaluate`")],
)
def test_scores_that_are_none(quick_run: Path, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "scores.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        write_report(quick_run / "model", tmp_path / "page.html", scores=tmp_path / "scores.json")
    assert not (tmp_path / "page.html").exists()


def test_a_report_of_another_stage(quick_run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no n_train: expected what `malmoi finetune` wrote"):
        write_report(quick_run / "corpus", tmp_path / "page.html")
