r"""A raffle among drafts without replacement whose law is nearly the optimal one, with a certified gap.

The wanted law is the doubly clipped one (:mod:`theory.raffle.clip`). Tokens of A are on the better level: if
a draft is in A the winner is, so :math:`y(A) = f(A)`, as it has to be. The tickets are then chosen for y to
meet the wanted law (:mod:`theory.raffle.calibrate`), token by token for the heavy ones, and for the light
ones bin by bin of p / q. The law that the rule really has is computed once, from the tickets that are used
(:mod:`theory.raffle.race` or :mod:`theory.raffle.sets`), and it is this law that enters the acceptance test:
quality and losslessness do not touch each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from theory.chance import Chance
from theory.laws import WithoutReplacement
from theory.laws.base import check_k
from theory.raffle.calibrate import calibrated
from theory.raffle.clip import RaceClipLaw, race_clip_law
from theory.raffle.race import RaffleRace
from theory.raffle.sets import RaffleSets, in_the_draw
from theory.simplex import Array, check_pair, is_exact

_COARSE = 1e-7  # quadrature error while calibrating
_UNIT = 2**20  # tickets of exact plans are whole numbers of this size


@dataclass(frozen=True, eq=False)
class RafflePlan:
    r"""Levels and tickets for one pair (p, q) and k drafts without replacement; made by :meth:`solved`.

    Attributes
    ----------
    p, q
        Target and draft distribution, shape ``(V,)``.
    k
        Number of drafts.
    first
        Boolean, shape ``(V,)``: tokens of the better level.
    tickets
        Shape ``(V,)``, positive where q is.
    law
        The law y of the winner, shape ``(V,)``: exact for fractions.
    error
        Bound of :math:`\sum_x |y_x - \text{true } y_x|`: zero for fractions, about 1e-11 for floats. The
        output's total variation distance to p is at most that.
    wanted
        The optimal law and the ends of the optimum.

    Examples
    --------
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> plan = RafflePlan.solved(p=p, q=q, k=2)
    >>> round(float(plan.acceptance), 6), round(float(plan.wanted.upper), 6), bool(plan.gap < 1e-6)
    (0.985714, 0.985714, True)
    """

    p: Array
    q: Array
    k: int
    first: Array
    tickets: Array
    law: Array
    error: float
    wanted: RaceClipLaw

    @classmethod
    def solved(
        cls, *, p: ArrayLike, q: ArrayLike, k: int, bits: int = 7, tolerance: float = 1e-6, rounds: int = 50
    ) -> Self:
        """The plan with nearly the optimal acceptance.

        Parameters
        ----------
        p, q
            Target and draft distribution, shape ``(V,)``; floats at any vocabulary, fractions at small ones.
        k
            Number of drafts, at most the size of q's support.
        bits
            ``2**bits`` bins of light tokens for each doubling of p / q.
        tolerance
            Distance to the wanted law at which to stop.
        rounds
            Most laws to be computed on the way.

        Raises
        ------
        ValueError
            If p and q are not distributions over one vocabulary, or k is not possible.

        Notes
        -----
        ``rounds`` double integrals, each O(heavy tokens x nodes x k + groups x nodes): see
        docs/without-replacement-rule.md for times.
        """
        target, draft = check_pair(p, q)
        if target.ndim != 1:
            raise ValueError(f"a plan is for one position, got p of shape {target.shape}; make one a row")
        law = WithoutReplacement(draft, check_k(k))
        wanted = race_clip_law(target, draft, law.k)
        support = int((draft > 0).sum())
        if law.k == 1 or law.k == support:
            return cls._direct(target, law, wanted)
        if is_exact(draft):
            return cls._listed(target, law, wanted, tolerance, rounds)
        return cls._raced(target, law, wanted, bits, tolerance, rounds)

    @classmethod
    def _direct(cls, p: Array, law: WithoutReplacement, wanted: RaceClipLaw) -> Self:
        """One draft, which wins; or all of the support, of which a winner is drawn by the wanted law."""
        y = law.q if law.k == 1 else wanted.law / wanted.law.sum()
        # both levels in one: who is drafted is certain, or alone
        return cls(p, law.q, law.k, np.ones(p.size, dtype=bool), y, y, 0.0, wanted)

    @classmethod
    def _listed(
        cls, p: Array, law: WithoutReplacement, wanted: RaceClipLaw, tolerance: float, rounds: int
    ) -> Self:
        """Exact: the law by all drafted sets, for tickets that are whole numbers."""
        exact = RaffleSets.of(law, wanted.first)
        floats = RaffleSets({drafts: float(mass) for drafts, mass in exact.sets.items()}, wanted.first)  # type: ignore[arg-type]
        goal = wanted.law.astype(np.float64)
        logs = calibrated(
            lambda logs: floats.law(np.exp(logs)),
            goal,
            wanted.first,
            tolerance=tolerance,
            rounds=rounds,
        )
        tickets = np.array([Fraction(max(1, round(_UNIT * share))) for share in np.exp(logs)], dtype=object)
        return cls(p, law.q, law.k, wanted.first, tickets, exact.law(tickets), 0.0, wanted)

    @classmethod
    def _raced(
        cls,
        p: Array,
        law: WithoutReplacement,
        wanted: RaceClipLaw,
        bits: int,
        tolerance: float,
        rounds: int,
    ) -> Self:
        """Floats at any vocabulary: the law by double integrals."""
        q = law.q / law.q.sum()
        group, first = _grouped(q, law.k, wanted, bits)
        live = group >= 0
        goal = np.bincount(group[live], wanted.law[live], minlength=first.size)
        coarse = RaffleRace(q, law.k, group, first, _COARSE)
        logs = calibrated(
            coarse.group_masses,
            goal,
            first,
            tolerance=max(tolerance, _COARSE),
            rounds=rounds,
        )
        y, error = RaffleRace(q, law.k, group, first).law(logs)
        tickets = np.where(live, np.exp(logs)[group], 0.0)
        return cls(p, law.q, law.k, wanted.first, tickets, y, error, wanted)

    @cached_property
    def acceptance(self) -> Any:
        r"""Probability that the winner is accepted, :math:`\sum_x \min(p_x, y_x)`; O(V)."""
        return np.minimum(self.p, self.law).sum()

    @property
    def gap(self) -> Any:
        """Certified: no lossless rule accepts more often than this rule by more than the gap."""
        return self.wanted.upper - self.acceptance + (self.error if self.error else 0)

    def pick(self, drafts: Sequence[int], chance: Chance, *, stream: str) -> int:
        """The slot of the winner; one question to ``stream``. O(k)."""
        tokens = tuple(int(token) for token in drafts)
        slots = in_the_draw(tokens, self.first)
        tickets = self.tickets[[tokens[slot] for slot in slots]]
        if not np.all(self.q[list(tokens)] > 0):
            raise ValueError(f"the drafts {list(tokens)} hold one of probability 0 under this plan's q")
        return slots[chance.draw(tickets, stream=stream)]


def _grouped(q: Array, k: int, wanted: RaceClipLaw, bits: int) -> tuple[Array, Array]:
    """Group of each token (-1 for those of q = 0), and level of each group.

    Heavy tokens are alone; light ones of one level share a group if their wanted slopes are in the same bin.
    """
    live = q > 0
    slope = np.zeros(q.size)
    slope[live] = wanted.law[live] / q[live]
    levels = np.round(np.log2(np.maximum(slope, 2.0**-60)) * 2**bits).astype(np.int64)
    keys = 2 * levels + wanted.first
    heavy = RaffleRace.heavy_tokens(q, k)
    light = live.copy()
    light[heavy] = False
    group = np.full(q.size, -1)
    _, group[light] = np.unique(keys[light], return_inverse=True)
    count = int(group.max()) + 1
    group[heavy] = count + np.arange(heavy.size)
    first = np.zeros(count + heavy.size, dtype=bool)
    first[group[live]] = wanted.first[live]
    return group, first
