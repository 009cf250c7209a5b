"""Small worlds for tests of the engine: three tokens, rows that depend on the context, fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from specsim.decoding import World
from specsim.sources.tables import TableModel


def world(seed: int, *, order: int = 2, zeros: int = 0, vocabulary: int = 3) -> World:
    """A random table model in fractions, with its last row for features."""
    rng = np.random.default_rng(seed)
    table = TableModel.random(vocabulary=vocabulary, order=order, rng=rng, denominator=12, zeros=zeros)
    return World(table, features=lambda context: np.array([len(context), *context[-2:]], dtype=float))


def sharp(seed: int) -> World:
    """The same with one token excluded in each row."""
    return world(seed, zeros=1)


def one_hot(token: int, vocabulary: int = 3) -> list[Fraction]:
    """A row of certainty."""
    return [Fraction(int(token == other)) for other in range(vocabulary)]
