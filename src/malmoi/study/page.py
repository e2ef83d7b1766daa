"""A study as one HTML page for people, made of the report alone. The plots are in `plots.py`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from malmoi.page import figures, page
from malmoi.study.plots import COLOURS, Series, curves, dots
from malmoi.study.report import StudyReport, TaskResult, WayResult

_STYLE = """
:root { --chip: #eef2f8; }
@media (prefers-color-scheme: dark) { :root { --chip: #232a36; } }
body { max-width: 80rem; } p { max-width: 52rem; } .soft { color: var(--soft); }
h1 { margin-bottom: .2rem; } h2 { margin: 2.6rem 0 .4rem; } table { width: 100%; }
th { font-weight: 500; color: var(--soft); font-size: .85rem; line-height: 1.35; vertical-align: bottom; }
td:first-child { min-width: 13.5rem; } td.best { font-weight: 700; }
td small { display: block; font-size: .8rem; line-height: 1.35; max-width: 17rem; }
i.swatch { display: inline-block; width: .7rem; height: .7rem; border-radius: 50%; margin-right: .45rem; }
div.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(24rem, 1fr)); gap: 1.2rem 2.5rem; }
figcaption { font-size: .85rem; line-height: 1.4; } figcaption b { color: var(--ink); }
svg text { fill: var(--soft); font-size: 11px; } svg text.name { fill: var(--ink); } svg .grid { stroke: var(--line); }
p.pieces { margin: .25rem 0 .6rem; line-height: 2; max-width: none; }
p.pieces span { display: inline-block; line-height: 1.5; background: var(--chip); border-radius: 4px;
  padding: .1rem .35rem; margin-right: .2rem; }
dl { max-width: 52rem; } dt { font-weight: 600; margin-top: .7rem; } dd { margin: 0; }
ul.keys { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; padding: 0; margin: .3rem 0; }
ul.keys li { font-size: .85rem; }
"""


@dataclass(frozen=True, kw_only=True)
class _Column:
    """A figure of the table."""

    head: str
    value: Callable[[WayResult], float]
    show: Callable[[WayResult], str]
    less_is_better: bool | None = True
    """None: no way is better than another."""


def study_page(report: StudyReport) -> str:
    """The page."""
    body = [
        f"<p class=soft>{_summary(report)}</p>",
        figures(_figures(report)),
        "<h2>All figures</h2>",
        _table(report),
        "<p><small>Bold: the best of a column. ± is the standard deviation over the seeds of fine-tuning; "
        "smaller differences than that mean nothing.</small></p>",
        *_plots(report),
        "<h2>How each way cuts</h2>",
        *_sentences(report),
        "<h2>How to read it</h2>",
        _reading(report),
        *_unknown(report),
    ]
    title = f"Study: {len(report.ways)} ways to cut"
    return page(title, "Ways to cut Korean, compared", body, style=_STYLE, lang="en")


def _summary(report: StudyReport) -> str:
    tasks = f", then fine-tuned for {', '.join(escape(task.name) for task in report.tasks)}" if report.tasks else ""
    return (
        f"{len(report.ways)} vocabularies from the same text, one {report.options['size']} model each, pre-trained "
        f"with the same number of floating-point operations{tasks}."
    )


def _figures(report: StudyReport) -> list[tuple[str, str]]:
    return [
        (f"{report.n_characters:,}", f"characters of {report.n_corpus_characters:,} to learn from"),
        (f"{report.n_held_out_characters:,}", "characters put aside to judge by"),
        (f"{report.operations / 1e12:,.3g} T", "floating-point operations of pre-training a way"),
        (f"{report.seconds / 60:.0f} min", "altogether"),
    ]


def _columns(report: StudyReport) -> list[_Column]:
    def score(task: TaskResult) -> _Column:
        def show(way: WayResult) -> str:
            found = way.scores[task.name]
            spread = f" ± {found.spread[task.main_metric]:.1f}" if len(found.by_seed) > 1 else ""
            return f"{found.metrics[task.main_metric]:.1f}{spread}"

        return _Column(
            head=f"{escape(task.name)}<br>{escape(task.main_metric)}",
            value=lambda way: way.scores[task.name].metrics[task.main_metric],
            show=show,
            less_is_better=False,
        )

    return [
        _Column(
            head="entries",
            value=lambda way: way.size,
            show=lambda way: f"{way.size:,}" + "*" * (way.size < way.wanted_size),
            less_is_better=None,
        ),
        _Column(
            head="tokens a<br>character",
            value=lambda way: way.tokens_per_character,
            show=lambda way: f"{way.tokens_per_character:.3f}",
            less_is_better=None,
        ),
        _Column(
            head="tokens an<br>eojeol",
            value=lambda way: way.fertility,
            show=lambda way: f"{way.fertility:.2f}",
            less_is_better=None,
        ),
        _Column(head="[UNK]", value=lambda way: way.unk_rate, show=lambda way: f"{way.unk_rate:.2%}"),
        _Column(
            head="characters<br>a second",
            value=lambda way: way.characters_per_second,
            show=lambda way: _short(way.characters_per_second),
            less_is_better=False,
        ),
        _Column(
            head="bits a character<br>whole eojeols",
            value=lambda way: way.eojeol_bits,
            show=lambda way: f"{way.eojeol_bits:.3f}",
        ),
        _Column(
            head="bits a character<br>masked tokens",
            value=lambda way: way.masked_bits,
            show=lambda way: f"{way.masked_bits:.3f}",
            less_is_better=None,
        ),
        *map(score, report.tasks),
    ]


def _short(number: float) -> str:
    return f"{number / 1e6:.2f} M" if number >= 1e6 else f"{number / 1e3:.0f} k"


def _table(report: StudyReport) -> str:
    columns = _columns(report)
    best = [_best(column, report.ways) for column in columns]
    head = "".join(f"<th class=n>{column.head}" for column in columns)
    rows = [f"<tr><th>way{head}</tr>"]
    for number, way in enumerate(report.ways):
        cells = "".join(
            f"<td class='n{' best' if column.show(way) == shown else ''}'>{column.show(way)}"
            for column, shown in zip(columns, best, strict=True)
        )
        name = f"<i class=swatch style='background:{COLOURS[number % len(COLOURS)]}'></i>{escape(way.name)}"
        rows.append(f"<tr><td>{name}<small>{escape(way.about)}</small>{cells}</tr>")
    note = ""
    if any(way.size < way.wanted_size for way in report.ways):
        note = "<p><small>* The text gives no more entries than these.</small></p>"
    return "\n".join(["<div class=wide><table>", *rows, "</table></div>", note])


def _best(column: _Column, ways: Sequence[WayResult]) -> str | None:
    """What the best way's cell says; ways that say the same are as good."""
    if column.less_is_better is None:
        return None
    return column.show((min if column.less_is_better else max)(ways, key=column.value))


def _plots(report: StudyReport) -> list[str]:
    ways = report.ways
    lines = ["<h2>Tasks</h2>", "<div class=plots>"] if report.tasks else []
    for task in report.tasks:
        series = [Series(name=way.name, values=way.scores[task.name].by_seed) for way in ways]
        about = f"{task.n_train:,} examples to learn from, {task.n_dev:,} to judge by; a dot a seed, a line at the mean"
        lines.append(_figure(f"{task.name}: {task.main_metric}", about, dots(series)))
    lines += ["</div>"] if report.tasks else []
    loss = [Series(name=way.name, values=[way.eojeol_bits]) for way in ways]
    masked = [Series(name=way.name, values=[way.masked_bits]) for way in ways]
    cost = [Series(name=way.name, values=[way.tokens_per_character]) for way in ways]
    speed = [Series(name=way.name, values=[way.characters_per_second]) for way in ways]
    learning = [
        Series(name=way.name, values=[y for _, y in way.curve], places=[x for x, _ in way.curve]) for way in ways
    ]
    keys = "".join(
        f"<li><i class=swatch style='background:{COLOURS[number % len(COLOURS)]}'></i>{escape(way.name)}</li>"
        for number, way in enumerate(ways)
    )
    return [
        *lines,
        "<h2>The language model</h2>",
        "<div class=plots>",
        _figure(
            "Bits a character, whole eojeols",
            f"{report.n_hidden_eojeols:,} eojeols of held-out text, the same for every way; less is better",
            dots(loss),
        ),
        _figure(
            "Bits a character, masked tokens",
            "hidden as in training; it flatters small pieces, so compare it only between runs of one way",
            dots(masked),
        ),
        "</div>",
        f"<ul class=keys>{keys}</ul>",
        _figure(
            "While it learns",
            "training loss in bits a character (masked tokens), by the share of the operations that are spent",
            curves(learning),
        ),
        "<h2>What a way costs</h2>",
        "<div class=plots>",
        _figure(
            "Tokens a character", "blanks not counted; fewer tokens, more text in a row", dots(cost, from_zero=True)
        ),
        _figure(
            "Characters encoded a second",
            "the analyser included where one runs; each line ten times the one before",
            dots(speed, logarithmic=True),
        ),
        "</div>",
        _efforts(report),
    ]


def _figure(title: str, about: str, plot: str) -> str:
    return f"<figure><figcaption><b>{escape(title)}</b><br>{escape(about)}</figcaption>{plot}</figure>"


def _efforts(report: StudyReport) -> str:
    heads = ("way", "parameters", "steps", "tokens seen", "passes", "minutes of pre-training")
    rows = ["<tr>" + "".join(f"<th{' class=n' * bool(n)}>{head}" for n, head in enumerate(heads)) + "</tr>"]
    for way in report.ways:
        cells = (
            f"{way.n_parameters:,}",
            f"{way.n_steps:,}",
            f"{way.n_tokens:,}",
            f"{way.epochs:.2f}",
            f"{way.pretraining_seconds / 60:.1f}",
        )
        rows.append(f"<tr><td>{escape(way.name)}" + "".join(f"<td class=n>{cell}" for cell in cells) + "</tr>")
    return "\n".join(["<div class=wide><table>", *rows, "</table></div>"])


def _sentences(report: StudyReport) -> list[str]:
    lines = []
    for number, sentence in enumerate(report.sentences):
        lines.append(f"<p><b>{escape(sentence)}</b></p>")
        for way in report.ways:
            pieces = "".join(f"<span>{escape(piece)}</span>" for piece in way.examples[number])
            n = len(way.examples[number])
            lines.append(f"<p class=pieces><small>{escape(way.name)}, {n}</small><br>{pieces}</p>")
    return lines


def _reading(report: StudyReport) -> str:
    options = report.options
    return f"""<dl>
<dt>What was equal</dt><dd>The text, the model's shape and seed, the recipe, the floating-point operations of
pre-training (forward and backward, the vocabulary's product included), the examples of every task, rates and epochs.
Not seconds: these depend on what else a machine does. A larger vocabulary makes a step dearer, so it gets fewer of
them; a way with fewer tokens a character reads more text with the same number of tokens.</dd>
<dt>Bits a character, whole eojeols</dt><dd>The same eojeols are hidden for every way, and their pieces predicted from
left to right with what is around them in sight: minus the logarithm of the eojeol's chance, by its characters. Ways
may be compared by it, with two reservations: <code>lemma</code> is asked for less (endings are not in it), ways with
tags for more.</dd>
<dt>Bits a character, masked tokens</dt><dd>What the model is trained on, times the tokens a character. Where one
syllable of a word is hidden and the others are not, it is easy to guess: small pieces look better than they are.</dd>
<dt>Tasks</dt><dd>{options["epochs"]} epochs, {options["seeds"]} seeds; the best epoch on the examples to judge by, as
<code>malmoi finetune</code> does it. One model was pre-trained for each way, so the spread does not hold the chance of
pre-training.</dd>
<dt>Its size</dt><dd>With minutes of pre-training models are far from what they can become. Ways that learn fast are
ahead here, and need not be after days.</dd></dl>"""


def _unknown(report: StudyReport) -> list[str]:
    ways = [way for way in report.ways if way.unknown]
    if not ways:
        return []
    rows = [
        f"<tr><td>{escape(way.name)}<td>"
        + " ".join(f"{escape(text)} <small style='display:inline'>{n}</small>" for text, n in way.unknown.items())
        + "</tr>"
        for way in ways
    ]
    return ["<h2>What became [UNK] in held-out text</h2>", "<table>", *rows, "</table>"]
