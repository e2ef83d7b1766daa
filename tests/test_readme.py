"""The two READMEs say the same, and what they say is so: snippets run, commands parse, files and links exist."""

import re
from pathlib import Path

import pytest
from snippets import ROOT, blocks, command_lines

from malmoi.cli.commands import app

README, KOREAN = ROOT / "README.md", ROOT / "README.ko.md"
SOURCE = ROOT / "src" / "malmoi"
PAGES = [README, KOREAN, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("language", ["bash", "python", "text"])
def test_both_languages_show_the_same_code(language: str) -> None:
    assert blocks(README, language)
    assert blocks(README, language) == blocks(KOREAN, language)


def test_both_languages_have_the_same_shape() -> None:
    english, korean = (page.read_text(encoding="utf-8") for page in (README, KOREAN))
    marks = re.compile(r"^(#+|\||\*|<\w+)", re.MULTILINE)  # headings, rows, items, elements
    assert marks.findall(english) == marks.findall(korean)


def test_python_runs_beside_a_quickstart(
    quick_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "quickstart").symlink_to(quick_run)
    monkeypatch.chdir(tmp_path)
    for block in blocks(README, "python"):
        exec(compile(block, str(README), "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("['[CLS]', ")
    assert [line.split()[0] in ("positive", "negative") for line in printed[2:]] == [True, True]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_parse(page: Path) -> None:
    for words in command_lines(page):
        app.parse_args(words, print_error=False, exit_on_error=False)


def test_the_readme_shows_every_command() -> None:
    assert {words[0] for words in command_lines(README)} == {name for name in app if not name.startswith("-")}


def test_the_tree_is_what_is_there() -> None:
    tree = next(block for block in blocks(README, "text") if "src/malmoi/" in block)
    listed = _paths(tree)
    assert [path for path in listed if not path.exists()] == []
    # A folder's line stands for what is in it; every file opens by saying what it is.
    there = {path for folder in (SOURCE, ROOT / "docs") for path in folder.iterdir() if path.name != "__pycache__"}
    assert {str(path.relative_to(ROOT)) for path in there - listed} == set(), "files that the tree does not show"


def _paths(tree: str) -> set[Path]:
    """Columns are two blanks apart; those without a blank inside are names, four blanks deep a folder."""
    paths, folders = set(), [ROOT]
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 4
        for name in (column for column in re.split(r" {2,}", line.strip()) if " " not in column):
            path = folders[depth] / name
            paths.add(path)
            if name.endswith("/"):
                folders[depth + 1 :] = [path]
    return paths


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r'\]\(([^)\s]+)\)|<img src="([^"]+)"', text):
        link = "".join(target)
        if link.startswith("http"):
            continue
        name, _, anchor = link.partition("#")
        goal = page.parent / name if name else page
        assert goal.exists(), f"{page.name} links {link}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", goal.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {heading.lower().replace(" ", "-") for heading in headings}, f"{page.name} links {link}"
