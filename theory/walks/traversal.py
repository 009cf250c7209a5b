r"""Traversal verification (Weng et al. 2025): a tree from its leaves to its root.

Depth first: a node of budget b and law p tries its children in the order of their drawing. Child j, drawn
from :math:`q_j` (its law given the earlier siblings), gets the budget :math:`\min(1, b\,p_x / q_{j,x})`. If
control returns from it, the node owes :math:`(b\,p - q_j)_+` and is reached with probability
:math:`S + 1 - b` (see :mod:`theory.walks.base`), so it goes on with

.. math:: S = \sum_x (b\,p_x - q_{j,x})_+, \qquad p \leftarrow (b\,p - q_j)_+ / S, \qquad
          b \leftarrow \frac{S}{S + 1 - b}.

When no child is left the node is a leaf: with probability b it ends the round and emits a token of p.

The next sibling's law given the earlier ones does not change by their refusals, which depend on the coins, on
the earlier siblings and on what was drawn below them; so the step holds for i.i.d. siblings, without
replacement, point masses, or any law that is drawn one sibling after the other. On a star this is recursive
rejection, on a chain block verification.

Lossless: yes
Complexity: O(nodes times V)
Source: Weng et al. 2025, arXiv 2505.12398, algorithm 1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from theory.chance import Chance
from theory.couplings.base import draw_residual, ratio_capped
from theory.simplex import Array, residual
from theory.tree import DraftTree
from theory.walks.base import Model, keep_probability, law_at
from theory.walks.top_down import Verified


@dataclass(frozen=True)
class Traversal:
    """Verify a tree from its leaves to its root, sibling after sibling.

    Lossless: yes. Takes trees of any shape and laws.

    Examples
    --------
    >>> import numpy as np
    >>> from theory.chance import Sampled
    >>> from theory.laws import Point
    >>> tree = DraftTree.star((2, 1), law=Point([2, 1]))
    >>> p = np.array([0.0, 1.0, 0.0])
    >>> Traversal().verify(tree=tree, target=lambda prefix: p, chance=Sampled(np.random.default_rng(0)))
    Verified(tokens=(1, 1), path=(2,), bonus=True)
    """

    lossless: ClassVar[bool] = True

    def verify(self, *, tree: DraftTree, target: Model, chance: Chance) -> Verified:
        """One round; a node of depth d asks ``accept/d`` and then ``residual/d`` or ``bonus``."""
        found = _end_below(tree, target, chance, 0, 1)
        # budget one: the root never returns control
        assert found is not None
        return found


def _end_below(tree: DraftTree, target: Model, chance: Chance, node: int, budget: Any) -> Verified | None:
    """End the round at or below a node with probability ``budget``, or return None."""
    own = left = target(tree.prefix(node))
    children = tree.children(node)
    drafts = tuple(tree.tokens[child] for child in children)
    for rank, (child, token) in enumerate(zip(children, drafts, strict=True)):
        q = law_at(tree, node, over=own).conditional(drafts[:rank])
        found = _end_below(tree, target, chance, child, ratio_capped(budget * left[token], q[token]))
        if found is not None:
            return found
        budget, left = _after_refusal(budget, left, q)
    if not chance.flip(budget, stream=f"accept/{tree.depths[node]}"):
        return None
    return _end_at(tree, chance, node, left, own)


def _after_refusal(budget: Any, left: Array, q: Array) -> tuple[Any, Array]:
    """Budget and law once a child has returned control; the law stays where nothing is owed."""
    owed = residual(budget * left, q)
    surplus = owed.sum()
    return keep_probability(surplus, budget), owed / surplus if surplus > 0 else left


def _end_at(tree: DraftTree, chance: Chance, node: int, left: Array, own: Array) -> Verified:
    path = tree.path(node)
    if tree.children(node):
        token = draw_residual(left, fallback=own, chance=chance, level=tree.depths[node])
    else:
        token = chance.draw(own, stream="bonus")
    return Verified((*tree.prefix(node), token), path, bonus=not tree.children(node))
