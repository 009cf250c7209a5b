r"""Pick the best draft in a fixed order of the tokens.

With the order :math:`v_1, v_2, \dots` and :math:`T_j = \{v_j, v_{j+1}, \dots\}`, the best draft is
:math:`v_j` or a later token exactly if all drafts are in :math:`T_j`, so its law is a difference of
containments:

.. math:: y_{v_j} = Q(T_j) - Q(T_{j+1}).

This is a vertex of the set of laws that selections can reach. The order by falling :math:`p / q` is the one
that favours what the draft misses; greedy multi-path block verification (Thomas & Pal 2026) is of this
kind.

Source: Khisti et al. 2025, arXiv 2410.18234 (selected-token laws); Thomas & Pal 2026, arXiv 2602.16961
Complexity: one sort and V containments: O(V^2) for i.i.d. drafts
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.chance import Chance
from theory.couplings.selections.base import Picked
from theory.laws import Law, Tokens
from theory.simplex import Array


@dataclass(frozen=True)
class PriorityOrder:
    """The draft that comes first in an order of the tokens; takes any law.

    Parameters
    ----------
    order
        All tokens, best first; None orders by falling p / q, with q the law of the first draft.

    Raises
    ------
    ValueError
        If the order does not hold every token once.

    Notes
    -----
    For floats without replacement the law is as good as the law's containment, about 1e-9.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> from theory.laws import Iid
    >>> p, q = np.array([F(1, 6), F(1, 6), F(2, 3)]), np.array([F(1, 3)] * 3)
    >>> [str(mass) for mass in PriorityOrder().law(p=p, law=Iid(q, 2))]
    ['1/3', '1/9', '5/9']
    """

    order: Tokens | None = None

    @property
    def optimal(self) -> bool:
        return False

    def law(self, *, p: Array, law: Law) -> Array:
        """Differences of containments along the order, shape ``(V,)``."""
        law = law.over(p.shape[-1])
        order = self._ordered(p, law)
        inside = np.ones(p.shape[-1], dtype=bool)
        out, before = p * 0, law.containment(inside)
        for token in order:
            inside[token] = False
            after = law.containment(inside)
            out[token] = before - after
            before = after
        return out

    def pick(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Picked:
        """The best draft; chance is not asked."""
        rank = {token: place for place, token in enumerate(self._ordered(p, law.over(p.shape[-1])))}
        slot = min(range(len(drafts)), key=lambda index: rank[drafts[index]])
        return Picked(slot, self.law(p=p, law=law))

    def _ordered(self, p: Array, law: Law) -> Tokens:
        if self.order is None:
            return falling_ratio(p, law.conditional(()))
        if sorted(self.order) != list(range(p.shape[-1])):
            raise ValueError(f"an order holds each of the {p.shape[-1]} tokens once, got {self.order}")
        return self.order


def falling_ratio(p: Array, q: Array) -> Tokens:
    """Tokens by falling p / q, those of q = 0 first, the earlier token first among equals.

    Examples
    --------
    >>> falling_ratio(np.array([0.2, 0.5, 0.3]), np.array([0.2, 0.8, 0.0]))
    (2, 0, 1)
    """
    never = tuple(token for token in range(q.size) if not q[token] > 0)
    live = np.array([token for token in range(q.size) if q[token] > 0], dtype=np.intp)
    ranked = live[np.argsort(-(p[live] / q[live]), kind="stable")]
    return (*never, *(int(token) for token in ranked))
