"""The state-dependent optimum of ``theory.stopping`` as a policy: confidences in bins are its types."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

import numpy as np

from specsim.policies.base import Features, Forgetful, Seen
from theory.stopping import Confidence, Optimum


@dataclass(frozen=True, eq=False)
class Planned(Forgetful):
    """Stop where the planned table says so.

    Lossless: yes. Source: :mod:`theory.stopping.optimum`.

    Parameters
    ----------
    problem, optimum
        The model of types, and its optimal policy.
    edges
        Rising borders between types: type i holds confidences from edge i - 1 up to below edge i; one edge
        less than types.

    Examples
    --------
    >>> from theory.stopping import Times, optimal_policy
    >>> problem = Confidence.iid(acceptance=[0.4, 0.9], shares=[0.5, 0.5],
    ...                          times=Times(draft_time=0.2, target_time=1.0), limit=12)
    >>> policy = Planned(problem, optimal_policy(problem), edges=(0.6,))
    >>> [policy.more(Seen((Features(confidence=sure),)), None) for sure in (0.95, 0.1)]
    [True, False]
    """

    problem: Confidence
    optimum: Optimum
    edges: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.edges) != self.problem.types - 1 or list(self.edges) != sorted(set(self.edges)):
            raise ValueError(
                f"{self.problem.types} types need {self.problem.types - 1} rising edges, got {self.edges}"
            )

    def kind(self, features: Features) -> int:
        """The type of a position."""
        return bisect_right(self.edges, features.need("confidence"))

    def more(self, seen: Seen, memory: Any) -> bool:
        """By counts of types and the last one; behind a start of unknown type, by the commonest type."""
        if seen.length >= self.problem.limit:
            return False
        kinds = [self.kind(features) for features in seen.drafted]
        counts = tuple(kinds.count(kind) for kind in range(self.problem.types - 1))
        return not bool(self.optimum.stops[seen.length][(*counts, self._last(kinds, seen))])

    def _last(self, kinds: list[int], seen: Seen) -> int:
        if kinds:
            return kinds[-1]
        if seen.start is not None and seen.start.confidence is not None:
            return self.kind(seen.start)
        return int(np.argmax(self.problem.shares))
