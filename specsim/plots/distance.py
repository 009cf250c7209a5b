"""How acceptance and gap depend on the total variation distance between target and draft."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from specsim.plots.style import COLOURS, GREY, LAW_COLOURS, LAW_NAMES, PAGE, key, style
from specsim.report.evaluation import Evaluation
from specsim.report.methods import BOUND, Method

Array = NDArray[Any]

_BINS = np.linspace(0, 1, 11)
_FEWEST = 4  # positions that a bin needs to have a mean shown
_RULES = (
    ("iid", "recursive", "recursive, i.i.d.", "-"),
    ("iid", "k-seq", "K-SEQ, i.i.d.", "-"),
    ("without-replacement", "recursive", "recursive, without replacement", "--"),
)


def distance_figure(evaluation: Evaluation, *, k: int | None = None) -> Figure:
    """Every position against its distance, all drafts together: bounds above, gaps of rules below.

    Parameters
    ----------
    evaluation
        An evaluated trace.
    k
        The number of drafts; by default 4 if it was evaluated, else the largest.

    Notes
    -----
    Dots are positions; lines join the means of bins of one tenth.
    """
    count = _count(evaluation, k)
    temperatures = evaluation.plan.temperatures
    with style():
        figure = Figure(figsize=(PAGE, 4.3))
        grid = figure.subplots(
            2,
            len(temperatures),
            sharex=True,
            sharey="row",
            squeeze=False,
            gridspec_kw={
                "left": 0.075,
                "right": 0.98,
                "wspace": 0.08,
                "top": 0.9,
                "bottom": 0.09,
                "hspace": 0.3,
            },
        )
        for column, temperature in enumerate(temperatures):
            tv = evaluation.pictures.tv[:, column].ravel()
            _bounds(grid[0, column], evaluation, column, tv, count)
            _gaps(grid[1, column], evaluation, column, tv, count)
            grid[0, column].set_title(f"temperature {temperature:g}", loc="left")
            grid[1, column].set_xlabel("total variation distance of p and q")
        grid[0, 0].set_ylabel(f"best acceptance, k = {count}")
        grid[1, 0].set_ylabel(f"gap, k = {count}")
        grid[0, 0].set_xlim(0, 1)
        grid[0, 0].set_ylim(0, 1)
        grid[1, 0].set_ylim(bottom=0)
        laws = [(LAW_NAMES[law], colour, "-", "") for law, colour in LAW_COLOURS.items()]
        key(figure, [*laws, ("one draft, 1 − TV", GREY, ":", "")], y=0.97)
        key(figure, [(label, COLOURS[rule], dashes, "") for _, rule, label, dashes in _RULES], y=0.475)
    return figure


def _count(evaluation: Evaluation, k: int | None) -> int:
    ks = evaluation.plan.demand.ks
    count = k if k is not None else (4 if 4 in ks else max(ks))
    if count not in ks or count < 2:
        raise ValueError(f"k must be one of the evaluated numbers of drafts of at least 2, {ks}, got {count}")
    return count


def _values(evaluation: Evaluation, temperature: int, method: Method) -> Array:
    values: Array = evaluation.cells["value"][:, temperature, :, evaluation.methods.index(method)]
    return values.ravel()


def _bounds(axes: Axes, evaluation: Evaluation, temperature: int, tv: Array, k: int) -> None:
    axes.plot([0, 1], [1, 0], color=GREY, linewidth=0.8, linestyle=":")
    for law, colour in LAW_COLOURS.items():
        _scatter(axes, tv, _values(evaluation, temperature, Method(law, BOUND, k)), colour, "-")


def _gaps(axes: Axes, evaluation: Evaluation, temperature: int, tv: Array, k: int) -> None:
    for law, rule, _, dashes in _RULES:
        method = Method(law, rule, k)
        gap = _values(evaluation, temperature, method.bound) - _values(evaluation, temperature, method)
        _scatter(axes, tv, gap, COLOURS[rule], dashes)


def _scatter(axes: Axes, tv: Array, values: Array, colour: str, dashes: str) -> None:
    """Dots, and the line of means of the bins that have enough of them."""
    axes.scatter(tv, values, s=2.0, color=colour, alpha=0.25, linewidths=0, clip_on=False)
    middle = (_BINS[1:] + _BINS[:-1]) / 2
    member = np.clip(np.digitize(tv, _BINS) - 1, 0, len(middle) - 1)
    sizes = np.bincount(member, minlength=len(middle))
    sums = np.bincount(member, weights=values, minlength=len(middle))
    means = np.where(sizes >= _FEWEST, sums / np.maximum(sizes, 1), np.nan)
    axes.plot(middle, means, color=colour, linestyle=dashes, linewidth=1.3)
