"""What knowing more is worth: the ladder of policies, problem by problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from specsim.plots.style import GREY, INK, PAGE, style
from theory.stopping import Rung

_COLOURS = {"no drafts": GREY, "fixed length": "#E69F00", "greedy oracle": INK, "clairvoyant": INK}
_OTHERS = "#0072B2"


def ladder_figure(ladders: Mapping[str, Sequence[Rung]]) -> Figure:
    """Speed-up of every rung, a panel a problem, with the part of the optimum that it gives away.

    Parameters
    ----------
    ladders
        Of :func:`theory.stopping.ladder`, by the panels' titles; all with the same rungs.

    Raises
    ------
    ValueError
        If there is none, or rungs differ.
    """
    names = {tuple(rung.name for rung in rungs) for rungs in ladders.values()}
    if len(names) != 1:
        raise ValueError("give one or more ladders with the same rungs")
    (rungs,) = names
    places = np.arange(len(rungs))[::-1]
    with style():
        figure = Figure(figsize=(PAGE, 0.75 + 0.19 * len(rungs)), layout="constrained")
        panels = figure.subplots(1, len(ladders), sharey=True, squeeze=False)[0]
        for axes, (title, found) in zip(panels, ladders.items(), strict=True):
            values = [rung.figures.speedup for rung in found]
            axes.barh(places, values, height=0.62, color=[_COLOURS.get(name, _OTHERS) for name in rungs])
            for place, value, rung in zip(places, values, found, strict=True):
                gap = f" ({-100 * rung.gap:+.1f}%)" if abs(rung.gap) >= 5e-4 else ""
                axes.annotate(f"{value:.2f}{gap}", (value, float(place)), xytext=(3, 0),
                              textcoords="offset points", va="center", fontsize=5.5)  # fmt: skip
            axes.set_yticks(places, rungs)
            axes.tick_params(axis="y", length=0)
            axes.axvline(1, color=GREY, linewidth=0.6, zorder=0)
            axes.set_xlim(0, max(values) * 1.45)
            axes.set_title(title, loc="left")
        figure.supxlabel("speed-up over plain decoding (against the state-dependent optimum)", fontsize=7)
    return figure
