r"""RAPID: a target enriched by what the retrieval-augmented draft knows.

The draft reads a short retrieved context, the target the long one. Where the draft is confident,
:math:`q_x \ge a \max q`, the target's logits are moved towards it:

.. math:: \hat p_x \propto p_x\, e^{\eta\,(q_x - p_x)} \text{ there, } \propto p_x \text{ elsewhere.}

The draft x is accepted with probability :math:`\min(1, \hat p_x / q_x)`, after a rejection the token comes
from :math:`\max(p - q,\; p - \hat p,\; 0)`, and after the last accepted draft from p (that is the walk's
bonus). The output has neither the law p nor :math:`\hat p`: the residual that would give either is another
one. It is lossy by design - the aim is to pull in the better-informed draft.

The exponentials are irrational: on fractions each factor is the float nearest to it, taken as the fraction
that it is, and :math:`\hat p` is then normalised exactly. So the rule that is enumerated is exactly stated.

Lossless: no
Complexity: O(V)
Source: Chen et al. 2025 (RAPID), arXiv 2502.20330, and its released code for the residual
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from theory.chance import Chance
from theory.couplings.base import ClosedForm, Resolution, checked, draw_residual, ratio_capped, resolved
from theory.laws import Law, Tokens
from theory.lossy.base import accept_reject_law, capped_ratios, live_residual, one_draft
from theory.simplex import Array, is_exact, positive_part


@dataclass(frozen=True)
class Rapid(ClosedForm):
    """Accept one draft against the enriched target.

    Lossless: no. (With eta = 0: yes.) Takes any law of one draft.

    Parameters
    ----------
    eta
        Strength of the enrichment, at least 0.
    confident
        The draft is trusted on tokens of at least this multiple of its largest probability, in [0, 1].

    Examples
    --------
    >>> from theory.laws import Iid
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> Rapid(eta=2.0).enriched(p, q).round(4)
    array([0.2923, 0.3195, 0.3882])
    """

    eta: Any = 1
    confident: Any = Fraction(1, 10)
    lossless: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.eta >= 0:
            raise ValueError(f"eta must be at least 0, got {self.eta}")
        if not 0 <= self.confident <= 1:
            raise ValueError(f"confident must be in [0, 1], got {self.confident}")

    def enriched(self, p: Array, q: Array) -> Array:
        """The enriched target of one position, shape ``(V,)``."""
        gaps = (q - p).astype(np.float64) * float(self.eta)
        trusted = np.asarray(q >= self.confident * q.max(), dtype=bool)
        factors = np.where(trusted, np.exp(gaps), 1.0)
        weights = p * (np.array([Fraction(float(f)) for f in factors]) if is_exact(p) else factors)
        result: Array = weights / weights.sum()
        return result

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit the draft or a token of the residual; O(V)."""
        q = one_draft(law.over(p.shape[-1]), rule="Rapid")
        (token,) = drafts
        enriched = self.enriched(p, q)
        if chance.flip(ratio_capped(enriched[token], q[token]), stream=f"accept/{level}"):
            return resolved(token, drafts)
        rest = np.maximum(p - q, p - enriched)
        return resolved(draw_residual(rest, fallback=p, chance=chance, level=level), drafts)

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """Probability that the emitted token was drafted; one position, O(V), exact.

        The residual may fall on the refused draft itself, where the enriched target is below p.
        """
        target, law = checked(p, law)
        q = one_draft(law, rule="Rapid") + target * 0
        accept, rest = self._parts(target, q)
        return (q * accept + q * (1 - accept) * rest / rest.sum()).sum()

    def output(self, *, p: ArrayLike, law: Law) -> Array:
        """Law of the emitted token, shape ``(V,)``; O(V), exact."""
        target, law = checked(p, law)
        q = one_draft(law, rule="Rapid") + target * 0
        accept, rest = self._parts(target, q)
        return accept_reject_law(q=q, accept=accept, residual=rest)

    def _parts(self, p: Array, q: Array) -> tuple[Array, Array]:
        enriched = self.enriched(p, q)
        rest = live_residual(positive_part(np.maximum(p - q, p - enriched)), fallback=p)
        return capped_ratios(enriched, q), rest
