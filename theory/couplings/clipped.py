r"""The optimal rule for i.i.d. drafts, at any vocabulary: the clip law, realised by trading scores.

Each draft gets a score: the place of its pool in the order of falling p / q, or, with the probability that
its plan says, that of a partner pool drawn by its share. One of the drafts with the best score is picked by
a fair draw; it then has exactly the law y of the plan (:mod:`theory.clip`), the ratio p / q clipped at both
ends. The pick x is accepted with probability :math:`\min(1, p_x / y_x)`; otherwise a token of the residual
:math:`(p - y)_+` is emitted, which is proportional to :math:`(p - \lambda q)_+`. So the rule is the
canonical decomposition with the best selection there is, and accepts with probability :math:`\alpha^*`.

What enters the test is the law that the plan's trades really have, in floats as in fractions: rounding costs
acceptance (about 1e-13 at 128,000 tokens), never the output's law. The same holds for the bucketed plan,
whose loss of acceptance is known beforehand.

Lossless: yes
Complexity: some ten passes over the vocabulary for a plan; with a plan O(k) a node, and O(V) on rejection
Source: optimum by Hu et al. 2025, arXiv 2502.18779; decomposition by Khisti et al. 2025, arXiv 2410.18234;
    law and trades in docs/clipping.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from theory.chance import Chance
from theory.clip import ClipPlan
from theory.couplings.base import (
    Estimate,
    NoClosedForm,
    Resolution,
    checked,
    draw_residual,
    ratio_capped,
    require,
    resolved,
)
from theory.couplings.canonical import Canonical
from theory.couplings.selections.base import Picked
from theory.laws import Iid, Law, Tokens
from theory.laws.base import rows
from theory.simplex import Array


@dataclass(frozen=True)
class Clipped:
    """Pick a draft by the doubly clipped law, then accept or reject it against that law.

    Lossless: yes. Takes ``Iid``.

    Parameters
    ----------
    plan
        A solved plan, for repeated use at one node. None solves one for every node.
    bits
        None for the optimal rule; a number for the bucketed one, with ``2**bits`` bins a doubling of p / q: a
        cheaper plan, and a loss of acceptance that is at most ``ClipPlan.loss``.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> p, law = np.array([F(1, 6), F(1, 6), F(2, 3)]), Iid(np.array([F(1, 3)] * 3), 2)
    >>> Clipped().acceptance(p=p, law=law)
    Fraction(8, 9)
    >>> from theory.bounds import optimal_acceptance
    >>> optimal_acceptance(p=p, law=law).value
    Fraction(8, 9)
    """

    plan: ClipPlan | None = None
    bits: int | None = None
    lossless: ClassVar[bool] = True

    @classmethod
    def planned(cls, *, p: ArrayLike, law: Law, bits: int | None = None) -> Clipped:
        """The rule with its plan solved once, for many draws of drafts at one node."""
        require(law, Iid, rule="Clipped")
        target, law = checked(p, law)
        return cls(_solved(target, law, bits), bits)

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit the picked draft or a token of the residual.

        Raises
        ------
        ValueError
            For drafts of another law than ``Iid``, or a plan that was solved for another p or law.
        """
        plan = self._plan(p, law)
        token = drafts[plan.pick(drafts, chance, stream=f"select/{level}")]
        if chance.flip(ratio_capped(p[token], plan.masses(np.array([token]))[0]), stream=f"accept/{level}"):
            return resolved(token, drafts)
        return resolved(draw_residual(p - plan.law, fallback=p, chance=chance, level=level), drafts)

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """The acceptance probability, shape ``(...)``: the optimum. One plan a position.

        Raises
        ------
        NoClosedForm
            For the bucketed rule with two or more drafts, whose residual may fall on a draft of the same bin.
        """
        require(law, Iid, rule="Clipped")
        if self.bits is not None and law.k > 1:
            raise NoClosedForm(
                "the bucketed rule has no closed form of its acceptance; use picked_acceptance (a lower "
                "bound, within ClipPlan.loss of the optimum) or estimate"
            )
        return self.picked_acceptance(p=p, law=law)

    def picked_acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """Probability that the picked draft is accepted, shape ``(...)``; exact."""
        require(law, Iid, rule="Clipped")
        target, law = checked(p, law)
        if target.ndim == 1:
            return self._plan(target, law).acceptance
        pairs = zip(rows(target), rows(law.conditional(())), strict=True)
        values = [self._plan(row, Iid(draft, law.k)).acceptance for row, draft in pairs]
        return np.array(values, dtype=target.dtype).reshape(target.shape[:-1])

    def estimate(self, *, p: ArrayLike, law: Law, rng: np.random.Generator, samples: int) -> Estimate:
        """Mean over drawn drafts and picks of the probability that the output is among them."""
        require(law, Iid, rule="Clipped")
        target, law = checked(p, law)
        return Canonical(_Selection(self._plan(target, law))).estimate(p=p, law=law, rng=rng, samples=samples)

    def _plan(self, p: Array, law: Law) -> ClipPlan:
        require(law, Iid, rule="Clipped")
        law = law.over(p.shape[-1])
        if self.plan is None:
            return _solved(p, law, self.bits)
        same = law.k == self.plan.k and _same(self.plan.p, p) and _same(self.plan.q, law.conditional(()))
        if not same:
            raise ValueError("this plan was solved for another p or law; use Clipped.planned(p=, law=)")
        return self.plan


def _same(one: Array, other: Array) -> bool:
    return one is other or np.array_equal(one, other)


def _solved(p: Array, law: Law, bits: int | None) -> ClipPlan:
    q = law.conditional(())
    if bits is None:
        return ClipPlan.exact(p=p, q=q, k=law.k)
    return ClipPlan.bucketed(p=p, q=q, k=law.k, bits=bits)


@dataclass(frozen=True)
class _Selection:
    """A plan as a selection of one draft."""

    plan: ClipPlan

    @property
    def optimal(self) -> bool:
        return False

    def law(self, *, p: Array, law: Law) -> Array:
        return self.plan.law

    def pick(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Picked:
        return Picked(self.plan.pick(drafts, chance, stream=f"select/{level}"), self.plan.law)
