r"""The optimal static tree of a non-rising profile: its heaviest nodes, best first.

**Order-ideal theorem.** A tree is a set of nodes that holds, with every node, its parent and its earlier
siblings. If no row of the profile rises along the ranks, a node weighs at most what its parent and its
earlier siblings weigh (probabilities are at most one). So the n heaviest of all possible nodes, ties going to
ancestors and earlier siblings, already are a tree, and no set of n nodes, tree or not, weighs more.

Hence one run that takes the heaviest candidate again and again gives the optimum for *every* number of nodes
up to N: the trees are nested, the gains fall, and G(n) is concave. Depth caps, branch caps, rows that differ
by depth or by the parent's rank, and several roots change nothing. It also holds in floating point, since
rounding keeps order: the tree is the exact optimum of the rounded weights.

The certificate is two numbers: no kept node weighs less than the heaviest node that could be added.
``docs/trees.md`` has the proof, and what fails for rows that rise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heappush
from itertools import accumulate
from typing import Any

import numpy as np

from theory.shapes.profile import Profile
from theory.shapes.shape import TreeShape, canonical
from theory.simplex import Array


class NotOptimal(ValueError):
    """A certificate does not prove its tree optimal."""


@dataclass(frozen=True, eq=False)
class Certificate:
    """Why a tree is optimal: the lightest kept node, and the heaviest one that could be added.

    Attributes
    ----------
    shape
        The tree.
    profile
        Acceptance probabilities; no row rises.
    max_depth, max_children
        Caps; None for none.
    kept
        Weight of the lightest node of the tree, the root included.
    left_out
        Weight of the heaviest node that could be added; 0 if there is none.
    """

    shape: TreeShape
    profile: Profile
    max_depth: int | None
    max_children: int | None
    kept: Any
    left_out: Any

    @classmethod
    def of(
        cls,
        shape: TreeShape,
        *,
        profile: Profile,
        max_depth: int | None = None,
        max_children: int | None = None,
    ) -> Certificate:
        """The two numbers of any tree, from its shape and the profile alone; they need not prove anything."""
        weights = profile.weights(shape).tolist()
        left_out = max(_outside(shape, profile, weights, max_depth, max_children), default=0)
        return cls(shape, profile, max_depth, max_children, min(weights), left_out)

    def verify(self) -> None:
        """Evaluate both weights anew, without the search that found the tree.

        A tree of non-rising rows with ``kept >= left_out`` is optimal among all sets of as many nodes under
        its caps: every node outside it hangs below one that could be added, or comes after it.

        Raises
        ------
        NotOptimal
            If rows rise, the tree breaks its caps, the numbers are not those of the tree, or
            a lighter node was kept than one left out.
        """
        _check_monotone(self.profile)
        deep = self.max_depth is not None and self.shape.depth > self.max_depth
        wide = self.max_children is not None and max(self.shape.counts) > self.max_children
        if deep or wide:
            raise NotOptimal("the tree is larger than its caps allow")
        anew = Certificate.of(
            self.shape, profile=self.profile, max_depth=self.max_depth, max_children=self.max_children
        )
        if (anew.kept, anew.left_out) != (self.kept, self.left_out):
            raise NotOptimal("the certificate's weights are not those of its tree")
        if self.kept < self.left_out:
            raise NotOptimal(f"weight {float(self.left_out):.6g} was left out, {float(self.kept):.6g} kept")


@dataclass(frozen=True, eq=False)
class BestFirst:
    """Optimal trees of every size: nodes in the order in which they are taken, heaviest first.

    Attributes
    ----------
    profile
        Acceptance probabilities.
    max_depth, max_children
        Caps; None for none.
    parents
        Number of each taken node's parent in the order of taking; the roots come first, with parent -1.
    taken
        Weights of the taken nodes (roots not counted), which never rise: the gain of each further node.
    next_weight
        Weight of the node that would come next; 0 if there is none.
    root_weights
        Weight of each root.
    """

    profile: Profile
    max_depth: int | None
    max_children: int | None
    parents: tuple[int, ...]
    taken: tuple[Any, ...]
    next_weight: Any
    root_weights: tuple[Any, ...]

    @property
    def size(self) -> int:
        """Number of nodes taken; fewer than asked for where no further node weighs anything."""
        return len(self.taken)

    @cached_property
    def values(self) -> Array:
        """Optimal values G(0), G(1), ..., shape ``(size + 1,)``: with n drafted nodes, roots counted."""
        kind = object if self.profile.is_exact else np.float64
        return np.array(list(accumulate(self.taken, initial=sum(self.root_weights))), dtype=kind)

    def value(self, nodes: int) -> Any:
        """Optimal value with at most so many nodes; where no further node weighs anything, the last value."""
        self._check(nodes)
        total = self.values[min(nodes, self.size)]
        return total.item() if hasattr(total, "item") else total

    def shape(self, nodes: int | None = None) -> TreeShape:
        """The optimal tree with at most so many nodes (all if None); for one root."""
        if len(self.root_weights) != 1:
            raise ValueError(f"there are {len(self.root_weights)} roots; ask for shapes, one a root")
        return self.shapes(nodes)[0]

    def shapes(self, nodes: int | None = None) -> tuple[TreeShape, ...]:
        """The optimal trees with at most so many nodes in all, one for each root."""
        count = self.size if nodes is None else nodes
        self._check(count)
        roots = len(self.root_weights)
        parents = self.parents[: roots + min(count, self.size)]
        if roots == 1:
            return (TreeShape(canonical(parents)[0]),)
        return tuple(TreeShape(canonical(tree)[0]) for tree in _split(parents, roots))

    def certificate(self, nodes: int | None = None) -> Certificate:
        """The proof that :meth:`shape` of so many nodes is optimal."""
        return Certificate.of(
            self.shape(nodes),
            profile=self.profile,
            max_depth=self.max_depth,
            max_children=self.max_children,
        )

    def _check(self, nodes: int) -> None:
        if nodes < 0:
            raise ValueError(f"a number of nodes is at least 0, got {nodes}")
        if nodes > self.size and self.next_weight > 0:
            raise ValueError(f"the run ended at {self.size} nodes, {nodes} are asked for; run it with more")


def best_first(
    profile: Profile,
    *,
    nodes: int,
    max_depth: int | None = None,
    max_children: int | None = None,
    root_weights: Sequence[Any] = (1,),
) -> BestFirst:
    """Optimal trees of every size up to ``nodes``, for rows that do not rise. Exact.

    Takes O(n log n) time and O(n) memory.

    Parameters
    ----------
    profile
        Acceptance probabilities, non-rising along the ranks of every row.
    nodes
        Largest number of drafted nodes, roots not counted, at least 0.
    max_depth
        Levels below the root, at least 0; None for no cap.
    max_children
        Children a node may have, at least 0; None for as many as the profile has ranks.
    root_weights
        Positive weight of each root: one tree for each, from one budget.

    Returns
    -------
    BestFirst
        Trees, values and certificates. Nodes of weight 0 are not taken.

    Raises
    ------
    ValueError
        If a row rises, or a number is out of range.

    Examples
    --------
    >>> run = best_first(Profile.positional([0.6, 0.2]), nodes=4)
    >>> [round(value, 3) for value in run.values.tolist()]
    [1.0, 1.6, 1.96, 2.176, 2.376]
    >>> run.shape(4).parents
    (-1, 0, 0, 1, 3)
    >>> run.certificate(4).verify()
    """
    check_caps(nodes=nodes, max_depth=max_depth, max_children=max_children)
    _check_monotone(profile)
    if not root_weights or not all(weight > 0 for weight in root_weights):
        raise ValueError("give a positive weight for each root, at least one")
    ranks = profile.ranks if max_children is None else min(max_children, profile.ranks)
    cap = nodes if max_depth is None else max_depth
    parents, taken, rest = _run(profile, nodes, cap, ranks, list(root_weights))
    return BestFirst(
        profile, max_depth, max_children, tuple(parents), tuple(taken), rest, tuple(root_weights)
    )


def _run(
    profile: Profile, nodes: int, cap: int, ranks: int, roots: list[Any]
) -> tuple[list[int], list[Any], Any]:
    """The search: a heap of (negative weight, parent, rank), so that ties go to older parents."""
    rows = [row[:ranks] for row in profile.rows.tolist()]
    following = profile.following.tolist()
    parents, states, depths = [-1] * len(roots), [0] * len(roots), [0] * len(roots)
    weights = list(roots)
    heap = []
    if cap and ranks:
        heap = [(-weight * rows[0][0], root, 0) for root, weight in enumerate(roots) if rows[0][0] > 0]
        heapify(heap)
    while heap and len(parents) < len(roots) + nodes:
        negative, parent, rank = heappop(heap)
        state, node = states[parent], len(parents)
        row = rows[state]
        if rank + 1 < ranks and row[rank + 1]:
            heappush(heap, (-weights[parent] * row[rank + 1], parent, rank + 1))
        parents.append(parent)
        weights.append(-negative)
        below, depth = following[state][rank], depths[parent] + 1
        states.append(below)
        depths.append(depth)
        if below >= 0 and depth < cap and rows[below][0]:
            heappush(heap, (negative * rows[below][0], node, 0))
    return parents, weights[len(roots) :], -heap[0][0] if heap else 0


def _split(parents: Sequence[int], roots: int) -> list[list[int]]:
    """Parents of each root's tree, from those of the forest."""
    trees: list[list[int]] = [[-1] for _ in range(roots)]
    home, number = list(range(roots)), [0] * roots
    for parent in parents[roots:]:
        tree = trees[home[parent]]
        home.append(home[parent])
        number.append(len(tree))
        tree.append(number[parent])
    return trees


def _outside(
    shape: TreeShape,
    profile: Profile,
    weights: list[Any],
    max_depth: int | None,
    max_children: int | None,
) -> list[Any]:
    """Weights of all nodes that could be added."""
    ranks = profile.ranks if max_children is None else min(max_children, profile.ranks)
    rows, following = profile.rows.tolist(), profile.following.tolist()
    states = [0]
    for parent, rank in zip(shape.parents[1:], shape.ranks[1:], strict=True):
        states.append(following[states[parent]][rank])
    return [
        weights[parent] * rows[states[parent]][rank]
        for parent, rank in shape.frontier()
        if rank < ranks and states[parent] >= 0 and (max_depth is None or shape.depths[parent] < max_depth)
    ]


def check_caps(*, nodes: int, max_depth: int | None, max_children: int | None) -> None:
    """Refuse negative numbers of nodes, levels and children.

    Examples
    --------
    >>> check_caps(nodes=-1, max_depth=None, max_children=None)
    Traceback (most recent call last):
    ValueError: nodes must be at least 0, got -1
    """
    for name, number in (("nodes", nodes), ("max_depth", max_depth), ("max_children", max_children)):
        if number is not None and number < 0:
            raise ValueError(f"{name} must be at least 0, got {number}")


def _check_monotone(profile: Profile) -> None:
    if not profile.is_monotone:
        row = int(np.argmax((profile.rows[:, 1:] > profile.rows[:, :-1]).any(axis=1)))
        raise NotOptimal(
            f"row {row} of the profile rises, and then the heaviest nodes need not be a tree; use "
            "max_plus, which is exact for any profile, or isotonic"
        )
