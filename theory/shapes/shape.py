r"""The shape of a draft tree: who hangs under whom, and in which order; no tokens.

Node 0 is the root, the committed context. Every other node is one drafted token: the ``rank``-th child of its
parent (ranks count from 0). A shape keeps its nodes **breadth first**: level by level, and within a level in
the order of the parents, siblings by rank. So the list of parents never falls, every tree has exactly one
list, and two shapes are the same if their lists are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.simplex import Array

if TYPE_CHECKING:
    from theory.shapes.profile import Profile


@dataclass(frozen=True)
class TreeShape:
    """A tree's shape, nodes breadth first.

    Parameters
    ----------
    parents
        Number of each node's parent; -1 for the root. It never falls. For another order of nodes there is
        :meth:`of`.

    Raises
    ------
    ValueError
        If there is no root, a parent does not come before its child, or nodes are not breadth first.

    Examples
    --------
    >>> shape = TreeShape((-1, 0, 0, 1))
    >>> shape.size, shape.depth, shape.ranks, shape.counts
    (3, 2, (0, 0, 1, 0), (2, 1, 0, 0))
    >>> list(shape.choices())
    [(0,), (1,), (0, 0)]
    """

    parents: tuple[int, ...]

    def __post_init__(self) -> None:
        parents = tuple(index(parent) for parent in self.parents)
        object.__setattr__(self, "parents", parents)
        _check_order(parents)
        array = np.asarray(parents)
        if (np.diff(array) < 0).any():
            raise ValueError(
                "nodes are not breadth first (parents must never fall); make it with TreeShape.of"
            )

    @classmethod
    def of(cls, parents: Sequence[int]) -> TreeShape:
        """The shape of a tree whose nodes come in any order with parents before children.

        Siblings keep the order in which they appear.

        Examples
        --------
        >>> TreeShape.of([-1, 0, 1, 0]).parents
        (-1, 0, 0, 1)
        """
        return cls(canonical(parents)[0])

    @classmethod
    def from_counts(cls, counts: Sequence[int]) -> TreeShape:
        """The shape with so many children for each node, breadth first; missing entries at the end are 0.

        Examples
        --------
        >>> TreeShape.from_counts([2, 1]).parents
        (-1, 0, 0, 1)
        """
        parents = [-1]
        for node, count in enumerate(counts):
            if node >= len(parents):
                raise ValueError(f"there are counts for {len(counts)} nodes, but only {node} nodes")
            if index(count) < 0:
                raise ValueError(f"node {node} has {count} children; numbers of children are at least 0")
            parents += [node] * index(count)
        return cls(tuple(parents))

    @property
    def size(self) -> int:
        """Number of drafted tokens, the root not counted."""
        return len(self.parents) - 1

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """Number of children of each node."""
        counts = np.bincount(np.asarray(self.parents[1:], dtype=np.intp), minlength=len(self.parents))
        return tuple(counts.tolist())

    @cached_property
    def first_children(self) -> tuple[int, ...]:
        """Number of each node's first child, or of the node that would be it."""
        return tuple((1 + np.concatenate([[0], np.cumsum(self.counts)[:-1]])).tolist())

    @cached_property
    def ranks(self) -> tuple[int, ...]:
        """Place of each node among its siblings, from 0; the root's is 0."""
        starts = np.asarray(self.first_children)[np.asarray(self.parents[1:], dtype=np.intp)]
        return (0, *(np.arange(1, len(self.parents)) - starts).tolist())

    @cached_property
    def depths(self) -> tuple[int, ...]:
        """Depth of each node; the root has depth 0."""
        depths = [0]
        for parent in self.parents[1:]:
            depths.append(depths[parent] + 1)
        return tuple(depths)

    @property
    def depth(self) -> int:
        """Number of levels below the root: how many draft steps the tree takes."""
        return self.depths[-1]

    @property
    def width(self) -> int:
        """Size of the largest level."""
        return max(self.level_sizes)

    @property
    def level_sizes(self) -> tuple[int, ...]:
        """Number of nodes on each level, from the root's."""
        return tuple(np.bincount(self.depths).tolist())

    def children(self, node: int) -> range:
        """The children of a node by rank."""
        first = self.first_children[node]
        return range(first, first + self.counts[node])

    def choices(self) -> Iterator[tuple[int, ...]]:
        """The ranks from the root to each node but the root (Medusa's and EAGLE's choice lists)."""
        paths: list[tuple[int, ...]] = [()]
        for parent, rank in zip(self.parents[1:], self.ranks[1:], strict=True):
            paths.append((*paths[parent], rank))
            yield paths[-1]

    def frontier(self) -> Iterator[tuple[int, int]]:
        """Places where one more node could hang, as (parent, rank): the next child of every node."""
        yield from enumerate(self.counts)

    def ancestor_mask(self) -> Array:
        """Boolean ``(n + 1, n + 1)``: row may attend to column (itself or an ancestor), root included.

        Examples
        --------
        >>> TreeShape((-1, 0, 0, 1)).ancestor_mask().astype(int)
        array([[1, 0, 0, 0],
               [1, 1, 0, 0],
               [1, 0, 1, 0],
               [1, 1, 0, 1]])
        """
        mask = np.eye(len(self.parents), dtype=bool)
        for node, parent in enumerate(self.parents[1:], start=1):
            mask[node] |= mask[parent]
        return mask

    def position_ids(self, *, start: int = 0) -> Array:
        """Position of each node in the sequence, shape ``(n + 1,)``: the root's plus the depth."""
        return start + np.asarray(self.depths)

    def weights(self, profile: Profile) -> Array:
        """Probability that each node is accepted under a profile, shape ``(n + 1,)``; the root's is 1.

        Raises
        ------
        ValueError
            If a node has more children than the profile has ranks, or hangs below its last level.
        """
        return profile.weights(self)

    def value(self, profile: Profile) -> Any:
        """Expected tokens per target call under a profile, the root (bonus token) counted.

        Examples
        --------
        >>> from theory.shapes import Profile
        >>> TreeShape((-1, 0, 0, 1)).value(Profile.positional([0.5, 0.25]))
        2.0
        """
        total = profile.weights(self).sum()
        return total.item() if hasattr(total, "item") else total

    def prefix(self, nodes: Sequence[int]) -> TreeShape:
        """The shape of some of the nodes, the root among them; they must be closed (see :func:`is_closed`).

        Raises
        ------
        ValueError
            If a node is there without its parent or without its earlier siblings.
        """
        kept = sorted(set(nodes) | {0})
        if not is_closed(self, kept):
            raise ValueError("keep every node's parent and its earlier siblings")
        number = {node: place for place, node in enumerate(kept)}
        return TreeShape((-1, *(number[self.parents[node]] for node in kept[1:])))

    def _repr_svg_(self) -> str:
        from theory.shapes.picture import svg

        return svg(self)


def is_closed(shape: TreeShape, nodes: Sequence[int]) -> bool:
    """Whether a set of nodes holds every member's parent and earlier siblings.

    Examples
    --------
    >>> is_closed(TreeShape((-1, 0, 0)), [0, 2])
    False
    """
    chosen = set(nodes)
    return 0 in chosen and all(
        shape.parents[node] in chosen and (shape.ranks[node] == 0 or node - 1 in chosen)
        for node in chosen
        if node != 0
    )


def canonical(parents: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Breadth-first parents, and for each place the number the node had before.

    Examples
    --------
    >>> canonical([-1, 0, 1, 0])
    ((-1, 0, 0, 1), (0, 1, 3, 2))
    """
    _check_order(parents)
    below: list[list[int]] = [[] for _ in parents]
    for node, parent in enumerate(parents[1:], start=1):
        below[parent].append(node)
    order, ordered = [0], [-1]
    # the list grows while it is walked
    for place, node in enumerate(order):
        order += below[node]
        ordered += [place] * len(below[node])
    return tuple(ordered), tuple(order)


def _check_order(parents: Sequence[int]) -> None:
    if len(parents) == 0 or parents[0] != -1:
        raise ValueError("node 0 is the root: parents begin with -1")
    array = np.asarray(parents)
    wrong = np.flatnonzero((array[1:] < 0) | (array[1:] >= np.arange(1, len(array)))) + 1
    if wrong.size:
        node = int(wrong[0])
        raise ValueError(f"node {node} has parent {parents[node]}; a parent comes before its child")
