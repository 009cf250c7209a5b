r"""List-level Gumbel coupling: k drafts race on k sets of clocks, the target on all of them.

Draw clocks :math:`E^m_i \sim \mathrm{Exp}(1)` for lists m = 1..k. Draft m is :math:`X_m = \arg\min_i E^m_i
/ q_i`, the output :math:`Y = \arg\min_i \min_m E^m_i / p_i`. The drafts are i.i.d. of law q; :math:`\min_m
E^m_i` is exponential of rate k, so Y has law p. As with one list the output depends on the clocks and the
target only, not on the drafter (as long as the number of lists is the same).

**The law of Y given the drafts.** Let :math:`u_l = p_l / q_l` and :math:`D(u) = \sum_l \max(u\,q_l, p_l)`.
For one list with winner x,

.. math:: S_x(t) = \Pr(X = x,\; \text{no target clock by } t)
          = \int_{u_x}^{\infty} q_x\, t\, e^{-D(u)\,t}\, du ,

and a target clock j rings at t, as the list's first, with the density :math:`f_{x j}(t) = p_j` times the same
integral over :math:`[u_x, u_j]`, or :math:`p_x e^{-D(u_x) t}` for j = x. D is linear between neighbouring
:math:`u_l`, so all of these are sums of exponentials with rational rates and coefficients, and

.. math:: \Pr(X = x,\, Y = j) = \sum_m \int_0^\infty f_{x_m j}(t) \prod_{n \ne m} S_{x_n}(t)\, dt

is a finite sum of fractions: the rule is again a program that asks for no clock.

**Acceptance.** With :math:`D_i = D(u_i)`,
:math:`\alpha = 1 - k \sum_i p_i \int (e^{-t} - e^{-D_i t})\,(e^{-t} - S_i(t))^{k-1} dt`. For k = 1 it is
:math:`\sum_i p_i / D_i`, the formula of :mod:`theory.couplings.gumbel_coupling`.

Lossless: yes
Complexity: O(k V^(k+1)) for the law given the drafts: for small vocabularies; the race itself is O(kV)
Source: Rowan, Phan and Khisti 2025, arXiv 2506.05632 (the coupling); law given the drafts derived here
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from theory.chance import Chance
from theory.couplings.base import (
    Estimate,
    NoClosedForm,
    Resolution,
    checked,
    draw_residual,
    mean_of,
    require,
    resolved,
)
from theory.couplings.gumbel_coupling import race_winner
from theory.laws import Iid, Law, Tokens
from theory.simplex import Array

_TERMS_LIMIT = 2_000_000

#: A sum of exponentials: rates and coefficients.
Exponentials = tuple[Array, Array]


@dataclass(frozen=True)
class GumbelList:
    """Accept if the target's race over all lists is won by one of the drafts.

    Lossless: yes. Takes ``Iid``, at small vocabularies.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> p, q = np.array([F(1, 2), F(3, 10), F(1, 5)]), np.array([F(1, 5), F(3, 10), F(1, 2)])
    >>> GumbelList().acceptance(p=p, law=Iid(q, 1)), GumbelList().acceptance(p=p, law=Iid(q, 2))
    (Fraction(41, 65), Fraction(439709, 568100))
    """

    lossless: ClassVar[bool] = True

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit a token of the output's law given the drafts."""
        require(law, Iid, rule="GumbelList")
        q = law.over(p.shape[-1]).conditional(())
        weights = winner_weights(p, q, drafts)
        return resolved(draw_residual(weights, fallback=p, chance=chance, level=level), drafts)

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """The acceptance probability of one position; O(V^k), exact.

        Raises
        ------
        NoClosedForm
            If that would be more than two million terms; use ``estimate``.
        """
        target, law = checked(p, law)
        require(law, Iid, rule="GumbelList")
        _check_size(target, law.k)
        missed = target[0] * 0
        for token in np.flatnonzero(target > 0):
            missed = missed + _missed(target, law.conditional(()), int(token), law.k)
        return 1 - missed

    def estimate(self, *, p: ArrayLike, law: Law, rng: np.random.Generator, samples: int) -> Estimate:
        """Share of races won by a draft; O(samples k V), no more memory than one race."""
        target, law = checked(p, law)
        require(law, Iid, rule="GumbelList")
        q = law.conditional(())
        hits = [_race_hits(target, q, rng.standard_exponential((law.k, target.size))) for _ in range(samples)]
        return mean_of(np.array(hits, dtype=np.float64))


def _race_hits(p: Array, q: Array, clocks: Array) -> bool:
    drafts = [race_winner(q, row) for row in clocks]
    return race_winner(p, clocks.min(axis=0)) in drafts


def _check_size(p: Array, k: int) -> None:
    if p.ndim != 1:
        raise ValueError(f"GumbelList works on one position at a time, got p of shape {p.shape}")
    if p.size**k > _TERMS_LIMIT:
        raise NoClosedForm(
            f"the list-level race has about {p.size}^{k} terms, more than {_TERMS_LIMIT}; use estimate"
        )


def winner_weights(p: Array, q: Array, drafts: Tokens) -> Array:
    """Joint probability of the drafts (in this order) and of each output token, shape ``(V,)``.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> p = q = np.array([F(1, 2), F(1, 2)])
    >>> winner_weights(p, q, (0,)).tolist()
    [Fraction(1, 2), Fraction(0, 1)]
    """
    _check_size(p, len(drafts))
    race = _Race(p, q)
    out = p * 0
    for index, winner in enumerate(drafts):
        others = [race.quiet(other) for i, other in enumerate(drafts) if i != index]
        for token in np.flatnonzero(p > 0):
            out[token] = out[token] + _integral([race.rings(winner, int(token)), *others])
    return out


def _missed(p: Array, q: Array, token: int, k: int) -> Any:
    """Probability that the output is this token and no draft is."""
    race = _Race(p, q)
    one = p[:1] * 0 + 1
    if not q[token] > 0:
        return p[token]
    still = _difference((one, one), race.quiet(token))
    rings = _difference((one, one), (race.pace[race.place(token) :][:1], one))
    return k * p[token] * _integral([rings, *[still] * (k - 1)])


@dataclass(frozen=True, eq=False)
class _Race:
    """One list of clocks: tokens that the draft can win, by rising p / q."""

    p: Array
    q: Array

    @cached_property
    def order(self) -> Tokens:
        live = np.flatnonzero(self.q > 0)
        ranked = live[np.argsort(self.p[live] / self.q[live], kind="stable")]
        return tuple(int(token) for token in ranked)

    @cached_property
    def pace(self) -> Array:
        """D at each token's ratio, in order."""
        rates = [np.maximum(self.p[x] / self.q[x] * self.q, self.p).sum() for x in self.order]
        return np.array(rates, dtype=self.p.dtype)

    @cached_property
    def slope(self) -> Array:
        """Slope of D beyond each token's ratio, in order."""
        return np.cumsum(self.q[list(self.order)])

    def place(self, token: int) -> int:
        """Where a token is in the order; the end if the draft never draws it."""
        return self.order.index(token) if token in self.order else len(self.order)

    def quiet(self, winner: int) -> Exponentials:
        """Probability that the draft is ``winner`` and no target clock has rung by t."""
        rates, terms = self._swept(self.place(winner), len(self.order))
        return rates, terms * self.q[winner]

    def rings(self, winner: int, token: int) -> Exponentials:
        """Density that the draft is ``winner`` and the token's is the first target clock, at t."""
        if token == winner:
            place = self.place(winner)
            return self.pace[place : place + 1], self.p[winner : winner + 1]
        rates, terms = self._swept(self.place(winner), self.place(token))
        return rates, terms * self.q[winner] * self.p[token]

    def _swept(self, start: int, stop: int) -> Exponentials:
        """``t`` times the integral of ``exp(-D(u) t)`` over ratios between two places."""
        stop = max(start, stop)
        terms = 1 / self.slope[start:stop]
        ends = self.pace[start + 1 : stop + 1]
        rates = np.concatenate([self.pace[start:stop], ends])
        return rates, np.concatenate([terms, -terms[: len(ends)]])


def _difference(left: Exponentials, right: Exponentials) -> Exponentials:
    return np.concatenate([left[0], right[0]]), np.concatenate([left[1], -right[1]])


def _integral(factors: list[Exponentials]) -> Any:
    """Integral over time of a product of sums of exponentials."""
    rates, terms = factors[0]
    for other_rates, other_terms in factors[1:]:
        rates = np.add.outer(rates, other_rates).ravel()
        terms = np.multiply.outer(terms, other_terms).ravel()
    return (terms / rates).sum() if rates.size else 0
