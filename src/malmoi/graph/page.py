"""A graph as one HTML page that needs nothing from outside: a drawing, every relation with its sentences, the text.

The drawing is SVG, placed here (`layout.py`); `page.js` only points out what belongs together, and the page can be
read without it.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template

import numpy as np

from malmoi.graph.drawing import Box, draw
from malmoi.graph.graph import Edge, Graph
from malmoi.graph.options import PageOptions
from malmoi.tasks.tta import TTA_TYPES

_N_COLOURS = 6
_WORDS: Mapping[str, Mapping[str, str]] = {
    "ko": {
        "title": "관계 그래프",
        "summary": "문장 {sentences:,}개에서 개체 {entities:,}개와 관계 {relations:,}개를 찾았다.",
        "cut": " 관계가 많은 {drawn:,}개만 그렸다.",
        "drawing": "그림",
        "hint": "이름에 마우스를 올리면 이어진 것과 근거 문장이 보인다. 누르면 고정된다.",
        "relations": "관계",
        "columns": "주체,관계,대상,확률,근거",
        "sentences": "문장",
        "alone": "관계를 찾지 못한 이름",
        "none": "관계를 찾지 못했다. --threshold 를 낮춰 보라.",
        "theme": "밝게 / 어둡게",
        "close": "고정 풀기",
    },
    "en": {
        "title": "Graph of relations",
        "summary": "{entities:,} entities and {relations:,} relations, found in {sentences:,} sentences.",
        "cut": " Drawn are the {drawn:,} with most relations.",
        "drawing": "Drawing",
        "hint": "Point at a name to see what it is related to, and the sentences that say so. A click holds it.",
        "relations": "Relations",
        "columns": "Subject,Relation,Object,Probability,Sentences",
        "sentences": "Sentences",
        "alone": "Names without a relation",
        "none": "No relation was found: try a lower --threshold.",
        "theme": "Light / dark",
        "close": "Let go",
    },
}
_KOREAN_TYPES = {
    **{"PS": "사람", "OG": "단체", "LC": "장소", "DT": "날짜", "TI": "시간", "QT": "수량", "AF": "인공물"},
    **{"EV": "사건", "CV": "문명", "AM": "동물", "PT": "식물", "FD": "학문", "MT": "물질", "TM": "용어", "TR": "이론"},
}


def to_html(graph: Graph, options: PageOptions = PageOptions()) -> str:
    """The page."""
    words = _WORDS[options.language]
    colours = colours_of(graph)
    kept = _most_related(graph, options.max_drawn)
    summary = words["summary"].format(
        sentences=len(graph.sentences), entities=len(graph.entities), relations=len(graph.edges)
    )
    related = {end for edge in graph.edges for end in (edge.subject, edge.object)}
    if len(kept) < len(related):
        summary += words["cut"].format(drawn=len(kept))
    folder = files("malmoi.graph")
    return Template((folder / "page.html").read_text(encoding="utf-8")).substitute(
        {name: escape(words[name]) for name in ("drawing", "hint", "relations", "sentences", "theme", "close")},
        language=options.language,
        title=escape(options.title or words["title"]),
        summary=escape(summary),
        style=(folder / "page.css").read_text(encoding="utf-8"),
        script=(folder / "page.js").read_text(encoding="utf-8"),
        legend=_legend(colours, options.language),
        svg=_svg(graph, kept, colours) if graph.edges else f'<p class="faint">{escape(words["none"])}</p>',
        alone=_alone(graph, related, colours, words),
        head="".join(f"<th>{escape(column)}</th>" for column in words["columns"].split(",")),
        rows="\n".join(_row(graph, number, edge, colours) for number, edge in _by_subject(graph)),
        items="\n".join(_items(graph, colours)),
    )


def to_svg(graph: Graph, max_drawn: int) -> tuple[str, dict[str, int]]:
    """The drawing alone, and the number of each type's colour; an empty drawing where there are no relations."""
    colours = colours_of(graph)
    return _svg(graph, _most_related(graph, max_drawn), colours) if graph.edges else "", colours


def colours_of(graph: Graph) -> dict[str, int]:
    """A colour for every type, the most frequent first; rare ones share the last."""
    counts = Counter(entity.type for entity in graph.entities)
    ordered = sorted(counts, key=lambda kind: (-counts[kind], kind))
    return {kind: min(number, _N_COLOURS - 1) for number, kind in enumerate(ordered)}


def _most_related(graph: Graph, n: int) -> list[int]:
    degree = Counter(end for edge in graph.edges for end in (edge.subject, edge.object))
    return sorted(sorted(degree, key=lambda number: (-degree[number], number))[:n])


def _svg(graph: Graph, kept: Sequence[int], colours: Mapping[str, int]) -> str:
    """The drawing: what two entities are to each other in one direction shares a line."""
    index = {number: place for place, number in enumerate(kept)}
    lines: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for number, edge in enumerate(graph.edges):
        if edge.subject in index and edge.object in index:
            lines[edge.subject, edge.object].append(number)
    nodes = [Box(_short(graph.entities[n].name, 26), f"c{colours[graph.entities[n].type]}", n) for n in kept]
    joined = [
        (index[subject], index[obj], [(number, _short(graph.edges[number].label, 24)) for number in numbers])
        for (subject, obj), numbers in lines.items()
    ]
    return draw(nodes, joined)


def _short(text: str, n_cells: int) -> str:
    """At most so many cells, a Hangul syllable being two."""
    cells = np.cumsum([2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text])
    if not len(cells) or cells[-1] <= n_cells:
        return text
    return text[: int(np.searchsorted(cells, n_cells - 1, side="right"))] + "…"


def _legend(colours: Mapping[str, int], language: str) -> str:
    names = _KOREAN_TYPES if language == "ko" else TTA_TYPES
    return "".join(
        f'<span class="chip c{colour}" title="{escape(kind)}">{escape(names.get(kind[:2], kind))}</span>'
        for kind, colour in colours.items()
    )


def _alone(graph: Graph, related: set[int], colours: Mapping[str, int], words: Mapping[str, str]) -> str:
    chips = [_name(graph, n, colours) for n in range(len(graph.entities)) if n not in related]
    if not chips:
        return ""
    return f"<details><summary>{escape(words['alone'])} ({len(chips):,})</summary><p>{' '.join(chips)}</p></details>"


def _by_subject(graph: Graph) -> Iterable[tuple[int, Edge]]:
    return sorted(enumerate(graph.edges), key=lambda item: (item[1].subject, -item[1].score, item[0]))


def _row(graph: Graph, number: int, edge: Edge, colours: Mapping[str, int]) -> str:
    ends = [_name(graph, end, colours) for end in (edge.subject, edge.object)]
    sentences = sorted({sentence for sentence, _ in edge.evidence})
    links = " ".join(f'<a href="#s{sentence + 1}">{sentence + 1}</a>' for sentence in sentences)
    places = " ".join(map(str, sentences))
    return (
        f'<tr data-edge="{number}" data-ends="{edge.subject} {edge.object}" data-sentences="{places}">'
        f"<td>{ends[0]}</td><td>{escape(edge.label)}</td><td>{ends[1]}</td>"
        f'<td class="number">{edge.score:.0%}</td><td>{links}</td></tr>'
    )


def _name(graph: Graph, number: int, colours: Mapping[str, int]) -> str:
    entity = graph.entities[number]
    return f'<span class="chip c{colours[entity.type]}" data-node="{number}">{escape(entity.name)}</span>'


def _items(graph: Graph, colours: Mapping[str, int]) -> Iterable[str]:
    """The sentences with their mentions marked."""
    entity_of = {mention: n for n, entity in enumerate(graph.entities) for mention in entity.mentions}
    for number, sentence in enumerate(graph.sentences):
        parts, position = [], 0
        for place, mention in enumerate(sentence.mentions):
            entity = entity_of[number, place]
            name = escape(sentence.text[mention.start : mention.end])
            parts.append(escape(sentence.text[position : mention.start]))
            parts.append(f'<mark class="c{colours[graph.entities[entity].type]}" data-node="{entity}">{name}</mark>')
            position = mention.end
        parts.append(escape(sentence.text[position:]))
        yield f'<li id="s{number + 1}" data-sentence="{number}">{"".join(parts)}</li>'
