"""The command line: parse, call one function, print. No logic; every flag is a field of an options dataclass.

What a command does not need is not loaded: the overview is plain text, and of the modules with commands only the one
that holds the command is imported.
"""

import sys
from importlib import import_module

from malmoi import __version__
from malmoi.cli.exits import errors_as_exit_codes
from malmoi.cli.overview import module_of, overview


def main() -> None:
    """Run the command line and exit with its code."""
    words = sys.argv[1:]
    with errors_as_exit_codes():
        if words[:1] in ([], ["--help"], ["-h"], ["help"]):
            print(overview(), flush=True)
            return
        if words == ["--version"]:
            print(__version__, flush=True)
            return
        from malmoi.cli.app import app

        import_module(f"malmoi.cli.{module_of(words[0]) or 'commands'}")
        app()
