"""Goodput and latency of schedulers, against the load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from specsim.plots.style import PAGE, style

_COLOURS = (
    "#000000",
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#7A5C00",
    "#8C2D8C",
    "#6e6e6e",
)
_MARKERS = ("", "o", "s", "^", "D", "P", "v", "X", "<", ">", "*")
#: Most entries of the legend in a line.
_IN_A_LINE = 5


def serving_figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Over the request rate: tokens a second within the objectives, and the 99th percentile of latency.

    Parameters
    ----------
    rows
        Of ``specsim serve --json``: ``scheduler``, ``rate``, ``goodput``, ``latency_p99``.

    Raises
    ------
    ValueError
        If there are not two rates or more.
    """
    rates = sorted({row["rate"] for row in rows if row["rate"] is not None})
    if len(rates) < 2:
        raise ValueError("a figure against the load needs two rates or more: --rate 1,2,4")
    names = list(dict.fromkeys(row["scheduler"] for row in rows))
    with style():
        figure = Figure(figsize=(PAGE, 2.4 + 0.15 * -(-len(names) // _IN_A_LINE)), layout="constrained")
        left, right = figure.subplots(1, 2)
        for axes, key, title in (
            (left, "goodput", "tokens a second within the objectives"),
            (right, "latency_p99", "latency, 99th percentile (s)"),
        ):
            for place, name in enumerate(names):
                values = {row["rate"]: row[key] for row in rows if row["scheduler"] == name}
                axes.plot(
                    rates,
                    [values[rate] for rate in rates],
                    color=_COLOURS[place % len(_COLOURS)],
                    marker=_MARKERS[place % len(_MARKERS)],
                    label=name,
                )
            axes.set_xscale("log", base=2)
            axes.set_xticks(rates, [f"{rate:g}" for rate in rates])
            axes.minorticks_off()
            axes.set_xlabel("requests a second")
            axes.set_title(title, loc="left")
        left.set_ylim(bottom=0)
        right.set_yscale("log")
        low, high = right.get_ylim()
        ticks = [
            n * 10.0**power for power in range(-3, 6) for n in (1, 2, 3, 5) if low <= n * 10.0**power <= high
        ]
        right.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        right.minorticks_off()
        figure.legend(
            *left.get_legend_handles_labels(),
            loc="outside lower center",
            ncols=min(len(names), _IN_A_LINE),
            frameon=False,
            fontsize=6,
        )
    return figure
