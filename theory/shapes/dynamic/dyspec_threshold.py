r"""DySpec by layers: draw into every slot that is tried with at least a given probability.

One batch of draft calls a layer instead of one call a token. The number of tokens is random; a threshold of
about 1 / n gives about n. The published loop runs "while v_i < t"; it must be ``>=``, as here.

The budget is a cap: drawing stops when it is used up, in the order of the layer. That is decided before the
draw.

Lossless: yes, with top-down recursive rejection.
Complexity: a pass a row, O(sqrt V) a token.
Source: Xiong et al. 2024 (DySpec), arXiv 2410.11744, algorithm 2
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from theory.ahead import announce
from theory.chance import Chance
from theory.shapes.dynamic.base import check_budget
from theory.shapes.dynamic.slots import Slots
from theory.tree import DraftTree
from theory.walks.base import Model


@dataclass(frozen=True)
class DySpecThreshold:
    """Layer by layer, every slot of reach at least ``threshold``.

    Parameters
    ----------
    threshold
        In (0, 1], or None for 1 / budget.

    Raises
    ------
    ValueError
        If the threshold is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> q = np.array([0.5, 0.5, 0.0])
    >>> chance = Sampled(np.random.default_rng(0))
    >>> DySpecThreshold(0.5).grow(draft=lambda prefix: q, budget=9, chance=chance).parents
    (-1, 0, 0, 1, 2)
    """

    threshold: Any = None

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise ValueError(f"threshold must be in (0, 1], or None for 1 / budget, got {self.threshold}")

    def grow(self, *, draft: Model, budget: int, chance: Chance) -> DraftTree:
        """Draw the tree layer by layer."""
        budget = check_budget(budget)
        slots, layer = Slots(draft), [0]
        while layer and slots.bench.size < budget:
            awaited = [node for node in layer if self._open(slots.reached[node], budget)]
            announce(draft, (slots.bench.prefixes[node] for node in awaited))
            layer = [child for node in layer for child in self._children(slots, node, budget, chance)]
        return slots.tree()

    def _children(self, slots: Slots, node: int, budget: int, chance: Chance) -> list[int]:
        made: list[int] = []
        # the row is asked for only where its first slot qualifies
        while slots.bench.size < budget and self._open(slots.reached[node], budget):
            if not (self._open(slots.reach(node), budget) and slots.row(node).left > 0):
                break
            made.append(slots.extend(node, chance))
        return made

    def _open(self, reach: Any, budget: int) -> bool:
        return bool(reach * budget >= 1 if self.threshold is None else reach >= self.threshold)
