r"""Rounds by simulation, with an honest standard error.

Rounds are not independent: each starts where the last one ended. With the policy's exact rate
:math:`\lambda` and bias h (:mod:`theory.stopping.evaluation`) the numbers

.. math:: m_i = r_i - \lambda \tau_i + h(s_{i+1}) - h(s_i)

have mean zero given the past - **if the evaluation is right** - so the simulated rate
:math:`\sum r_i / \sum \tau_i` has the standard error :math:`\sqrt{\sum m_i^2} / \sum \tau_i`, and
:math:`\sum m_i / \sqrt{\sum m_i^2}` is a z-score of the evaluation itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from theory.stopping.confidence import Array, Confidence
from theory.stopping.evaluation import check_stops, evaluate


@dataclass(frozen=True)
class Simulated:
    """An estimate of a rate.

    Attributes
    ----------
    rate
        Tokens per unit of time.
    standard_error
        Its standard error.
    z
        How many standard errors the exact evaluation is off.
    rounds
        Sample size.
    """

    rate: float
    standard_error: float
    z: float
    rounds: int


def simulate(
    problem: Confidence,
    stops: Sequence[Array],
    *,
    replicas: int,
    rounds: int,
    rng: np.random.Generator,
) -> Simulated:
    """Run a policy on texts drawn from the model; starts of the first rounds are stationary.

    Parameters
    ----------
    problem
        The model.
    stops
        The policy's table.
    replicas, rounds
        Independent texts, and rounds of each; at least 1.
    rng
        Randomness.

    Notes
    -----
    O(replicas * rounds * limit). An estimate.

    Examples
    --------
    >>> from theory.stopping.evaluation import fixed_stops
    >>> from theory.stopping.times import Times
    >>> problem = Confidence.iid(acceptance=[0.8], shares=[1.0],
    ...                          times=Times(draft_time=0.1, target_time=1.0), limit=8)
    >>> rng = np.random.default_rng(0)
    >>> found = simulate(problem, fixed_stops(problem, 6), replicas=2000, rounds=2, rng=rng)
    >>> abs(found.z) < 4, abs(found.rate - 2.4696) < 4 * found.standard_error
    (True, True)
    """
    if replicas < 1 or rounds < 1:
        raise ValueError(f"replicas and rounds must be at least 1, got {replicas} and {rounds}")
    check_stops(problem, stops)
    exact = evaluate(problem, stops)
    shares = np.maximum(exact.starts, 0)
    kinds = rng.choice(problem.types, size=replicas, p=shares / shares.sum())
    tokens = time = squares = surplus = 0.0
    for _ in range(rounds):
        accepted, drafted, following = _round(problem, stops, kinds, rng)
        spent = float(problem.times.base) + float(problem.times.draft_time) * drafted
        change = 1 + accepted - exact.rate * spent + exact.bias[following] - exact.bias[kinds]
        tokens, time = tokens + float(np.sum(1 + accepted)), time + float(np.sum(spent))
        squares, surplus = squares + float(np.sum(change**2)), surplus + float(np.sum(change))
        kinds = following
    spread = float(np.sqrt(squares))
    z = surplus / spread if spread > 1e-9 * tokens / np.sqrt(replicas * rounds) else 0.0
    return Simulated(tokens / time, spread / time, z, replicas * rounds)


def _round(
    problem: Confidence, stops: Sequence[Array], kinds: Array, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """One round of all replicas: accepted tokens, draft steps, the next starts."""
    size = kinds.size
    last, following = kinds.copy(), np.full(size, -1)
    seen = np.zeros((size, problem.types), dtype=np.int64)
    accepted, drafted = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    going = np.ones(size, dtype=bool)
    for step in range(problem.limit):
        index = tuple(np.where(going, seen[:, kind], 0) for kind in range(problem.types - 1))
        going = going & ~stops[step][(*index, last)]
        if not going.any():
            break
        new = np.where(going, _moved(problem, last, rng), last)
        last = new
        seen[going, last[going]] += 1
        drafted += going
        judged = going & (following < 0)
        taken = rng.random(size) < problem.acceptance[last]
        accepted += judged & taken
        following = np.where(judged & ~taken, last, following)
    return accepted, drafted, np.where(following < 0, _moved(problem, last, rng), following)


def _moved(problem: Confidence, kinds: Array, rng: np.random.Generator) -> Array:
    """The next position's types."""
    ends = np.cumsum(problem.moves, axis=1)[kinds]
    ends[:, -1] = 1.0
    moved: Array = np.argmax(rng.random((kinds.size, 1)) < ends, axis=1)
    return moved
