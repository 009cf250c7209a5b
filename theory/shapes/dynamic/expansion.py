r"""Full trees with given numbers of children a level: SpecInfer's expansions and RSD-C.

With ``replacement`` children are i.i.d. (SpecInfer); without, they are the first different tokens of
repeated draws, which is Gumbel-top-k (RSD-C; the draft's order of drawing is kept). Levels that the budget
does not pay for in full are left out. The two differ in the law alone, so they are one algorithm.

Lossless: yes, with top-down recursive rejection; i.i.d. trees also with SpecInfer's naive sampling and
others.
Complexity: a draft call a node that is expanded, O(V) a token.
Source: Miao et al. 2023 (SpecInfer); Jeon et al. 2024 (RSD), arXiv 2402.14160
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from theory.chance import Chance
from theory.laws import Iid, Law, WithoutReplacement
from theory.shapes.dynamic.base import check_budget, check_count
from theory.simplex import Array
from theory.tree import DraftTree
from theory.walks.base import Model
from theory.walks.growers import support
from theory.walks.rounds import Levels


@dataclass(frozen=True)
class Expansion:
    """``factors[d]`` children for every node of depth d.

    Parameters
    ----------
    factors
        Children of a node by level, each at least 1. Without replacement a node has at most as many as its
        row has tokens of positive probability.
    replacement
        Whether siblings are i.i.d.

    Raises
    ------
    ValueError
        If a factor is less than 1.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> q = np.array([0.5, 0.5, 0.0])
    >>> chance = Sampled(np.random.default_rng(0))
    >>> Expansion((3, 1), replacement=False).grow(draft=lambda prefix: q, budget=9, chance=chance).parents
    (-1, 0, 0, 1, 2)
    """

    factors: tuple[int, ...]
    replacement: bool = True

    def __post_init__(self) -> None:
        checked = tuple(check_count(factor, name="every factor") for factor in self.factors)
        object.__setattr__(self, "factors", checked)

    def grow(self, *, draft: Model, budget: int, chance: Chance) -> DraftTree:
        """Draw the tree, level by level."""
        budget, paid, width, size = check_budget(budget), list[int](), 1, 0
        for factor in self.factors:
            width *= factor
            size += width
            if size > budget:
                break
            paid.append(factor)
        return Levels(tuple(self._law(factor) for factor in paid))(draft=draft, chance=chance)

    def _law(self, factor: int) -> Callable[[Array], Law]:
        if self.replacement:
            return lambda q: Iid(q, factor)
        return lambda q: WithoutReplacement(q, min(factor, support(q)))


def rsd_constant(factors: tuple[int, ...]) -> Expansion:
    """RSD-C: constant branching without replacement.

    Examples
    --------
    >>> rsd_constant((2, 1)).replacement
    False
    """
    return Expansion(factors, replacement=False)
