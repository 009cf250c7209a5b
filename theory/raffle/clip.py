r"""The optimal law of the picked draft without replacement, in closed form: the ratio p / q, clipped twice.

Let :math:`f(S)` be the probability that some draft is in S. Order the tokens that q can draw by falling
:math:`r = p / q`, with A the prefix that minimises :math:`f(A) + p(V \setminus A)` (the dual set's
complement, :mod:`theory.bounds.without_replacement`). Then

.. math:: y_x = q_x\, \mathrm{clip}(r_x, \mu, \lambda), \qquad
          \sum_{x \in A} \min(p_x, \lambda q_x) = f(A), \qquad
          \sum_{x \notin A} \max(p_x, \mu q_x) = 1 - f(A)

is the law of a draft picked by some rule, and :math:`\sum_x \min(p_x, y_x) = \alpha^*`. It is the law of
i.i.d. drafts (:mod:`theory.clip`) with another f. What carries the proof over is the inequality proved for
the bound: gains of f per unit of q never rise as a set grows. So the sets that can be violated by y are
prefixes of the order by falling y / q, which is the same order, and along it f is concave in the draft mass.
``docs/without-replacement-rule.md`` has the proof.

Only A and f(A) enter, so the law costs no more than the bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.bounds.without_replacement import RaceBound
from theory.simplex import Array


@dataclass(frozen=True, eq=False)
class RaceClipLaw:
    """The doubly clipped law without replacement.

    Attributes
    ----------
    law
        y, shape ``(V,)``; zero where q is.
    first
        Boolean, shape ``(V,)``: the set A, with the tokens that are never drafted.
    low, high
        The clips mu and lambda; None where their side has no token that is drafted.
    lower, upper
        Ends of the optimal acceptance; equal for fractions.
    """

    law: Array
    first: Array
    low: Any
    high: Any
    lower: Any
    upper: Any


def race_clip_law(p: Array, q: Array, k: int) -> RaceClipLaw:
    """Solve the doubly clipped law of k drafts without replacement.

    Parameters
    ----------
    p, q
        Target and draft distribution, shape ``(V,)``, already checked, floats or fractions.
    k
        Number of drafts, from 2 to the size of q's support.

    Notes
    -----
    Exact for fractions, at small vocabularies; for floats f(A) is known to about 1e-10, and so is the law.
    Cost: that of the bound and two sorts.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> p, q = np.array([F(1, 6), F(1, 6), F(2, 3)]), np.array([F(1, 2), F(1, 4), F(1, 4)])
    >>> solved = race_clip_law(p, q, 2)
    >>> [str(mass) for mass in solved.law], solved.first.tolist(), str(solved.upper)
    (['1/4', '1/6', '7/12'], [False, False, True], '11/12')
    """
    lower, upper, inside = RaceBound(p, q, k).optimum(k)
    first, live = ~inside | (q <= 0), q > 0
    hit = upper - p[inside].sum()
    out, low, high = p * 0, None, None
    better, worse = np.flatnonzero(first & live), np.flatnonzero(~first)
    if better.size:
        high = _level(p[better], q[better], hit, cap=True)
        out[better] = np.minimum(p[better], high * q[better])
    if worse.size:
        low = _level(p[worse], q[worse], 1 - hit, cap=False)
        out[worse] = np.maximum(p[worse], low * q[worse])
    return RaceClipLaw(out, first, low, high, lower, upper)


def _level(p: Array, q: Array, mass: Any, *, cap: bool) -> Any:
    """The level with ``sum(min(p, level q)) = mass`` (a cap), or the same with max."""
    ratio = p / q
    order = np.argsort(-ratio if cap else ratio, kind="stable")
    ratio, p, q = ratio[order], p[order], q[order]
    reached = np.cumsum(q)
    rest = p.sum() - np.cumsum(p)
    total = ratio * reached + rest
    clipped = total > mass if cap else total < mass
    # rounding may let some entries behind the crossing flicker
    count = int(clipped.size if np.all(clipped) else np.argmin(clipped))
    if count == 0:
        return ratio[0]
    level = (mass - rest[count - 1]) / reached[count - 1]
    near, far = ratio[count - 1], ratio[count] if count < ratio.size else level
    return max(min(level, near), far) if cap else min(max(level, near), far)
