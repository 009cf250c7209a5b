r"""SWIFT's trees: a chain that gets as many siblings at each step as the draft is unsure.

At each step the draft's largest probability says how many children are drawn, without replacement, from its
row: few where it is sure, more where it is not. The chain goes on from the first child. It ends with the
step whose row is less sure than a threshold (that step's children are submitted), or with the budget.

How many are drawn is decided by the row before any token of it, so the tree is adapted and recursive
rejection without replacement is lossless.

Source: Xia et al. 2025 (SWIFT), arXiv 2410.06916; widths of the authors' release
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from theory.chance import Chance
from theory.laws import WithoutReplacement
from theory.shapes.dynamic.base import Workbench, check_budget
from theory.simplex import Array
from theory.tree import DraftTree
from theory.walks.base import Model
from theory.walks.growers import support


@dataclass(frozen=True)
class ConfidenceWidth:
    """A chain with siblings by confidence.

    Parameters
    ----------
    widths
        Pairs of a confidence and a number of children, by falling confidence: the first whose confidence is
        below the row's largest probability counts. The last pair's confidence is 0.
    threshold
        The chain ends behind a row whose largest probability is less, in [0, 1].

    Raises
    ------
    ValueError
        If widths do not fall to a confidence of 0, or a number is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> grow = ConfidenceWidth(widths=((0.9, 1), (0, 2)), threshold=0.5).grow
    >>> q = np.array([0.6, 0.4, 0.0])
    >>> grow(draft=lambda prefix: q, budget=4, chance=Sampled(np.random.default_rng(0))).parents
    (-1, 0, 0, 1, 1)
    """

    widths: tuple[tuple[Any, int], ...] = ((0.95, 1), (0.8, 3), (0.5, 5), (0, 10))
    threshold: Any = 0.8

    def __post_init__(self) -> None:
        limits = [limit for limit, _ in self.widths]
        falling = all(a > b for a, b in pairwise(limits))
        if not (limits and falling and limits[-1] == 0 and all(width >= 1 for _, width in self.widths)):
            raise ValueError(
                "widths are pairs (confidence, children) with falling confidences down to 0 and at least "
                f"1 child, got {self.widths}"
            )
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold must be in [0, 1], got {self.threshold}")

    def grow(self, *, draft: Model, budget: int, chance: Chance) -> DraftTree:
        """Draw the tree, step by step."""
        left, bench, node = check_budget(budget), Workbench(), 0
        rows: dict[int, Array] = {}
        while left > 0:
            rows[node] = q = draft(bench.prefixes[node])
            count = min(self._width(q), support(q), left)
            stream = f"draft/{len(bench.prefixes[node])}"
            drawn = WithoutReplacement(q, count).sample(chance, stream=stream)
            added = [bench.add(node, token) for token in drawn]
            node, left = added[0], left - count
            if q.max() < self.threshold:
                break
        return bench.drawn(rows.__getitem__)

    def _width(self, q: Array) -> int:
        peak = q.max()
        return next((width for limit, width in self.widths if peak > limit), self.widths[-1][1])
