"""The frame of every HTML page for people: nothing from outside, light and dark, no script. What is in it is theirs."""

from collections.abc import Iterable
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2433; --soft: #5d6675; --line: #dfe3ea; --paper: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ef; --soft: #9aa4b5; --line: #333b49; --paper: #161a21; }
}
body { font: 16px/1.6 "Noto Sans KR", "Apple SD Gothic Neo", "Malgun Gothic", system-ui, sans-serif;
  color: var(--ink); background: var(--paper); max-width: 64rem; margin: 2rem auto; padding: 0 1rem;
  word-break: keep-all; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p.figures { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; max-width: none; }
p.figures b { display: block; font-size: 1.5rem; font-weight: 600; color: var(--ink); }
p.figures span, caption, figcaption, small { color: var(--soft); }
figure { margin: 0; } svg { width: 100%; height: auto; }
table { border-collapse: collapse; } div.wide { overflow-x: auto; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
details { border-bottom: 1px solid var(--line); padding: .3rem 0; } summary { cursor: pointer; }
"""


def page(title: str, heading: str, body: Iterable[str], *, style: str, lang: str = "ko") -> str:
    """A whole page, which fetches nothing; equal parts give equal bytes.

    Args:
        title: of the window.
        heading: above the body.
        body: HTML, line by line.
        style: CSS of this page, after what all pages share.
        lang: of most of the text, by which a reader aloud goes.
    """
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{style.lstrip()}</style>\n</head>\n<body>\n"
        + "\n".join((f"<h1>{escape(heading)}</h1>", *body))
        + "\n</body>\n</html>\n"
    )


def figures(values: Iterable[tuple[str, str]]) -> str:
    """A row of large figures, each with what it is."""
    return "<p class=figures>" + "".join(f"<span><b>{escape(v)}</b>{escape(w)}</span>" for v, w in values) + "</p>"
