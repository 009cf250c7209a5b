r"""Sequoia's sampling: without replacement, then uniform over what is left.

Where the draft's mass is used up (its support is smaller than the number of children) the next sibling is
uniform over the tokens that were not drawn: so all V tokens can be tried, Sequoia's *cover property*: a
target that puts all its mass on one token is met for sure by V children.

Source: Chen et al. 2024 (Sequoia), arXiv 2402.12374, algorithm 2
"""

from __future__ import annotations

from dataclasses import dataclass

from theory.laws import Tokens
from theory.laws.base import SequentialLaw, check_drawn, check_k
from theory.simplex import Array, check_distribution


@dataclass(frozen=True, eq=False)
class UniformFallback(SequentialLaw):
    """``k`` different tokens: by ``q`` while it has mass, then uniformly.

    Parameters
    ----------
    q
        Draft distribution, shape ``(V,)``; floats or fractions.
    k
        Number of drafts, at most V.

    Raises
    ------
    ValueError
        If q is not one distribution, or k not an integer from 1 to V.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> import numpy as np
    >>> law = UniformFallback(np.array([F(1), F(0), F(0)]), 2)
    >>> law.enumerate()
    {(0, 1): Fraction(1, 2), (0, 2): Fraction(1, 2)}
    """

    q: Array
    k: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "q", check_distribution(self.q, name="q"))
        object.__setattr__(self, "k", check_k(self.k))
        if self.q.ndim != 1 or self.k > self.q.size:
            raise ValueError(
                f"UniformFallback draws at most V different tokens from one row, got shape {self.q.shape} "
                f"and k = {self.k}"
            )

    @property
    def vocabulary(self) -> int:
        return int(self.q.size)

    @property
    def history_free(self) -> bool:
        return self.k == 1

    def conditional(self, drawn: Tokens) -> Array:
        """q without the drawn tokens; where that is nothing, uniform over the others; O(V)."""
        check_drawn(drawn, self.vocabulary)
        left = self.q.copy()
        left[list(drawn)] = 0
        if not left.any():
            left = left * 0 + self.q.sum()
            left[list(drawn)] = 0
        result: Array = left / left.sum()
        return result
