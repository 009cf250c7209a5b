"""Estimates for drafts without replacement: one set of random paths a pair serves every number of drafts.

Recursive rejection has no closed form for three or more drafts without replacement, sample and match none
for two or more. Both estimates are Rao-Blackwellised: the first draws the rejected drafts and sums the
acceptance out, the second draws the drafts and sums the target's sample out. The first k drafts of a longer
list have the law of k drafts, so one list serves all k (estimates of different k are then correlated, which
no standard error here depends on).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specsim.report.cells import Cells, estimate_cells
from specsim.report.demand import Demand, Pairs
from theory.couplings import Estimate, Recursive
from theory.couplings.base import mean_of
from theory.couplings.race_paths import RacePaths, resolves
from theory.laws import WithoutReplacement
from theory.laws.draw_many import draw_without_replacement

Array = NDArray[Any]


def race_estimates(pairs: Pairs, counts: Sequence[int], demand: Demand) -> dict[tuple[str, int], Cells]:
    """Cells by rule and number of drafts: recursive rejection from three, sample and match from two.

    Parameters
    ----------
    pairs
        Pairs whose drafts have at least ``max(counts)`` tokens of positive probability.
    counts
        Numbers of drafts, each at least 2.
    demand
        Samples and seed.
    """
    out: dict[tuple[str, int], Cells] = {}
    for rule, estimate, least in (("sample-and-match", _match, 2), ("recursive", _recursive, 3)):
        asked = [count for count in counts if count >= least]
        if asked:
            found = [estimate(pairs, place, asked, demand) for place in range(len(pairs.p))]
            for column, count in enumerate(asked):
                out[rule, count] = estimate_cells([each[column] for each in found], drafts=count)
    return out


def _match(pairs: Pairs, place: int, counts: Sequence[int], demand: Demand) -> list[Estimate]:
    """Sample and match at one pair: the target's mass on drawn sets."""
    rng = pairs.chance(place, "sample-and-match", demand)
    sets = draw_without_replacement(pairs.q[place], max(counts), rng=rng, samples=demand.samples)
    held = np.cumsum(pairs.p[place][sets], axis=1)
    return [mean_of(held[:, count - 1]) for count in counts]


def _recursive(pairs: Pairs, place: int, counts: Sequence[int], demand: Demand) -> list[Estimate]:
    """Recursive rejection at one pair: all at once, or draft by draft where cumulative sums can't tell."""
    p, q, most = pairs.p[place], pairs.q[place], max(counts)
    rng = pairs.chance(place, "recursive", demand)
    if resolves(q, most):
        accepted = RacePaths(p, q).accepted(most, rng=rng, samples=demand.samples)
        return [mean_of(accepted[:, count - 1]) for count in counts]
    laws = [WithoutReplacement(q, count) for count in counts]
    return [Recursive().estimate(p=p, law=law, rng=rng, samples=demand.samples) for law in laws]
