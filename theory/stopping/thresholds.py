r"""Thresholds: the optimal policy stops exactly where the belief has fallen far enough.

**Theorem 1.** For every number of drafts and every last type, the beliefs at which stopping is optimal are an
interval :math:`[0, \theta]`.

*Proof.* What a round drafts under a plan does not depend on acceptances, so a plan's value is affine in the
belief P (a reward times P, less the price of its draft steps): V is a supremum of affine functions, so
convex, with :math:`V(0, s) = 0`. Stopping is one of the plans, with value linear in P. So :math:`V - P (M
h)_s` is convex, not negative, and 0 at P = 0: it does not fall, and its zeros are an interval that holds 0.
QED

**Theorem 2.** If types are independent along the text, :math:`\theta = \lambda^* d / E[a]` at every number of
drafts below the limit and for every last type.

*Proof.* Starts are all alike, so h = 0 and stopping is worth 0. One draft more and then stopping is worth
:math:`P E[a] - \lambda^* d`. Above :math:`\theta` that is positive, so one goes on. At or below, this draft
gains nothing, and the belief only falls, so nor does any later one: V = 0. QED
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.stopping.confidence import Confidence, real
from theory.stopping.optimum import Optimum


@dataclass(frozen=True)
class Bracket:
    """Where a threshold lies.

    Attributes
    ----------
    drafted
        Drafts so far.
    kind
        The last type.
    stops, goes_on
        The largest belief of the lattice at which the policy stops, and the smallest at which it goes on; 0
        and infinity where there is none.
    """

    drafted: int
    kind: int
    stops: float
    goes_on: float

    @property
    def is_threshold(self) -> bool:
        """Whether all beliefs that stop are below all that go on."""
        return self.stops < self.goes_on


def brackets(problem: Confidence, optimum: Optimum) -> tuple[Bracket, ...]:
    """For each number of drafts below the limit and each last type, where the policy's threshold lies.

    Only states that can be reached count: the last type has been drafted at least once.

    Examples
    --------
    >>> from theory.stopping.optimum import optimal_policy
    >>> from theory.stopping.times import Times
    >>> problem = Confidence.iid(acceptance=[0.9, 0.4], shares=[0.5, 0.5],
    ...                          times=Times(draft_time=0.1, target_time=1.0), limit=12)
    >>> found = brackets(problem, optimal_policy(problem))
    >>> all(bracket.is_threshold for bracket in found)
    True
    """
    found = []
    for drafted in range(problem.limit):
        belief = problem.beliefs(drafted)
        for kind in range(problem.types):
            states = _reached(problem, drafted, kind)
            stop = optimum.stops[drafted][..., kind]
            stopped, going = belief[states & stop], belief[states & ~stop]
            found.append(
                Bracket(
                    drafted,
                    kind,
                    float(stopped.max()) if stopped.size else 0.0,
                    float(going.min()) if going.size else float("inf"),
                )
            )
    return tuple(found)


def _reached(problem: Confidence, drafted: int, kind: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Counts that sum to the number of drafts and hold the last type (at the start any type is the last)."""
    states = np.array(real(drafted, problem.types))
    if drafted == 0:
        return states
    if kind < problem.types - 1:
        index = [slice(None)] * (problem.types - 1)
        index[kind] = slice(0, 1)
        states[tuple(index)] = False
        return states
    total = np.indices(states.shape).sum(axis=0) if states.ndim else np.zeros((), dtype=int)
    return np.asarray(states & (total < drafted))


def independent_threshold(problem: Confidence, optimum: Optimum) -> float:
    """Theorem 2's threshold: the price of a draft step over the mean acceptance.

    Raises
    ------
    ValueError
        If types are not independent along the text, or no draft is ever accepted.

    Examples
    --------
    >>> from theory.stopping.optimum import optimal_policy
    >>> from theory.stopping.times import Times
    >>> problem = Confidence.iid(acceptance=[0.97, 0.8, 0.35], shares=[0.5, 0.3, 0.2],
    ...                          times=Times(draft_time=0.1, target_time=1.0), limit=40)
    >>> round(independent_threshold(problem, optimal_policy(problem)), 4)
    0.33
    """
    if np.abs(problem.moves - problem.moves[0]).max() > 1e-12:
        raise ValueError(
            "types follow each other here; the closed form is for types independent along the text"
        )
    mean = float(problem.moves[0] @ problem.acceptance)
    if mean <= 0:
        raise ValueError("no draft is ever accepted, so there is nothing to stop")
    return optimum.rate * float(problem.times.draft_time) / mean
