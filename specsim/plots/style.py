"""How figures look: one colour a rule, one line style a drafting law, sizes of a paper's columns.

The colours are of Okabe and Ito's set, which people with any colour vision can tell apart; markers differ
too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

Array = NDArray[Any]

#: Widths of one and of two columns of a paper, in inches.
COLUMN, PAGE = 3.35, 6.9

INK, GREY, SHADE = "#000000", "#6e6e6e", "#ededed"

#: Colour of each rule.
COLOURS = {
    "bound": INK,
    "maximal": INK,
    "recursive": "#0072B2",
    "k-seq": "#D55E00",
    "sample-and-match": "#009E73",
    "greedy-draft": "#CC79A7",
    "spec-hub": "#E69F00",
}
#: Colour and name of each drafting law, where laws are compared.
LAW_COLOURS = {"iid": "#0072B2", "without-replacement": "#D55E00", "top-k-plus-sample": "#CC79A7"}
LAW_NAMES = {
    "iid": "i.i.d.",
    "without-replacement": "without replacement",
    "top-k-plus-sample": "top k−1 and a sample",
}
MARKERS = {
    "bound": "",
    "recursive": "o",
    "k-seq": "s",
    "sample-and-match": "^",
    "greedy-draft": "D",
    "spec-hub": "P",
    "point": "v",
}

_PARAMETERS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 7.0,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.0,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.2,
    "pdf.fonttype": 42,
    "figure.dpi": 100,
    "svg.hashsalt": "specsim",
}
#: Nothing about time or program goes into a file, so that the same numbers give the same bytes.
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
}
_DOTS = 220


@contextmanager
def style() -> Iterator[None]:
    """Matplotlib's settings for the figures, and back to what they were."""
    with mpl.rc_context(_PARAMETERS):
        yield


def save(figure: Figure, stem: str | Path) -> tuple[Path, Path]:
    """Write ``stem.png`` and ``stem.pdf``; the same figure gives the same bytes."""
    base = Path(stem)
    paths = (base.with_name(f"{base.name}.png"), base.with_name(f"{base.name}.pdf"))
    with style():
        for path in paths:
            kind = path.suffix[1:]
            figure.savefig(path, dpi=_DOTS, metadata=_METADATA[kind])
    return paths


@dataclass(frozen=True)
class Label:
    """A text at the end of a line: where the line ends, and its colour."""

    text: str
    y: float
    colour: str


def label_ends(axes: Axes, x: float, labels: Sequence[Label], *, size: float = 6.0) -> None:
    """Name lines at their right ends, moved apart where they would overlap, with thin leaders.

    Call it when the limits of the axes are final.
    """
    low, high = axes.get_ylim()
    line = 1.25 * size * axes.get_figure().dpi / 72 / axes.get_window_extent().height  # type: ignore[union-attr]
    order = np.argsort([label.y for label in labels])
    wanted = np.array([(labels[i].y - low) / (high - low) for i in order])
    heights = np.array([line * (labels[i].text.count("\n") + 1.1) for i in order])
    for place, i in zip(_apart(wanted, heights), order, strict=True):
        label = labels[i]
        axes.annotate(
            label.text,
            (x, label.y),
            xytext=(1.05, float(place)),
            textcoords="axes fraction",
            fontsize=size,
            color=label.colour,
            va="center",
            linespacing=1.1,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "lw": 0.4, "color": GREY, "shrinkA": 0, "shrinkB": 3},
        )


def _apart(wanted: Array, heights: Array) -> Array:
    """Places near the wanted, ascending ones at which texts of these heights do not overlap."""
    offsets = np.concatenate([[0.0], np.cumsum((heights[1:] + heights[:-1]) / 2)])
    # with the offsets taken off, not overlapping is being ascending: the closest such places
    places: Array = isotonic_regression(wanted - offsets).x + offsets
    return places


def key(figure: Figure, entries: Sequence[tuple[str, str, Any, str]], *, y: float) -> None:
    """A line of samples over the figure: label, colour, line style and marker of each entry."""
    handles = [
        Line2D([], [], color=colour, linestyle=dashes, marker=marker, label=label)
        for label, colour, dashes, marker in entries
    ]
    figure.legend(
        handles=handles,
        loc="center left",
        bbox_to_anchor=(0.06, y),
        ncols=len(handles),
        frameon=False,
        fontsize=6.5,
        handlelength=2.2,
        columnspacing=1.6,
        borderpad=0,
    )
