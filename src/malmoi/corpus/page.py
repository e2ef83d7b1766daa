"""The report of a corpus as one HTML page for people, made of the report alone."""

from collections.abc import Iterable, Sequence
from html import escape

from malmoi.corpus.report import CorpusReport
from malmoi.page import figures, page

_STYLE = """
:root { --bar: #3867b7; }
@media (prefers-color-scheme: dark) { :root { --bar: #7aa5ee; } }
body { max-width: 56rem; } table { width: 100%; }
td.bar { width: 45%; } td.bar div { background: var(--bar); height: .8rem; border-radius: 2px; min-width: 1px; }
blockquote { margin: .4rem 0 .8rem 1rem; padding-left: .8rem; border-left: 3px solid var(--line);
  white-space: pre-line; }
ol.words { columns: 12rem; padding-left: 2.2rem; margin: 0; }
svg text { fill: var(--soft); font-size: 11px; } svg rect { fill: var(--bar); }
"""


def report_page(report: CorpusReport) -> str:
    """The page."""
    body = [
        figures(_figures(report)),
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
    return page(f"Corpus: {report.n_kept:,} documents", "Corpus", body, style=_STYLE)


def _figures(report: CorpusReport) -> list[tuple[str, str]]:
    return [
        (f"{report.n_kept:,}", f"documents of {report.n_read:,} read"),
        (f"{report.n_characters:,}", "characters"),
        (f"{report.n_eojeols:,}", "eojeols"),
        (f"{report.n_files:,}", "files: " + ", ".join(f"{n:,} {name}" for name, n in report.formats.items())),
    ]


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
