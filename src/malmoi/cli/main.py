"""The command line: parse, call one function, print. No logic; every flag is a field of an options dataclass.

The modules imported here register their commands; each imports what computes only when its command runs.
"""

import malmoi.cli.analyze
import malmoi.cli.articles
import malmoi.cli.data
import malmoi.cli.graph
import malmoi.cli.learn
import malmoi.cli.look
import malmoi.cli.search
import malmoi.cli.serve
import malmoi.cli.study
import malmoi.cli.text
import malmoi.cli.use  # noqa: F401
from malmoi.cli.app import app, errors_as_exit_codes


def main() -> None:
    """Run the command line and exit with its code."""
    with errors_as_exit_codes():
        app()
