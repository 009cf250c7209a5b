"""Figures of draft length, clocks and load: they can be drawn, and refuse what they cannot show."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from specsim.plots import ladder_figure, parallel_figure, serving_figure
from specsim.plots.lengths import write
from theory.stopping import Confidence, Times, ladder


def ladders(names=("cheap", "dear")):
    found = {}
    for name, draft_time in zip(names, (0.05, 0.3), strict=False):
        problem = Confidence.iid(
            acceptance=[0.9, 0.4], shares=[0.6, 0.4], times=Times(draft_time, 1.0), limit=5
        )
        found[name] = ladder(problem, candidates=4)
    return found


def rows(schedulers=10):
    return [
        {"scheduler": f"s{n}", "rate": float(rate), "goodput": rate * 10.0 + n, "latency_p99": 1.0 + n + rate}
        for n, rate in product(range(schedulers), (1, 2, 4))
    ]


@pytest.mark.slow
def test_parallel_or_serial(tmp_path):
    figure = parallel_figure(acceptance=0.7)
    write(figure, tmp_path / "one.png")
    left, right, _ = figure.axes
    assert [axes.get_xlim() for axes in (left, right)] == [pytest.approx((0.02, 1.0))] * 2
    serial, parallel = right.lines[1].get_ydata(), right.lines[0].get_ydata()
    # cheap drafts: serial is faster, as the closed forms say; nowhere is PEARL twice as fast
    assert serial[0] > parallel[0]
    assert np.all(parallel < 2 * serial)
    first = (tmp_path / "one.png").read_bytes()
    write(parallel_figure(acceptance=0.7), tmp_path / "two.png")
    assert (tmp_path / "two.png").read_bytes() == first


def test_a_ladder_has_a_panel_a_problem():
    figure = ladder_figure(ladders())
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["cheap", "dear"]
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    assert widths[0] == 1.0
    assert widths == sorted(widths)
    with pytest.raises(ValueError, match="one or more ladders with the same rungs"):
        ladder_figure({})
    with pytest.raises(ValueError, match="one or more ladders with the same rungs"):
        ladder_figure({"all": ladders()["cheap"], "some": ladders()["cheap"][:3]})


def test_ten_schedulers_are_told_apart():
    figure = serving_figure(rows())
    lines = figure.axes[0].lines
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 10
    with pytest.raises(ValueError, match="two rates or more"):
        serving_figure(rows()[:1])


def test_acceptances_that_cannot_be_shown():
    with pytest.raises(ValueError, match="above 0 and below 1, got 1"):
        parallel_figure(acceptance=1)
