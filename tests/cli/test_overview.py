"""What `malmoi` shows by itself: every command once, under a stage, at once."""

import subprocess
import sys

import pytest

from malmoi import __version__
from malmoi.cli.commands import app
from malmoi.cli.overview import STAGES, overview


def test_every_command_stands_under_one_stage() -> None:
    listed = [name for commands in STAGES.values() for name in commands]
    assert sorted(listed) == sorted(name for name in app if not name.startswith("-")), "add it to cli/overview.py"


@pytest.mark.parametrize("command", [name for commands in STAGES.values() for name in commands])
def test_the_module_named_holds_the_command(command: str) -> None:
    [module] = {commands[command][0] for commands in STAGES.values() if command in commands}
    function = app[command].default_command
    assert function is None or function.__module__ == f"malmoi.cli.{module}"


def test_lines_fit_a_terminal() -> None:
    assert max(map(len, overview().splitlines())) <= 100


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_it_is_there_without_loading_anything(arguments: list[str]) -> None:
    code = (
        f"import sys; sys.argv = ['malmoi', *{arguments!r}]\nfrom malmoi.cli.main import main\nmain()\n"
        "print({'cyclopts', 'rich', 'numpy', 'tokenizers', 'torch'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == f"{overview()}\nset()\n"


def test_the_version_is_there_as_fast() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "malmoi.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert result.stdout == f"{__version__}\n"
