"""Context-dependent targets and drafts over three tokens, in fractions, and the checks on walks."""

from __future__ import annotations

import random
from functools import lru_cache

from tests.theory.strategies import fractions
from theory.laws import Tokens
from theory.simplex import Array

V = 3


class Table:
    """A model: every prefix has a distribution of its own, fixed by the seed."""

    def __init__(self, seed: int, *, zeros: bool = False) -> None:
        self.seed, self.zeros = seed, zeros
        self._row = lru_cache(maxsize=None)(self._made)

    def __call__(self, prefix: Tokens) -> Array:
        return self._row(tuple(prefix))

    def _made(self, prefix: Tokens) -> Array:
        rng = random.Random(repr((self.seed, prefix)))
        low = 0 if self.zeros else 1
        weights = [rng.randint(low, 5) for _ in range(V)]
        return fractions(weights if any(weights) else [1] * V)

    def after(self, prefix: Tokens) -> Table:
        """The same model, with a prefix committed."""
        return _After(self, tuple(prefix))


class _After(Table):
    def __init__(self, table: Table, prefix: Tokens) -> None:
        self.table, self.prefix = table, prefix

    def __call__(self, prefix: Tokens) -> Array:
        return self.table((*self.prefix, *prefix))
