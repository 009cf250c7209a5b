r"""The optimal static tree of *any* profile, by dynamic programming in (max, +).

Let :math:`V_s(m)` be the largest value of a subtree of at most m nodes whose top, of weight one, has state s,
and :math:`F_{s,j}(m)` the largest value of at most m nodes in the subtrees of children j, j + 1, ... of a
node of state s. Then

.. math:: V_s(m) = 1 + F_{s,0}(m - 1), \qquad
          F_{s,j}(m) = \max\Bigl(0,\; \max_{1 \le i \le m} r_{s,j} V_{s_j}(i) + F_{s,j+1}(m - i)\Bigr)

with r the row of s and :math:`s_j` the state of its j-th child (Sequoia, Algorithm 1 and Appendix F). One run
gives every number of nodes up to N. "At most" and "exactly" m nodes have one value as long as m nodes fit
under the caps, since weights are not negative.

Where states never return (a depth cap, or rows by depth), they are solved from the deepest up, and each F is
one (max, +) convolution, done in blocks that stay in the cache; otherwise all F grow together, a node at a
time. The tables prove an upper bound: whatever satisfies both equations with ``>=`` is at least the optimum.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.shapes.best_first import NotOptimal, check_caps
from theory.shapes.profile import Profile
from theory.shapes.shape import TreeShape
from theory.simplex import Array

_BLOCK = 48
#: Additions of floats that are still done, about a quarter of an hour's.
_MOST = 2 * 10**12


@dataclass(frozen=True, eq=False)
class MaxPlus:
    """Optimal trees of every size, for any profile.

    Attributes
    ----------
    profile
        Acceptance probabilities.
    max_depth, max_children
        Caps; None for none.
    rows, following
        The states that can occur, unrolled over depths if there is a cap: probabilities and the states of
        children, shape ``(states, ranks)``; -1 for a child that can have no children.
    tops
        ``V``, shape ``(states + 1, N + 1)``: entry ``[s, i]`` with i nodes besides the top. The last row, of
        all ones, is that of state -1.
    forests
        ``F``, shape ``(states, ranks + 1, N + 1)``.
    """

    profile: Profile
    max_depth: int | None
    max_children: int | None
    rows: Array
    following: Array
    tops: Array
    forests: Array

    @property
    def size(self) -> int:
        """Largest number of nodes."""
        return int(self.tops.shape[1]) - 1

    @property
    def values(self) -> Array:
        """Optimal values G(0), ..., G(N): with at most n drafted nodes, the root counted."""
        values: Array = self.tops[0]
        return values

    def value(self, nodes: int) -> Any:
        """Optimal value with at most so many nodes."""
        self._check(nodes)
        total = self.values[nodes]
        return total.item() if hasattr(total, "item") else total

    def shape(self, nodes: int | None = None) -> TreeShape:
        """An optimal tree with at most so many nodes (N if None); nodes that add nothing are left out."""
        count = self.size if nodes is None else nodes
        self._check(count)
        parents = [-1]
        waiting = deque([(0, 0, count)])
        while waiting:
            node, state, budget = waiting.popleft()
            for below, share in self._split(state, budget):
                waiting.append((len(parents), below, share - 1))
                parents.append(node)
        return TreeShape(tuple(parents))

    def _split(self, state: int, budget: int) -> list[tuple[int, int]]:
        """State and number of nodes of each child's subtree, in an optimal forest below a node."""
        children: list[tuple[int, int]] = []
        rank = 0
        while state >= 0 and rank < self.rows.shape[1] and self.forests[state, rank, budget] > 0:
            below = int(self.following[state, rank])
            gains = self.rows[state, rank] * self.tops[below, :budget]
            share = 1 + int(np.argmax(gains + self.forests[state, rank + 1, budget - 1 :: -1][:budget]))
            children.append((below, share))
            budget, rank = budget - share, rank + 1
        return children

    def verify(self) -> None:
        """Check that the tables satisfy both equations with ``>=``, and that the trees reach the values.

        The first proves that no tree of at most N nodes is worth more than the tables say (induction over the
        number of nodes); the second that trees of N nodes and of half as many are worth that much, up to
        rounding of 1e-12. Costs about as much as the solution.

        Raises
        ------
        NotOptimal
            If either fails.
        """
        if not (self.tops[:-1] >= 1 + self.forests[:, 0]).all() or not (self.forests[:, -1] >= 0).all():
            raise NotOptimal("the tables do not satisfy V = 1 + F")
        for state, rank in np.ndindex(*self.rows.shape):
            gains = self.rows[state, rank] * self.tops[self.following[state, rank]]
            bound = _convolve(gains, self.forests[state, rank + 1])
            if not (self.forests[state, rank, 1:] >= bound[:-1]).all():
                raise NotOptimal(f"the tables are too small for state {state}, rank {rank}")
        for nodes in {self.size // 2, self.size}:
            reached = self.shape(nodes).value(self.profile)
            if abs(reached - self.value(nodes)) > 1e-12 * self.value(nodes):
                raise NotOptimal(f"the tree of {nodes} nodes is worth {reached}, not {self.value(nodes)}")

    def _check(self, nodes: int) -> None:
        if not 0 <= nodes <= self.size:
            raise ValueError(f"the tables hold 0..{self.size} nodes, {nodes} are asked for; run it with more")


def max_plus(
    profile: Profile, *, nodes: int, max_depth: int | None = None, max_children: int | None = None
) -> MaxPlus:
    """Optimal trees of every size up to ``nodes``, for any profile. Exact.

    Takes O(S B N^2) additions for S states and B ranks (with a depth cap, a state occurs once a depth) and
    O(S B N) memory. For rows that do not rise, :func:`theory.shapes.best_first` gives the same at once.

    Parameters
    ----------
    profile
        Acceptance probabilities.
    nodes
        Largest number of drafted nodes, the root not counted, at least 0.
    max_depth
        Levels below the root, at least 0; None for no cap.
    max_children
        Children a node may have, at least 0; None for as many as the profile has ranks.

    Returns
    -------
    MaxPlus
        Values, trees, and the tables that prove them.

    Raises
    ------
    ValueError
        If a number is out of range, or it would take hours (over 2e12 additions).

    Examples
    --------
    A second child is worth more than the first, and must wait for it:

    >>> run = max_plus(Profile.positional([0.1, 0.5]), nodes=4)
    >>> [round(value, 3) for value in run.values.tolist()]
    [1.0, 1.1, 1.6, 1.65, 1.9]
    >>> run.shape(4).parents
    (-1, 0, 0, 2, 2)
    >>> run.verify()
    """
    check_caps(nodes=nodes, max_depth=max_depth, max_children=max_children)
    ranks = profile.ranks if max_children is None else min(max_children, profile.ranks)
    depth = min(nodes, max_depth) if max_depth is not None else None
    rows, following, acyclic = _states(profile, depth)
    rows, following = rows[:, :ranks], following[:, :ranks]
    if rows.size * nodes**2 > _MOST:
        raise ValueError(
            f"{nodes} nodes over {len(rows)} states of {rows.shape[1]} ranks would take hours; ask for "
            "fewer, cap the children, or take best_first of the isotonic profile (upper_bound says what it "
            "may lose)"
        )
    kind = object if profile.is_exact else np.float64
    tops = np.full((len(rows) + 1, nodes + 1), 1, dtype=kind)
    forests = np.full((len(rows), rows.shape[1] + 1, nodes + 1), 0, dtype=kind)
    if nodes and rows.size:
        (_from_below if acyclic else _together)(rows, following, tops, forests)
    return MaxPlus(profile, max_depth, max_children, rows, following, tops, forests)


def _states(profile: Profile, max_depth: int | None) -> tuple[Array, Array, bool]:
    """Rows and states of children of what can occur, children after parents if states never return."""
    if max_depth is None and profile.depth_limit is None:
        return profile.rows, profile.following, False
    limit = profile.depth_limit if max_depth is None else max_depth
    assert limit is not None
    if limit == 0:
        return profile.rows[:1, :0], profile.following[:1, :0], True
    number = {(0, 0): 0}
    places = deque([(0, 0)])
    rows, following = [], []
    while places:
        depth, state = places.popleft()
        rows.append(profile.rows[state])
        below = []
        for child in profile.following[state].tolist():
            place = (depth + 1, child)
            if child < 0 or depth + 1 >= limit:
                below.append(-1)
                continue
            if place not in number:
                number[place] = len(number)
                places.append(place)
            below.append(number[place])
        following.append(below)
    return np.array(rows, dtype=profile.rows.dtype), np.array(following, dtype=np.intp), True


def _from_below(rows: Array, following: Array, tops: Array, forests: Array) -> None:
    """Fill the tables where children's states come after their parents'."""
    for state in range(len(rows) - 1, -1, -1):
        for rank in range(rows.shape[1] - 1, -1, -1):
            gains = rows[state, rank] * tops[following[state, rank]]
            forests[state, rank, 1:] = _convolve(gains, forests[state, rank + 1])[:-1]
        tops[state] = 1 + forests[state, 0]


def _together(rows: Array, following: Array, tops: Array, forests: Array) -> None:
    """Fill the tables a number of nodes at a time."""
    states, ranks = rows.shape
    size = tops.shape[1] - 1
    # what a child's subtree of i nodes is worth stands at place size - i: sums over i run forwards in memory
    gains = np.empty((states, ranks, size), dtype=tops.dtype)
    for count in range(1, size + 1):
        gains[:, :, size - count] = rows * tops[following, count - 1]
        for state in range(states):
            sums = gains[state, :, size - count :] + forests[state, 1:, :count]
            forests[state, :-1, count] = sums.max(axis=1)
        tops[:-1, count] = 1 + forests[:, 0, count]


def _convolve(gains: Array, forest: Array) -> Array:
    """``out[m] = max over 0 <= i <= m of gains[i] + forest[m - i]``, in blocks of m."""
    size = len(gains)
    padded = np.full(size + _BLOCK, -np.inf, dtype=gains.dtype)
    padded[:size] = forest[::-1]
    # row m of a block reads the reversed forest from where forest[m] stands; beyond forest[0] nothing counts
    out = np.empty(size, dtype=gains.dtype)
    step = padded.strides[0]
    for start in range(0, size, _BLOCK):
        stop = min(start + _BLOCK, size)
        # row m of the window holds forest[m - i] for i = 0..stop-1
        window = np.lib.stride_tricks.as_strided(
            padded[size - 1 - start :], shape=(stop - start, stop), strides=(-step, step)
        )
        out[start:stop] = (window + gains[:stop]).max(axis=1)
    return out
