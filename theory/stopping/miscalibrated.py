"""Confidences that are wrong: plan with what is believed, earn what is true.

A policy is a table over counts of types, so one that was planned with believed acceptances is evaluated
exactly under the true ones: nothing is simulated.
"""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from theory.stopping.confidence import Confidence
from theory.stopping.evaluation import Evaluated, evaluate
from theory.stopping.optimum import Optimum, optimal_policy


@dataclass(frozen=True, eq=False)
class Miscalibrated:
    """What wrong confidences cost.

    Attributes
    ----------
    planned
        The believed optimum: its rate is what one expects.
    reached
        The same policy under the true acceptances.
    optimum
        What knowing them would earn.
    """

    planned: Optimum
    reached: Evaluated
    optimum: Optimum

    @property
    def loss(self) -> float:
        """Part of the optimal rate that is given away, in [0, 1) up to rounding."""
        return 1 - self.reached.rate / self.optimum.rate

    @property
    def disappointment(self) -> float:
        """Expected rate over the rate reached, less one; negative where one did better than believed."""
        return self.planned.rate / self.reached.rate - 1


def miscalibrated(problem: Confidence, *, believed: ArrayLike) -> Miscalibrated:
    """Plan with believed acceptances, evaluate under the problem's own; exact.

    Parameters
    ----------
    problem
        The truth.
    believed
        For each type what one takes the acceptance to be, ``(S,)``.

    Examples
    --------
    >>> from theory.stopping.times import Times
    >>> problem = Confidence.iid(acceptance=[0.9, 0.4], shares=[0.5, 0.5],
    ...                          times=Times(draft_time=0.1, target_time=1.0), limit=12)
    >>> result = miscalibrated(problem, believed=[0.99, 0.99])
    >>> round(result.loss, 3), round(result.disappointment, 3)
    (0.31, 3.303)
    """
    planned = optimal_policy(problem.believing(believed))
    return Miscalibrated(planned, evaluate(problem, planned.stops), optimal_policy(problem))
