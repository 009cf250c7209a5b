"""Draft trees: a picture of a shape, and the trees in use beside the optimum."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from specsim.plots.style import GREY, INK, PAGE, style
from theory.shapes import Gap, TreeShape
from theory.shapes.picture import layout

#: Colours of first, second, third and later children.
RANK_COLOURS = ("#0072B2", "#56a0cb", "#a9d0e6", "#e6f1f8")
_DOTS = 220


def draw_shape(axes: Axes, shape: TreeShape) -> None:
    """Draw a shape: the root at the top, first children dark, later siblings lighter."""
    places = np.array(layout(shape))
    places[:, 1] *= -1
    parents = np.asarray(shape.parents[1:], dtype=np.intp)
    lines = np.stack([places[parents], places[1:]], axis=1) if shape.size else np.zeros((0, 2, 2))
    axes.add_collection(LineCollection(list(lines), colors=GREY, linewidths=0.5, zorder=1))
    ranks = np.minimum(shape.ranks, len(RANK_COLOURS) - 1)
    colours = [INK, *(RANK_COLOURS[rank] for rank in ranks[1:])]
    widest = max(1.0, float(np.ptp(places[:, 0])))
    size = float(np.clip(900.0 / widest, 2.0, 22.0))
    axes.scatter(places[:, 0], places[:, 1], s=size, c=colours, edgecolors=INK, linewidths=0.4, zorder=2)
    axes.set_axis_off()
    axes.margins(0.03, 0.06)


def shape_figure(shape: TreeShape) -> Figure:
    """A shape on its own."""
    with style():
        figure = Figure(figsize=(PAGE, 0.6 + 0.38 * max(shape.depth, 1)))
        axes = figure.add_axes((0.01, 0.02, 0.98, 0.92))
        draw_shape(axes, shape)
    return figure


def tree_figure(gap: Gap) -> Figure:
    """Each tree's value beside that of the optimum with as many tokens; and the optimal tree."""
    with style():
        figure = Figure(figsize=(PAGE, max(2.2, 0.85 + 0.2 * len(gap.rows))))
        left = figure.add_axes((0.24, 0.16, 0.27, 0.72))
        right = figure.add_axes((0.59, 0.04, 0.40, 0.84))
        _values(left, gap)
        draw_shape(right, gap.shape)
        right.set_title(f"optimum of {gap.shape.size} tokens, depth {gap.shape.depth}", loc="left")
    return figure


def draw_gap(gap: Gap, path: Path) -> None:
    """Write :func:`tree_figure` to a .png or .pdf file; the same numbers give the same bytes."""
    nothing = {"Software": None} if path.suffix == ".png" else {"Creator": None, "Producer": None}
    metadata = nothing if path.suffix == ".png" else {**nothing, "CreationDate": None}
    figure = tree_figure(gap)
    with style():
        figure.savefig(path, dpi=_DOTS, metadata=metadata)


def _values(axes: Axes, gap: Gap) -> None:
    """A row a tree: a dot at its value, a ring at the optimum's, the share that it gives away."""
    rows = sorted(gap.rows, key=lambda row: row.value)
    for place, row in enumerate(rows):
        best = float(gap.values[row.shape.size])
        axes.plot([row.value, best], [place, place], color=GREY, linewidth=0.8, zorder=1)
        axes.plot(best, place, "o", markerfacecolor="white", markeredgecolor=INK, zorder=2)
        axes.plot(row.value, place, "o", color="#D55E00", markersize=2.4, zorder=3)
        axes.annotate(f"{100 * row.gap:.1f}%", (best, place), (5, 0), textcoords="offset points", va="center")
    axes.axvline(gap.value, color=INK, linewidth=0.6, linestyle=":", zorder=0)
    axes.set_yticks(range(len(rows)), [f"{row.name} ({row.shape.size})" for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.6, max(len(rows), 1) - 0.4)
    low = min([1.0, *(row.value for row in rows)])
    high = max([gap.value, *(float(gap.values[row.shape.size]) for row in rows)])
    axes.set_xlim(low, high + 0.16 * (high - low) + 0.02)
    axes.set_xlabel("expected tokens per target call")
    axes.set_title("dot: tree; ring: optimum as large", loc="left")
