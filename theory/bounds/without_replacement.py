r"""Optimal acceptance for drafts without replacement, at full vocabulary, with rigorous ends.

The optimum is :math:`1 + \min_H [p(H) - Q(H)]` with Q from :mod:`theory.race`. **The minimiser is a prefix
of the tokens in ascending order of** :math:`p_x / q_x`. As for i.i.d. drafts (:mod:`theory.bounds.iid`)
this follows if gains per unit of q never fall as a set grows:

.. math:: \frac{Q(G + y + x) - Q(G + y)}{q_x} \;\ge\; \frac{Q(G + y) - Q(G)}{q_y}
          \qquad (x, y \notin G).

*Proof.* Let :math:`a = q_y,\ b = q_x,\ c = 1 - q(G)`; let N be the number of rings in G by time
:math:`\tau`, :math:`\pi = \Pr(N = k-1)`, :math:`\rho = \Pr(N = k-2)`,
:math:`f_i = \frac{d}{d\tau} \Pr(N \ge k - i) \ge 0`. Integrating by parts
:math:`Q(H) = \int e^{-c_H \tau} d\Pr(N_H \ge k)`, so with
:math:`\Pr(N_{G+y} \ge k) = \Pr(N \ge k) + (1 - e^{-a\tau}) \pi` the right side is

.. math:: R = \int e^{-c\tau}\Bigl[\tfrac{e^{a\tau} - 1}{a} f_1 + \pi\Bigr] d\tau .

The left side is the same expression for G + y, with c - a for c and b for a; since
:math:`(e^{b\tau} - 1)/b \ge \tau`, it is at least
:math:`\int e^{-c\tau}[\tau e^{a\tau} f_1^{+y} + e^{a\tau}\pi^{+y}]\,d\tau` where
:math:`e^{a\tau} f_1^{+y} = f_1 + (e^{a\tau} - 1) f_2 + a\rho` and
:math:`e^{a\tau} \pi^{+y} = \pi + (e^{a\tau} - 1)\rho`. With
:math:`\psi = (e^{a\tau} - 1)/a - \tau \ge 0` and :math:`f_1 = f_2 - \rho'` the difference is at least

.. math:: \int e^{-c\tau}\bigl[(\tau(e^{a\tau} - 1) - \psi) f_2 + \psi \rho'
          + (a\tau + e^{a\tau} - 1)\rho\bigr] d\tau
          = \int e^{-c\tau}\bigl[(\tau(e^{a\tau} - 1) - \psi) f_2 + (c\psi + a\tau)\rho\bigr] d\tau \ge 0,

by parts on :math:`\psi\rho'` (:math:`\psi(0) = 0`; :math:`\psi' = e^{a\tau} - 1`), and because
:math:`\tau(e^{a\tau} - 1) \ge \psi` term by term of their series. (The integrals are over
:math:`\tau > 0`; k = 1 is additive.) The same inequality makes Q convex as a function of the prefix's
q-mass.

**Search.** Q is expensive, P is not. Between evaluated prefixes Q lies below its chord, so
:math:`P - \text{chord}` bounds the objective from below at every prefix; evaluate where that bound is
lowest, drop the prefixes it excludes, repeat. What remains is an interval for the optimum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from theory.bounds.iid import ratios
from theory.laws import WithoutReplacement
from theory.race import RaceScan
from theory.simplex import Array, is_exact

_TOLERANCE = 1e-11
_FIRST, _MORE, _ROUNDS = 33, 12, 60
_NO_WIDTH = 1e-280  # of a gap: a slope over less would overflow


@dataclass(frozen=True, eq=False)
class RaceBound:
    """One pair (p, q), ready to be asked for any number of drafts without replacement up to ``k``.

    Parameters
    ----------
    p, q
        One target and one draft, shape ``(V,)``, already checked. Floats or fractions.
    k
        Largest number of drafts to be asked for, at most the size of q's support.

    Examples
    --------
    >>> bound = RaceBound(np.array([0.1, 0.3, 0.6]), np.array([0.5, 0.3, 0.2]), 2)
    >>> lower, upper, inside = bound.optimum(2)
    >>> round(lower, 9), bool(0 <= upper - lower < 1e-10), inside.tolist()
    (0.885714286, True, [True, True, False])
    """

    p: Array
    q: Array
    k: int

    @cached_property
    def _order(self) -> Array:
        return np.argsort(ratios(self.p, self.q))

    @cached_property
    def _scan(self) -> RaceScan:
        return RaceScan(self.q[self._order], self.k)

    @cached_property
    def _mass_p(self) -> Array:
        """Cumulative p along the order, from 0; shape ``(V + 1,)``."""
        out = np.zeros(self.q.size + 1)
        np.cumsum(self.p[self._order], out=out[1:])
        return out

    def optimum(self, k: int) -> tuple[Any, Any, Array]:
        """Lower and upper end of the optimal acceptance for k drafts, and the set H of the upper end."""
        if is_exact(self.q):
            return self._exact(k)
        none = np.empty(0)
        known = _Known(self._scan, self._mass_p, k, none.astype(np.intp), none, none)
        first, last = self._range
        known = known.evaluated(self._first_sizes())
        alive = np.arange(first, last + 1 if first < last else first)
        floor = known.floor(alive) if alive.size else alive
        for _ in range(_ROUNDS):
            keep = np.flatnonzero(floor < known.best - _TOLERANCE)
            alive, floor = alive[keep], floor[keep]
            sizes = known.next_sizes(alive, floor)
            if sizes.size == 0:
                break
            known = known.evaluated(sizes)
            floor = known.floor(alive)
        lower = min(known.best - _TOLERANCE, float(floor.min()) if alive.size else np.inf)
        lower = min(lower, known.certain_floor)
        inside = np.zeros(self.q.size, dtype=bool)
        inside[self._order[: known.best_size]] = True
        return max(0.0, 1.0 + lower), 1.0 + known.best, inside

    @cached_property
    def _range(self) -> tuple[int, int]:
        """Smallest and largest prefix worth a look: tokens of p = 0 are all in, those of q = 0 all out."""
        last = int(np.searchsorted(-self._scan.suffix, 0.0))
        return min(int(np.searchsorted(self._mass_p, 0.0, side="right")) - 1, last), last

    def _first_sizes(self) -> Array:
        outside, (first, last) = -self._scan.suffix, self._range
        spread = np.searchsorted(outside, outside[first] * np.linspace(1, 0, _FIRST))
        return np.unique(np.clip(np.append(spread, [first, last]), first, last))

    def _exact(self, k: int) -> tuple[Any, Any, Array]:
        law = WithoutReplacement(self.q, k)
        ratio = ratios(self.p, self.q)
        order = sorted(range(self.q.size), key=lambda token: ratio[token])
        best, size = 0, 0
        for count in range(1, self.q.size + 1):
            value = sum(self.p[order[:count]]) - law.containment(order[:count])
            if value < best:
                best, size = value, count
        inside = np.zeros(self.q.size, dtype=bool)
        inside[order[:size]] = True
        return 1 + best, 1 + best, inside


@dataclass(frozen=True, eq=False)
class _Known:
    """Prefixes evaluated so far, with the ends of Q there."""

    scan: RaceScan
    mass_p: Array
    k: int
    sizes: Array
    lower: Array
    upper: Array

    def evaluated(self, sizes: Array) -> _Known:
        """With more prefixes, whose Q is computed here."""
        lower, upper = self.scan.interval(sizes, self.k)
        merged = np.concatenate([self.sizes, sizes])
        order = np.argsort(merged)
        return _Known(
            self.scan,
            self.mass_p,
            self.k,
            merged[order],
            np.concatenate([self.lower, lower])[order],
            np.concatenate([self.upper, upper])[order],
        )

    @cached_property
    def _objective(self) -> Array:
        """Upper ends of p(H) - Q(H) at the evaluated prefixes."""
        value: Array = self.mass_p[self.sizes] - self.lower
        return value

    @property
    def best(self) -> float:
        return float(self._objective.min())

    @property
    def best_size(self) -> int:
        return int(self.sizes[np.argmin(self._objective)])

    @property
    def certain_floor(self) -> float:
        """Lower end of the objective over the evaluated prefixes."""
        return float((self.mass_p[self.sizes] - self.upper).min())

    def _starts(self, alive: Array) -> Array:
        """Where the prefixes of each gap between known ones start; the last gap holds its end, too."""
        return np.append(0, np.searchsorted(alive, self.sizes[1:-1]))

    def floor(self, alive: Array) -> Array:
        """Lower bound of the objective at some prefixes, ascending: P minus the chord of Q's upper ends.

        Chords are over the mass *outside*: a suffix sum keeps the digits of the small masses that matter
        once the bulk of q is inside.
        """
        counts = np.diff(self._starts(alive), append=alive.size)
        outside = self.scan.suffix
        knots, upper = outside[self.sizes], self.upper
        width = knots[:-1] - knots[1:]
        wide = width > _NO_WIDTH
        slopes = np.divide(np.diff(upper), width, out=np.zeros(width.size), where=wide)
        start = np.where(wide, upper[:-1], np.maximum(upper[:-1], upper[1:]))
        rise = np.repeat(knots[:-1], counts) - outside[alive]
        rise *= np.repeat(slopes, counts)
        value: Array = self.mass_p[alive] - np.repeat(start, counts)
        value -= rise
        return value

    def next_sizes(self, alive: Array, floor: Array) -> Array:
        """At most a dozen prefixes: the most promising of each gap between known ones, and some others."""
        if alive.size == 0:
            return alive
        starts = np.unique(self._starts(alive))
        starts = starts[starts < alive.size]
        stops = np.append(starts[1:], alive.size)
        best = np.argsort(np.minimum.reduceat(floor, starts))[:_MORE]
        chosen = [
            start + np.argmin(floor[start:stop])
            for start, stop in zip(starts[best], stops[best], strict=True)
        ]
        spread = np.linspace(0, alive.size - 1, max(0, _MORE - best.size)).astype(np.intp)
        return np.setdiff1d(alive[np.append(chosen, spread).astype(np.intp)], self.sizes)
