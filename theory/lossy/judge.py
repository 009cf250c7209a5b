r"""Judge-style acceptance: accept what single-draft rejection accepts, or what a judge approves of.

A judge gives every token a probability :math:`j_x` of being a *good* continuation, whatever p says (Judge
Decoding reads it from the target's hidden state with a linear probe). The draft x is accepted if the
ordinary test accepts it **or** :math:`j_x > \delta`:

.. math:: a_x = 1 \text{ if } j_x > \delta \text{ else } \min(1, p_x / q_x);

without a threshold the judge's probability is itself a coin, :math:`a_x = j_x + (1 - j_x) \min(1, p_x /
q_x)`. After a rejection the token comes from :math:`(p - q)_+`. With :math:`\delta = 1` nothing is approved
and the rule is lossless.

Lossless: no
Complexity: O(1) to accept, O(V) to reject
Source: Bachmann et al. 2025 (Judge Decoding), arXiv 2501.19309
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
from theory.simplex import Array, residual


@dataclass(frozen=True)
class Judge(ClosedForm):
    """Accept one draft by the ordinary test or by a judge's approval.

    Lossless: no. Takes any law of one draft.

    Parameters
    ----------
    approval
        The judge's probability of each token, in [0, 1], V of them; fractions keep results exact.
    threshold
        Approve above it; None approves with the judge's probability.

    Examples
    --------
    >>> from theory.laws import Iid
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> round(float(Judge(approval=(0.1, 0.2, 0.9)).acceptance(p=p, law=Iid(q, 1))), 6)
    1.0
    """

    approval: tuple[Any, ...]
    threshold: Any = Fraction(1, 2)
    lossless: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "approval", tuple(self.approval))
        for token, mass in enumerate(self.approval):
            if not 0 <= mass <= 1:
                raise ValueError(f"approval of token {token} must be in [0, 1], got {mass}")

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit the draft or a token of the residual; O(V)."""
        q = one_draft(law.over(p.shape[-1]), rule="Judge")
        (token,) = drafts
        if chance.flip(self._accept(p, q, token), stream=f"accept/{level}"):
            return resolved(token, drafts)
        return resolved(draw_residual(p - q, fallback=p, chance=chance, level=level), drafts)

    def _accept(self, p: Array, q: Array, token: int) -> Any:
        self._check_size(p)
        return self._approved(ratio_capped(p[token], q[token]), self.approval[token])

    def _approved(self, usual: Any, approval: Any) -> Any:
        if self.threshold is not None:
            return 1 if approval > self.threshold else usual
        return approval + (1 - approval) * usual

    def _accepts(self, p: Array, q: Array) -> Array:
        self._check_size(p)
        usual = zip(capped_ratios(p, q + p * 0), self.approval, strict=True)
        return np.array([self._approved(coin, approval) for coin, approval in usual], dtype=p.dtype)

    def _check_size(self, p: Array) -> None:
        if len(self.approval) != p.size:
            raise ValueError(f"the judge has approvals of {len(self.approval)} tokens, p has {p.size}")

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """Probability that the emitted token was drafted; one position, O(V), exact.

        The residual's token is never the draft: it has p > q, where the draft is always accepted.
        """
        target, law = checked(p, law)
        q = one_draft(law, rule="Judge")
        return (q * self._accepts(target, q)).sum()

    def output(self, *, p: ArrayLike, law: Law) -> Array:
        """Law of the emitted token, shape ``(V,)``; O(V), exact."""
        target, law = checked(p, law)
        q = one_draft(law, rule="Judge")
        rest = live_residual(residual(target, q), fallback=target)
        return accept_reject_law(q=q + target * 0, accept=self._accepts(target, q), residual=rest)
