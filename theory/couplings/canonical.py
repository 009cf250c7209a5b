r"""Canonical decomposition (Khisti et al. 2025): pick one draft, then single-draft rejection of the pick.

Let y be the law of the picked token (:mod:`theory.couplings.selections`). Accept it with probability
:math:`\min(1, p_x / y_x)`, otherwise emit a token of the residual :math:`(p - y)_+`: the maximal coupling
of p and y, so the output has law p whatever the selection is. Losslessness and quality come apart: the
first needs y to be known exactly, the second needs y to be close to p.

The picked token is accepted with probability :math:`\sum_x \min(p_x, y_x)`. A token of the residual may be
another draft; it then counts as accepted too. For an optimal selection that never happens.

Lossless: yes
Complexity: one selection, O(V) for a residual draw
Source: Khisti et al. 2025, arXiv 2410.18234, theorem 1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from theory.chance import Chance, Sampled
from theory.couplings.base import (
    Estimate,
    NoClosedForm,
    Resolution,
    checked,
    draw_residual,
    mean_of,
    ratio_capped,
    resolved,
)
from theory.couplings.selections import Selection
from theory.laws import Law, Tokens
from theory.simplex import Array, overlap, residual


@dataclass(frozen=True)
class Canonical:
    """Pick a draft, then accept or reject it against the law of the pick.

    Lossless: yes. Takes the laws that its selection takes.

    Parameters
    ----------
    selection
        Which draft to test.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> from theory.couplings.selections import PooledClip
    >>> from theory.laws import Iid
    >>> p, q = np.array([F(1, 6), F(1, 6), F(2, 3)]), np.array([F(1, 3)] * 3)
    >>> Canonical(PooledClip()).acceptance(p=p, law=Iid(q, 2))
    Fraction(8, 9)
    """

    selection: Selection
    lossless: ClassVar[bool] = True

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit the picked draft or a token of the residual."""
        picked = self.selection.pick(p=p, drafts=drafts, law=law, chance=chance, level=level)
        token = drafts[picked.slot]
        if chance.flip(ratio_capped(p[token], picked.law[token]), stream=f"accept/{level}"):
            return resolved(token, drafts)
        return resolved(draw_residual(p - picked.law, fallback=p, chance=chance, level=level), drafts)

    def picked_acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """Probability that the picked draft is accepted: a lower bound of the acceptance; exact, O(V)."""
        target, law = _one_position(p, law)
        return overlap(target, self.selection.law(p=target, law=law))

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """The acceptance probability for an optimal selection, or a law of one draft; exact, one position.

        Raises
        ------
        NoClosedForm
            For other selections: their residual may fall on a draft that was not picked.
        """
        if self.selection.optimal or law.k == 1:
            return self.picked_acceptance(p=p, law=law)
        raise NoClosedForm(
            f"{type(self.selection).__name__} has no closed form of its acceptance with {law.k} drafts; use "
            "estimate, picked_acceptance (a lower bound), or enumerate at small vocabulary"
        )

    def estimate(self, *, p: ArrayLike, law: Law, rng: np.random.Generator, samples: int) -> Estimate:
        """Mean over drawn drafts and picks of the probability that the output is among them."""
        target, law = _one_position(p, law)
        chance = Sampled(rng)
        values = [self._given_drafts(target, law, chance) for _ in range(samples)]
        return mean_of(np.array(values, dtype=np.float64))

    def _given_drafts(self, p: Array, law: Law, chance: Chance) -> Any:
        drafts = law.sample(chance)
        picked = self.selection.pick(p=p, drafts=drafts, law=law, chance=chance)
        token = drafts[picked.slot]
        accepted = ratio_capped(p[token], picked.law[token])
        rest = residual(p, picked.law)
        total = rest.sum()
        hit = rest[sorted(set(drafts))].sum() / total if total > 0 else 0
        return accepted + (1 - accepted) * hit


def _one_position(p: ArrayLike, law: Law) -> tuple[Array, Law]:
    target, law = checked(p, law)
    if target.ndim != 1:
        raise ValueError(f"selections work on one position at a time, got p of shape {target.shape}")
    return target, law
