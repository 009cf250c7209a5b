"""Independent drafts from one distribution, with replacement (SpecTr, SpecInfer)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.laws.base import SequentialLaw, Tokens, check_k, masks_beside
from theory.simplex import Array, check_distribution


def at_least_once(q: Array, k: int) -> Array:
    """``1 - (1 - q)^k``: the chance that k independent draws show a token, entry by entry.

    By doubling, ``h(a + b) = h(a) + h(b) (1 - h(a))``: no cancellation, so small q keep their digits;
    about 2 log2(k) passes; exact for fractions.

    Examples
    --------
    >>> at_least_once(np.array([0.5, 1e-20]), 3)
    array([8.75e-01, 3.00e-20])
    """
    shown, power = q * 0, q
    while k:
        if k & 1:
            shown = shown + power * (1 - shown)
        k >>= 1
        if k:
            power = power + power * (1 - power)
    return shown


@dataclass(frozen=True, eq=False)
class Iid(SequentialLaw):
    r"""``k`` independent draws from ``q``; a token may come twice.

    Its containment is :math:`Q(H) = q(H)^k`.

    Parameters
    ----------
    q
        Draft distribution, shape ``(..., V)``; floats or fractions.
    k
        Number of drafts, at least 1.

    Raises
    ------
    ValueError
        If q is not a distribution or k not a positive integer.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> law = Iid(np.array([F(1, 2), F(1, 3), F(1, 6)]), 2)
    >>> law.containment([0, 1])
    Fraction(25, 36)
    >>> law.enumerate()[(0, 2)]
    Fraction(1, 12)
    """

    q: Array
    k: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "q", check_distribution(self.q, name="q"))
        object.__setattr__(self, "k", check_k(self.k))

    @property
    def vocabulary(self) -> int:
        return int(self.q.shape[-1])

    @property
    def history_free(self) -> bool:
        return True

    def conditional(self, drawn: Tokens) -> Array:
        """q, whatever was drawn before."""
        return self.q

    def containment(self, inside: Array | Iterable[int]) -> Any:
        r""":math:`q(H)^k`; O(V)."""
        mask = masks_beside(inside, self.q.shape[:-1], self.vocabulary)
        return np.where(mask, self.q, 0).sum(axis=-1) ** self.k
