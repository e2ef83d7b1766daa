"""The page about a run: everything in it, from a run that is over or still going on."""

import json
from pathlib import Path

import pytest

from malmoi.errors import InputError, OptionError, OutputError
from malmoi.report.plots import _MAX_POINTS, Curve, _thinned
from malmoi.report.write import write_report

LINE = {"loss": 5.0, "masked_lm_loss": 4.3, "masked_lm_accuracy": 0.1, "lr": 1e-3, "tokens_per_second": 900.0}
HIDDEN = {"place": 2, "right": "##모이", "guesses": [["##모이", 0.5], ["<b>", 0.25]]}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    directory = tmp_path / "first_run"
    directory.mkdir()
    options = {"size": "tiny", "steps": 40, "budget": None}
    record = {"steps": 40, "compile": False, "options": options, "machine": {"processor": "A <fast> one"}}
    (directory / "run.json").write_text(json.dumps(record), encoding="utf-8")
    lines = [{"step": n, "tokens": 100 * n, **LINE, "peak_memory_bytes": 2**30} for n in (10, 20)]
    (directory / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    sample = {"pieces": ["[CLS]", "말", "[MASK]", "."], "hidden": [HIDDEN]}
    look = {"step": 20, "tokens": 2000, "masked_lm_loss": 4.5, "masked_lm_accuracy": 0.08, "loss_per_character": 2.1}
    (directory / "evaluations.jsonl").write_text(json.dumps({**look, "samples": [sample]}) + "\n", encoding="utf-8")
    return directory


def test_all_of_a_run_is_on_the_page(run: Path, tmp_path: Path) -> None:
    write_report(run, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for title in (
        "Masked-LM loss (nats)",
        "Hidden pieces guessed",
        "bits a hidden character",
        "Learning rate",
        "Peak memory",
    ):
        assert title in page
    assert page.count("<svg") == 6 and "Gradient norm" not in page  # what was not logged has no plot
    assert "first_run" in page and "20 of 40" in page and "A &lt;fast&gt; one" in page
    assert (
        "말<mark>모이</mark> <small>(<span class=right>##모이 50%</span>, <span>&lt;b&gt; 25%</span>)</small>" in page
    )
    assert "http" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    ).replace("https://matplotlib.org", "")
    before = page
    write_report(run, tmp_path / "page.html", force=True)
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == before


def test_a_run_that_goes_on_and_one_without_held_out_text(run: Path, tmp_path: Path) -> None:
    (run / "evaluations.jsonl").unlink()
    with (run / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 30, "lo')
    write_report(run, tmp_path / "page.html")
    assert "held-out" not in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_what_is_no_run(run: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"has neither run\.json nor report\.json: expected the --out of `malmoi pretrain` or"
    ):
        write_report(tmp_path, tmp_path / "page.html")
    (run / "log.jsonl").write_text('{"step": 1\n{"step": 2}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"log\.jsonl:1: .*expected a JSON object"):
        write_report(run, tmp_path / "page.html")
    (run / "log.jsonl").unlink()
    with pytest.raises(InputError, match=r"no line in log\.jsonl yet"):
        write_report(run, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_a_pre_training_run_has_no_scores(run: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="leave --scores out"):
        write_report(run, tmp_path / "page.html", scores=tmp_path / "scores.json")


def test_nothing_is_overwritten_unasked(run: Path, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        write_report(run, tmp_path / "page.html")
    with pytest.raises(OutputError, match="cannot write"):
        write_report(run, tmp_path / "absent" / "page.html")


def test_long_curves_are_thinned_to_means() -> None:
    x, y = _thinned(Curve(range(25_000), [n % 2 for n in range(25_000)]))
    assert len(x) == len(y) == _MAX_POINTS
    assert 0.45 <= y.min() <= y.max() <= 0.55 and x[0] < 13
