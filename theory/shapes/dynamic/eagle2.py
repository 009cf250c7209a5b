r"""EAGLE-2 and EAGLE-3: expand a beam, then re-rank all candidates.

The first step takes the ``top_k`` likeliest tokens. Each of ``steps`` more steps expands the ``top_k``
heaviest nodes of the last level by ``top_k`` children each; all of these are candidates. The tree is the
``budget`` heaviest candidates; parents are among them as path probabilities never rise. Because of the beam
it is not always the heaviest tree (:class:`~theory.shapes.dynamic.OptTree`, or
:class:`theory.walks.growers.Heaviest` for one branch cap): equal where ``top_k`` is at least the budget.

Lossless: yes, with top-down recursive rejection (chosen tokens are point masses).
Complexity: 1 + steps top_k draft calls, a partial sort each.
Source: Li et al. 2024 (EAGLE-2), arXiv 2406.16858; released code, topK_genrate
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
class Eagle2:
    """Beam expansion and re-ranking.

    Parameters
    ----------
    top_k
        Width of the beam and children of a node, at least 1.
    steps
        Expansions after the first level, at least 0.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> q = np.array([0.6, 0.3, 0.1])
    >>> chance = Sampled(np.random.default_rng(0))
    >>> tree = Eagle2(top_k=2, steps=1).grow(draft=lambda prefix: q, budget=3, chance=chance)
    >>> [tree.prefix(node) for node in range(1, 4)]
    [(0,), (1,), (0, 0)]
    """

    top_k: int = 10
    steps: int = 5

    def __post_init__(self) -> None:
        check_count(self.top_k, name="top_k")
        check_count(self.steps, name="steps", least=0)

    def grow(self, *, draft: Model, budget: int, chance: Chance) -> DraftTree:
        """Choose the tree; chance is not asked."""
        budget = check_budget(budget)
        if budget == 0:
            return DraftTree.empty()
        layer = below(draft, Candidate(1, ()), self.top_k)
        candidates = list(layer)
        for _ in range(self.steps):
            beam = heaviest(layer, self.top_k)
            announce(draft, (node.prefix for node in beam))
            layer = [child for node in beam for child in below(draft, node, self.top_k)]
            candidates += layer
        return planted(heaviest(candidates, budget), draft(()).size)
