"""Figures of a comparison: block efficiencies, modelled speed-ups, acceptance by position."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from specsim.comparing.table import Row
from specsim.metrics import Estimate
from specsim.plots.style import COLUMN, GREY, INK, PAGE, SHADE, Label, label_ends, save, style

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKERS = ("o", "s", "^", "D", "P", "v")
#: Systems whose curves have colours.
_NAMED = 6


def draw_all(rows: Sequence[Row], folder: str | Path) -> list[Path]:
    """Write each figure as PNG and PDF; those that have nothing to show are left out."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"block-efficiency": efficiencies(rows), "positional-acceptance": positions(rows)}
    if rows[0].speedups:
        figures["modelled-speedup"] = speedups(rows)
    return [path for name, figure in figures.items() for path in save(figure, folder / name)]


def efficiencies(rows: Sequence[Row]) -> Figure:
    """Tokens a target call, with 95 % intervals; lossy systems hollow."""
    with style():
        figure, axes = _listing(rows, width=COLUMN)
        for place, row in enumerate(rows):
            colour, fill = ("#0072B2", "#0072B2") if row.lossless else ("#D55E00", "white")
            _bar(axes, row.block_efficiency, place, colour, "o", fill)
        axes.set_xlabel("tokens a target call (95 % interval)\nhollow: not lossless")
    return figure


def speedups(rows: Sequence[Row]) -> Figure:
    """Modelled speed-up over plain decoding on each clock, with 95 % intervals."""
    names = list(rows[0].speedups)
    offsets = 0.18 * (np.arange(len(names)) - (len(names) - 1) / 2)
    with style():
        figure, axes = _listing(rows, width=0.75 * PAGE)
        for number, name in enumerate(names):
            for place, row in enumerate(rows):
                colour, marker = _COLOURS[number], _MARKERS[number]
                _bar(axes, row.speedups[name], place + offsets[number], colour, marker, colour)
            axes.plot([], [], _MARKERS[number], color=_COLOURS[number], label=name)
        axes.axvline(1, color=GREY, lw=0.7, zorder=0)
        axes.set_xlabel("modelled speed-up over plain decoding (95 % interval)")
        figure.legend(loc="outside upper center", ncols=len(names), frameon=False, fontsize=6.5)
    return figure


def positions(rows: Sequence[Row]) -> Figure:
    """Share of judged rounds that accepted at each depth: the best systems in colour, all others grey."""
    drafting = [row for row in rows if row.positional_acceptance]
    deepest = max((len(row.positional_acceptance) for row in drafting), default=1)
    with style():
        figure = Figure(figsize=(0.75 * PAGE, 2.9))
        axes = figure.add_axes((0.1, 0.14, 0.64, 0.76))
        labels = list[Label]()
        for number, row in reversed(list(enumerate(drafting))):
            shares = [estimate.value for estimate in row.positional_acceptance]
            colour = _COLOURS[number] if number < _NAMED else SHADE
            marker = _MARKERS[number] if number < _NAMED else ""
            axes.plot(range(1, len(shares) + 1), shares, color=colour, marker=marker)
            if number < _NAMED:
                axes.plot([len(shares), deepest], [shares[-1]] * 2, color=colour, lw=0.4, ls=":")
                labels.append(Label(row.name, shares[-1], colour))
        axes.set_xlim(0.8, deepest + 0.2)
        axes.set_ylim(0, 1.02)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("depth of the draft")
        axes.set_ylabel("accepted there / judged there")
        if labels:
            label_ends(axes, deepest, labels)
    return figure


def _listing(rows: Sequence[Row], *, width: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, 0.8 + 0.17 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.invert_yaxis()
    axes.grid(axis="x", color=SHADE, lw=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _bar(axes: Axes, estimate: Estimate, y: float, colour: str, marker: str, fill: str) -> None:
    if np.isfinite(estimate.error):
        axes.plot(estimate.interval(), [y, y], color=colour, lw=0.9)
    axes.plot(
        estimate.value, y, marker, color=colour, markerfacecolor=fill, markeredgecolor=colour or INK, ms=3
    )
