"""Acceptance of every rule against the best possible, by number of drafts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from specsim.plots.style import COLOURS, GREY, MARKERS, PAGE, SHADE, Label, label_ends, style
from specsim.report.methods import BOUND
from specsim.report.results import ALL, Result


@dataclass(frozen=True)
class _Curve:
    law: str
    rule: str
    label: str


#: What each panel shows; the first curve is the bound that the panel is shaded above.
_PANELS: dict[str, tuple[_Curve, ...]] = {
    "i.i.d. drafts": (
        _Curve("iid", BOUND, "best possible"),
        _Curve("iid", "k-seq", "K-SEQ"),
        _Curve("iid", "recursive", "recursive"),
        _Curve("iid", "sample-and-match", "match"),
    ),
    "without replacement": (
        _Curve("without-replacement", BOUND, "best possible"),
        _Curve("without-replacement", "recursive", "recursive"),
        _Curve("without-replacement", "sample-and-match", "match"),
    ),
    "top k−1 and a sample; top k": (
        _Curve("top-k-plus-sample", BOUND, "best possible,\ngreedy-draft rule"),
        _Curve("top-k-plus-sample", "recursive", "recursive"),
        _Curve("point", BOUND, "top k: best,\nrecursive"),
    ),
}


def acceptance_figure(results: Sequence[Result], *, draft: str) -> Figure:
    """Small multiples: a row a temperature, a column a kind of drafts, acceptance over the number of drafts.

    Parameters
    ----------
    results
        The report's numbers; those over all positions are shown.
    draft
        Which draft's.
    """
    chosen = [r for r in results if r.draft == draft and r.domain == ALL]
    temperatures = list(dict.fromkeys(r.temperature for r in chosen))
    with style():
        figure = Figure(figsize=(PAGE, 0.55 + 1.75 * len(temperatures)))
        grid = figure.subplots(
            len(temperatures),
            len(_PANELS),
            sharex=True,
            sharey="row",
            squeeze=False,
            gridspec_kw={
                "left": 0.075,
                "right": 0.88,
                "wspace": 0.47,
                "top": 0.93,
                "bottom": 0.11,
                "hspace": 0.14,
            },
        )
        for row, temperature in zip(grid, temperatures, strict=True):
            here, first = [r for r in chosen if r.temperature == temperature], temperature == temperatures[0]
            for axes, (title, curves) in zip(row, _PANELS.items(), strict=True):
                _panel(axes, here, curves)
                if first:
                    axes.set_title(title, loc="left")
            row[0].set_ylabel(f"acceptance, temperature {temperature:g}")
        _finish(grid, sorted({r.method.k for r in chosen}))
        for row, temperature in zip(grid, temperatures, strict=True):
            here = [r for r in chosen if r.temperature == temperature]
            for axes, curves in zip(row, _PANELS.values(), strict=True):
                _label(axes, here, curves)
    return figure


def series(results: Sequence[Result], law: str, rule: str) -> tuple[list[int], list[float]]:
    """Numbers of drafts and mean acceptances of one rule; with one draft, sampling laws are the same."""
    values = {r.method.k: r.acceptance.value for r in results if (r.method.law, r.method.rule) == (law, rule)}
    alone = {r.method.rule: r.acceptance.value for r in results if r.method.law == "single"}
    if law != "point" and alone:
        values[1] = alone["sample-and-match" if rule == "sample-and-match" else BOUND]
    ks = sorted(values)
    return ks, [values[k] for k in ks]


def _panel(axes: Axes, results: Sequence[Result], curves: Sequence[_Curve]) -> None:
    for curve in reversed(curves):
        ks, values = series(results, curve.law, curve.rule)
        first = curve is curves[0]
        point = curve.law == "point"
        axes.plot(
            [_place(k) for k in ks],
            values,
            color=GREY if point else COLOURS[curve.rule],
            marker=MARKERS["point" if point else curve.rule],
            linewidth=1.6 if first else 1.1,
            clip_on=False,
            zorder=2 + first,
        )
        if first:
            axes.fill_between([_place(k) for k in ks], values, 1.0, color=SHADE, linewidth=0, zorder=0)


def _place(k: int) -> float:
    return math.log2(k)


def _finish(grid: Any, ks: Sequence[int]) -> None:
    """Limits and ticks, the same in every panel of a row."""
    for row in grid:
        lines = [line for axes in row for line in axes.get_lines()]
        low = min(min(line.get_ydata()) for line in lines)
        high = max(max(line.get_ydata()) for line in lines)
        for axes in row:
            axes.set_ylim(max(0.0, math.floor(low * 20) / 20), min(1.0, math.ceil(high * 20 + 0.5) / 20))
            axes.set_xlim(_place(ks[0]) - 0.12, _place(ks[-1]) + 0.02)
            axes.set_xticks([_place(k) for k in ks], [str(k) for k in ks])
            axes.tick_params(labelleft=axes is row[0])
    for axes in grid[-1]:
        axes.set_xlabel("drafts k")


def _label(axes: Axes, results: Sequence[Result], curves: Sequence[_Curve]) -> None:
    labels, end = [], 0.0
    for curve in curves:
        ks, values = series(results, curve.law, curve.rule)
        if ks:
            end = max(end, _place(ks[-1]))
            colour = GREY if curve.law == "point" else COLOURS[curve.rule]
            labels.append(Label(curve.label, values[-1], colour))
    label_ends(axes, end, labels)
