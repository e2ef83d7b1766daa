"""The pages of docs/: that of the command line is up to date, and the stages' Python runs, one page after the other."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sample import SAMPLE
from snippets import ROOT, blocks

STAGES = ["corpus.md", "vocabulary.md", "pretraining.md", "finetuning.md"]


def test_the_page_of_the_command_line_is_up_to_date() -> None:
    # In a process of its own: cyclopts words the page by the name of the program that runs.
    script = ROOT / "docs" / "make_cli.py"
    assert subprocess.run([sys.executable, str(script), "--check"]).returncode == 0, "run `make docs`"


def test_the_stages_run_in_python_as_their_pages_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my_text").mkdir()
    shutil.copy(SAMPLE / "articles.jsonl", "my_text")
    for name, n_lines in (("train", 121), ("dev", 41)):
        lines = (SAMPLE / f"opinions-{name}.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
        Path(f"{name}.tsv").write_text("".join(lines[:n_lines]), encoding="utf-8")
    for page in STAGES:
        snippets = blocks(ROOT / "docs" / page, "python")
        assert snippets, f"{page} shows no Python"
        for snippet in snippets:
            exec(compile(snippet, page, "exec"), {})
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {
        *("my_text", "corpus", "tokenizer", "shards", "pretrained", "model")
    }


def test_the_site_builds_without_a_warning_and_asks_no_other_server(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="sphinx is not installed")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-b",
        "html",
        str(ROOT / "docs"),
        str(tmp_path),
    ]
    made = subprocess.run(command, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    for page in tmp_path.glob("*.html"):
        html = page.read_text(encoding="utf-8")
        assert not re.search(r'(?:src|<link[^>]+href)="https?://', html), f"{page.name} loads something from outside"
    # A page called search or genindex would give way to Sphinx's own.
    for page in (ROOT / "docs").glob("*.md"):
        heading = page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").replace("'", "’")
        assert f"<h1>{heading}<" in (tmp_path / f"{page.stem}.html").read_text(encoding="utf-8"), page.name
    api = (tmp_path / "api.html").read_text(encoding="utf-8")
    assert "malmoi.predictor.Predictor.predict" in api
