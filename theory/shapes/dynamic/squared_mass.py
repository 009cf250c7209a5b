r"""DySpec's corrected index: draw where the expected acceptance of the drawn token is largest.

Under DySpec's hypothesis (a drawn token is accepted with the probability it had) a token drawn into a slot
of reach v from the residual R adds :math:`\sum_y R_y \cdot v R_y = v \sum_y R_y^2` accepted tokens on
average, not v. The greedy by that number looks one token ahead; the exact optimum is
:class:`~theory.shapes.dynamic.Expectimax`, for small budgets. ``docs/dynamic-trees.md`` has the measured
gaps of both indices.

Lossless: yes, with top-down recursive rejection.
Complexity: two passes a row, O(sqrt V + log n) a token.
Source: derived here; Xiong et al. 2024 (DySpec), arXiv 2410.11744, for the hypothesis
"""

from __future__ import annotations

from dataclasses import dataclass

from theory.chance import Chance
from theory.shapes.dynamic.base import check_budget, check_count
from theory.shapes.dynamic.slots import grow_greedily
from theory.tree import DraftTree
from theory.walks.base import Model


@dataclass(frozen=True)
class SquaredMass:
    """Greedy by reach times the sum of squared residual probabilities.

    Parameters
    ----------
    max_depth
        Levels below the root, or None for no cap.

    Examples
    --------
    Below either token the draft knows nothing; so the second draft is the first one's sibling.

    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> draft = lambda prefix: np.full(5, 0.2) if prefix else np.array([0.6, 0.4, 0.0, 0.0, 0.0])
    >>> chance = Sampled(np.random.default_rng(0))
    >>> SquaredMass().grow(draft=draft, budget=2, chance=chance).parents
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
            draft=draft, budget=budget, chance=chance, index="gain", max_depth=self.max_depth
        )
