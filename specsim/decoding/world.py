"""Table worlds: a language model given by a function from contexts to rows, exact with fractions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from specsim.clocks import Call
from specsim.decoding.reading import NoHidden, NotRead
from theory.laws import Tokens
from theory.simplex import Array, check_distribution


@dataclass(frozen=True)
class World:
    """A language model of rows.

    Parameters
    ----------
    rows
        The next-token distribution after a context: floats or fractions, shape ``(V,)``. A pure function;
        a :class:`~specsim.sources.tables.TableModel` is one.
    features
        Features after a context, shape ``(D,)``: what stands for a hidden state. None: it has none.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> world = World(lambda context: np.array([F(1, 2), F(1, 3), F(1, 6)]))
    >>> reading = world.open((0,)).read([(), (2,)])
    >>> reading((2,)).tolist(), world.vocabulary
    ([Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)], 3)
    >>> reading.commit((2, 1)).context
    (0, 2, 1)
    """

    rows: Callable[[Tokens], ArrayLike]
    features: Callable[[Tokens], ArrayLike] | None = None

    @property
    def vocabulary(self) -> int:
        """Number of tokens."""
        return int(np.shape(self.rows(()))[-1])

    def open(self, context: Tokens) -> WorldReading:
        """Read a context; it may be empty."""
        return WorldReading(self, tuple(context))


@dataclass(frozen=True)
class WorldReading:
    """What a :class:`World` has read. Equal readings are of equal context, prefixes and work."""

    world: World
    context: Tokens
    prefixes: frozenset[Tokens] = frozenset()
    work: tuple[Call, ...] = ()

    def read(self, prefixes: Iterable[Tokens]) -> WorldReading:
        """Score prefixes and their beginnings."""
        wanted = {prefix[:end] for prefix in prefixes for end in range(len(prefix) + 1)}
        new = wanted - self.prefixes
        if not new:
            return self
        call = Call(tokens=len(new), context=len(self.context))
        return replace(self, prefixes=self.prefixes | new, work=(*self.work, call))

    def known(self, prefix: Tokens) -> bool:
        """Whether a prefix was read."""
        return prefix in self.prefixes

    def __call__(self, prefix: Tokens) -> Array:
        """The row after a read prefix."""
        return check_distribution(self.world.rows(self._full(prefix)), name="a row of the world")

    def hidden(self, prefix: Tokens) -> Array:
        """The world's features after a read prefix."""
        return np.asarray(self._features(self._full(prefix)))

    def history(self) -> Array:
        """The world's features after every beginning of the context but the whole of it."""
        ends = range(1, len(self.context))
        return np.array([self._features(self.context[:end]) for end in ends])

    def top(self, prefix: Tokens, count: int) -> tuple[int, ...]:
        """The likeliest tokens; among equals the smaller ids. Tokens of probability zero are none."""
        row = self(prefix)
        order = sorted(range(len(row)), key=lambda token: (-row[token], token))
        return tuple(token for token in order[:count] if row[token] > 0)

    def commit(self, tokens: Tokens) -> WorldReading:
        """The reading of a longer context."""
        return type(self)(self.world, (*self.context, *tokens))

    def rewind(self, length: int) -> WorldReading:
        """The reading of the first tokens."""
        if not 0 <= length <= len(self.context):
            raise ValueError(f"can't rewind a context of {len(self.context)} tokens to {length}")
        return type(self)(self.world, self.context[:length])

    def _full(self, prefix: Tokens) -> Tokens:
        if prefix not in self.prefixes:
            raise NotRead(prefix)
        return (*self.context, *prefix)

    def _features(self, context: Tokens) -> Any:
        if self.world.features is None:
            raise NoHidden("this world has no features; give World(..., features=...)")
        return self.world.features(context)
