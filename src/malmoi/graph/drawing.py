"""Boxes with names and labelled arrows between them as SVG. What they stand for is `page.py`'s.

The label of an arrow is a box like the others while places are sought, so labels lie over nothing; the arrow
is a curve through it. Text is measured by a rule of thumb, because every reader has other fonts.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from malmoi.graph.layout import Points, place_boxes

_NAME_PX, _LABEL_PX = 15.0, 12.0
_NAME_HEIGHT, _LINE_HEIGHT = 34.0, 17.0
_MARGIN = 14.0
_LEAST_SCALE = 0.7
Joined = tuple[int, int, list[tuple[int, str]]]


@dataclass(frozen=True)
class Box:
    """A node to be drawn."""

    text: str
    """Its name, short enough."""
    css: str
    """Class of its colour."""
    number: int
    """What the page calls it."""


def draw(nodes: Sequence[Box], joined: Sequence[Joined]) -> str:
    """The picture.

    Args:
        nodes: the boxes.
        joined: from which box to which (by place in `nodes`), and the relations on that arrow with their numbers.
    """
    sizes = [(_width(node.text, _NAME_PX) + 26, _NAME_HEIGHT) for node in nodes]
    for _, _, relations in joined:
        width = max(_width(label, _LABEL_PX) for _, label in relations)
        sizes.append((width + 8, _LINE_HEIGHT * len(relations) + 2))
    links = [(end, len(nodes) + i) for i, (start, stop, _) in enumerate(joined) for end in (start, stop)]
    sizes_V2 = np.array(sizes, np.float64)
    layout = place_boxes(sizes_V2, links)
    centers_V2 = layout.centers + _MARGIN
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    arrows = [_arrow(nodes, i, arrow, centers_V2, sizes_V2) for i, arrow in enumerate(joined)]
    boxes = [_box(node, centers_V2[i], sizes_V2[i]) for i, node in enumerate(nodes)]
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="group" '
        f'style="width:min(100%,{width:.0f}px);min-width:{_LEAST_SCALE * width:.0f}px">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto-start-reverse"><path d="M0 .8 7.4 4 0 7.2z"/></marker></defs>\n'
        + "\n".join([*arrows, *boxes])
        + "\n</svg>"
    )


def _width(text: str, size: float) -> float:
    """About how wide a text is, in pixels."""
    return size * sum(0.98 if unicodedata.east_asian_width(char) in "WF" else 0.6 for char in text)


def _box(node: Box, center: Points, size: Points) -> str:
    (x, y), (width, height) = center, size
    left, top = x - width / 2, y - height / 2
    name = escape(node.text)
    return (
        f'<g class="node {node.css}" data-node="{node.number}" tabindex="0" role="button" aria-label="{name}">'
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{height / 2:.0f}"/>'
        f'<text x="{x:.1f}" y="{y + _NAME_PX * 0.36:.1f}">{name}</text></g>'
    )


def _arrow(nodes: Sequence[Box], number: int, arrow: Joined, centers_V2: Points, sizes_V2: Points) -> str:
    start, stop, relations = arrow
    middle = centers_V2[len(nodes) + number]
    # A quadratic curve passes its middle half way between its ends and its control point.
    control = 2 * middle - (centers_V2[start] + centers_V2[stop]) / 2
    first = _edge_of(centers_V2[start], sizes_V2[start], control, 0)
    last = _edge_of(centers_V2[stop], sizes_V2[stop], control, 3)
    control = 2 * middle - (first + last) / 2
    path = f"M{first[0]:.1f} {first[1]:.1f}Q{control[0]:.1f} {control[1]:.1f} {last[0]:.1f} {last[1]:.1f}"
    numbers = " ".join(str(relation) for relation, _ in relations)
    top = middle[1] - _LINE_HEIGHT * (len(relations) - 1) / 2 + _LABEL_PX * 0.36
    labels = "".join(
        f'<text x="{middle[0]:.1f}" y="{top + _LINE_HEIGHT * line:.1f}" data-edge="{relation}">{escape(label)}</text>'
        for line, (relation, label) in enumerate(relations)
    )
    ends = f"{nodes[start].number} {nodes[stop].number}"
    return (
        f'<g class="edge" data-ends="{ends}" data-edges="{numbers}"><path class="line" d="{path}" '
        f'marker-end="url(#tip)"/><path class="wide" d="{path}"/>{labels}</g>'
    )


def _edge_of(center: Points, size: Points, toward: Points, gap: float) -> Points:
    """Where the line from a box's centre to a point leaves the box."""
    away = toward - center
    if not away.any():
        away = np.array([0.0, -1.0])
    half = size / 2 + gap
    with np.errstate(divide="ignore"):
        share = float(np.min(half / np.abs(away)))
    edge: Points = center + away * min(share, 1.0)
    return edge
