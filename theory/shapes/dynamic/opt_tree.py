r"""OPT-Tree: the heaviest nodes by the draft's path probabilities, grown until a level no longer pays.

Each draft step keeps the ``budget`` heaviest nodes of the next level; the tree is the heaviest of all
levels. Drafting stops when a step raises the sum of path probabilities by at most ``delta`` (a draft step's
time over the target's call), or at ``max_depth`` steps. A level of the ``budget`` heaviest suffices: a node
among the n heaviest at its depth has ancestors among the n heaviest at theirs.

The released code pays for ``max_depth`` steps and throws the last level away; here every paid level counts.

Lossless: yes, with top-down recursive rejection (chosen tokens are point masses).
Complexity: a draft call and a partial sort a node that is expanded.
Source: Wang et al. 2024 (OPT-Tree), arXiv 2406.17276, algorithm 1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
class OptTree:
    """The heaviest nodes; levels are added while they pay.

    Parameters
    ----------
    delta
        Least gain of a level in expected tokens, at least 0; it stops at a gain of ``delta`` or less.
    max_depth
        Most levels, or None for no cap.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> q = np.array([0.6, 0.3, 0.1])
    >>> chance = Sampled(np.random.default_rng(0))
    >>> tree = OptTree().grow(draft=lambda prefix: q, budget=3, chance=chance)
    >>> [tree.prefix(node) for node in range(1, 4)]
    [(0,), (1,), (0, 0)]
    """

    delta: Any = 0
    max_depth: int | None = None

    def __post_init__(self) -> None:
        if not self.delta >= 0:
            raise ValueError(f"delta must be at least 0, got {self.delta}")
        if self.max_depth is not None:
            check_count(self.max_depth, name="max_depth", least=0)

    def grow(self, *, draft: Model, budget: int, chance: Chance) -> DraftTree:
        """Choose the tree; chance is not asked."""
        budget = check_budget(budget)
        levels = budget if self.max_depth is None else min(budget, self.max_depth)
        layer, kept, sum_before = [Candidate(1, ())], list[Candidate](), 0
        for _ in range(levels):
            announce(draft, (node.prefix for node in layer))
            layer = heaviest([child for node in layer for child in below(draft, node, budget)], budget)
            kept = heaviest(kept + layer, budget)
            total = sum(node.mass for node in kept)
            if total - sum_before <= self.delta:
                break
            sum_before = total
        return planted(kept, draft(()).size) if kept else DraftTree.empty()
