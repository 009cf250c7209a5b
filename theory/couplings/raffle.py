r"""A nearly optimal rule for drafts without replacement, at any vocabulary: a raffle among the drafts.

Every token has a level and a number of tickets, fixed beforehand by p and q (:mod:`theory.raffle`). Among the
drafts of the better level, or all drafts if none is of it, a winner is drawn by tickets. The winner x is
accepted with probability :math:`\min(1, p_x / y_x)`, y being the law of the winner; otherwise a token of the
residual :math:`(p - y)_+` is emitted. This is the canonical decomposition, so the output has law p whatever
levels and tickets are; they are chosen for y to be near the doubly clipped law, which is the optimal one. The
gap to the optimum is certified plan by plan (``RafflePlan.gap``).

In fractions the law y is exact. In floats it is a double integral with a proved relative error, and the
output's total variation distance to p is at most ``RafflePlan.error``, about 1e-11.

Lossless: yes
Complexity: a plan solves for the tickets (seconds at 49,152 tokens); then O(k) a node, O(V) on rejection
Source: canonical decomposition by Khisti et al. 2025, arXiv 2410.18234; optimum by Hu et al. 2025,
    arXiv 2502.18779; optimal law and raffle in docs/without-replacement-rule.md
"""

from __future__ import annotations

from dataclasses import dataclass
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
    ratio_capped,
    require,
    resolved,
)
from theory.couplings.canonical import Canonical
from theory.couplings.selections.base import Picked
from theory.laws import Law, Tokens, WithoutReplacement
from theory.raffle import RafflePlan
from theory.simplex import Array


@dataclass(frozen=True)
class Raffle:
    """Draw one of the drafts by tickets, then accept or reject it against the law of the winner.

    Lossless: yes. Takes ``WithoutReplacement``.

    Parameters
    ----------
    plan
        A solved plan, for repeated use at one node. None solves one for every node.

    Examples
    --------
    >>> from theory.bounds import optimal_acceptance
    >>> p, law = np.array([0.1, 0.3, 0.6]), WithoutReplacement(np.array([0.5, 0.3, 0.2]), 2)
    >>> rule = Raffle.planned(p=p, law=law)
    >>> best = optimal_acceptance(p=p, law=law).upper
    >>> round(float(best), 6), bool(best - rule.picked_acceptance(p=p, law=law) < 1e-6)
    (0.885714, True)
    """

    plan: RafflePlan | None = None
    lossless: ClassVar[bool] = True

    @classmethod
    def planned(cls, *, p: ArrayLike, law: Law, bits: int = 7) -> Raffle:
        """The rule with its plan solved once, for many draws of drafts at one node."""
        target, law = checked(p, law)
        return cls(_solved(target, law, bits))

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit the winner or a token of the residual.

        Raises
        ------
        ValueError
            For drafts of another law than ``WithoutReplacement``, or a plan solved for another p or law.
        """
        plan = self._plan(p, law)
        token = drafts[plan.pick(drafts, chance, stream=f"select/{level}")]
        if chance.flip(ratio_capped(p[token], plan.law[token]), stream=f"accept/{level}"):
            return resolved(token, drafts)
        return resolved(draw_residual(p - plan.law, fallback=p, chance=chance, level=level), drafts)

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """Not known in closed form for two or more drafts: the residual may fall on a draft that lost.

        Raises
        ------
        NoClosedForm
            For two or more drafts.
        """
        if law.k > 1:
            raise NoClosedForm(
                "the raffle has no closed form of its acceptance; use picked_acceptance (a lower bound, "
                "within RafflePlan.gap of the optimum) or estimate"
            )
        return self.picked_acceptance(p=p, law=law)

    def picked_acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """Probability that the winner is accepted, one position; exact for fractions."""
        target, law = checked(p, law)
        return self._plan(target, law).acceptance

    def estimate(self, *, p: ArrayLike, law: Law, rng: np.random.Generator, samples: int) -> Estimate:
        """Mean over drawn drafts and winners of the probability that the output is among the drafts."""
        target, law = checked(p, law)
        plan = self._plan(target, law)
        return Canonical(_Selection(plan)).estimate(p=target, law=law, rng=rng, samples=samples)

    def _plan(self, p: Array, law: Law) -> RafflePlan:
        law = law.over(p.shape[-1])
        if self.plan is None:
            return _solved(p, law, 7)
        same = isinstance(law, WithoutReplacement) and law.k == self.plan.k
        if not (same and _same(self.plan.p, p) and _same(self.plan.q, law.conditional(()))):
            raise ValueError("this plan was solved for another p or law; use Raffle.planned(p=, law=)")
        return self.plan


def _same(one: Array, other: Array) -> bool:
    return one is other or np.array_equal(one, other)


def _solved(p: Array, law: Law, bits: int) -> RafflePlan:
    require(law, WithoutReplacement, rule="Raffle")
    return RafflePlan.solved(p=p, q=law.conditional(()), k=law.k, bits=bits)


@dataclass(frozen=True)
class _Selection:
    """A plan as a selection of one draft."""

    plan: RafflePlan

    @property
    def optimal(self) -> bool:
        return False

    def law(self, *, p: Array, law: Law) -> Array:
        return self.plan.law

    def pick(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Picked:
        return Picked(self.plan.pick(drafts, chance, stream=f"select/{level}"), self.plan.law)
