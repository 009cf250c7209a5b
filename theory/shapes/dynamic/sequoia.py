r"""Sequoia: the optimal static shape of an acceptance profile, filled without replacement.

The shape of a budget is the optimum of the profile (:func:`theory.shapes.best_first` where no row rises, else
:func:`theory.shapes.max_plus`). Nodes with more children than the vocabulary lose the last ones and what
hangs there.

Lossless: yes, with top-down recursive rejection (and, as the shape is static, with traversal).
Complexity: a draft call a node that is expanded, O(V) a token.
Source: Chen et al. 2024 (Sequoia), arXiv 2402.12374
"""

from __future__ import annotations

from dataclasses import dataclass

from theory.chance import Chance
from theory.laws import Law, WithoutReplacement
from theory.shapes.dynamic.base import check_budget
from theory.shapes.dynamic.fallback import UniformFallback
from theory.shapes.formats import to_nested
from theory.shapes.hardware import optimum
from theory.shapes.profile import Profile
from theory.simplex import Array
from theory.tree import DraftTree
from theory.walks.base import Model
from theory.walks.growers import FixedShape, support


@dataclass(frozen=True)
class Sequoia:
    """The profile's optimal shape, drawn without replacement.

    Parameters
    ----------
    profile
        Acceptance probabilities.
    fallback
        Draw uniformly from the rest where the draft's mass is used up; otherwise such children are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> q = np.array([0.0, 1.0, 0.0])
    >>> chance = Sampled(np.random.default_rng(0))
    >>> grow = Sequoia(Profile.positional([0.5, 0.4])).grow
    >>> grow(draft=lambda prefix: q, budget=2, chance=chance).parents
    (-1, 0, 0)
    """

    profile: Profile
    fallback: bool = True

    def grow(self, *, draft: Model, budget: int, chance: Chance) -> DraftTree:
        """Draw the tree, level by level."""
        shape = optimum(self.profile, nodes=check_budget(budget)).shape(budget)
        return FixedShape(to_nested(shape), self._law)(draft=draft, chance=chance)

    def _law(self, q: Array, count: int) -> Law:
        if self.fallback:
            return UniformFallback(q, min(count, q.size))
        return WithoutReplacement(q, min(count, support(q)))
