"""Drafting while the target verifies, or before: where the second device pays."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from specsim.plots.style import GREY, INK, PAGE, style
from theory.speedup import best_pearl_length, pearl_speedup
from theory.stopping import Times, best_length

_SPLITS = (1.0, 1.3, 1.6, 2.0)
#: Lines of the left panel, and near which point each is labelled.
_LABELS = {
    0.8: (0.045, 0.6),
    0.9: (0.093, 0.5),
    1.0: (0.165, 0.48),
    1.1: (0.15, 0.73),
    1.2: (0.15, 0.85),
    1.3: (0.13, 0.95),
}
_TICKS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def parallel_figure(*, acceptance: float = 0.8) -> Figure:
    """PEARL on two devices against serial drafting, both at their best lengths.

    Left: PEARL's speed over that of serial drafting on one device, for draft times (as a part of the
    target's) and acceptances. A second device that serial drafting can use, too, by splitting both models,
    makes it faster by some factor: PEARL has the lower latency where the number exceeds that factor. Right:
    speed-ups at one acceptance, serial drafting with several such factors.

    Parameters
    ----------
    acceptance
        Of the right panel, in (0, 1).

    Raises
    ------
    ValueError
        If the acceptance is 0, 1 or beyond.
    """
    if not 0 < acceptance < 1:
        raise ValueError(f"acceptance must be above 0 and below 1, got {acceptance}")
    shares, rates = np.geomspace(0.02, 1.0, 60), np.linspace(0.05, 0.97, 60)
    ratio = np.array([[_parallel(a, c) / _serial(a, c) for c in shares] for a in rates])
    with style():
        figure = Figure(figsize=(PAGE, 2.7), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
        field = left.pcolormesh(
            shares,
            rates,
            ratio,
            cmap="PuOr_r",
            norm=TwoSlopeNorm(1.0, 0.5, 1.5),
            shading="gouraud",
            rasterized=True,
        )
        for level, place in _LABELS.items():
            # for expensive drafts both are near plain decoding, and a line at 1 would be noise
            shown = np.ma.masked_where((shares > 0.5) & (level == 1.0) & (ratio > 0), ratio)
            width = 1.5 if level == 1.0 else 0.5
            lines = left.contour(shares, rates, shown, levels=[level], colors=INK, linewidths=width)
            left.clabel(lines, fontsize=5.5, fmt="%g", manual=[place])
        left.annotate("neither pays", (0.96, 0.2), fontsize=6, color=GREY, ha="right")
        bar = figure.colorbar(field, ax=left, ticks=(0.5, 0.75, 1, 1.25, 1.5))
        bar.set_label("speed over serial drafting on one device")
        left.set_title("acceptance: PEARL on two devices", loc="left")
        _curves(right, acceptance)
        for axes in (left, right):
            axes.set_xscale("log")
            axes.set_xlim(shares[0], shares[-1])
            axes.set_xticks(_TICKS, [f"{tick:g}" for tick in _TICKS])
            axes.minorticks_off()
            axes.set_xlabel("time of a draft step over time of a target call")
    return figure


def _curves(axes: Axes, acceptance: float) -> None:
    """Speed-ups over plain decoding on one device."""
    shares = np.geomspace(0.02, 1.0, 240)
    serial = np.array([_serial(acceptance, share) for share in shares])
    axes.plot(
        shares,
        [_parallel(acceptance, share) for share in shares],
        color="#D55E00",
        label="PEARL, two devices",
    )
    for factor in _SPLITS:
        known = {1.0: "serial, one device", 2.0: "serial, split perfectly over two"}
        name = known.get(factor, f"serial, split: {factor:g} times as fast")
        shade = INK if factor == 1.0 else GREY
        dashes = {1.0: "-", 1.3: ":", 1.6: "--", 2.0: "-."}[factor]
        axes.plot(shares, factor * serial, color=shade, linestyle=dashes, label=name)
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=5.8, frameon=False, handlelength=2.6, loc="upper right")
    axes.set_title(f"speed-up at acceptance {acceptance:g}", loc="left")


def _serial(acceptance: float, share: float) -> float:
    return float(best_length(acceptance=float(acceptance), times=Times(float(share), 1.0)).speedup)


def _parallel(acceptance: float, share: float) -> float:
    times = {"acceptance": float(acceptance), "draft_time": float(share), "target_time": 1.0}
    return float(pearl_speedup(length=best_pearl_length(**times), **times))
