"""Learning curves: loss and metrics against the step, stages shaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from specsim.plots.style import COLUMN, GREY, PAGE, SHADE, style

if TYPE_CHECKING:
    from specsim.training.curve import Curve

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def learning_figure(
    curves: Mapping[str, Curve], *, columns: Sequence[str] = ("loss",), width: int | None = None
) -> Figure:
    """One panel a column: each curve's steps thin, its running mean strong.

    Parameters
    ----------
    curves
        By the names of the legend; at least one. Stages are those of the first.
    columns
        Which columns; a curve without one is left out of its panel.
    width
        Steps of the running mean; a thirtieth of the longest curve if None.

    Raises
    ------
    ValueError
        If there is no curve, no column, or a column that no curve has.
    """
    if not curves or not columns:
        raise ValueError("a learning figure needs a curve and a column at least")
    for column in columns:
        if not any(column in curve.columns for curve in curves.values()):
            raise ValueError(f"no curve has a column {column!r}")
    span = width or max(1, max(len(curve) for curve in curves.values()) // 30)
    wide = PAGE if len(columns) > 1 else COLUMN
    with style():
        figure = Figure(figsize=(wide, 2.2), layout="constrained")
        panels = figure.subplots(1, len(columns), squeeze=False)[0]
        for axes, column in zip(panels, columns, strict=True):
            _panel(axes, curves, column, span)
        if len(curves) > 1:
            figure.legend(
                *panels[0].get_legend_handles_labels(),
                loc="outside lower center",
                ncols=min(len(curves), 5),
                frameon=False,
            )
    return figure


def _panel(axes: Axes, curves: Mapping[str, Curve], column: str, span: int) -> None:
    _shade(axes, next(iter(curves.values())))
    for place, (name, curve) in enumerate(curves.items()):
        if column in curve.columns:
            colour, steps = _COLOURS[place % len(_COLOURS)], range(len(curve))
            axes.plot(steps, curve[column], color=colour, alpha=0.25, lw=0.5)
            axes.plot(steps, curve.smooth(column, width=span), color=colour, label=name)
    axes.set_xlabel("step")
    axes.set_title(column.replace("_", " "), loc="left")
    axes.margins(x=0.01)


def _shade(axes: Axes, curve: Curve) -> None:
    """Every other stage grey, with its name; nothing for a single stage."""
    spans, start = [], 0
    for stage, steps in groupby(curve.stages):
        end = start + len(list(steps))
        spans.append((stage, start, end))
        start = end
    if len(spans) < 2:
        return
    for number, (stage, begin, end) in enumerate(spans):
        if number % 2:
            axes.axvspan(begin - 0.5, end - 0.5, color=SHADE, zorder=0, lw=0)
        axes.annotate(
            stage,
            ((begin + end) / 2, 0.98),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="top",
            fontsize=6,
            color=GREY,
        )
