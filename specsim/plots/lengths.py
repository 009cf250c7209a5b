"""Draft length: speed-up against draft time and acceptance, and policies on recorded texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from specsim.plots.style import COLUMN, GREY, INK, PAGE, style
from theory.stopping import Times, best_length

_DOTS = 220
_BARS = {"reference": GREY, "hindsight": "#E69F00", "policy": "#0072B2", "bound": INK}
_LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24)
#: Ratio of times at which lines are labelled.
_LABELS = 0.025


def phase_figure(
    *, acceptance: float | None = None, draft_time: float | None = None, target_time: float = 1.0
) -> Figure:
    """Speed-up of the best fixed length, for draft times (as a part of the target's) and acceptances.

    Parameters
    ----------
    acceptance, draft_time, target_time
        A point to mark, if both of the first are given.

    Notes
    -----
    Left of a line so many drafts a round pay as are written on it; right of the heavy line none does.
    """
    shares = np.geomspace(0.01, 1.2, 60)
    rates = np.linspace(0.02, 0.98, 60)
    speed = np.empty((rates.size, shares.size))
    for row, rate in enumerate(rates):
        for column, share in enumerate(shares):
            best = best_length(acceptance=float(rate), times=Times(float(share), 1.0))
            speed[row, column] = best.speedup
    with style():
        figure = Figure(figsize=(COLUMN, 2.75), layout="constrained")
        axes = figure.subplots()
        top = float(np.ceil(speed.max()))
        field = axes.pcolormesh(
            shares,
            rates,
            np.log(speed),
            cmap="viridis",
            shading="gouraud",
            norm=Normalize(0, np.log(top)),
            rasterized=True,
        )
        _borders(axes)
        if acceptance is not None and draft_time is not None:
            axes.plot(draft_time / target_time, acceptance, "o", color="white", mec=INK, ms=5, zorder=5)
        _scales(axes)
        bar = figure.colorbar(field, ax=axes)
        ticks = [value for value in (1, 1.5, 2, 3, 5, 8, 12, 20) if value <= top]
        bar.set_ticks([float(np.log(value)) for value in ticks], labels=[f"{value:g}" for value in ticks])
        bar.ax.minorticks_off()
        bar.set_label("speed-up over plain decoding")
    return figure


def _borders(axes: Axes) -> None:
    """Where the n-th draft begins to pay: at a ratio of times of a^n / (S_{n-1} - (n - 1) a^n)."""
    rates = np.linspace(0.02, 0.98, 400)
    for length in _LENGTHS:
        powers = rates**length
        ratio = powers / ((1 - powers) / (1 - rates) - (length - 1) * powers)
        axes.plot(ratio, rates, color=INK if length == 1 else "white", linewidth=1.4 if length == 1 else 0.5)
        if length > 1:
            place = (_LABELS, float(np.interp(_LABELS, ratio, rates)))
            axes.annotate(str(length), place, xytext=(0, 1), textcoords="offset points", fontsize=5.5,
                          color="white", ha="center", va="bottom")  # fmt: skip
    axes.annotate("no draft pays", (0.42, 0.12), fontsize=6.5, color="white", ha="center")


def _scales(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_xlim(0.01, 1.2)
    axes.set_ylim(0.02, 0.98)
    ticks = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("time of a draft step over time of a target call")
    axes.set_title("acceptance, and where longer drafts begin to pay", loc="left")


def policies_figure(rows: Sequence[tuple[str, str, float]]) -> Figure:
    """Speed-up of policies and bounds on recorded texts.

    Parameters
    ----------
    rows
        Name, kind (``"reference"``, ``"hindsight"``, ``"policy"`` or ``"bound"``) and speed-up of each.

    Raises
    ------
    ValueError
        If there is no row.
    """
    if not rows:
        raise ValueError("a figure of policies needs at least one row")
    with style():
        figure = Figure(figsize=(PAGE * 0.62, 0.55 + 0.19 * len(rows)), layout="constrained")
        axes = figure.subplots()
        places = np.arange(len(rows))[::-1]
        axes.barh(places, [row[2] for row in rows], height=0.62, color=[_BARS[row[1]] for row in rows])
        for place, (_, _, value) in zip(places, rows, strict=True):
            axes.annotate(f"{value:.2f}", (value, float(place)), xytext=(3, 0), textcoords="offset points",
                          va="center", fontsize=6)  # fmt: skip
        axes.set_yticks(places, [row[0] for row in rows])
        axes.tick_params(axis="y", length=0)
        axes.axvline(1, color=GREY, linewidth=0.6, zorder=0)
        axes.set_xlim(0, max(row[2] for row in rows) * 1.12)
        axes.set_title("speed-up over plain decoding", loc="left")
    return figure


def write(figure: Figure, path: Path) -> None:
    """Write a figure to a .png or .pdf file; the same numbers give the same bytes."""
    nothing = {"Software": None} if path.suffix == ".png" else {"Creator": None, "Producer": None}
    metadata = nothing if path.suffix == ".png" else {**nothing, "CreationDate": None}
    with style():
        figure.savefig(path, dpi=_DOTS, metadata=metadata)
