r"""Single-draft rejection: the maximal coupling (Leviathan et al. 2023; Chen et al. 2023).

Accept the draft x with probability :math:`\min(1, p_x / q_x)`; otherwise emit a token of the residual
:math:`(p - q)_+`. The acceptance :math:`\sum_x \min(p_x, q_x)` is the best possible for one draft.

Lossless: yes
Complexity: O(1) to accept, O(V) to reject
Source: Leviathan et al. 2023, algorithm 1; Chen et al. 2023, theorem 1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from theory.chance import Chance
from theory.couplings.base import (
    ClosedForm,
    Resolution,
    UnsupportedLaw,
    check_drafts,
    checked,
    draw_residual,
    ratio_capped,
    resolved,
    sibling_law,
)
from theory.laws import Law, Tokens
from theory.simplex import Array, overlap


@dataclass(frozen=True)
class Maximal(ClosedForm):
    """Accept one draft with probability min(1, p / q), else sample the residual.

    Lossless: yes. Takes any law of one draft.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.laws import Iid
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> round(float(Maximal().acceptance(p=p, law=Iid(q, 1))), 6)
    0.7
    """

    lossless: ClassVar[bool] = True

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit the draft or a token of the residual; O(V)."""
        q = self._draft(law.over(p.shape[-1]), p)
        (token,) = check_drafts(drafts, law)
        if chance.flip(ratio_capped(p[token], q[token]), stream=f"accept/{level}"):
            return resolved(token, drafts)
        return resolved(draw_residual(p - q, fallback=p, chance=chance, level=level), drafts)

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """The shared mass of p and q, shape ``(...)``; O(V), exact."""
        target, law = checked(p, law)
        return overlap(target, self._draft(law, target))

    @staticmethod
    def _draft(law: Law, p: Array) -> Array:
        if law.k != 1:
            raise UnsupportedLaw(f"Maximal verifies one draft, got a law of {law.k}; use Recursive")
        return sibling_law(law, (), like=p)
