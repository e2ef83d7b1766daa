"""Curves of a run as SVG, drawn by matplotlib (the `[report]` extra). Which curves there are is the pages' own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import cycle
from typing import Any

import numpy as np

from malmoi.errors import OptionError

_MAX_POINTS = 1000
_GREY = "#7a8496"
_COLORS = ("#3867b7", "#c2592b", "#3a8a5c", "#8a5aa8")
_MAX_NAMED = 4
"""Curves beyond so many are drawn without names, which would not fit."""


@dataclass(frozen=True)
class Curve:
    """Values over positions."""

    x: Sequence[float]
    y: Sequence[float]
    dotted: bool = False
    """Few points, each of which is shown."""


def draw(title: str, x_label: str, curves: Mapping[str, Curve]) -> str:
    """One plot as an `<svg>` element; equal curves give equal bytes.

    Raises:
        OptionError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError as error:
        raise OptionError(
            f'a report has plots, and {error.name} is not installed: pip install "malmoi[report]"'
        ) from error
    style: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": title, "font.family": "sans-serif", "font.size": 9}
    style |= dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _GREY)
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(5.4, 3.2), layout="constrained")
        FigureCanvasSVG(figure)
        figure.patch.set_alpha(0)
        axes = figure.subplots()
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_xlabel(x_label)
        if all(float(value).is_integer() for curve in curves.values() for value in curve.x):
            axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        axes.patch.set_alpha(0)
        axes.grid(alpha=0.2)
        axes.spines[["top", "right"]].set_visible(False)
        for (name, curve), color in zip(curves.items(), cycle(_COLORS), strict=False):
            x, y = _thinned(curve)
            mark: dict[str, Any] = {"marker": "o", "markersize": 3} if curve.dotted else {}
            axes.plot(x, y, label=name, color=color, linewidth=1.4, **mark)
        if 1 < len(curves) <= _MAX_NAMED:
            # Above the curves, beside the title: inside it would lie over one of them.
            axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 0.98), ncols=len(curves), borderpad=0)
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def _thinned(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """At most `_MAX_POINTS` points, each the mean of its neighbours."""
    x, y = np.asarray(curve.x, float), np.asarray(curve.y, float)
    if len(x) <= _MAX_POINTS:
        return x, y
    starts = np.linspace(0, len(x), _MAX_POINTS, endpoint=False).astype(int)
    lengths = np.diff(np.append(starts, len(x)))
    return np.add.reduceat(x, starts) / lengths, np.add.reduceat(y, starts) / lengths
