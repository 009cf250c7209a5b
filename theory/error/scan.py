r"""The least and the largest :math:`\min_H [p(H) - \psi(q(H))]` over regions of p and q.

Every bound for i.i.d. drafts is of that form, with a convex growing :math:`\psi` (:math:`s^k`, or
:math:`a s`). With the least and largest masses of a region (:mod:`theory.error.regions`):

.. math:: \min_{p, q} \min_H [p(H) - \psi(q(H))] &= \min_H [p_{\min}(H) - \psi(q_{\max}(H))] \\
          \max_{p, q} \min_H [p(H) - \psi(q(H))] &\le \min_H [p_{\max}(H) - \psi(q_{\min}(H))]

The first is an exchange of two minima (p and q are chosen each for itself), so it is attained. The second is
attained for `Ball` and `Box`, see ``docs/estimation-error.md``: their largest mass is submodular, and
a sandwich theorem gives p and q.

**Modular functions are easy.** :math:`\min_H [c + m(H) - \psi(c' + n(H))]` is attained by a prefix of the
tokens by rising m / n (the exchange argument of :mod:`theory.bounds.iid` needs no more than convexity).

**Lower ends.** With minorants of :math:`p_{\min}` and majorants of :math:`q_{\max}` the least of such minima
is a lower end *for any parameters t* of these functions. They are moved to where the current set lies until
the lower end meets the value at a set (Ball, Box: bisection over mixtures; Weights: a step of Newton's).
Where they do not meet, as sets far from the current one get in the way of a linear function, a second lower
end comes from the masses at the centres alone: see `lowest_on_curve`.

**Upper ends.** Any set gives one; all prefixes of a few orders are tried, which for Ball and Box is enough to
find the minimum: there :math:`p_{\max} - \psi(q_{\min})` is the smallest of four modular problems.

**Rounding.** Running sums of V floats are off by at most a share of :math:`V 2^{-53}`; ends are moved outward
by that times what is summed and the slope of :math:`\psi`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from theory.bounds.iid import ratios
from theory.error.regions import Modular, Region, exact_region
from theory.simplex import Array, is_exact

#: Most steps of a search, by whether it is in fractions; and what counts as meeting.
_ROUNDS, _CLOSE = {True: 24, False: 4}, 1e-10
#: Where the search leaves more than this, the curve of the centres is tried; and how finely.
NEAR, _INTERVALS, _PARTS, _DIVISIONS = 1e-6, 2**18, 8, 12
_NONE = np.zeros(0, dtype=np.intp)


@dataclass(frozen=True, slots=True)
class Growth:
    r"""The growing convex :math:`\psi(s) = factor \cdot s^{power}` for s of at least 0, and 0 below.

    Examples
    --------
    >>> Growth(power=2)(np.array([-1.0, 0.5])).tolist()
    [0.0, 0.25]
    """

    factor: Any = 1
    power: int = 1

    def __call__(self, mass: Array) -> Array:
        """The value at each mass."""
        result: Array = self.factor * np.maximum(mass, 0) ** self.power
        return result

    def slope(self, mass: Any) -> Any:
        """The slope at a mass, the largest up to there."""
        return self.factor * self.power * mass ** (self.power - 1)


@dataclass(frozen=True, slots=True)
class Found:
    """An end, and the value at a set: between the two the true minimum lies."""

    end: Any
    reached: Any


@dataclass(frozen=True, slots=True)
class _Aim:
    """A parameter t of minorants, and the range that is left for it."""

    t: Any
    low: Any = 0
    high: Any = 1

    def moved(self, aim: Any) -> _Aim:
        """To where the current set lies; halfway if all that is known is the direction (0 or 1)."""
        if not isinstance(aim, int):
            return _Aim(aim)
        low, high = (self.t, self.high) if aim > self.t else (self.low, self.t)
        if aim == self.t or low == high:
            return self
        # halves keep fractions exact
        return _Aim((low + high) * _half(self.t), low, high)


def _half(like: Any) -> Any:
    from fractions import Fraction

    return 0.5 if isinstance(like, float) else Fraction(1, 2)


def lowest(p: Region, q: Region, growth: Growth, *, first: Array = _NONE) -> Found:
    """The least ``min_H p(H) - growth(q(H))`` over two regions, from below.

    Parameters
    ----------
    p, q
        Regions over one vocabulary.
    growth
        The convex function.
    first
        Tokens that every H holds.

    Returns
    -------
    Found
        A lower end, and a value that a pair of distributions and a set attain.
    """
    exact = exact_region(p) and exact_region(q)
    order, size, reached = _nearest(p, q, growth, first)
    aims = [_aimed(region, order[:size], exact, low) for region, low in ((p, True), (q, False))]
    best: Any = None
    for _ in range(_ROUNDS[exact]):
        end, order, size = _modular_minimum(p, q, growth, first, (aims[0].t, aims[1].t))
        best = end if best is None else max(best, end)
        reached = min(reached, _values(p, q, growth, order, first, upper=False).min())
        if reached - best <= (0 if exact else _CLOSE):
            break
        mask = np.zeros(p.size, dtype=bool)
        mask[order[:size]] = True
        moved = [aims[0].moved(p.aim_least(mask)), aims[1].moved(q.aim_most(mask))]
        if moved == aims:
            break
        aims = moved
    if not exact and reached - best > NEAR:
        best = max(best, lowest_on_curve(p, q, growth, first) - _slack(growth, p.size, 1.0, 1.0))
    return Found(min(best, reached), reached)


def _aimed(region: Region, inside: Array, exact: bool, least: bool) -> _Aim:
    mask = np.zeros(region.size, dtype=bool)
    mask[inside] = True
    aim = region.aim_least(mask) if least else region.aim_most(mask)
    return _Aim(_number(aim, exact))


def highest(p: Region, q: Region, growth: Growth, *, first: Array = _NONE) -> Found:
    """An upper end of the largest ``min_H p(H) - growth(q(H))`` over two regions.

    ``reached`` is the value at the centres of the regions: a pair that fits.
    """
    slack = 0 if exact_region(p) and exact_region(q) else _slack(growth, p.size, 1.0, 1.0)
    end = min(_values(p, q, growth, order, first, upper=True).min() for order in _orders(p, q, first))
    return Found(end + slack, _at_centers(p, q, growth, first))


def _number(aim: Any, exact: bool) -> Any:
    from fractions import Fraction

    return Fraction(aim) if exact and isinstance(aim, int) else aim if exact else float(aim)


def _ordered(m: Array, n: Array, first: Array) -> Array:
    """Tokens by rising m / n, those that every set holds before all others."""
    ratio = ratios(m, n)
    if first.size:
        ratio = ratio.copy()
        ratio[first] = -1
    return np.argsort(ratio, kind="stable")


def _orders(p: Region, q: Region, first: Array) -> Iterator[Array]:
    return (_ordered(m, n, first) for m, n in product(p.orders, q.orders))


def _values(p: Region, q: Region, growth: Growth, order: Array, first: Array, *, upper: bool) -> Array:
    """The objective at each prefix that holds the first tokens, at the worst (best) masses."""
    low_p, high_p = p.ends_along(order)
    low_q, high_q = q.ends_along(order)
    value: Array = high_p - growth(low_q) if upper else low_p - growth(high_q)
    return value[first.size :]


def _nearest(p: Region, q: Region, growth: Growth, first: Array) -> tuple[Array, int, Any]:
    """The set that is best at the worst masses along one order: that order, its size and value."""
    order = _ordered(p.center, q.center, first)
    values = _values(p, q, growth, order, first, upper=False)
    place = int(np.argmin(values))
    return order, place + int(first.size), values[place]


def _at_centers(p: Region, q: Region, growth: Growth, first: Array) -> Any:
    m, n = p.center, q.center
    order = _ordered(m, n, first)
    masses = [np.concatenate([[end[0] * 0], np.cumsum(end[order])]) for end in (m, n)]
    return (masses[0] - growth(masses[1]))[first.size :].min()


def _modular_minimum(
    p: Region, q: Region, growth: Growth, first: Array, at: tuple[Any, Any]
) -> tuple[Any, Array, int]:
    """The least over minorants and majorants, moved down by rounding; with its order and prefix."""
    below, above = p.minorants(at[0]), q.majorants(at[1])
    # all minorants have the same weights but for a factor, and so have all majorants
    order = _ordered(below[0].weights, above[0].weights, first)
    found = [_prefix_minimum(m, n, growth, first, order) for m, n in product(below, above)]
    end, size = min(found, key=lambda each: each[0])
    return end, order, size


def _prefix_minimum(m: Modular, n: Modular, growth: Growth, first: Array, order: Array) -> tuple[Any, int]:
    sums = [
        part.constant + np.concatenate([[part.weights[0] * 0], np.cumsum(part.weights[order])])
        for part in (m, n)
    ]
    values = (sums[0] - growth(sums[1]))[first.size :]
    place = int(np.argmin(values))
    slack: Any = 0
    if not is_exact(m.weights) or not is_exact(n.weights):
        sizes = [abs(float(part.constant)) + float(part.weights.sum()) for part in (m, n)]
        slack = _slack(growth, m.weights.size, *sizes)
    return values[place] - slack, place + int(first.size)


def lowest_on_curve(p: Region, q: Region, growth: Growth, first: Array = _NONE) -> float:
    """A lower end from masses at the centres alone; floats.

    Sets have masses (P, S) at the centres of p and q on or above the curve through the prefixes by rising
    ratio. At least ``floor(P) - growth(ceiling(S))`` is on a piece of it from its left end's P and its right
    end's S: pieces that can be lowest are divided.
    """
    order = _ordered(p.center, q.center, first)
    held, drafted = (
        np.concatenate([[0.0], np.cumsum(region.center[order])])[first.size :] for region in (p, q)
    )
    best = float((p.floor(held) - growth(q.ceiling(drafted))).min())
    ends, known = np.stack([held[:-1], held[1:], drafted[:-1], drafted[1:]]), np.inf
    for _ in range(_DIVISIONS):
        below = p.floor(ends[0]) - growth(q.ceiling(ends[3]))
        open_ = below < best - NEAR
        known = min(known, float(below[~open_].min(initial=np.inf)))
        if not open_.any() or open_.sum() * _PARTS > _INTERVALS:
            return min(known, best, float(below[open_].min(initial=np.inf)))
        ends = _divided(ends[:, open_])
        middle = p.floor(ends[0]) - growth(q.ceiling(ends[2]))
        best = min(best, float(middle.min()))
    return min(known, float((p.floor(ends[0]) - growth(q.ceiling(ends[3]))).min()))


def _divided(ends: Array) -> Array:
    """Each piece (P from, P to, S from, S to) in equal parts."""
    steps = np.linspace(0, 1, _PARTS + 1)
    p = ends[0][:, None] + (ends[1] - ends[0])[:, None] * steps
    q = ends[2][:, None] + (ends[3] - ends[2])[:, None] * steps
    return np.stack([part.ravel() for part in (p[:, :-1], p[:, 1:], q[:, :-1], q[:, 1:])])


def _slack(growth: Growth, size: int, p_mass: float, q_mass: float) -> float:
    """What rounding of running sums and of a dozen operations more can do."""
    mass = max(q_mass, 1.0)
    return 2.0**-52 * (size + 32) * (p_mass + float(growth.slope(mass)) * mass + 1.0)
