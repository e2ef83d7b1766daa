"""Writes the notebooks, Korean and English, from one source each, so that the two never drift. Run by `make docs`.

A source is a script: `# %%` begins a cell of code, `# %% ko` and `# %% en` begin its words in either language, which
are comments. With `--check` nothing is written; the exit code is 1 when a notebook is older than its source.
"""

import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
LANGUAGES = ("ko", "en")


def sources() -> list[Path]:
    """The scripts, in the order in which they are read."""
    return sorted(FOLDER.glob("[0-9]*.py"), key=lambda path: int(path.stem.split("-")[0]))


def notebook(source: Path, language: str) -> dict[str, Any]:
    """One language's notebook, without outputs."""
    cells = []
    for kind, lines in _cells(source.read_text(encoding="utf-8")):
        if kind in ("", language):
            text = (
                "\n".join(lines) if not kind else "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines)
            )
            cells.append((kind, text.strip()))
    return {
        "cells": [
            {
                "id": f"cell-{number}",
                "cell_type": "markdown" if kind else "code",
                "metadata": {},
                "source": text.splitlines(keepends=True),
                **({} if kind else {"execution_count": None, "outputs": []}),
            }
            for number, (kind, text) in enumerate(cells)
        ],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cells(text: str) -> list[tuple[str, list[str]]]:
    cells: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("# %%"):
            cells.append((line.removeprefix("# %%").strip(), []))
        elif cells:
            cells[-1][1].append(line)
    return cells


def rendered() -> dict[Path, str]:
    """What every notebook's file should hold."""
    return {
        source.with_suffix(f".{language}.ipynb"): json.dumps(notebook(source, language), ensure_ascii=False, indent=1)
        + "\n"
        for source in sources()
        for language in LANGUAGES
    }


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(
            any(not path.is_file() or path.read_text(encoding="utf-8") != text for path, text in rendered().items())
        )
    for path, text in rendered().items():
        path.write_text(text, encoding="utf-8")
