r"""A row that tokens are drawn from without replacement, in blocks: no sort, and no renormalised copies.

The row is cut into about :math:`\sqrt V` blocks, whose sums are taken in one pass. A draw asks chance for a
block by its mass that is left, then for a token in it: :math:`O(\sqrt V)`. After a draw only its block is
summed again, over the tokens that are left, so no sum is ever a difference: nothing cancels where little
mass is left, and an exhausted row has exactly 0 left.
"""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np

from theory.chance import Chance
from theory.laws import Tokens
from theory.simplex import Array

#: Rows up to this size are one block.
_ONE_BLOCK = 64


class BlockRow:
    """A distribution and the tokens already drawn from it.

    Parameters
    ----------
    q
        Distribution, shape ``(V,)``, floats or fractions. It is not copied and not changed.
    squares
        Keep the sum of squares as well.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> row = BlockRow(np.array([F(1, 2), F(1, 3), F(1, 6)]), squares=True)
    >>> row.remove(0)
    >>> row.left, row.squares
    (Fraction(1, 2), Fraction(5, 36))
    """

    def __init__(self, q: Array, *, squares: bool = False) -> None:
        if q.ndim != 1 or q.size == 0:
            raise ValueError(f"the draft must give one distribution a prefix, shape (V,), got {q.shape}")
        self.q = q
        self.drawn: Tokens = ()
        self._step = q.size if q.size <= _ONE_BLOCK else isqrt(q.size)
        starts = np.arange(0, q.size, self._step)
        self._masses = np.add.reduceat(q, starts)
        self._squares = np.add.reduceat(q * q, starts) if squares else None
        self.whole = self.left

    @property
    def left(self) -> Any:
        """Mass of the tokens that are not drawn yet."""
        return self._masses.sum()

    @property
    def share(self) -> Any:
        """Mass left as a share of the row's."""
        return self.left / self.whole

    @property
    def squares(self) -> Any:
        """Sum of squared probabilities of the tokens that are not drawn yet."""
        if self._squares is None:
            raise ValueError("this row was made without squares; use BlockRow(q, squares=True)")
        return self._squares.sum()

    def draw(self, chance: Chance, *, stream: str) -> int:
        """A token that is not drawn yet, by its probability; some mass must be left."""
        block = chance.draw(self._masses, stream=stream) if self._masses.size > 1 else 0
        token = block * self._step + chance.draw(self._rest(block), stream=stream)
        self.remove(token)
        return token

    def remove(self, token: int) -> None:
        """Take a token out."""
        self.drawn = (*self.drawn, token)
        block = token // self._step
        rest = self._rest(block)
        self._masses[block] = rest.sum()
        if self._squares is not None:
            self._squares[block] = (rest * rest).sum()

    def _rest(self, block: int) -> Array:
        """The block, zero where drawn."""
        start = block * self._step
        rest = self.q[start : start + self._step].copy()
        taken = [token - start for token in self.drawn if 0 <= token - start < rest.size]
        rest[taken] = 0
        return rest
