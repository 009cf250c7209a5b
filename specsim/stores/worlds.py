r"""Synthetic texts for drafters that remember: rows by the last tokens, repetition by choice, no model.

A row is a mean of sparse rows, one for each order: the row of order n is fixed by the last n tokens (drawn
once from the seed and them) and holds ``live`` tokens with weights of Zipf's law. With some share the text is
*copied* instead: the token that followed the last ``span`` tokens at their latest earlier place, if there is
one. A thousandth of the mass is uniform, so that no token is ever impossible.

So what a store can know is a choice: order one is what a matrix of successors holds, order two what trigrams
hold, copying what suffixes find; and a text of another seed is another domain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from specsim.stores.datastore import Array
from specsim.stores.text import Tokens

_UNIFORM = 1e-3


@dataclass(frozen=True)
class TextWorld:
    """A law of texts: a callable from contexts to rows, for :class:`specsim.decoding.World`.

    Parameters
    ----------
    vocabulary
        Number of tokens V.
    orders
        The share of each order, 1, 2, ...; they sum to one.
    live
        Tokens of a sparse row.
    exponent
        Of Zipf's law; the larger, the sharper.
    copying
        The share that follows an earlier place of the last tokens, in [0, 1).
    span
        How many tokens have to agree with that place.
    seed
        The domain.

    Examples
    --------
    >>> world = TextWorld(vocabulary=50)
    >>> row = world((3, 1))
    >>> round(float(row.sum()), 9), int((row > 0.01).sum()) <= 8, bool(np.all(row == world((9, 3, 1))))
    (1.0, True, True)
    """

    vocabulary: int
    orders: tuple[float, ...] = (0.5, 0.5)
    live: int = 4
    exponent: float = 1.5
    copying: float = 0.0
    span: int = 2
    seed: int = 0
    _made: dict[Tokens, Array] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.live <= self.vocabulary:
            raise ValueError(f"live must be in 1..vocabulary={self.vocabulary}, got {self.live}")
        if not np.isclose(sum(self.orders), 1) or min(self.orders) < 0:
            raise ValueError(f"the shares of the orders are at least 0 and sum to one, got {self.orders}")
        if not 0 <= self.copying < 1:
            raise ValueError(f"copying must be in [0, 1), got {self.copying}")

    def __call__(self, context: Tokens) -> Array:
        """The row after a context, shape ``(V,)``."""
        row = self._base(tuple(context[-len(self.orders) :]))
        token = self._copied(context) if self.copying else None
        if token is None:
            return row
        out = (1 - self.copying) * row
        out[token] += self.copying
        return np.asarray(out)

    def text(self, length: int, *, seed: int, start: Tokens = ()) -> Tokens:
        """A sample of the law behind ``start``; the new tokens only."""
        rng, tokens = np.random.default_rng(seed), list(start)
        for _ in range(length):
            total = np.cumsum(self(tuple(tokens)))
            place = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
            tokens.append(min(place, self.vocabulary - 1))
        return tuple(tokens[len(start) :])

    def _base(self, last: Tokens) -> Array:
        if last not in self._made:
            row = np.full(self.vocabulary, _UNIFORM / self.vocabulary)
            for order, share in enumerate(self.orders, start=1):
                row += (1 - _UNIFORM) * share * self._sparse(last[-order:], order)
            self._made[last] = row
        return self._made[last]

    def _sparse(self, last: Tokens, order: int) -> Array:
        rng = np.random.default_rng([self.seed, order, *last])
        weights: Any = np.arange(1, self.live + 1) ** -self.exponent
        row = np.zeros(self.vocabulary)
        row[rng.choice(self.vocabulary, size=self.live, replace=False)] = weights / weights.sum()
        return row

    def _copied(self, context: Tokens) -> int | None:
        """What followed the last tokens at their latest earlier place; O(length)."""
        span = self.span
        if len(context) <= span:
            return None
        last = context[-span:]
        for end in range(len(context) - 1, span - 1, -1):
            if context[end - 1] == last[-1] and context[end - span : end] == last:
                return context[end]
        return None
