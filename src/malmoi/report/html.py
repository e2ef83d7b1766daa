"""What the pages about runs share: style, tables, the reading of a run's files."""

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from malmoi.errors import InputError
from malmoi.page import page

_STYLE = """
:root { --right: #3a8a5c; --hue: #7d9bd1; }
@media (prefers-color-scheme: dark) { :root { --right: #7ccf9f; --hue: #4a6ba8; } }
div.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr));
  gap: 1.5rem; }
th { white-space: nowrap; }
mark { background: none; border-bottom: 2px solid var(--soft); color: inherit; }
.right { color: var(--right); font-weight: 600; }
td.cell { text-align: right; min-width: 3.2rem; padding: .3rem .6rem;
  background: color-mix(in srgb, var(--hue) var(--share), transparent); }
td.cell.same { font-weight: 600; }
td.bar { min-width: 9rem; } td.bar i { display: block; height: .8rem; margin-top: .4rem; background: var(--hue); }
"""


def run_page(name: str, subject: str, body: Iterable[str]) -> str:
    """A whole page about a run."""
    return page(f"{name}: {subject}", name, body, style=_STYLE)


def plots(svgs: Iterable[str]) -> list[str]:
    """Plots side by side; nothing where there are none."""
    found = [f"<figure>{svg}</figure>" for svg in svgs]
    return ["<h2>Curves</h2>", "<div class=plots>", *found, "</div>"] if found else []


def key_table(values: Mapping[str, Any]) -> str:
    """A row a key."""
    rows = (f"<tr><th>{escape(key)}<td>{escape(_shown(key, value))}</tr>" for key, value in values.items())
    return "\n".join(["<table>", *rows, "</table>"])


def options_table(options: Mapping[str, Any]) -> list[str]:
    """The options of a run that are set to anything."""
    return ["<h2>Options</h2>", key_table({key: value for key, value in options.items() if value is not None})]


def number_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of figures, each row after its name."""
    head = "".join(f"<th{' class=n' * (place > 0)}>{escape(text)}" for place, text in enumerate(heads))
    body = (
        f"<tr><th>{escape(name)}{''.join(f'<td class=n>{escape(text)}' for text in texts)}</tr>"
        for name, *texts in rows
    )
    return "\n".join(["<div class=wide><table>", f"<tr>{head}</tr>", *body, "</table></div>"])


def read_object(path: Path, maker: str) -> dict[str, Any]:
    """A JSON object that `maker` wrote.

    Raises:
        InputError: no such file, or another content.
    """
    if not path.is_file():
        raise InputError(f"{path} is not there: expected what `{maker}` wrote")
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} cannot be read ({error}): expected what `{maker}` wrote") from error


def read_log(path: Path) -> list[dict[str, Any]]:
    """The objects of a log; the last line may be half written while the run goes on."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(dict(json.loads(line)))
        except (ValueError, TypeError) as error:
            if number < len(lines):
                raise InputError(f"{path}:{number}: {error}: expected a JSON object") from error
    return records


def _shown(key: str, value: Any) -> str:
    if key.endswith("_bytes"):
        return f"{value / 2**30:.1f} GiB"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
