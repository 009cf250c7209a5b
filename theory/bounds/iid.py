r"""Optimal acceptance for independent drafts of one distribution, at full vocabulary.

With :math:`Q(H) = q(H)^k` the optimum is :math:`1 + \min_H [p(H) - q(H)^k]`. **The minimiser is a set of
smallest ratios** :math:`p_x / q_x`: let H be optimal, :math:`y \in H`, :math:`x \notin H` with
:math:`p_x / q_x < p_y / q_y`. Dropping y does not help, so
:math:`p_y / q_y \le [s^k - (s - q_y)^k] / q_y` with :math:`s = q(H)`; adding x does not help, so
:math:`p_x / q_x \ge [(s + q_x)^k - s^k] / q_x`. As :math:`s^k` is convex, the second slope is at least
the first, a contradiction (Hu et al. 2025; a token of q = 0 is never worth adding).

So the minimum is over thresholds of the ratio. There are three ways to it in floats, with one result: a sort
for small vocabularies; a histogram of the ratios (:mod:`theory.bounds.histogram`); and, where numba is
installed and the vocabulary is large, a search over thresholds (:mod:`theory.bounds.levels`). One draft
needs none of them: the optimum is :math:`\sum_x \min(p_x, q_x)`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from theory.bounds.histogram import Histogram, by_ratio
from theory.bounds.histogram import ratios as _float_ratios
from theory.simplex import Array, is_exact

_SORTED = 4096  # up to this vocabulary a sort is faster
_COMPILED = 65536  # from this vocabulary on it is worth to load compiled code


def ratios(p: Array, q: Array) -> Array:
    """``p / q`` with infinity where q is zero; float64 or fractions (then a large stand-in)."""
    if is_exact(q):
        return _exact_ratios(p, q)
    return _float_ratios(p, q)


def integer_power(values: Array, k: int) -> Array:
    """``values ** k`` by repeated squares: many times faster than numpy's power for long arrays.

    Examples
    --------
    >>> integer_power(np.array([0.5, 2.0]), 5).tolist()
    [0.03125, 32.0]
    """
    out, square = np.ones_like(values), values
    while k:
        if k & 1:
            out = out * square
        k >>= 1
        if k:
            square = square * square
    return out


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
        """The optimal acceptance for k drafts, and the set H that proves it.

        A row of floats may miss one: what all of it holds, not one, is the probability of 'all in V'.
        """
        if is_exact(self.q):
            return _sorted_optimum(self.p, self.q, self.ratio, k)
        search = _compiled_search() if self.q.size >= _COMPILED else None
        if search is not None:
            return search(self.p, self.q, k)
        if k == 1:
            return float(np.minimum(self.p, self.q).sum()), (self.p <= self.q) & (self.q > 0)
        if self.q.size > _SORTED:
            return self._histogram.optimum(k)
        return self._by_sorting(k)

    @cached_property
    def _histogram(self) -> Histogram:
        return Histogram(self.p, self.q)

    @cached_property
    def _order(self) -> tuple[Array, Array]:
        """Tokens by ratio, and how many there are up to the end of each run of equal ratios."""
        return by_ratio(np.arange(self.q.size), self.p, self.q)

    @cached_property
    def _masses(self) -> tuple[Array, Array]:
        """Cumulative p and q along the order, from 0."""
        sums = np.zeros((2, self.q.size + 1))
        np.cumsum(self.p[self._order[0]], out=sums[0, 1:])
        np.cumsum(self.q[self._order[0]], out=sums[1, 1:])
        return sums[0], sums[1]

    def _by_sorting(self, k: int) -> tuple[float, Array]:
        order, ends = self._order
        mass_p, mass_q = self._masses
        size = int(ends[np.argmin((mass_p - integer_power(mass_q, k))[ends])])
        inside = np.zeros(self.q.size, dtype=bool)
        inside[order[:size]] = True
        # pairwise sums: for many drafts even the last digits of q(H) count
        whole, held = float(self.q.sum()), float(self.q[inside].sum())
        return whole**k - held**k + float(self.p[inside].sum()), inside


@cache
def _compiled_search() -> Callable[[Array, Array, int], tuple[float, Array]] | None:
    """The threshold search, or None where it would run uncompiled."""
    from theory.kernels import COMPILED

    if not COMPILED:
        return None
    from theory.bounds.levels import optimum

    return optimum


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
