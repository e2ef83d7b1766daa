"""Writes `docs/cli.md`, the page of all commands and flags, from the command line itself. Run by `make docs`.

With `--check` nothing is written; the exit code is 1 when the page is older than the command line.
"""

import re
import sys
from pathlib import Path

from malmoi.cli.commands import app

PAGE = Path(__file__).with_name("cli.md")
_PREFACE = """# The command line

Written by `make docs` from the commands themselves; `malmoi COMMAND --help` says the same. Positionals are inputs,
`--out` is the only output, results are JSON on standard output, messages and progress go to standard error. Exit codes:
0 done, 1 an error that you can mend, 2 wrong usage, 130 stopped by Ctrl-C.
"""


def render() -> str:
    """The page as Markdown."""
    page = app.generate_docs(usage_name="malmoi")
    page = page[page.index("**Commands**") :]
    # Help that is wrapped in the source comes with its line ends.
    page = re.sub(r"\n {2,}(?=\S)", " ", page)
    # A heading's anchor keeps all of its hyphens.
    page = page.replace("(#malmoi-install-completion)", "(#malmoi---install-completion)")
    page = "\n".join(line.rstrip() for line in page.splitlines())
    return f"{_PREFACE}\n{page.strip()}\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(PAGE.read_text(encoding="utf-8") != render())
    PAGE.write_text(render(), encoding="utf-8")
