"""The report of a corpus as one HTML page for people: nothing from outside, light and dark, no script.

Made of the report alone, so equal reports give equal bytes.
"""

from collections.abc import Iterable, Sequence
from html import escape

from malmoi.corpus.report import CorpusReport

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2433; --soft: #5d6675; --line: #dfe3ea; --bar: #3867b7; --paper: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ef; --soft: #9aa4b5; --line: #333b49; --bar: #7aa5ee; --paper: #161a21; }
}
body { font: 16px/1.6 "Noto Sans KR", "Apple SD Gothic Neo", "Malgun Gothic", system-ui, sans-serif;
  color: var(--ink); background: var(--paper); max-width: 56rem; margin: 2rem auto; padding: 0 1rem;
  word-break: keep-all; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p.figures { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; margin: 1rem 0; }
p.figures b { display: block; font-size: 1.5rem; font-weight: 600; }
p.figures span, caption, figcaption, small { color: var(--soft); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.bar { width: 45%; } td.bar div { background: var(--bar); height: .8rem; border-radius: 2px; min-width: 1px; }
details { border-bottom: 1px solid var(--line); padding: .3rem 0; } summary { cursor: pointer; }
blockquote { margin: .4rem 0 .8rem 1rem; padding-left: .8rem; border-left: 3px solid var(--line);
  white-space: pre-line; }
ol.words { columns: 12rem; padding-left: 2.2rem; margin: 0; } figure { margin: 0; } svg { width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 11px; } svg rect { fill: var(--bar); }
"""


def report_page(report: CorpusReport) -> str:
    """The page."""
    body = "\n".join(
        [
            "<h1>Corpus</h1>",
            _figures(report),
            *_sources(report),
            *_dropped(report),
            *_broken(report),
            "<h2>Length of documents</h2>",
            _histogram(report.lengths),
            "<h2>Characters</h2>",
            _bars(("characters", "number", "share", ""), report.characters.items()),
            "<h2>Most frequent eojeols</h2>",
            "<ol class=words>",
            *(f"<li>{escape(str(word))} <small>{n:,}</small></li>" for word, n in report.frequent),
            "</ol>",
        ]
    )
    return (
        '<!DOCTYPE html>\n<html lang="ko">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Corpus: {report.n_kept:,} documents</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _figures(report: CorpusReport) -> str:
    figures = (
        (f"{report.n_kept:,}", f"documents of {report.n_read:,} read"),
        (f"{report.n_characters:,}", "characters"),
        (f"{report.n_eojeols:,}", "eojeols"),
        (f"{report.n_files:,}", "files: " + ", ".join(f"{n:,} {name}" for name, n in report.formats.items())),
    )
    return "<p class=figures>" + "".join(f"<span><b>{n}</b>{escape(what)}</span>" for n, what in figures) + "</p>"


def _sources(report: CorpusReport) -> list[str]:
    if not report.sources:
        return []
    characters = ((name, source["n_characters"]) for name, source in report.sources.items())
    return ["<h2>Sources</h2>", _bars(("source", "characters", "share", ""), characters)]


def _dropped(report: CorpusReport) -> list[str]:
    lines = [
        "<h2>Dropped</h2>",
        _bars(("reason", "documents", "of all dropped", ""), report.dropped.items()),
        "<h2>Examples of what was dropped</h2>",
    ]
    for reason, examples in report.examples.items():
        lines.append(f"<details><summary>{escape(reason)}</summary>")
        for example in examples:
            head = " · ".join(escape(part) for part in (example["title"], example["id"]) if part)
            lines.append(f"<blockquote><small>{head}</small>\n{escape(example['text']) or '<i>empty</i>'}</blockquote>")
        lines.append("</details>")
    return lines if report.dropped else []


def _broken(report: CorpusReport) -> list[str]:
    if not report.broken:
        return []
    rows = [f"<tr><td>{escape(reason)}<td class=n>{n:,}</tr>" for reason, n in report.broken.items()]
    named = [f"<li>{escape(message)}</li>" for message in report.unreadable.values()]
    return ["<h2>Could not be read</h2>", "<table>", *rows, "</table>", "<ul>", *named, "</ul>"]


def _bars(heads: Sequence[str], counts: Iterable[tuple[str, int]]) -> str:
    """A table of counts with their shares as bars."""
    counts = list(counts)
    total = max(1, sum(n for _, n in counts))
    largest = max((n for _, n in counts), default=0) or 1
    rows = (
        f"<tr><td>{escape(name)}<td class=n>{n:,}<td class=n>{n / total:.1%}"
        f'<td class=bar><div style="width:{100 * n / largest:.1f}%"></div></tr>'
        for name, n in counts
    )
    name, number, share, bar = heads
    head = f"<tr><th>{name}<th class=n>{number}<th class=n>{share}<th>{bar}</tr>"
    return "\n".join(["<table>", head, *rows, "</table>"])


def _histogram(lengths: Sequence[Sequence[int]]) -> str:
    """Documents by length, as an image of bars with their numbers."""
    width, height, base = 56, 150, 170
    largest = max((n for _, n in lengths), default=0) or 1
    bars = []
    for place, (start, n) in enumerate(lengths):
        x, tall = place * width, height * n / largest
        bars.append(f'<rect x="{x + 4}" y="{base - tall:.1f}" width="{width - 8}" height="{tall:.1f}" rx="2"/>')
        bars.append(f'<text x="{x + width / 2}" y="{base - tall - 4:.1f}" text-anchor="middle">{n:,}</text>')
        bars.append(f'<text x="{x + width / 2}" y="{base + 15}" text-anchor="middle">{start:,}–</text>')
    return (
        f'<figure><svg viewBox="0 0 {width * len(lengths)} {base + 22}" role="img" '
        f'aria-label="Documents by length">{"".join(bars)}</svg>'
        "<figcaption>documents by characters, from the number below a bar to the next</figcaption></figure>"
    )
