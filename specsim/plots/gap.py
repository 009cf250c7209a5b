"""How far each rule is from the best possible, by number of drafts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from specsim.plots.style import COLOURS, MARKERS, PAGE, key, style
from specsim.report.results import ALL, Result


@dataclass(frozen=True)
class _Curve:
    law: str
    rule: str
    label: str
    dashes: str


_CURVES = (
    _Curve("iid", "recursive", "recursive, i.i.d.", "-"),
    _Curve("iid", "k-seq", "K-SEQ, i.i.d.", "-"),
    _Curve("without-replacement", "recursive", "recursive, without replacement", "--"),
    _Curve("top-k-plus-sample", "recursive", "recursive, top k−1 and a sample", ":"),
)


def gap_figure(results: Sequence[Result]) -> Figure:
    """Small multiples: a row a temperature, a column a draft; the gap over the number of drafts.

    Whiskers are two standard errors for the choice of passages. Rules that meet their bound (greedy drafts,
    hub pair, top k) have no gap and are left out, and so is sample and match, which is far off the scale.
    """
    chosen = [r for r in results if r.domain == ALL and r.method.k > 1]
    temperatures = list(dict.fromkeys(r.temperature for r in chosen))
    drafts = list(dict.fromkeys(r.draft for r in chosen))
    places = {k: place for place, k in enumerate(sorted({r.method.k for r in chosen}))}
    with style():
        figure = Figure(figsize=(PAGE, 0.75 + 1.55 * len(temperatures)))
        grid = figure.subplots(
            len(temperatures),
            len(drafts),
            sharex=True,
            sharey="row",
            squeeze=False,
            gridspec_kw={
                "left": 0.075,
                "right": 0.98,
                "wspace": 0.1,
                "top": 0.86,
                "bottom": 0.12,
                "hspace": 0.16,
            },
        )
        for row, temperature in zip(grid, temperatures, strict=True):
            for axes, draft in zip(row, drafts, strict=True):
                _panel(axes, [r for r in chosen if (r.temperature, r.draft) == (temperature, draft)], places)
            row[0].set_ylabel(f"gap, temperature {temperature:g}")
        for axes, draft in zip(grid[0], drafts, strict=True):
            axes.set_title(f"draft {draft}", loc="left")
        for axes in grid[-1]:
            axes.set_xlabel("drafts k")
        for row in grid:
            row[0].set_ylim(bottom=0)
        key(figure, [(c.label, COLOURS[c.rule], c.dashes, MARKERS[c.rule]) for c in _CURVES], y=0.96)
    return figure


def _panel(axes: Axes, results: Sequence[Result], places: dict[int, int]) -> None:
    for number, curve in enumerate(_CURVES):
        found = [r for r in results if (r.method.law, r.method.rule) == (curve.law, curve.rule)]
        shift = 0.05 * (number - 1.5)
        axes.errorbar(
            [places[r.method.k] + shift for r in found],
            [r.gap.value for r in found],
            yerr=[2 * r.gap.sampling_standard_error for r in found],
            color=COLOURS[curve.rule],
            marker=MARKERS[curve.rule],
            linestyle=curve.dashes,
            elinewidth=0.6,
            capsize=0,
        )
    axes.set_xlim(-0.25, len(places) - 0.75)
    axes.set_xticks(list(places.values()), [str(k) for k in places])
