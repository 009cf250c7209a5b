r"""Growers of trees that are not full: a fixed shape, and the heaviest nodes.

Both decide *before* they draw: how many children a node gets depends on the shape and on the draft's
distribution there, never on a token that is not in the tree yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.chance import Chance
from theory.laws import Law, Point, Tokens
from theory.simplex import Array, top_tokens
from theory.tree import ROOT, DraftTree
from theory.walks.base import Model

#: A tree's shape: the shapes of its children, in order. ``()`` is a leaf.
Shape = tuple["Shape", ...]


def support(q: Array) -> int:
    """Number of tokens of positive probability.

    Examples
    --------
    >>> support(np.array([0.5, 0.0, 0.5]))
    2
    """
    return int(np.count_nonzero(q > 0))


@dataclass(frozen=True)
class FixedShape:
    """A tree of a fixed shape (Sequoia's static trees).

    Parameters
    ----------
    shape
        Nested tuples: the shape of each child.
    law_of
        The law of a node's children from the draft's distribution and the number of children. It may draw
        fewer, where the support is too small; the last children are then left out.

    Examples
    --------
    >>> from theory.chance import Sampled
    >>> from theory.laws import WithoutReplacement
    >>> grow = FixedShape((((),), ()), WithoutReplacement)
    >>> q = np.array([0.5, 0.3, 0.2])
    >>> grow(draft=lambda prefix: q, chance=Sampled(np.random.default_rng(0))).parents
    (-1, 0, 0, 1)
    """

    shape: Shape
    law_of: Callable[[Array, int], Law]

    def __call__(self, *, draft: Model, chance: Chance) -> DraftTree:
        """Draw the tree, level by level; a node of depth d draws from the stream ``draft/d``."""
        tokens, parents, laws = [ROOT], [-1], list[Law | None]()
        waiting: list[tuple[Shape, Tokens]] = [(self.shape, ())]
        # the list grows while it is walked: nodes in the order of their making
        for node, (shape, prefix) in enumerate(waiting):
            law = self.law_of(draft(prefix), len(shape)) if shape else None
            laws.append(law)
            drawn = law.sample(chance, stream=f"draft/{len(prefix)}") if law else ()
            for token, below in zip(drawn, shape, strict=False):
                tokens.append(token)
                parents.append(node)
                waiting.append((below, (*prefix, token)))
        return DraftTree(tuple(tokens), tuple(parents), tuple(laws))


@dataclass(frozen=True)
class Heaviest:
    """The nodes of largest path probability among top tokens (EAGLE-2's re-ranked trees); no randomness.

    Parameters
    ----------
    nodes
        Number of nodes besides the root, at least 1; fewer where the candidates are used up.
    top_k
        Children a node may have.
    depth
        Longest path.

    Examples
    --------
    >>> from theory.chance import Sampled
    >>> q = np.array([0.6, 0.3, 0.1])
    >>> tree = Heaviest(nodes=3, top_k=2, depth=2)(
    ...     draft=lambda prefix: q, chance=Sampled(np.random.default_rng(0)))
    >>> [tree.prefix(node) for node in range(1, 4)]
    [(0,), (0, 0), (1,)]
    """

    nodes: int
    top_k: int
    depth: int

    def __post_init__(self) -> None:
        if min(self.nodes, self.top_k, self.depth) < 1:
            raise ValueError(
                "nodes, top_k and depth must be at least 1, got "
                f"nodes={self.nodes}, top_k={self.top_k}, depth={self.depth}"
            )

    def __call__(self, *, draft: Model, chance: Chance) -> DraftTree:
        """Take the heaviest candidate, then make its children candidates, and so on; chance is not asked."""
        tokens, parents = [ROOT], [-1]
        candidates = self._below(draft, 0, (), 1)
        while candidates and len(tokens) <= self.nodes:
            best = max(range(len(candidates)), key=lambda place: (candidates[place][0], -place))
            mass, parent, prefix = candidates.pop(best)
            tokens.append(prefix[-1])
            parents.append(parent)
            candidates.extend(self._below(draft, len(tokens) - 1, prefix, mass))
        return DraftTree(tuple(tokens), tuple(parents), _points(tokens, parents, draft(()).size))

    def _below(self, draft: Model, node: int, prefix: Tokens, mass: Any) -> list[tuple[Any, int, Tokens]]:
        if len(prefix) == self.depth:
            return []
        q = draft(prefix)
        chosen = top_tokens(q, min(self.top_k, support(q)))
        return [(mass * q[token], node, (*prefix, int(token))) for token in chosen]


def _points(tokens: list[int], parents: list[int], vocabulary: int) -> tuple[Law | None, ...]:
    children: list[list[int]] = [[] for _ in tokens]
    for token, parent in zip(tokens[1:], parents[1:], strict=True):
        children[parent].append(token)
    return tuple(Point(np.array(below), vocabulary) if below else None for below in children)
