"""When each device does what: the timeline of a few rounds."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from specsim.clocks import Timeline
from specsim.plots.style import PAGE, style

#: Colour of an operation by the first word of its name; others are grey.
_COLOURS = {
    "verify": "#0072B2",
    "pre-verify": "#56B4E9",
    "post-verify": "#004B76",
    "draft": "#E69F00",
    "middle": "#009E73",
    "transfer": "#CC79A7",
}
_OTHER = "#9a9a9a"


def gantt_figure(timelines: Mapping[str, Timeline], *, until: float | None = None) -> Figure:
    """Timelines below one another on one time axis, a bar a device.

    Parameters
    ----------
    timelines
        By their titles.
    until
        Where the axis ends; the end of the longest if left out.

    Returns
    -------
    matplotlib.figure.Figure
        To be saved with :func:`specsim.plots.save`.

    Raises
    ------
    ValueError
        If there is no timeline.
    """
    if not timelines:
        raise ValueError("there is no timeline to draw")
    rows = [len(line.busy) for line in timelines.values()]
    end = until or max(line.seconds for line in timelines.values())
    with style():
        figure = Figure(figsize=(PAGE, 0.6 + sum(0.22 * row + 0.3 for row in rows)), layout="constrained")
        grid = figure.subplots(
            len(rows),
            1,
            sharex=True,
            squeeze=False,
            gridspec_kw={"height_ratios": [row + 0.4 for row in rows]},
        )
        seen: dict[str, str] = {}
        for axes, (title, line) in zip(grid[:, 0], timelines.items(), strict=True):
            devices = sorted(line.busy)
            for span in line.spans:
                if span.start >= end or not span.op.seconds:
                    continue
                kind = span.op.name.split()[0]
                colour = seen.setdefault(kind, _COLOURS.get(kind, _OTHER))
                axes.barh(
                    devices.index(span.op.device),
                    min(span.end, end) - span.start,
                    left=span.start,
                    height=0.72,
                    color=colour,
                    edgecolor="white",
                    linewidth=0.3,
                )
            axes.set_yticks(range(len(devices)), devices)
            axes.set_ylim(len(devices) - 0.4, -0.6)
            axes.set_title(title, loc="left")
            axes.tick_params(left=False)
        grid[-1, 0].set_xlim(0, end)
        grid[-1, 0].set_xlabel("time")
        patches = [Patch(color=colour, label=kind) for kind, colour in seen.items()]
        figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), frameon=False)
    return figure
