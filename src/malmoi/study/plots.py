"""Plots as SVG: a row of dots for each way, and curves. They know numbers and names, not what these mean."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

COLOURS = ("#3b74c4", "#e0663f", "#2f9e62", "#b7912b", "#9a5cc6", "#d14b83", "#2aa0b0", "#7b8494")
"""Told apart on light and on dark paper."""
_WIDTH, _NAMES, _ROW, _TOP = 460, 150, 24, 8
_HEIGHT, _LEFT, _BELOW = 300, 40, 24


@dataclass(frozen=True, kw_only=True)
class Series:
    """What is shown of a way."""

    name: str
    values: Sequence[float]
    places: Sequence[float] = field(default=())
    """Of the values, from 0 to 1, for curves."""


def dots(series: Sequence[Series], *, from_zero: bool = False, logarithmic: bool = False) -> str:
    """A row for each series: its values as dots, their mean as a line and a number."""
    values = [value for one in series for value in one.values]
    low, high = _range(values, from_zero=from_zero, logarithmic=logarithmic)
    room = _WIDTH - _NAMES - 70
    bottom = _TOP + _ROW * len(series)

    def place(value: float) -> float:
        share = (math.log(value / low) / math.log(high / low)) if logarithmic else (value - low) / (high - low)
        return _NAMES + room * share

    parts = []
    ticks = _powers(low, high) if logarithmic else _ticks(low, high, 4)
    for tick in ticks:
        x = place(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 15}" text-anchor="middle">{_label(tick)}</text>')
    for number, one in enumerate(series):
        y, colour = _TOP + _ROW * (number + 0.5), COLOURS[number % len(COLOURS)]
        mean = sum(one.values) / len(one.values)
        parts.append(f'<text class="name" x="0" y="{y + 4}">{escape(one.name)}</text>')
        if from_zero:
            parts.append(
                f'<line x1="{place(0):.1f}" x2="{place(mean):.1f}" y1="{y}" y2="{y}" stroke="{colour}" '
                'stroke-width="3" stroke-opacity=".45"/>'
            )
        if len(one.values) > 1:
            parts.append(
                f'<line x1="{place(mean):.1f}" x2="{place(mean):.1f}" y1="{y - 8}" y2="{y + 8}" stroke="{colour}" '
                'stroke-width="2.5"/>'
            )
        opacity = ".6" if len(one.values) > 1 else "1"
        parts += [
            f'<circle cx="{place(value):.1f}" cy="{y}" r="4.5" fill="{colour}" fill-opacity="{opacity}"/>'
            for value in one.values
        ]
        parts.append(f'<text x="{_WIDTH}" y="{y + 4}" text-anchor="end">{_label(mean, 3)}</text>')
    return _svg(_WIDTH, bottom + 20, parts)


def curves(series: Sequence[Series]) -> str:
    """One line for each series over places from 0 to 1; what is far above at the beginning is cut off."""
    ends = [value for one in series for value in one.values[len(one.values) // 10 :]]
    low, high = _range(ends, from_zero=False, logarithmic=False)
    width = 2 * _WIDTH

    def point(x: float, y: float) -> str:
        tall = _HEIGHT - _BELOW - _TOP
        at = _TOP + tall * (1 - (min(y, high) - low) / (high - low))
        return f"{_LEFT + (width - _LEFT - 10) * x:.1f},{at:.1f}"

    parts = []
    for tick in _ticks(low, high, 6):
        x, y = point(0, tick).split(",")
        parts.append(f'<line class="grid" x1="{x}" x2="{width - 10}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{float(y) + 4}" text-anchor="end">{_label(tick)}</text>')
    for share in (0, 0.25, 0.5, 0.75, 1):
        x = point(share, low).split(",")[0]
        anchor = "end" if share == 1 else "middle"
        parts.append(f'<text x="{x}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{share:.0%}</text>')
    for number, one in enumerate(series):
        line = " ".join(point(x, y) for x, y in zip(one.places, one.values, strict=True))
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{COLOURS[number % len(COLOURS)]}" stroke-width="2">'
            f"<title>{escape(one.name)}</title></polyline>"
        )
    return _svg(width, _HEIGHT, parts)


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {width} {height}" role="img">{"".join(parts)}</svg>'


def _range(values: Sequence[float], *, from_zero: bool, logarithmic: bool) -> tuple[float, float]:
    """The ends of an axis, with some air."""
    low, high = min(values), max(values)
    if logarithmic:
        return 10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high * 1.001))
    air = (high - low) * 0.12 or abs(high) * 0.05 or 1.0
    return (0.0 if from_zero else low - air), high + air


def _ticks(low: float, high: float, n: int) -> list[float]:
    """Round numbers between two, about `n` of them."""
    raw = (high - low) / n
    unit = 10 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw)
    return [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _powers(low: float, high: float) -> list[float]:
    return [10.0**power for power in range(round(math.log10(low)), round(math.log10(high)) + 1)]


def _label(value: float, digits: int = 0) -> str:
    if value >= 1e6:
        return f"{value / 1e6:.3g}M"
    if value >= 1e3:
        return f"{value / 1e3:.3g}k"
    return f"{value:.{digits if value < 10 else digits - 1}f}" if digits else f"{value:.4g}"
