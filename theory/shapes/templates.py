r"""Static trees that are in use: chains, full trees, expansions, beams, Medusa's greedy, published templates.

Each is a function of a number of nodes (the root not counted) and, where it needs one, of a profile. The
published templates are given by the number of children of each node, breadth first.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from heapq import heapify, heappop, heappush
from typing import Any

from theory.shapes.profile import Profile
from theory.shapes.shape import TreeShape, canonical

# fmt: off
_COUNTS = {
    "Token Recycling 2.2.2": (
        8, 8, 4, 3, 2, 1, 1, 1, 1, 8, 3, 2, 1, 1, 1, 1, 1, 2, 1, 0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 5, 2, 1, 1,
        1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 3, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1,
        0, 0, 2, 0, 0, 1,
    ),
    "Medusa 63": (
        10, 10, 7, 3, 2, 1, 1, 1, 1, 1, 1, 10, 3, 2, 1, 1, 1, 1, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 2,
    ),
    "EAGLE 25": (4, 3, 2, 2, 1, 3, 2, 2, 1, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2),
    "SpecInfer 1-1-3": (1, 1, 3, *[1] * 15),
}
# fmt: on

#: Published trees: Token Recycling's template (80 nodes), Medusa's for 7B (63), EAGLE's first (25), and
#: SpecInfer's expansion 1, 1, 3, 1, 1, 1, 1, 1 (20).
PUBLISHED = {name: TreeShape.from_counts(counts) for name, counts in _COUNTS.items()}


def chain(nodes: int) -> TreeShape:
    """A chain.

    Examples
    --------
    >>> chain(2).parents
    (-1, 0, 1)
    """
    return TreeShape(tuple(range(-1, nodes)))


def k_ary(nodes: int, *, children: int, max_depth: int | None = None) -> TreeShape:
    """A tree in which every node has so many children, filled level by level.

    Parameters
    ----------
    nodes
        Number of nodes; fewer where the depth cap is reached.
    children
        At least 1.
    max_depth
        Largest depth.

    Examples
    --------
    >>> k_ary(5, children=2).parents
    (-1, 0, 0, 1, 1, 2)
    """
    if children < 1:
        raise ValueError(f"children must be at least 1, got {children}")
    if max_depth is not None:
        room = max_depth if children == 1 else sum(children**d for d in range(1, min(max_depth, 64) + 1))
        nodes = min(nodes, room)
    return TreeShape((-1, *((node - 1) // children for node in range(1, nodes + 1))))


def expansion(factors: Sequence[int]) -> TreeShape:
    """The full product tree of SpecInfer: every node of level d has ``factors[d]`` children.

    Examples
    --------
    >>> expansion([2, 1]).parents
    (-1, 0, 0, 1, 2)
    """
    if any(factor < 1 for factor in factors):
        raise ValueError(f"expansion factors are at least 1, got {list(factors)}")
    counts, width = list[int](), 1
    for factor in factors:
        counts += [factor] * width
        width *= factor
    return TreeShape.from_counts(counts)


def best_expansion(profile: Profile, *, nodes: int, max_depth: int | None = None) -> tuple[int, ...]:
    """The expansion factors of largest value with at most so many nodes. Exact.

    Parameters
    ----------
    profile
        Acceptance probabilities, by position or depth.
    nodes
        Number of nodes, at most 512 (the search visits pairs of width and rest).
    max_depth
        Largest depth.

    Examples
    --------
    >>> best_expansion(Profile.positional([0.6, 0.2]), nodes=6)
    (2, 1, 1)
    """
    if nodes > 512:
        raise ValueError(f"the search is for at most 512 nodes, got {nodes}")
    if (profile.following != profile.following[:, :1]).any():
        raise ValueError("full expansions are for profiles by position or depth")
    accepted = profile.rows.astype(float).cumsum(axis=1).tolist()
    below = profile.following[:, 0].tolist()

    @cache
    def search(state: int, width: int, rest: int, levels: int) -> tuple[float, tuple[int, ...]]:
        best: tuple[float, tuple[int, ...]] = (0.0, ())
        if state < 0 or levels == 0:
            return best
        for factor in range(1, min(profile.ranks, rest // width) + 1):
            left = rest - width * factor
            more, factors = search(below[state], width * factor, left, min(levels - 1, left))
            value = accepted[state][factor - 1] * (1 + more)
            if value > best[0]:
                best = (value, (factor, *factors))
        return best

    levels = nodes if max_depth is None else min(max_depth, nodes)
    if profile.depth_limit is None:
        # shorter chains first, so that no call goes many levels deep
        for rest in range(nodes - levels, nodes):
            search(0, 1, rest, min(levels - (nodes - rest), rest))
    return search(0, 1, nodes, levels)[1]


def beam(profile: Profile, *, nodes: int, width: int, max_depth: int | None = None) -> TreeShape:
    """A beam: on each level the heaviest nodes below the last level's, at most so many, all of them kept.

    Parameters
    ----------
    profile
        Acceptance probabilities.
    nodes
        Number of nodes; the last level may be cut short.
    width
        Nodes kept a level, at least 1.
    max_depth
        Largest depth.

    Examples
    --------
    >>> beam(Profile.positional([0.6, 0.3]), nodes=4, width=2).parents
    (-1, 0, 0, 1, 1)
    """
    if width < 1:
        raise ValueError(f"a beam is at least 1 wide, got {width}")
    rows, following = profile.rows.tolist(), profile.following.tolist()
    parents: list[int] = [-1]
    level: list[tuple[Any, int, int]] = [(1, 0, 0)]
    depth = 0
    while level and len(parents) <= nodes and (max_depth is None or depth < max_depth):
        # every parent offers its next child only, so that siblings come without gaps
        open_ = [place for place in level if place[2] >= 0]
        heap = [(-weight * rows[state][0], node, 0, state, weight) for weight, node, state in open_]
        heapify(heap)
        level, depth = [], depth + 1
        while heap and len(level) < width and len(parents) <= nodes:
            negative, node, rank, state, weight = heappop(heap)
            level.append((-negative, len(parents), following[state][rank]))
            parents.append(node)
            if rank + 1 < profile.ranks:
                heappush(heap, (-weight * rows[state][rank + 1], node, rank + 1, state, weight))
    return TreeShape(canonical(parents)[0])


def greedy(
    profile: Profile, *, nodes: int, max_depth: int | None = None, max_children: int | None = None
) -> TreeShape:
    """Medusa's greedy: add the heaviest node that could be added, again and again, whatever the rows do.

    Optimal where no row rises (then it is :func:`theory.shapes.best_first`); a node behind a light sibling is
    not seen where one does.

    Examples
    --------
    >>> greedy(Profile.positional([0.5, 0.05, 0.45]), nodes=3).parents
    (-1, 0, 1, 2)
    """
    rows, following = profile.rows.tolist(), profile.following.tolist()
    ranks = profile.ranks if max_children is None else min(max_children, profile.ranks)
    cap = nodes if max_depth is None else max_depth
    parents, states, depths, weights = [-1], [0], [0], [1]
    heap = [(-rows[0][0], 0, 0)] if cap and ranks else []
    while heap and len(parents) <= nodes:
        negative, parent, rank = heappop(heap)
        node, state = len(parents), states[parent]
        parents.append(parent)
        weights.append(-negative)
        states.append(following[state][rank])
        depths.append(depths[parent] + 1)
        if rank + 1 < ranks:
            heappush(heap, (-weights[parent] * rows[state][rank + 1], parent, rank + 1))
        if states[node] >= 0 and depths[node] < cap:
            heappush(heap, (negative * rows[states[node]][0], node, 0))
    return TreeShape(canonical(parents)[0])


def fitted(shape: TreeShape, *, max_depth: int | None, max_children: int | None) -> TreeShape:
    """A shape without its nodes below a depth and beyond a number of siblings.

    Examples
    --------
    >>> fitted(TreeShape((-1, 0, 0, 1)), max_depth=1, max_children=None).parents
    (-1, 0, 0)
    """
    kept = {0}
    for node in range(1, len(shape.parents)):
        deep = max_depth is not None and shape.depths[node] > max_depth
        wide = max_children is not None and shape.ranks[node] >= max_children
        if shape.parents[node] in kept and not deep and not wide:
            kept.add(node)
    return shape.prefix(sorted(kept))
