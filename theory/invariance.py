r"""The price of drafter invariance: what Gumbel couplings give up against the best rule.

With shared clocks the emitted text does not depend on the drafter (:mod:`theory.couplings.gumbel_coupling`,
:mod:`theory.couplings.gumbel_list`). That costs acceptance. The price of k i.i.d. drafts is

.. math:: \alpha^*(p, q, k) - \alpha_\mathrm{inv}(p, q, k) \ge 0,

with :math:`\alpha^*` the optimum of all lossless rules and :math:`\alpha_\mathrm{inv}` the acceptance of k
lists of clocks. Both are computed at full vocabulary. For one list :math:`\alpha_\mathrm{inv} = \sum_i
[\sum_l \max(q_l / q_i, p_l / p_i)]^{-1}`, after one sort. For k lists, with :math:`u_i = p_i / q_i`,
:math:`D_i = \sum_l \max(u_i q_l, p_l)`, and :math:`S_i(t)` the chance that a list's draft is i and none of
its target clocks has rung by t,

.. math:: 1 - \alpha_\mathrm{inv} = \sum_i k p_i \int_0^\infty
          (e^{-t} - e^{-D_i t})\,(e^{-t} - S_i(t))^{k-1}\,dt, \qquad
          S_i(t) = q_i \int_{u_i}^\infty t\,e^{-D(u) t}\,du .

D is piecewise linear, so at a node t all :math:`S_i` are one cumulative sum along the order of p / q.

**Quadrature.** Trapezoid rule in log t. :math:`e^{-t} - S_i = \sum_{x \ne i} S_x`, and every factor grows on
the ray of angle :math:`\theta` by at most :math:`\sec\theta`: the integrand by :math:`\sec^{k+1}\theta`. So
the error is at most :math:`\epsilon (1 - \alpha_\mathrm{inv})` with :math:`\epsilon` known beforehand
(:mod:`theory.race`). What is cut off on the left is at most k times the first node, on the right
:math:`e^{-k t}` at the last.

**Bounds** (tests hold the figures to them): :math:`(1 - TV) / (1 + TV) \le \alpha_\mathrm{inv} \le 1 - TV`
for one list (Daliri et al. 2024); for k lists :math:`\alpha_\mathrm{inv} \ge \sum_i k p_i / (D_i + k - 1)`,
the chance that the list in which the output's clock rings has the output as its draft (Rowan et al. 2025).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from theory.bounds import optimal_iid
from theory.laws.base import check_k, rows
from theory.race import step_size
from theory.simplex import Array, check_pair, is_exact

_CUT = 1e-14
_ROUNDING = 1e-13
_CHUNK = 200_000


@dataclass(frozen=True, eq=False)
class Invariance:
    """Acceptance of a drafter-invariant rule beside the optimum.

    Attributes
    ----------
    optimum
        The largest acceptance of any lossless rule, shape ``(...)``; exact.
    invariant
        Acceptance of the Gumbel coupling with k lists, shape ``(...)``.
    error
        ``invariant`` is within this of the truth, shape ``(...)``.
    floor
        The closed-form lower bound of ``invariant``, shape ``(...)``.
    kind
        ``"exact"`` for one draft, else ``"interval"``.
    k
        Number of drafts.
    """

    optimum: Array
    invariant: Array
    error: Array
    floor: Array
    kind: Literal["exact", "interval"]
    k: int

    @property
    def price(self) -> Array:
        """``optimum - invariant``, within ``error`` of the truth."""
        price: Array = self.optimum - self.invariant
        return price


def price_of_invariance(*, p: ArrayLike, q: ArrayLike, k: int = 1) -> Invariance:
    """Acceptance of k-list Gumbel coupling against the optimum of k i.i.d. drafts, at any vocabulary.

    Parameters
    ----------
    p, q
        Target and draft distributions, shape ``(..., V)``, floats.
    k
        Number of drafts and lists, at least 1.

    Returns
    -------
    Invariance
        Scalars for one position, arrays of the batch's shape else.

    Raises
    ------
    ValueError
        If p and q are not distributions of one shape, hold fractions (see
        :class:`theory.couplings.GumbelList`), or k is not possible.

    Notes
    -----
    O(V log V) a position for one draft; for more, about 150 passes over the vocabulary.

    Examples
    --------
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> one, two = price_of_invariance(p=p, q=q), price_of_invariance(p=p, q=q, k=2)
    >>> round(float(one.invariant), 6), round(float(one.price), 6)
    (0.630769, 0.069231)
    >>> round(float(two.invariant), 6), bool(two.error < 1e-11), round(float(two.price), 6)
    (0.773999, True, 0.086001)
    """
    target, draft = check_pair(p, q)
    if is_exact(target):
        raise ValueError("price_of_invariance takes floats; for fractions use GumbelList and optimal_iid")
    count = check_k(k)
    found = [_one_position(*pair, count) for pair in zip(rows(target), rows(draft), strict=True)]
    shape = target.shape[:-1]
    invariant, error, floor = (np.array(column).reshape(shape)[()] for column in zip(*found, strict=True))
    optimum = np.asarray(optimal_iid(target, draft, (count,))[0].value)[()]
    return Invariance(optimum, invariant, error, floor, "exact" if count == 1 else "interval", count)


def _one_position(p: Array, q: Array, k: int) -> tuple[float, float, float]:
    """Acceptance with k lists, its error, and its floor."""
    race = _Lists.of(p, q)
    # tokens that the draft never draws can't be accepted
    hit = race.p / race.pace
    if k == 1:
        value = float(hit.sum())
        return value, _ROUNDING, value
    floor = float((k * race.p / (race.pace + (k - 1))).sum())
    missed, error = race.missed(k)
    return 1.0 - missed - (1.0 - float(race.p.sum())), error, floor


@dataclass(frozen=True, eq=False)
class _Lists:
    """Tokens that both can win, by rising p / q, with D at their ratios and its slopes behind them."""

    p: Array
    q: Array
    pace: Array
    slope: Array

    @classmethod
    def of(cls, p: Array, q: Array) -> _Lists:
        """Sort once. Tokens of p = 0 only take part in D's slopes, those of q = 0 only in its level."""
        live = np.flatnonzero(q > 0)
        with np.errstate(over="ignore"):
            ratio = np.minimum(p[live] / q[live], 1e300)
        order = np.argsort(ratio, kind="stable")
        ratio, target, draft = ratio[order], p[live][order], q[live][order]
        slope = np.cumsum(draft)
        # sums of p behind a place, from the small end
        behind = np.append(np.cumsum(target[::-1])[::-1], 0.0)[1:] + p[q <= 0].sum()
        return cls(target, draft, ratio * slope + behind, slope)

    def missed(self, k: int) -> tuple[float, float]:
        """Probability that a token that the draft can draw is emitted and is no draft, and an error bound."""
        step, quadrature = step_size(k + 1)
        first, last = np.log(_CUT / k), np.log(-np.log(_CUT) / k) + 0.5
        nodes = np.exp(np.arange(first, last + step, step))
        chunk = max(1, _CHUNK // max(1, self.p.size))
        parts = [nodes[start : start + chunk] for start in range(0, nodes.size, chunk)]
        total = step * float(sum((part * self._missed_at(part[:, None], k)).sum() for part in parts))
        return total, quadrature * total + 2 * _CUT + _ROUNDING

    def _missed_at(self, t: Array, k: int) -> Array:
        """The integrand at some times, shape ``(T, 1)``, summed over tokens; shape ``(T,)``."""
        fades = np.exp(-self.pace * t)
        # t times the integral of exp(-D t) over each piece; D goes on for ever behind the last token
        pieces = -np.diff(fades, append=0.0, axis=-1) / self.slope
        quiet = self.q * np.cumsum(pieces[:, ::-1], axis=-1)[:, ::-1]
        quiet_others = np.maximum(quiet.sum(axis=-1, keepdims=True) - quiet, 0.0)
        rung = -np.exp(-t) * np.expm1(-np.maximum(self.pace - 1.0, 0.0) * t)
        missed: Array = k * (self.p * rung * quiet_others ** (k - 1)).sum(axis=-1)
        return missed
