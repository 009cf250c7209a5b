r"""Acceptance profiles: with what probability the k-th child of an accepted node is the one accepted.

A profile gives every node a *row* of probabilities, one a rank: row entry k is the probability that the k-th
child is the accepted one, given that the node is. Children exclude each other, so a row sums to at most
one. Which row a node has depends on its *state*, and its state on its place in the tree:

* **positional**: one row for all nodes (Sequoia's positional acceptance);
* **by depth**: a row for each depth (Medusa's heads, EAGLE); there is nothing below the last row;
* **by parent's rank**: a row for the root and one for each rank that a node may have itself.

The probability that a node is accepted is the product of the entries along its path, the *weight*; the value
of a tree is the sum of its weights, which is the expected number of tokens per target call, the root's 1
standing for the token that the target adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.simplex import Array, is_exact, is_exact_kind

if TYPE_CHECKING:
    from theory.shapes.shape import TreeShape

_SLACK = 1e-9


@dataclass(frozen=True, eq=False)
class Profile:
    """Rows of acceptance probabilities, and which row a child has.

    Make one with :meth:`positional`, :meth:`by_depth` or :meth:`by_parent_rank`.

    Parameters
    ----------
    rows
        Probabilities, shape ``(states, ranks)``, floats or fractions.
    following
        State of each child, shape ``(states, ranks)``; -1 where the child can have no children. The root has
        state 0.
    kind
        In words.
    exclusive
        Whether rows are probabilities of events that exclude each other, so that each must sum to at most
        one. With False larger sums are allowed; the value of a tree is then a sum of products and no
        expectation.

    Raises
    ------
    ValueError
        If rows are not a table of numbers between 0 and 1, a row sums to more than one, or a state does not
        exist.

    Examples
    --------
    >>> profile = Profile.positional([0.6, 0.2, 0.1])
    >>> profile.is_monotone, profile.ranks, profile.depth_limit
    (True, 3, None)
    >>> Profile.by_depth([[0.6, 0.2], [0.5, 0.1]]).depth_limit
    2
    """

    rows: Array
    following: Array
    kind: str = "custom"
    exclusive: bool = True

    def __post_init__(self) -> None:
        rows = _table(self.rows)
        following = np.asarray(self.following, dtype=np.intp)
        if following.shape != rows.shape:
            raise ValueError(
                f"rows and following need one shape, got {rows.shape} and {following.shape}: a state a child"
            )
        if following.min() < -1 or following.max() >= len(rows):
            raise ValueError(f"states are numbers of rows, 0..{len(rows) - 1}, or -1 for no children")
        if self.exclusive:
            _check_sums(rows)
        for name, array in (("rows", rows), ("following", following)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @classmethod
    def positional(cls, p: Sequence[Any] | Array, *, exclusive: bool = True) -> Profile:
        """One row for all nodes, shape ``(ranks,)``; depth is unlimited.

        Raises
        ------
        ValueError
            If it is not one non-empty list of probabilities.
        """
        row = _table([p])
        return cls(row, np.zeros(row.shape, dtype=np.intp), "positional", exclusive)

    @classmethod
    def by_depth(cls, table: Sequence[Sequence[Any]] | Array, *, exclusive: bool = True) -> Profile:
        """A row for each depth of the parent, shape ``(depths, ranks)``; children of the root use row 0.

        Trees have at most as many levels below the root as there are rows.

        Raises
        ------
        ValueError
            If it is not a table of probabilities.
        """
        rows = _table(table)
        states = np.arange(1, len(rows) + 1)
        states[-1] = -1
        return cls(rows, np.repeat(states[:, None], rows.shape[1], axis=1), "by depth", exclusive)

    @classmethod
    def by_parent_rank(
        cls, first: Sequence[Any] | Array, table: Sequence[Sequence[Any]] | Array, *, exclusive: bool = True
    ) -> Profile:
        """A row for the root, and one for each rank that the parent has among its own siblings.

        Parameters
        ----------
        first
            The root's row, shape ``(ranks,)``.
        table
            Row r is that of a node which is the r-th child itself, shape ``(ranks, ranks)``.
        exclusive
            As for the class.

        Raises
        ------
        ValueError
            If it is not a square table of probabilities with as many ranks as the first row.
        """
        row, rest = _table([first]), _table(table)
        if rest.shape != (row.shape[1],) * 2:
            raise ValueError(
                f"the table needs shape ({row.shape[1]}, {row.shape[1]}), a row a rank; got {rest.shape}"
            )
        rows = np.concatenate([row, rest])
        states = np.broadcast_to(np.arange(1, len(rows)), rows.shape)
        return cls(rows, states, "by parent's rank", exclusive)

    @property
    def ranks(self) -> int:
        """How many children a node can have."""
        return int(self.rows.shape[1])

    @cached_property
    def is_monotone(self) -> bool:
        """Whether no row rises along the ranks: then the heaviest nodes are the optimal tree."""
        return bool((self.rows[:, 1:] <= self.rows[:, :-1]).all())

    @property
    def is_exact(self) -> bool:
        """Whether probabilities are fractions."""
        return is_exact(self.rows)

    @cached_property
    def sums_to_at_most_one(self) -> bool:
        """Whether every row could be the probabilities of events that exclude each other."""
        return bool((self.rows.sum(axis=1) <= 1 + _SLACK).all())

    @cached_property
    def depth_limit(self) -> int | None:
        """Number of levels below the root that the rows reach, or None if there is no end."""
        level, depth = {0}, 0
        while level and depth <= len(self.rows):
            level = {int(s) for state in level for s in self.following[state] if s >= 0}
            depth += 1
        return depth if not level else None

    def first_ranks(self, count: int) -> Profile:
        """The profile of nodes with at most ``count`` children."""
        if count < 1:
            raise ValueError(f"a node needs room for at least 1 child, got {count}")
        return Profile(self.rows[:, :count], self.following[:, :count], self.kind, self.exclusive)

    def with_rows(self, rows: Array) -> Profile:
        """The same states with other probabilities."""
        return Profile(rows, self.following, self.kind, self.exclusive)

    def weights(self, shape: TreeShape) -> Array:
        """Weight of each node of a shape, shape ``(n + 1,)``; the root's is 1."""
        one = self.rows.dtype.type(1) if not self.is_exact else 1
        weights, states = [one], [0]
        rows, following = self.rows.tolist(), self.following.tolist()
        if max(shape.counts) > self.ranks:
            raise ValueError(
                f"a node has {max(shape.counts)} children, the profile knows {self.ranks} ranks; "
                "give acceptance probabilities for all"
            )
        for parent, rank in zip(shape.parents[1:], shape.ranks[1:], strict=True):
            state = states[parent]
            if state < 0:
                raise ValueError(
                    f"the shape has depth {shape.depth}, the profile ends at depth {self.depth_limit}; "
                    "give rows for all levels"
                )
            weights.append(weights[parent] * rows[state][rank])
            states.append(following[state][rank])
        return np.array(weights, dtype=object if self.is_exact else np.float64)


def from_conditional(table: Sequence[Any] | Array) -> Array:
    """Row entries from probabilities *given that the earlier siblings were rejected*.

    Parameters
    ----------
    table
        Conditional acceptance probabilities along the last axis; any number between 0 and 1.

    Returns
    -------
    Array
        ``h_k`` times the product of ``1 - h_j`` over earlier ranks, of the same shape.

    Examples
    --------
    >>> from_conditional([0.5, 0.5, 1.0]).tolist()
    [0.5, 0.25, 0.25]
    """
    hazards = _table(table if np.ndim(np.asarray(table, dtype=object)) == 2 else [table])
    missed = np.cumprod(1 - hazards, axis=1)
    before = np.concatenate([np.ones_like(missed[:, :1]), missed[:, :-1]], axis=1)
    rows: Array = hazards * before
    return rows if np.ndim(np.asarray(table, dtype=object)) == 2 else rows[0]


def power_law(*, exponent: float, ranks: int) -> Array:
    r"""Acceptance with power-law rejection: after k drafts all are rejected with probability ``(k + 1)^-b``.

    Entry k (from 0) is :math:`(k+1)^{-b} - (k+2)^{-b}`.

    Examples
    --------
    >>> power_law(exponent=1, ranks=3).round(4).tolist()
    [0.5, 0.1667, 0.0833]
    """
    if exponent <= 0 or ranks < 1:
        raise ValueError(f"exponent must be above 0 and ranks at least 1, got {exponent} and {ranks}")
    rejected = np.arange(1, ranks + 2, dtype=np.float64) ** -exponent
    return -np.diff(rejected)


def _table(table: Any) -> Array:
    try:
        array = np.asarray(table)
    except ValueError:
        array = np.array([], dtype=object)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            "give a non-empty list of acceptance probabilities, or a table of lists of equal length; "
            f"got an array of shape {array.shape}"
        )
    if is_exact(array):
        odd = [value for value in array.ravel().tolist() if not is_exact_kind(type(value))]
        if odd:
            raise ValueError(
                f"acceptance probabilities are numbers, all floats or all fractions; got {odd[0]!r}"
            )
    else:
        if array.dtype.kind not in "fiu":
            raise ValueError(f"acceptance probabilities are numbers, got {array.dtype}")
        array = array.astype(np.float64)
    finite = array == array  # not a number differs from itself
    wrong = np.argwhere(~(finite & (array >= 0) & (array <= 1)))
    if wrong.size:
        state, rank = wrong[0].tolist()
        raise ValueError(
            f"acceptance probabilities are between 0 and 1; row {state}, rank {rank} is {array[state, rank]}"
        )
    return array.copy()


def _check_sums(rows: Array) -> None:
    sums = rows.sum(axis=1)
    worst = int(np.argmax(sums))
    if sums[worst] > 1 + _SLACK:
        raise ValueError(
            f"row {worst} sums to {float(sums[worst]):.6g}, but children exclude each other, so it sums to "
            "at most 1; rates given that earlier siblings were rejected go through from_conditional"
        )
