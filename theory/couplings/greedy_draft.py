r"""The optimal rule for greedy drafts: top tokens plus one sample (Hu et al. 2025).

Let T be the top tokens, drafted for certain, and :math:`\tilde q = q / z` off T the law of the one sampled
draft x. Accept x with probability :math:`\min(1, p_x / \tilde q_x)`; otherwise draw from the residual,
which is p on T and :math:`(p - \tilde q)_+` off T. A token of T was drafted, so landing there accepts:

.. math:: \alpha = p(T) + \sum_{x \notin T} \min(p_x, \tilde q_x),

which meets the bound (take :math:`H = T \cup \{x : p_x < \tilde q_x\}`).

Lossless: yes
Complexity: O(1) to accept, O(V) for a residual draw
Source: Hu et al. 2025, section 5
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from theory.bounds.optimal import optimal_acceptance
from theory.chance import Chance
from theory.couplings.base import (
    ClosedForm,
    Resolution,
    check_drafts,
    checked,
    draw_residual,
    ratio_capped,
    require,
    resolved,
)
from theory.laws import Law, Tokens, TopKPlusSample
from theory.simplex import Array


@dataclass(frozen=True)
class GreedyDraft(ClosedForm):
    """The optimal rule for top tokens plus one sample.

    Lossless: yes. Takes ``TopKPlusSample``.

    Examples
    --------
    >>> import numpy as np
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> round(float(GreedyDraft().acceptance(p=p, law=TopKPlusSample(q, 2))), 6)
    0.9
    """

    lossless: ClassVar[bool] = True

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit the sampled draft, a top token, or another token of the residual; O(V)."""
        require(law, TopKPlusSample, rule="GreedyDraft")
        assert isinstance(law, TopKPlusSample)
        law = law.over(p.shape[-1])
        return resolve_with_certain(p, check_drafts(drafts, law)[-1], law.rest, drafts, chance, level)

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """Top tokens' mass plus the overlap with the rest, shape ``(...)``; O(V), exact."""
        target, law = checked(p, law)
        require(law, TopKPlusSample, rule="GreedyDraft")
        return optimal_acceptance(p=target, law=law).value


def resolve_with_certain(
    p: Array, sampled: int, rest: Array, drafts: Tokens, chance: Chance, level: int
) -> Resolution:
    """One sampled draft among certain ones: test it, else draw from ``(p - rest)_+``.

    ``rest`` is the law of the sampled draft and is zero on the certain ones, whose mass in the residual is
    therefore all of p's.
    """
    if chance.flip(ratio_capped(p[sampled], rest[sampled]), stream=f"accept/{level}"):
        return resolved(sampled, drafts)
    return resolved(draw_residual(p - rest, fallback=p, chance=chance, level=level), drafts)
