r"""The optimal stopping rule: policy iteration on the lattice of counts.

With the rate :math:`\lambda` and bias h of the present policy, the best way to spend one round is, going back
from the limit over the belief P and the last type s,

.. math:: V(P, s) = \max\Bigl\{ P\,(M h)_s,\;
    -\lambda d + \sum_t M_{st} \bigl[ P a_t + P (1 - a_t) h_t + V(P a_t, t) \bigr] \Bigr\},

(stop; or draft one more). Its decisions are the next policy, which is at least as fast. At the optimum
:math:`h_s = 1 - \lambda b + V(1, s)`. Whatever :math:`\lambda, h`, no policy's rate exceeds

.. math:: \lambda + \max_s \bigl[ 1 - \lambda b + V(1, s) - h_s \bigr] / b,

since a policy's own average of the bracket is (its rate minus lambda) times its mean round time, which is at
least b. That bound is the certificate; iteration ends when the policy repeats.

Within a round the law of what is drafted does not depend on acceptance, so the value of any plan is affine
in P and V, their supremum, is convex. See :mod:`theory.stopping.thresholds` for what follows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.stopping.confidence import Array, Confidence, after
from theory.stopping.constant import best_length
from theory.stopping.evaluation import Evaluated, Stops, belief_stops, evaluate

#: Policy iteration ends after few steps; so many mean that rounding makes it go round in circles.
MOST_ITERATIONS = 200


@dataclass(frozen=True, eq=False)
class Optimum:
    """The optimal policy with its certificate.

    Attributes
    ----------
    figures
        Exact figures of the policy.
    stops
        Its table; ties stop.
    upper
        No policy's rate is larger (up to rounding in float64).
    iterations
        Policies evaluated.
    """

    figures: Evaluated
    stops: Stops
    upper: float
    iterations: int

    @property
    def rate(self) -> float:
        """Tokens per unit of time."""
        return self.figures.rate

    @property
    def speedup(self) -> float:
        """Over plain decoding."""
        return self.figures.speedup


def optimal_policy(problem: Confidence) -> Optimum:
    """The stopping rule of the largest rate.

    Notes
    -----
    O(S^2 limit^S) an iteration, few iterations. Exact in float64: :attr:`Optimum.upper` certifies it.

    Examples
    --------
    >>> from theory.stopping.times import Times
    >>> problem = Confidence.iid(acceptance=[0.8], shares=[1.0],
    ...                          times=Times(draft_time=0.1, target_time=1.0), limit=20)
    >>> best = optimal_policy(problem)
    >>> [bool(layer.all()) for layer in best.stops].index(True), round(best.speedup, 4)
    (6, 2.4696)
    """
    stops = _first_guess(problem)
    figures = evaluate(problem, stops)
    for iteration in range(1, MOST_ITERATIONS + 1):
        better, values = improve(problem, rate=figures.rate, bias=figures.bias)
        base = float(problem.times.base)
        surplus = float(np.max(1 - figures.rate * base + values - figures.bias))
        upper = figures.rate + max(surplus, 0.0) / base
        same = all(np.array_equal(old, new) for old, new in zip(stops, better, strict=True))
        if same or upper - figures.rate <= 1e-14 * figures.rate:
            return Optimum(figures, stops, upper, iteration)
        stops, figures = better, evaluate(problem, better)
    raise ArithmeticError(f"policy iteration did not end within {MOST_ITERATIONS} policies")


def _first_guess(problem: Confidence) -> Stops:
    """The threshold of independent types, at the rate of constant acceptance: close, whatever the chain."""
    mean = float(np.clip(problem.shares @ problem.acceptance, 1e-300, 1))
    rate = best_length(acceptance=mean, times=problem.times, limit=problem.limit).rate
    return belief_stops(problem, float(rate * problem.times.draft_time) / mean)


def improve(problem: Confidence, *, rate: float, bias: Array) -> tuple[Stops, Array]:
    """The best round for a price of time and a worth of starts: its stops, and ``V(1, s)``.

    Parameters
    ----------
    problem
        Types, how they move, times, limit.
    rate
        What a unit of time costs, in tokens.
    bias
        What each start is worth, ``(S,)``.
    """
    types, price = problem.types, rate * float(problem.times.draft_time)
    ahead = problem.moves @ bias
    step = problem.acceptance + (1 - problem.acceptance) * bias
    layers, values = list[Array](), None
    for drafted in range(problem.limit, -1, -1):
        belief = problem.beliefs(drafted)[..., None]
        stopped = belief * ahead
        stop = np.ones(stopped.shape, dtype=bool)
        if values is not None:
            by_type = belief * step
            for kind in range(types):
                by_type[..., kind] += after(values, kind, drafted, types)
            going = (by_type.reshape(-1, types) @ problem.moves.T).reshape(by_type.shape) - price
            # a tie, up to rounding, stops
            stop = going - stopped <= 1e-13 * (price + np.abs(stopped))
            stopped = np.where(stop, stopped, going)
        values = stopped
        layers.append(stop)
    assert values is not None
    return tuple(reversed(layers)), np.asarray(values.reshape(types))
