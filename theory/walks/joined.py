r"""Several nodes of one prefix, taken together: the law of all their children.

Paths that share their tokens so far are one context. Their next tokens were drawn independently, each node's
from its own law, so together they are drafts of the product of those laws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.laws import Iid, Law, Tokens
from theory.laws.base import SequentialLaw
from theory.simplex import Array
from theory.tree import DraftTree
from theory.walks.base import law_at


@dataclass(frozen=True, eq=False)
class Joined(SequentialLaw):
    """Drafts of several laws, one law after the other, independently.

    Parameters
    ----------
    parts
        At least one law, all over one vocabulary.

    Examples
    --------
    >>> from theory.laws import Point
    >>> law = Joined((Point([1], 3), Iid(np.array([0.5, 0.5, 0.0]), 2)))
    >>> law.k, law.conditional((1, 0)).tolist()
    (3, [0.5, 0.5, 0.0])
    >>> law.enumerate()[(1, 0, 1)]
    0.25
    """

    parts: tuple[Law, ...]

    @property
    def k(self) -> int:
        return sum(part.k for part in self.parts)

    @property
    def vocabulary(self) -> int:
        return self.parts[0].vocabulary

    @property
    def history_free(self) -> bool:
        return all(part.history_free for part in self.parts)

    def over(self, vocabulary: int) -> Joined:
        """The same with every part over the given vocabulary."""
        return Joined(tuple(part.over(vocabulary) for part in self.parts))

    def conditional(self, drawn: Tokens) -> Array:
        """The conditional law of the part whose turn it is."""
        rest = drawn
        for part in self.parts:
            if len(rest) < part.k:
                return part.conditional(rest)
            rest = rest[part.k :]
        raise ValueError(f"all {self.k} drafts are drawn already")


def joined(laws: Sequence[Law]) -> Law:
    """One law for the drafts of several: itself, i.i.d. where all are of one distribution, else a product.

    Examples
    --------
    >>> q = np.array([0.5, 0.3, 0.2])
    >>> joined([Iid(q, 1), Iid(q, 2)]).k
    3
    """
    if len(laws) == 1:
        return laws[0]
    first = laws[0]
    if isinstance(first, Iid) and all(isinstance(law, Iid) and _same(law.q, first.q) for law in laws):
        return Iid(first.q, sum(law.k for law in laws))
    return Joined(tuple(laws))


def _same(left: Array, right: Array) -> bool:
    return left is right or bool(np.all(left == right))


def children_of_all(
    tree: DraftTree, nodes: Sequence[int], *, over: Array
) -> tuple[tuple[int, ...], Law | None]:
    """Children of several nodes in order, and their law over the row's vocabulary (None if childless)."""
    parents = [node for node in nodes if tree.children(node)]
    if not parents:
        return (), None
    children = tuple(child for node in parents for child in tree.children(node))
    return children, joined([law_at(tree, node, over=over) for node in parents])


def of_token(tree: DraftTree, nodes: Sequence[int], token: Any) -> tuple[int, ...]:
    """Those of the nodes that carry a token."""
    return tuple(node for node in nodes if tree.tokens[node] == token)
