r"""The exact rate of any policy that decides by counts, belief, position and last type.

A policy is a table of stops: for each number of drafts k an array over the lattice's counts (all types but
the last) and the last type. Going back from the limit, three things about the rest of a round are linear in
what a policy does: the accepted tokens, the draft steps, and where the next round starts. From start s let
them be :math:`A_s, D_s` and :math:`Q_{s\cdot}`. With :math:`\pi` stationary for Q, renewal-reward gives

.. math:: \lambda = \frac{\sum_s \pi_s (1 + A_s)}{\sum_s \pi_s (b + d D_s)}, \qquad
          h = 1 + A - \lambda (b + d D) + Q h, \quad \pi h = 0,

the rate in tokens per unit of time and the *bias* h: how many tokens a start is worth more than the average
one. Exact up to rounding in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from theory.stopping.confidence import Array, Confidence, after, stationary

#: For each number of drafts k = 0 ... limit: whether to stop, ``(k + 1,) * (S - 1) + (S,)``.
Stops = tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class Evaluated:
    """A policy's exact figures.

    Attributes
    ----------
    rate
        Tokens per unit of time, bonus tokens counted.
    speedup
        Over plain decoding.
    tokens, drafts
        Expected tokens (bonus counted) and draft steps a round.
    starts
        How often rounds start behind each type, ``(S,)``.
    bias
        Relative worth of starts in tokens, ``(S,)``.
    """

    rate: float
    speedup: float
    tokens: float
    drafts: float
    starts: Array
    bias: Array

    @property
    def discard_rate(self) -> float:
        """Rejected or unused drafts over drafts; 0 where nothing is drafted."""
        return 1 - (self.tokens - 1) / self.drafts if self.drafts > 0 else 0.0


def stops_by(problem: Confidence, rule: Callable[[int, Array, Array], Array | bool]) -> Stops:
    """The table of a rule ``(drafted, belief, last acceptance) -> stop``, evaluated on whole layers.

    ``belief`` has shape ``(k + 1,) * (S - 1) + (1,)``, the last acceptance ``(S,)``. At the limit a round
    stops whatever the rule says.

    Examples
    --------
    >>> from theory.stopping.times import Times
    >>> problem = Confidence.iid(acceptance=[0.9, 0.4], shares=[0.5, 0.5],
    ...                          times=Times(draft_time=0.1, target_time=1.0), limit=2)
    >>> [layer.all() for layer in stops_by(problem, lambda drafted, belief, last: drafted >= 1)]
    [np.False_, np.True_, np.True_]
    """
    layers = []
    for drafted in range(problem.limit + 1):
        belief = problem.beliefs(drafted)[..., None]
        shape = (drafted + 1,) * (problem.types - 1) + (problem.types,)
        stop = rule(drafted, belief, problem.acceptance) if drafted < problem.limit else True
        layers.append(np.broadcast_to(np.asarray(stop, dtype=bool), shape))
    return tuple(layers)


def fixed_stops(problem: Confidence, length: int) -> Stops:
    """Always ``length`` drafts (or the limit, if that is smaller)."""
    return stops_by(problem, lambda drafted, belief, last: drafted >= length)


def belief_stops(problem: Confidence, threshold: float) -> Stops:
    """Stop once the belief is at most a threshold: SpecDec++'s rule."""
    return stops_by(problem, lambda drafted, belief, last: belief <= threshold)


def last_stops(problem: Confidence, threshold: float, length: int) -> Stops:
    """Stop when the last draft's acceptance is low, or at a length: Kangaroo's and SVIP's form."""
    return stops_by(
        problem, lambda drafted, belief, last: (drafted >= length) | ((last < threshold) & (drafted > 0))
    )


def evaluate(problem: Confidence, stops: Sequence[Array]) -> Evaluated:
    """The exact rate of a policy.

    Parameters
    ----------
    problem
        Types, how they move, times, limit.
    stops
        Table of the policy.

    Raises
    ------
    ValueError
        If the table has not one layer of the right shape for each number of drafts, or does not stop at the
        limit.

    Notes
    -----
    O(S^2 limit^S). Exact in float64.

    Examples
    --------
    >>> from theory.stopping.times import Times
    >>> problem = Confidence.iid(acceptance=[0.8], shares=[1.0],
    ...                          times=Times(draft_time=0.1, target_time=1.0), limit=10)
    >>> round(evaluate(problem, fixed_stops(problem, 6)).speedup, 4)
    2.4696
    """
    check_stops(problem, stops)
    return figures_of(problem, _rounds(problem, stops))


def figures_of(problem: Confidence, rounds: Array) -> Evaluated:
    """Renewal-reward, from accepted tokens, draft steps and next starts of each start, ``(S, 2 + S)``."""
    tokens, drafts, following = 1 + rounds[:, 0], rounds[:, 1], rounds[:, 2:]
    times = float(problem.times.base) + float(problem.times.draft_time) * drafts
    starts = stationary(following)
    rate = float(starts @ tokens / (starts @ times))
    bias = _bias(tokens - rate * times, following, starts)
    return Evaluated(
        rate,
        float(problem.times.speedup(rate)),
        float(starts @ tokens),
        float(starts @ drafts),
        starts,
        bias,
    )


def check_stops(problem: Confidence, stops: Sequence[Array]) -> None:
    """Raise ``ValueError`` unless a table fits the problem's lattice."""
    if len(stops) != problem.limit + 1:
        raise ValueError(
            f"a policy needs {problem.limit + 1} layers, for 0 to limit drafts, got {len(stops)}"
        )
    for drafted, layer in enumerate(stops):
        shape = (drafted + 1,) * (problem.types - 1) + (problem.types,)
        if np.shape(layer) != shape:
            raise ValueError(f"layer {drafted} of a policy must have shape {shape}, got {np.shape(layer)}")
    if not np.all(stops[-1]):
        raise ValueError(f"a policy must stop at the limit of {problem.limit} drafts everywhere")


def _rounds(problem: Confidence, stops: Sequence[Array]) -> Array:
    """From each start: accepted tokens, draft steps, law of the next start; ``(S, 2 + S)``."""
    types = problem.types
    last = next(drafted for drafted, layer in enumerate(stops) if layer.all())
    rest = _stopped(problem, last)
    for drafted in range(last - 1, -1, -1):
        going = _on(problem, rest, drafted)
        rest = np.where(stops[drafted], _stopped(problem, drafted), going)
    return rest.reshape(2 + types, types).T


def _stopped(problem: Confidence, drafted: int) -> Array:
    """What is to come where one stops: the next start's law; ``(2 + S, counts, S)``."""
    belief = problem.beliefs(drafted)
    result = np.zeros((2 + problem.types, *belief.shape, problem.types))
    for kind in range(problem.types):
        result[2 + kind] = belief[..., None] * problem.moves[:, kind]
    return result


def _on(problem: Confidence, rest: Array, drafted: int) -> Array:
    """One draft more: what it brings by the type it shows, averaged over types."""
    types, belief = problem.types, problem.beliefs(drafted)
    by_type = np.empty((2 + types, *belief.shape, types))
    for kind in range(types):
        by_type[..., kind] = after(rest, kind, drafted, types)
    for kind, rate in enumerate(problem.acceptance):
        by_type[0, ..., kind] += belief * rate
        by_type[2 + kind, ..., kind] += belief * (1 - rate)
    result: Array = (by_type.reshape(-1, types) @ problem.moves.T).reshape(by_type.shape)
    result[1] += 1
    return result


def _bias(surplus: Array, following: Array, starts: Array) -> Array:
    """The solution of ``h = surplus + following h`` with ``starts h = 0``."""
    size = surplus.size
    system = np.vstack([np.eye(size) - following, starts])
    solution: Array = np.linalg.lstsq(system, np.append(surplus, 0.0), rcond=None)[0]
    return solution
