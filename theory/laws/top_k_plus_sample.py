"""Greedy drafts (Hu et al. 2025): the likeliest tokens of q, and one sample from the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from theory.laws.base import SequentialLaw, Tokens, check_k, check_support, masks_beside
from theory.simplex import Array, check_distribution, top_tokens


@dataclass(frozen=True, eq=False)
class TopKPlusSample(SequentialLaw):
    r"""The ``k - 1`` likeliest tokens of ``q``, then one drawn from q restricted to the others.

    With T the top tokens and :math:`z = 1 - q(T)`, the containment is
    :math:`Q(H) = [T \subseteq H]\; q(H \setminus T) / z`.

    Parameters
    ----------
    q
        Draft distribution, shape ``(..., V)``; floats or fractions.
    k
        Number of drafts *in all*, the sample included; at most the size of q's support.

    Raises
    ------
    ValueError
        If q is not a distribution, or k not an integer from 1 to the size of its support.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> law = TopKPlusSample(np.array([F(1, 2), F(1, 3), F(1, 6)]), 2)
    >>> law.enumerate()
    {(0, 1): Fraction(2, 3), (0, 2): Fraction(1, 3)}
    """

    q: Array
    k: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "q", check_distribution(self.q, name="q"))
        object.__setattr__(self, "k", check_k(self.k))
        check_support(self.q, self.k, law="TopKPlusSample")

    @property
    def vocabulary(self) -> int:
        return int(self.q.shape[-1])

    @property
    def history_free(self) -> bool:
        return True

    @cached_property
    def top(self) -> Array:
        """The tokens that are always drafted, likeliest first; shape ``(..., k - 1)``."""
        return top_tokens(self.q, self.k - 1)

    @cached_property
    def rest(self) -> Array:
        """The law of the sampled draft: q off the top tokens, renormalised; shape ``(..., V)``."""
        left = self.q.copy()
        np.put_along_axis(left, self.top, 0, axis=-1)
        result: Array = left / left.sum(axis=-1, keepdims=True)
        return result

    def conditional(self, drawn: Tokens) -> Array:
        """A point mass for the top tokens, :attr:`rest` for the last draft."""
        if len(drawn) == self.k - 1:
            return self.rest
        token = self.top[..., len(drawn)]
        # in the arithmetic of q: fractions stay fractions
        out = self.q * 0
        np.put_along_axis(out, np.expand_dims(token, -1), self.q.dtype.type(1), axis=-1)
        return out

    def containment(self, inside: Array | Iterable[int]) -> Any:
        """Zero unless all top tokens are in the set, else the mass of the rest inside; O(V)."""
        mask = masks_beside(inside, self.q.shape[:-1], self.vocabulary)
        top = np.broadcast_to(self.top, (*mask.shape[:-1], self.k - 1))
        held = np.take_along_axis(mask, top, axis=-1).all(axis=-1)
        return held * np.where(mask, self.rest, 0).sum(axis=-1)
