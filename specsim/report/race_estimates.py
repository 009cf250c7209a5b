"""Estimates for drafts without replacement: one set of random paths a pair serves every number of drafts.

Recursive rejection has no closed form for three or more drafts without replacement, sample and match none
for two or more. Both estimates are Rao-Blackwellised: the first draws the rejected drafts and sums the
acceptance out, the second draws the drafts and sums the target's sample out. The first k drafts of a longer
list have the law of k drafts, so one list serves all k (estimates of different k are then correlated, which
no standard error here depends on).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specsim.report.cells import Cells, estimate_cells
from specsim.report.demand import Demand, Pairs
from theory.couplings import Coupling, Estimate, Recursive, SampleAndMatch
from theory.couplings.base import mean_of
from theory.couplings.race_paths import RacePaths
from theory.laws import Tokens, WithoutReplacement
from theory.laws.base import SequentialLaw
from theory.laws.draw_many import draw_without_replacement

Array = NDArray[Any]

#: Where less mass of q than this may be left for the last draft, the rounding of cumulative sums over the
#: vocabulary (about 1e-15) could show, and drafts are drawn one by one.
RESOLVED = 1e-12


def race_estimates(pairs: Pairs, counts: Sequence[int], demand: Demand) -> dict[tuple[str, int], Cells]:
    """Cells of recursive rejection and of sample and match, by rule and number of drafts.

    Parameters
    ----------
    pairs
        Pairs whose drafts have at least ``max(counts)`` tokens of positive probability.
    counts
        Numbers of drafts, each at least 2.
    demand
        Samples and seed.
    """
    found = [_estimates(pairs, place, counts, demand) for place in range(len(pairs.p))] if counts else []
    return {
        (rule, count): estimate_cells([values[rule, count] for values in found], drafts=count)
        for rule in ("recursive", "sample-and-match")
        for count in counts
    }


def _estimates(
    pairs: Pairs, place: int, counts: Sequence[int], demand: Demand
) -> dict[tuple[str, int], Estimate]:
    """Estimates of one pair: all at once, or one by one where cumulative sums can't tell."""
    p, q, most = pairs.p[place], pairs.q[place], max(counts)
    chances = {rule: pairs.chance(place, rule, demand) for rule in ("recursive", "sample-and-match")}
    left = np.partition(q, q.size - most + 1)[: q.size - most + 1].sum()
    if left <= RESOLVED:
        return _one_by_one(p, q, counts, chances, demand.samples)
    paths = RacePaths(p, q).accepted(most, rng=chances["recursive"], samples=demand.samples)
    sets = draw_without_replacement(q, most, rng=chances["sample-and-match"], samples=demand.samples)
    values = {"recursive": paths, "sample-and-match": np.cumsum(p[sets], axis=1)}
    return {(rule, count): mean_of(values[rule][:, count - 1]) for rule in values for count in counts}


def _one_by_one(
    p: Array, q: Array, counts: Sequence[int], chances: Mapping[str, np.random.Generator], samples: int
) -> dict[tuple[str, int], Estimate]:
    """The rules' general estimates, which renormalise what is left after every draw; O(samples k V) each."""
    rules: dict[str, Coupling] = {"recursive": Recursive(), "sample-and-match": SampleAndMatch()}
    return {
        (name, count): rule.estimate(p=p, law=_Drawn(q, count), rng=chances[name], samples=samples)
        for name, rule in rules.items()
        for count in counts
    }


@dataclass(frozen=True, eq=False)
class _Drawn(SequentialLaw):
    """Drafts without replacement by their conditional laws alone, without their own class's shortcuts."""

    q: Array
    k: int

    @property
    def vocabulary(self) -> int:
        return int(self.q.size)

    def conditional(self, drawn: Tokens) -> Array:
        return WithoutReplacement(self.q, self.k).conditional(drawn)
