"""Every tree there is, for comparison with what the solvers say."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import accumulate

import numpy as np
from hypothesis import strategies as st

from theory.shapes import Profile, TreeShape, from_nested


@cache
def forests(nodes: int) -> tuple[tuple, ...]:
    """All ordered forests of so many nodes, as tuples of nested shapes."""
    if nodes == 0:
        return ((),)
    return tuple(
        (first, *rest)
        for size in range(1, nodes + 1)
        for first in forests(size - 1)
        for rest in forests(nodes - size)
    )


@cache
def shapes(nodes: int) -> tuple[TreeShape, ...]:
    """All shapes of so many nodes besides the root: Catalan numbers, 429 for seven."""
    return tuple(from_nested(forest) for forest in forests(nodes))


def fits(shape: TreeShape, profile: Profile, max_depth=None, max_children=None) -> bool:
    ranks = profile.ranks if max_children is None else min(max_children, profile.ranks)
    depths = [depth for depth in (profile.depth_limit, max_depth) if depth is not None]
    return max(shape.counts) <= ranks and shape.depth <= min(depths, default=shape.depth)


def bests(profile: Profile, nodes: int, max_depth=None, max_children=None) -> list:
    """For each number of nodes the largest value of at most so many, over every tree."""
    exact = [
        [shape.value(profile) for shape in shapes(size) if fits(shape, profile, max_depth, max_children)]
        for size in range(nodes + 1)
    ]
    return list(accumulate((max(values, default=0) for values in exact), max))


def best(profile: Profile, nodes: int, max_depth=None, max_children=None):
    """The largest value of at most so many nodes, over every tree."""
    return bests(profile, nodes, max_depth, max_children)[-1]


@st.composite
def rows(draw, ranks: int):
    """Fractions that sum to at most one; zeros and ties are likely."""
    parts = draw(st.lists(st.integers(0, 6), min_size=ranks + 1, max_size=ranks + 1))
    total = max(sum(parts), 1)
    return [Fraction(part, total) for part in parts[:ranks]]


@st.composite
def profiles(draw, *, monotone: bool = False, kinds=("positional", "by depth", "by parent's rank")):
    """Exact profiles of every kind, of one to three ranks."""
    ranks = draw(st.integers(1, 3))
    kind = draw(st.sampled_from(kinds))

    def row():
        drawn = draw(rows(ranks))
        return sorted(drawn, reverse=True) if monotone else drawn

    if kind == "positional":
        return Profile.positional(np.array(row()))
    if kind == "by depth":
        return Profile.by_depth(np.array([row() for _ in range(draw(st.integers(1, 4)))]))
    return Profile.by_parent_rank(np.array(row()), np.array([row() for _ in range(ranks)]))


caps = st.none() | st.integers(0, 4)
