r"""The selection that accepts most for i.i.d. drafts: the ratio p / q, clipped twice, realised by pools.

**The law.** Let :math:`g(s) = 1 - (1 - s)^k` be the probability that one of k drafts is in a set of draft
mass s. Order the tokens by falling :math:`r = p / q`; let :math:`s_j, P_j` be the sums of q and p over the
first j, and :math:`j^* = \arg\min_j\, g(s_j) + P_V - P_j`, A the first :math:`j^*` tokens. Then

.. math:: y_x = q_x\, \mathrm{clip}(r_x, \mu, \lambda), \qquad
          \sum_{x \in A} \min(p_x, \lambda q_x) = g(s_{j^*}), \qquad
          \sum_{x \notin A} \max(p_x, \mu q_x) = 1 - g(s_{j^*}) .

Its cumulative sum Y over the order is concave, so it suffices for reach that :math:`Y(s) \le g(s)` at the
prefixes. On A the choice of :math:`j^*` gives :math:`P(s^*) - P(s) \ge g(s^*) - g(s)`, so Y stays below g
where it is not clipped, and where it is clipped it is a chord below a concave function; outside of A
likewise. The acceptance is :math:`\sum_A y + \sum_{V \setminus A} p = g(s^*) + P_V - P_{j^*}`, the optimum.
p may be any weights of at most total one.

**The pools.** Cut the order at knots D into pools; among the drafts take those in the best pool that has a
draft, and of these slots pick one fairly. The cumulative law is the chord interpolation :math:`g_D` of g at
D. To reach Y, mix: start with all knots of Y, each with a budget, the drop of Y's slope there. At time
:math:`\theta` every knot burns its budget at the rate of :math:`g_D`'s drop of slope; a knot whose budget
is used up is removed and two pools merge; stop at :math:`\theta = 1`. What is left of Y, :math:`Z_\theta =
Y - \int_0^\theta g_D`, is concave with :math:`Z_\theta \le (1 - \theta)\, g` at the knots that live (there
:math:`g_D = g`) and linear between them, so at the end it is concave, zero at both ends and at most zero:
it is zero, and the mixture of pools has the law Y.

The law that is reported is the one that the mixture has, so rounding costs acceptance and not losslessness.

Source: optimum by Hu et al. 2025, arXiv 2502.18779; law and pools derived here
Complexity: O(V^2) in this form, made for small vocabularies
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from theory.chance import Chance
from theory.couplings.base import UnsupportedLaw
from theory.couplings.selections.base import Picked
from theory.couplings.selections.priority import falling_ratio
from theory.laws import Iid, Law, Tokens
from theory.simplex import Array

Pools = tuple[Tokens, ...]


@dataclass(frozen=True)
class PooledClip:
    """The optimal selection for i.i.d. drafts; takes ``Iid``, or one draft of any law.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> p, q = np.array([F(1, 6), F(1, 6), F(2, 3)]), np.array([F(1, 3)] * 3)
    >>> y = PooledClip().law(p=p, law=Iid(q, 2))
    >>> [str(mass) for mass in y], str(np.minimum(p, y).sum())
    (['2/9', '2/9', '5/9'], '8/9')
    """

    @property
    def optimal(self) -> bool:
        return True

    def law(self, *, p: Array, law: Law) -> Array:
        """The doubly clipped law, shape ``(V,)``."""
        return _mixture_law(*_prepared(p, law))

    def pick(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Picked:
        """A draft of the best pool; the cut into pools and the slot come from ``select/<level>``."""
        q, k, mixture = _prepared(p, law)
        weights = np.array([weight for weight, _ in mixture], dtype=p.dtype)
        pools = mixture[chance.draw(weights, stream=f"select/{level}")][1]
        slots = _best_slots(pools, drafts)
        slot = slots[chance.draw(np.ones(len(slots), dtype=p.dtype), stream=f"select/{level}")]
        return Picked(slot, _mixture_law(q, k, mixture))


Mixture = list[tuple[Any, Pools]]


def _prepared(p: Array, law: Law) -> tuple[Array, int, Mixture]:
    if not isinstance(law, Iid) and law.k > 1:
        raise UnsupportedLaw(f"PooledClip selects among drafts of the law Iid, got {type(law).__name__}")
    # in the arithmetic of p: point masses come as integers
    q = law.over(p.shape[-1]).conditional(()) + p * 0
    order = tuple(token for token in falling_ratio(p, q) if q[token] > 0)
    if law.k == 1:
        return q, 1, [(1, (order,))]
    slopes = clipped_slopes(p[list(order)], q[list(order)], law.k)
    return q, law.k, _pool_mixture(slopes, order, q, law.k)


def any_inside(mass: Any, k: int) -> Any:
    """Probability that one of k i.i.d. drafts is in a set of the given mass: ``1 - (1 - s)^k``."""
    return 1 - (1 - mass) ** k


def clipped_slopes(p: Array, q: Array, k: int) -> list[Any]:
    """``clip(p / q, mu, lambda)`` for tokens in order of falling p / q, all of positive q.

    Parameters
    ----------
    p, q
        Target weights and draft distribution, shape ``(n,)``. Tokens that the draft never draws are left out:
        they are in A for free.
    k
        Number of drafts.

    Examples
    --------
    >>> slopes = clipped_slopes(np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5]), 2)
    >>> [round(float(slope), 6) for slope in slopes]
    [1.8, 1.0, 0.68]
    """
    sums_p = np.concatenate([p[:1] * 0, np.cumsum(p)])
    sums_q = np.concatenate([q[:1] * 0, np.cumsum(q)])
    values = [any_inside(s, k) + sums_p[-1] - mass for s, mass in zip(sums_q, sums_p, strict=True)]
    cut = min(range(len(values)), key=lambda j: values[j])
    inside = any_inside(sums_q[cut], k)
    ratio = p / q
    high = _cap(ratio[:cut], q[:cut], inside)
    low = _floor(ratio[cut:], q[cut:], 1 - inside)
    return [high if r > high else r for r in ratio[:cut]] + [low if r < low else r for r in ratio[cut:]]


def _cap(ratio: Array, q: Array, mass: Any) -> Any:
    """Lambda with ``sum(q min(ratio, lambda)) = mass``, ratios falling; the top n are capped."""
    below = (ratio * q).sum() if len(q) else 0
    above: Any = 0
    level: Any = 0
    for place in range(len(q)):
        above, below = above + q[place], below - ratio[place] * q[place]
        level = (mass - below) / above
        if place + 1 == len(q) or level >= ratio[place + 1]:
            break
    return level


def _floor(ratio: Array, q: Array, mass: Any) -> Any:
    """Mu with ``sum(q max(ratio, mu)) = mass``, ratios falling; the last n are raised."""
    above = (ratio * q).sum() if len(q) else 0
    below: Any = 0
    level: Any = 0
    for place in reversed(range(len(q))):
        below, above = below + q[place], above - ratio[place] * q[place]
        level = (mass - above) / below
        if place == 0 or level <= ratio[place - 1]:
            break
    return level


def _pool_mixture(slopes: list[Any], order: Tokens, q: Array, k: int) -> Mixture:
    """Cuts into pools with weights, whose mixture has the law with the given slopes."""
    knots = [place for place in range(1, len(order)) if slopes[place] < slopes[place - 1]]
    budget = {place: slopes[place - 1] - slopes[place] for place in knots}
    sums = np.concatenate([q[:1] * 0, np.cumsum(q[list(order)])])
    left: Any = 1
    mixture: Mixture = []
    while True:
        rate = _slope_drops([0, *knots, len(order)], sums, k)
        spent = [budget[place] / rate[place] for place in knots]
        step = min([left, *spent])
        mixture.append((step, _pools(order, knots)))
        left = left - step
        if not left > 0:
            return mixture
        budget = {place: budget[place] - step * rate[place] for place in knots}
        knots = [place for place, time in zip(knots, spent, strict=True) if time > step]


def _slope_drops(bounds: list[int], sums: Array, k: int) -> dict[int, Any]:
    """How much the slope of the chord interpolation of g falls at each inner bound."""
    chords = [
        (any_inside(sums[end], k) - any_inside(sums[start], k)) / (sums[end] - sums[start])
        for start, end in pairwise(bounds)
    ]
    return {place: chords[i] - chords[i + 1] for i, place in enumerate(bounds[1:-1])}


def _pools(order: Tokens, knots: list[int]) -> Pools:
    bounds = [0, *knots, len(order)]
    return tuple(order[start:end] for start, end in pairwise(bounds))


def _best_slots(pools: Pools, drafts: Tokens) -> list[int]:
    for pool in pools:
        slots = [slot for slot, token in enumerate(drafts) if token in pool]
        if slots:
            return slots
    raise ValueError(f"the drafts {drafts} hold no token that their law can draw")


def _mixture_law(q: Array, k: int, mixture: Mixture) -> Array:
    """The law of the picked token: in a pool proportional to q, the pool's mass a difference of g."""
    law = q * 0
    for weight, pools in mixture:
        start = q.sum() * 0
        for pool in pools:
            mass = q[list(pool)].sum()
            chord = (any_inside(start + mass, k) - any_inside(start, k)) / mass
            for token in pool:
                law[token] = law[token] + weight * q[token] * chord
            start = start + mass
    return law
