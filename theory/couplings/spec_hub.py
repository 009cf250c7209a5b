r"""SpecHub: an optimal rule for a pair of drafts that always holds the likeliest token.

With the hub a and the pair law of :class:`~theory.laws.HubPair`, let :math:`\tilde q_i = q_i / (1 - q_a)`
for :math:`i \ne a`, the law of the other draft. Accept the other draft i with probability
:math:`\min(1, p_i / \tilde q_i)`; otherwise draw from the residual: :math:`p_a` on the hub and
:math:`(p_i - \tilde q_i)_+` elsewhere. The hub was drafted, so landing there accepts too:

.. math:: \alpha = p_a + \sum_{i \ne a} \min\Bigl(p_i, \frac{q_i}{1 - q_a}\Bigr),

the optimum of this law. The published description reaches the same joint law in six steps, sending the
pair (a, i) and the pair (i, a) through their leftover masses one after the other; only the set of the two
tokens matters, and the set has the same law either way. (The shipped code has a shortcut that accepts the
hub outright when p_a exceeds 0.999; that is lossy and not part of this rule.)

Lossless: yes
Complexity: O(1) to accept, O(V) for a residual draw
Source: Sun et al. 2024 (SpecHub), section 4; Hu et al. 2025 for its optimality with general k
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from theory.bounds.optimal import optimal_acceptance
from theory.chance import Chance
from theory.couplings.base import ClosedForm, Resolution, check_drafts, checked, require
from theory.couplings.greedy_draft import resolve_with_certain
from theory.laws import HubPair, Law, Tokens
from theory.simplex import Array


@dataclass(frozen=True)
class SpecHub(ClosedForm):
    """The optimal rule for SpecHub's pairs.

    Lossless: yes. Takes ``HubPair``.

    Examples
    --------
    >>> import numpy as np
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> round(float(SpecHub().acceptance(p=p, law=HubPair(q))), 6)
    0.9
    """

    lossless: ClassVar[bool] = True

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit the other draft, the hub, or a token of the residual; O(V)."""
        require(law, HubPair, rule="SpecHub")
        assert isinstance(law, HubPair)
        law = law.over(p.shape[-1])
        hub = int(law.hub)
        others = [token for token in check_drafts(drafts, law) if token != hub]
        if len(others) != 1:
            raise ValueError(f"the law HubPair draws the hub {hub} and one other token, got {drafts}")
        return resolve_with_certain(p, others[0], law.rest, drafts, chance, level)

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """Hub's mass plus the overlap with the rest, shape ``(...)``; O(V), exact."""
        target, law = checked(p, law)
        require(law, HubPair, rule="SpecHub")
        return optimal_acceptance(p=target, law=law).value
