r"""Medusa: a shape grown greedily by head accuracies, filled with each head's top tokens.

Entry (d, k) of the accuracies says how often the k-th candidate of head d is right. Nodes are added by the
largest product along the path. Medusa's heads do not see the drafted tokens: use :func:`heads` for a draft
that looks at the depth only. With another draft this is any static tree of top tokens (EAGLE-1).

Lossless: yes, with top-down recursive rejection (chosen tokens are point masses). Medusa's own typical
acceptance is not, see :mod:`theory.lossy`.
Complexity: a partial sort a node that is expanded.
Source: Cai et al. 2024 (Medusa), arXiv 2401.10774; released code, gen_results.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from theory.chance import Chance
from theory.laws import Law, Point, Tokens
from theory.shapes.dynamic.base import check_budget
from theory.shapes.formats import to_nested
from theory.shapes.profile import Profile
from theory.shapes.templates import greedy
from theory.simplex import Array
from theory.tree import DraftTree
from theory.walks.base import Model
from theory.walks.growers import FixedShape, support


@dataclass(frozen=True)
class Medusa:
    """The greedy shape of head accuracies, filled with top tokens.

    Parameters
    ----------
    accuracy
        Probability that the k-th candidate at depth d is right, as :meth:`Profile.by_depth`.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> draft = heads([np.array([0.2, 0.7, 0.1]), np.array([0.8, 0.1, 0.1])])
    >>> chance = Sampled(np.random.default_rng(0))
    >>> tree = Medusa(Profile.by_depth([[0.6, 0.3], [0.4, 0.2]])).grow(draft=draft, budget=3, chance=chance)
    >>> [tree.prefix(node) for node in range(1, 4)]
    [(1,), (0,), (1, 0)]
    """

    accuracy: Profile

    def grow(self, *, draft: Model, budget: int, chance: Chance) -> DraftTree:
        """Choose the tree; chance is not asked."""
        shape = greedy(self.accuracy, nodes=check_budget(budget))
        return FixedShape(to_nested(shape), _top)(draft=draft, chance=chance)


def _top(q: Array, count: int) -> Law:
    return Point.top(q, min(count, support(q)))


def heads(rows: Sequence[Array]) -> Model:
    """A draft from heads: the distribution at depth d is ``rows[d]``, whatever was drafted before.

    Raises
    ------
    ValueError
        If it is asked below the last head.

    Examples
    --------
    >>> import numpy as np
    >>> heads([np.array([1.0, 0.0])])(()).tolist()
    [1.0, 0.0]
    """

    def draft(prefix: Tokens) -> Array:
        if len(prefix) >= len(rows):
            raise ValueError(f"there are {len(rows)} heads, but depth {len(prefix)} was asked for")
        return rows[len(prefix)]

    return draft
