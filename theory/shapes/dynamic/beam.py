r"""Beam search: at every level the heaviest nodes by the draft's path probabilities.

Lossless: yes, with top-down recursive rejection (chosen tokens are point masses).
Complexity: a draft call and a partial sort a node.
Source: the standard beam search; as a draft tree in He et al. 2024 and others
"""

from __future__ import annotations

from dataclasses import dataclass

from theory.ahead import announce
from theory.chance import Chance
from theory.shapes.dynamic.base import (
    Candidate,
    below,
    check_budget,
    check_count,
    heaviest,
    planted,
)
from theory.tree import DraftTree
from theory.walks.base import Model


@dataclass(frozen=True)
class Beam:
    """Levels of ``width`` nodes, as many as the budget pays for; the last one may be narrower.

    Parameters
    ----------
    width
        Nodes a level, at least 1. A width of 1 is the greedy chain.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> q = np.array([0.6, 0.3, 0.1])
    >>> chance = Sampled(np.random.default_rng(0))
    >>> tree = Beam(2).grow(draft=lambda prefix: q, budget=4, chance=chance)
    >>> [tree.prefix(node) for node in range(1, 5)]
    [(0,), (1,), (0, 0), (0, 1)]
    """

    width: int

    def __post_init__(self) -> None:
        check_count(self.width, name="width")

    def grow(self, *, draft: Model, budget: int, chance: Chance) -> DraftTree:
        """Choose the tree; chance is not asked."""
        left, layer, kept = check_budget(budget), [Candidate(1, ())], list[Candidate]()
        while left > 0:
            width = min(self.width, left)
            announce(draft, (node.prefix for node in layer))
            layer = heaviest([child for node in layer for child in below(draft, node, width)], width)
            kept += layer
            left -= len(layer)
        return planted(kept, draft(()).size) if kept else DraftTree.empty()
