r"""SpecDec++'s form: a cost for each round instead of a rate.

After k drafts, with belief P that all of them are accepted, one pays

* to stop: :math:`c_2` if all are accepted (another round is needed that a draft might have saved);
* to go on: :math:`c_1` if one is rejected (the draft step is wasted); costs of later steps count
  :math:`\gamma \le 1` times as much (a discount).

.. math:: J(P, s) = \min\Bigl\{ c_2 P,\; c_1 (1 - P) + \gamma \sum_t M_{st} J(P a_t, t) \Bigr\}

**Theorem.** Stopping is optimal on an interval :math:`[0, \theta(s)]` of beliefs, and
:math:`\theta(s) \ge c_1 / (c_1 + c_2)`.

*Proof.* J is an infimum of functions affine in P, so concave; :math:`c_2 P - J` is convex, not negative,
and 0 at P = 0 (stopping costs nothing there). Its zeros are an interval that holds 0. Going on costs at
least :math:`c_1 (1 - P)`, which is no less than :math:`c_2 P` where :math:`P \le c_1 / (c_1 + c_2)`. QED

This is SpecDec++'s proposition (stop once :math:`1 - P \ge (c_2 + \Delta) / (c_1 + c_2 + \Delta)`) with
:math:`\Delta = 0`, for beliefs that are seen. Its waste is charged once for every step, and what a round
costs and brings is not in it: :func:`rate_of_costs` says what the rule earns, against the optimum of
:mod:`theory.stopping.optimum`, which needs no multipliers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.stopping.confidence import Array, Confidence, after
from theory.stopping.evaluation import Evaluated, Stops, evaluate


@dataclass(frozen=True)
class RoundCost:
    """Multipliers of SpecDec++'s cost.

    Parameters
    ----------
    waste
        c_1, for a step behind a rejection; positive.
    missed
        c_2, for stopping while all was accepted; positive.
    discount
        Weight of the next step's costs, in (0, 1].
    """

    waste: float
    missed: float
    discount: float = 1.0

    def __post_init__(self) -> None:
        if not (self.waste > 0 and self.missed > 0 and 0 < self.discount <= 1):
            raise ValueError(
                "costs must be positive and the discount in (0, 1], got "
                f"waste={self.waste}, missed={self.missed}, discount={self.discount}"
            )

    @property
    def sure_stop(self) -> float:
        """Beliefs up to here stop, whatever the types."""
        return self.waste / (self.waste + self.missed)


def cost_policy(problem: Confidence, cost: RoundCost) -> tuple[Stops, Array]:
    """The policy of least expected cost, and that cost behind each start ``(S,)``; O(S^2 limit^S), exact.

    Examples
    --------
    >>> from theory.stopping.times import Times
    >>> problem = Confidence.iid(acceptance=[0.8], shares=[1.0],
    ...                          times=Times(draft_time=0.1, target_time=1.0), limit=20)
    >>> stops, cost = cost_policy(problem, RoundCost(waste=1.0, missed=2.0))
    >>> [bool(layer.all()) for layer in stops].index(True), round(float(cost[0]), 4)
    (2, 1.48)
    """
    types = problem.types
    values, layers = None, list[Array]()
    for drafted in range(problem.limit, -1, -1):
        belief = problem.beliefs(drafted)[..., None]
        stopped = np.repeat(cost.missed * belief, types, axis=-1)
        stop = np.ones(stopped.shape, dtype=bool)
        if values is not None:
            rest = np.stack([after(values, kind, drafted, types) for kind in range(types)], axis=-1)
            going = cost.waste * (1 - belief) + cost.discount * (rest @ problem.moves.T)
            stop = stopped <= going * (1 + 1e-13)
            stopped = np.where(stop, stopped, going)
        values = stopped
        layers.append(stop)
    assert values is not None
    return tuple(reversed(layers)), np.asarray(values.reshape(types))


def rate_of_costs(problem: Confidence, cost: RoundCost) -> Evaluated:
    """What the policy of least cost earns: its exact rate in tokens per unit of time."""
    return evaluate(problem, cost_policy(problem, cost)[0])
