r"""DySpec: draw from the slot that is most likely tried.

Published pseudo-code draws into the slot of largest reach probability (:mod:`theory.shapes.dynamic.slots`).
Its appendix proves that this maximises the sum of *reach* probabilities. That is the expected number of
accepted tokens only if a tried token is accepted with one and the same probability everywhere; under the
paper's own hypothesis :class:`~theory.shapes.dynamic.SquaredMass` is the better index.

Errors of the published text that are mended here: the tree takes y *after* it was drawn (algorithm 1 adds it
before), and the residual leaves out the tokens already drawn before the next one is drawn.

Lossless: yes, with top-down recursive rejection.
Complexity: a pass a row, O(sqrt V + log n) a token.
Source: Xiong et al. 2024 (DySpec), arXiv 2410.11744, algorithm 1
"""

from __future__ import annotations

from dataclasses import dataclass

from theory.chance import Chance
from theory.shapes.dynamic.base import check_budget, check_count
from theory.shapes.dynamic.slots import grow_greedily
from theory.tree import DraftTree
from theory.walks.base import Model


@dataclass(frozen=True)
class DySpec:
    """Greedy by reach probability.

    Parameters
    ----------
    max_depth
        Levels below the root, or None for no cap.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> q = np.array([0.5, 0.5, 0.0])
    >>> chance = Sampled(np.random.default_rng(0))
    >>> DySpec(max_depth=1).grow(draft=lambda prefix: q, budget=9, chance=chance).parents
    (-1, 0, 0)
    """

    max_depth: int | None = None

    def __post_init__(self) -> None:
        if self.max_depth is not None:
            check_count(self.max_depth, name="max_depth", least=0)

    def grow(self, *, draft: Model, budget: int, chance: Chance) -> DraftTree:
        """Draw the tree, one token after the other."""
        budget = check_budget(budget)
        return grow_greedily(
            draft=draft, budget=budget, chance=chance, index="reach", max_depth=self.max_depth
        )
