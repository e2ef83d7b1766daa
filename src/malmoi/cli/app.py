"""What all commands share: the application, how results and messages are printed, errors as exit codes.

Results are JSON on standard output, messages and progress go to standard error. Exit codes: 0 done, 1 an error
that the user can mend, 2 wrong usage, 130 stopped by Ctrl-C.
"""

import json
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from malmoi import __version__
from malmoi.artifact import without_nan
from malmoi.errors import MalmoiError


def _usage_error(error: CycloptsError) -> str:
    """Wrong usage in the same words as any other error, on one line."""
    return f"error: {' '.join(str(error).split())} See `malmoi {' '.join([*(error.command_chain or ()), '--help'])}`."


app = App(
    name="malmoi",
    help="From raw Korean text to a Korean BERT that works. One command a step; begin with `malmoi quickstart`.",
    version=__version__,
    help_on_error=False,
    # As long as it is: a line broken at 80 cannot be searched for or piped.
    error_console=Console(stderr=True, soft_wrap=True, markup=False, highlight=False),
    error_formatter=_usage_error,
)
app.register_install_completion_command(
    help="Let Tab complete commands and flags, in bash, zsh or fish; writes into the shell's start file."
)
Flat = Parameter(name="*")
TextOrDash = Annotated[str, Parameter(allow_leading_hyphen=True)]


@contextmanager
def errors_as_exit_codes() -> Iterator[None]:
    """Turn what a command raises into a line on standard error and an exit code, and each warning into a line."""
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    try:
        yield
    except MalmoiError as error:
        say(f"error: {error}")
        raise SystemExit(1) from None
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; standard output must not be flushed again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        say(f"error: {place}{error.strerror or error}: check the path, its rights and the space left")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        say("stopped")
        raise SystemExit(130) from None


def stdin_lines() -> Iterable[str]:
    """Lines of standard input without their ends."""
    return (line.rstrip("\r\n") for line in sys.stdin)


def say(message: str) -> None:
    """Print a message for people to standard error."""
    print(message, file=sys.stderr, flush=True)


def print_record(record: dict[str, Any]) -> None:
    """Print a result as one line of JSON to standard output."""
    print(json.dumps(without_nan(record), ensure_ascii=False), flush=True)


def print_report(report: Any) -> None:
    """A stage's report: for people on standard error; as JSON where standard output goes to a program."""
    say(str(report))
    if not sys.stdout.isatty():
        print_record(asdict(report))
