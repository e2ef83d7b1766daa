"""The tutorials run from start to end, one after the other in one folder, and both languages are up to date."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from snippets import ROOT

FOLDER = ROOT / "docs" / "tutorials"
SOURCES = sorted(FOLDER.glob("[0-9]*.py"), key=lambda path: int(path.stem.split("-")[0]))


def test_the_notebooks_are_up_to_date() -> None:
    script = FOLDER / "make_notebooks.py"
    assert subprocess.run([sys.executable, str(script), "--check"]).returncode == 0, "run `make docs`"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_both_languages_have_the_same_code_and_as_many_words(source: Path) -> None:
    korean, english = (cells(source, language) for language in ("ko", "en"))
    assert [kind for kind, _ in korean] == [kind for kind, _ in english]
    assert [text for kind, text in korean if kind == "code"] == [text for kind, text in english if kind == "code"]
    assert all(a != b for (kind, a), (_, b) in zip(korean, english, strict=True) if kind == "markdown")


def cells(source: Path, language: str) -> list[tuple[str, str]]:
    notebook = json.loads(source.with_suffix(f".{language}.ipynb").read_text(encoding="utf-8"))
    return [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Later tutorials use what earlier ones made."""
    return tmp_path_factory.mktemp("tutorials")


@pytest.mark.notebook
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_tutorial_runs_from_start_to_end(source: Path, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    nbformat = pytest.importorskip("nbformat")
    notebook: Any = nbformat.read(source.with_suffix(".ko.ipynb"), as_version=4)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "MPLBACKEND": "agg"}
    began = time.monotonic()
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(workplace)}}
    )
    # Every cell's own assertions are run; an error in one is an error here.
    client.execute(env=environment)
    with capsys.disabled():
        print(f" {source.stem}: {time.monotonic() - began:.0f} s", end="")
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any(output.output_type in ("stream", "display_data") for output in outputs)
