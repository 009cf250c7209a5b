"""Chains: one drawn token after the other, or one likeliest token after the other.

Lossless: yes, with any rule for chains.
Complexity: a draft call and a pass a token.
Source: Leviathan et al. 2023; Chen et al. 2023
"""

from __future__ import annotations

from dataclasses import dataclass

from theory.chance import Chance
from theory.laws import Iid, Law, Point
from theory.shapes.dynamic.base import check_budget
from theory.simplex import Array
from theory.tree import DraftTree
from theory.walks.base import Model
from theory.walks.rounds import Levels


@dataclass(frozen=True)
class Chain:
    """A path of ``budget`` tokens.

    Parameters
    ----------
    sampled
        Draw the tokens; otherwise the likeliest ones.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> q = np.array([0.2, 0.5, 0.3])
    >>> chance = Sampled(np.random.default_rng(0))
    >>> Chain(sampled=False).grow(draft=lambda prefix: q, budget=2, chance=chance).tokens
    (-1, 1, 1)
    """

    sampled: bool = True

    def grow(self, *, draft: Model, budget: int, chance: Chance) -> DraftTree:
        """Draw or choose the chain."""

        def law(q: Array) -> Law:
            return Iid(q, 1) if self.sampled else Point.top(q, 1)

        return Levels((law,) * check_budget(budget))(draft=draft, chance=chance)
