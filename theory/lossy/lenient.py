r"""Lenient acceptance (DistillSpec; Leviathan et al. 2023, appendix): test the draft against more than p.

With a leniency :math:`\epsilon \in (0, 1]` accept the draft x with probability :math:`\min(1, f(p_x) /
q_x)`, where

* ``"linear"``: :math:`f(p) = p / \epsilon`;
* ``"square"``: :math:`f(p) = p / \epsilon^2`;
* ``"exponential"``: :math:`f(p) = p^\epsilon` (floats only: it is irrational).

After a rejection the token comes from :math:`(f(p) - q)_+`, that is, single-draft rejection runs with f(p)
in place of p; the papers fix only the test. No token is emitted more often than f(p) allows: the output is
at most f(p) where f(p) exceeds q, and min(f(p), q) = f(p) elsewhere. With :math:`\epsilon = 1` the rule is
lossless.

Lossless: no
Complexity: O(1) to accept, O(V) to reject
Source: Zhou et al. 2024 (DistillSpec), arXiv 2310.08461, section 5.3; Leviathan et al. 2023, appendix A.5
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike

from theory.chance import Chance
from theory.couplings.base import ClosedForm, Resolution, checked, draw_residual, ratio_capped, resolved
from theory.laws import Law, Tokens
from theory.lossy.base import accept_reject_law, capped_ratios, live_residual, one_draft
from theory.simplex import Array, is_exact, residual


@dataclass(frozen=True)
class Lenient(ClosedForm):
    """Accept one draft with probability min(1, f(p) / q).

    Lossless: no. (With epsilon = 1: yes.) Takes any law of one draft.

    Parameters
    ----------
    epsilon
        Leniency in (0, 1]; a fraction keeps results exact.
    form
        How it enters: ``"linear"``, ``"square"`` or ``"exponential"``.

    Examples
    --------
    >>> from theory.laws import Iid
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> round(float(Lenient(Fraction(4, 5)).acceptance(p=p, law=Iid(q, 1))), 6)
    0.75
    """

    epsilon: Any = Fraction(1, 2)
    form: Literal["linear", "square", "exponential"] = "linear"
    lossless: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 < self.epsilon <= 1:
            raise ValueError(f"epsilon must be in (0, 1], got {self.epsilon}; 1 is no leniency")
        if self.form not in ("linear", "square", "exponential"):
            raise ValueError(f"form must be 'linear', 'square' or 'exponential', got {self.form!r}")

    def resolve(self, *, p: Array, drafts: Tokens, law: Law, chance: Chance, level: int = 0) -> Resolution:
        """Emit the draft or a token of the residual; O(V)."""
        q = one_draft(law.over(p.shape[-1]), rule="Lenient")
        (token,) = drafts
        raised = self.raised(p)
        if chance.flip(ratio_capped(raised[token], q[token]), stream=f"accept/{level}"):
            return resolved(token, drafts)
        return resolved(draw_residual(raised - q, fallback=p, chance=chance, level=level), drafts)

    def raised(self, p: Array) -> Array:
        """f(p), shape ``(..., V)``.

        Raises
        ------
        ValueError
            For the exponential form on fractions.
        """
        if self.form == "linear":
            return self._divided(p, self.epsilon)
        if self.form == "square":
            return self._divided(p, self.epsilon**2)
        if is_exact(p):
            raise ValueError("the exponential form is irrational; use floats, or the linear or square form")
        result: Array = p ** float(self.epsilon)
        return result

    @staticmethod
    def _divided(p: Array, divisor: Any) -> Array:
        # a fraction would turn floats into objects
        result: Array = p / (divisor if is_exact(p) else float(divisor))
        return result

    def acceptance(self, *, p: ArrayLike, law: Law) -> Any:
        """Shared mass of f(p) and q, shape ``(...)``; O(V), exact."""
        target, law = checked(p, law)
        return np.minimum(self.raised(target), one_draft(law, rule="Lenient")).sum(axis=-1)

    def output(self, *, p: ArrayLike, law: Law) -> Array:
        """Law of the emitted token of one position, shape ``(V,)``; O(V), exact."""
        target, law = checked(p, law)
        q = one_draft(law, rule="Lenient")
        raised = self.raised(target)
        accept = capped_ratios(raised, q)
        return accept_reject_law(
            q=q + target * 0, accept=accept, residual=live_residual(residual(raised, q), fallback=target)
        )
