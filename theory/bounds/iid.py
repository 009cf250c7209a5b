r"""Optimal acceptance for independent drafts of one distribution, at full vocabulary.

With :math:`Q(H) = q(H)^k` the optimum is :math:`1 + \min_H [p(H) - q(H)^k]`. **The minimiser is a set of
smallest ratios** :math:`p_x / q_x`: let H be optimal, :math:`y \in H`, :math:`x \notin H` with
:math:`p_x / q_x < p_y / q_y`. Dropping y does not help, so
:math:`p_y / q_y \le [s^k - (s - q_y)^k] / q_y` with :math:`s = q(H)`; adding x does not help, so
:math:`p_x / q_x \ge [(s + q_x)^k - s^k] / q_x`. As :math:`s^k` is convex, the second slope is at least
the first, a contradiction (Hu et al. 2025; a token of q = 0 is never worth adding).

So the minimum is over thresholds of the ratio. Sorting finds it; a histogram does it faster. Put tokens
into bins of the ratio (the leading bits of its float), sum p and q in each, and scan the bin edges. Within
a bin the cumulative P is convex as a function of the cumulative s and has slopes between the bin's edges,
and :math:`-s^k` is concave, so :math:`P - s^k` inside the bin is at least its value at the two ends or
where the two outer tangents meet. Only bins whose lower bound is below the best edge are opened and sorted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from theory.simplex import Array, is_exact

_SHIFT = 47  # keep sign, exponent and five bits of the mantissa: bins about 2% wide
_LOWEST, _HIGHEST = 2.0**-40, 2.0**12
_BASE = int(np.float64(_LOWEST).view(np.int64)) >> _SHIFT
_BINS = (int(np.float64(_HIGHEST).view(np.int64)) >> _SHIFT) - _BASE + 1
_EDGES = np.concatenate([[0.0], ((np.arange(_BASE + 1, _BASE + _BINS)) << _SHIFT).view(np.float64), [np.inf]])


def ratios(p: Array, q: Array) -> Array:
    """``p / q`` with infinity where q is zero; float64 or fractions (then a large stand-in)."""
    if is_exact(q):
        return _exact_ratios(p, q)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio: Array = p / q
    if not np.all(q > 0):
        ratio[q == 0] = np.inf
    return ratio


def _exact_ratios(p: Array, q: Array) -> Array:
    out = np.empty(q.shape, dtype=object)
    for index, draft in np.ndenumerate(q):
        out[index] = p[index] / draft if draft else float("inf")
    return out


@dataclass(frozen=True, eq=False)
class IidScan:
    """One pair (p, q), ready to be asked for any number of i.i.d. drafts.

    Parameters
    ----------
    p, q
        One target and one draft, shape ``(V,)``, already checked. Floats or fractions.

    Examples
    --------
    >>> scan = IidScan(np.array([1, 1, 4]) / 6, np.full(3, 1 / 3))
    >>> value, inside = scan.optimum(2)
    >>> round(float(value), 6), inside.tolist()
    (0.888889, [True, True, False])
    """

    p: Array
    q: Array

    @cached_property
    def ratio(self) -> Array:
        """p / q, shape ``(V,)``."""
        return ratios(self.p, self.q)

    def optimum(self, k: int) -> tuple[Any, Array]:
        """The optimal acceptance for k drafts, and the set H that proves it."""
        if is_exact(self.q):
            return _sorted_optimum(self.p, self.q, self.ratio, k)
        threshold = self._threshold(k)
        inside = self.ratio <= threshold
        # a row of floats may miss one: what all of it holds, not one, is the probability of 'all in V'
        whole, mass = float(self.q.sum()), float(self.q[inside].sum())
        return whole**k - mass**k + float(self.p[inside].sum()), inside

    @cached_property
    def _bins(self) -> tuple[Array, Array, Array]:
        """Bin of each token; cumulative p and q at the bin edges, from 0."""
        index = self.ratio.view(np.int64) >> _SHIFT
        index -= _BASE
        np.clip(index, 0, _BINS - 1, out=index)
        edges = np.zeros((2, _BINS + 1))
        np.cumsum(np.bincount(index, self.p, _BINS), out=edges[0, 1:])
        np.cumsum(np.bincount(index, self.q, _BINS), out=edges[1, 1:])
        return index, edges[0], edges[1]

    def _threshold(self, k: int) -> float:
        """The ratio up to which tokens belong to H; minus one if to none."""
        index, mass_p, mass_q = self._bins
        at_edges = mass_p - mass_q**k
        best = int(np.argmin(at_edges))
        # the set is all bins before the edge: ratios below it
        threshold = -1.0 if best == 0 else float(np.nextafter(_EDGES[best], 0))
        value = float(at_edges[best])
        open_bins = np.flatnonzero(_bin_lower_bounds(mass_p, mass_q, k) < value - 1e-16)
        for bin_ in open_bins:
            tokens = np.flatnonzero(index == bin_)
            ordered, sums = self._opened(tokens, mass_p[bin_], mass_q[bin_])
            inner = sums[0] - sums[1] ** k
            place = int(np.argmin(inner))
            if inner[place] < value:
                value, threshold = float(inner[place]), float(ordered[place])
        return threshold

    def _opened(self, tokens: Array, start_p: float, start_q: float) -> tuple[Array, Array]:
        """Ratios of a bin's tokens in order, and cumulative p and q up to each (ties together)."""
        order = tokens[np.argsort(self.ratio[tokens], kind="stable")]
        sums = np.stack([start_p + np.cumsum(self.p[order]), start_q + np.cumsum(self.q[order])])
        ordered = self.ratio[order]
        last_of_ties = np.append(ordered[1:] != ordered[:-1], True)
        return ordered[last_of_ties], sums[:, last_of_ties]


def _bin_lower_bounds(mass_p: Array, mass_q: Array, k: int) -> Array:
    """For each bin a lower bound of P - s^k strictly inside of it."""
    width_p, width_q = np.diff(mass_p), np.diff(mass_q)
    low, high = _EDGES[:-1], np.minimum(_EDGES[1:], 1e300)
    with np.errstate(over="ignore"):
        meet = np.clip((high * width_q - width_p) / (high - low), 0.0, width_q)
    inner_p, inner_q = mass_p[:-1] + low * meet, mass_q[:-1] + meet
    bound: Array = np.where(width_q > 0, inner_p - inner_q**k, np.inf)
    return bound


def _sorted_optimum(p: Array, q: Array, ratio: Array, k: int) -> tuple[Any, Array]:
    """The same by sorting, in exact arithmetic."""
    order = sorted(range(q.size), key=lambda token: ratio[token])
    mass_p, mass_q, best, size = 0, 0, 0, 0
    for count, token in enumerate(order, start=1):
        mass_p, mass_q = mass_p + p[token], mass_q + q[token]
        if mass_p - mass_q**k < best:
            best, size = mass_p - mass_q**k, count
    inside = np.zeros(q.size, dtype=bool)
    inside[order[:size]] = True
    return 1 + best, inside
