"""What all commands share: the application, and how results are printed. Errors become exit codes in `exits.py`.

Results are JSON on standard output, messages and progress go to standard error.
"""

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from attrs import evolve
from cyclopts import App, CycloptsError, Parameter
from cyclopts.help import DefaultFormatter, HelpPanel
from rich.console import Console, ConsoleOptions

from malmoi import __version__
from malmoi.artifact import without_nan
from malmoi.cli.exits import say as say
from malmoi.shipped import find_model


def _usage_error(error: CycloptsError) -> str:
    """Wrong usage in the same words as any other error, on one line."""
    # Some of the commands in no order are no help; `malmoi` shows all of them.
    text = re.sub(r" Available commands: .*", "", " ".join(str(error).split()))
    text = re.sub(r'Unknown command "(-.*?)"', r"Unknown option: \1", text)
    text = re.sub(r"Unused Tokens: \[(.*)\]", r"More arguments than it takes: \1", text)
    return f"error: {text} See `malmoi {' '.join([*(error.command_chain or ()), '--help'])}`."


def _in_words(default: Any) -> str | None:
    """A default as help shows it; None where there is nothing to say: a flag that is off, an empty list."""
    if default is None or default is False or default in ("", ()):
        return None
    if default is True:
        return "yes"
    return ", ".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _without_needless_names(panel: HelpPanel) -> HelpPanel:
    """The panel of a command's options without `--no-force`: a flag that is off by itself needs no word for off."""
    entries = [
        evolve(entry, negative_names=()) if entry.type is bool and entry.default is None else entry
        for entry in panel.entries
    ]
    return evolve(panel, entries=entries)


class _Formatter(DefaultFormatter):
    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        super().__call__(console, options, _without_needless_names(panel))


class Commands(App):
    """A group of commands."""

    def generate_completion(
        self, *, prog_name: str | None = None, shell: Literal["zsh", "bash", "fish", "powershell"] | None = None
    ) -> str:
        """The script of a shell; in bash, directories named like commands (`corpus`, `index`) are no commands."""
        script = super().generate_completion(prog_name=prog_name, shell=shell)
        return script.replace(_IS_COMMAND, f"if {_MAY_BE_COMMAND} && {_IS_COMMAND.removeprefix('if ')}")


# Every word that is some command's name counts as one in the script of cyclopts 5, wherever it stands.
_IS_COMMAND = 'if [[ " $all_commands " =~ " $word " ]]; then'
_MAY_BE_COMMAND = '[[ ${#cmd_path[@]} -eq 0 || "${cmd_path[*]}" == data ]]'

app = Commands(
    name="malmoi",
    help="From raw Korean text to a Korean BERT that works. One command a step; begin with `malmoi quickstart`.",
    version=__version__,
    help_on_error=False,
    # As long as it is: a line broken at 80 cannot be searched for or piped.
    error_console=Console(stderr=True, soft_wrap=True, markup=False, highlight=False),
    error_formatter=_usage_error,
    help_formatter=_Formatter(),
    group_parameters="Options",
    default_parameter=Parameter(negative_iterable=(), show_default=_in_words),
)
app.register_install_completion_command(
    help="Let Tab complete commands and flags, in bash, zsh or fish; writes into the shell's start file."
)
Flat = Parameter(name="*")
ModelPath = Annotated[Path, Parameter(converter=lambda _, tokens: find_model(tokens[0].value))]
"""A model's directory, or the name of one that ships."""
TextOrDash = Annotated[str, Parameter(allow_leading_hyphen=True)]


def stdin_lines() -> Iterable[str]:
    """Lines of standard input without their ends."""
    return (line.rstrip("\r\n") for line in sys.stdin)


def print_record(record: dict[str, Any]) -> None:
    """Print a result as one line of JSON to standard output."""
    print(json.dumps(without_nan(record), ensure_ascii=False), flush=True)


def print_report(report: Any) -> None:
    """A stage's report: for people on standard error; as JSON where standard output goes to a program."""
    say(str(report))
    if not sys.stdout.isatty():
        print_record(asdict(report))
