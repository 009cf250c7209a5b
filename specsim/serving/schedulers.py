"""How many tokens to draft for each request of a batch: chains, or nodes of trees.

A scheduler sees gains (the expected tokens that each further draft of a request adds), the numbers of tokens
that are cached, and the costs; never what will be accepted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from specsim.serving.batch import Batch, Plan
from specsim.serving.workload import Counts, Floats


class Scheduler(Protocol):
    """Chooses draft lengths."""

    def lengths(self, batch: Batch, /) -> Counts | Plan:
        """Drafts for each request of the batch, shape ``(B,)``; a plan, to limit the depth of trees, too."""
        ...


@dataclass(frozen=True)
class NoDrafts:
    """Plain decoding."""

    def lengths(self, batch: Batch, /) -> Counts:
        """Zeros."""
        return np.zeros(batch.size, dtype=np.int64)


@dataclass(frozen=True)
class Fixed:
    """The same length for all requests, at any load.

    Parameters
    ----------
    length
        Drafts a request and step.
    """

    length: int

    def __post_init__(self) -> None:
        _check_length(self.length)

    def lengths(self, batch: Batch, /) -> Counts:
        """The length, cut where a request needs fewer tokens."""
        return _cut(np.full(batch.size, self.length), batch)


@dataclass(frozen=True)
class ByBatch:
    """A table from batch sizes to lengths, as serving engines take from their users.

    Parameters
    ----------
    table
        Length for batches from each size on; has an entry for 1.

    Examples
    --------
    >>> ByBatch({1: 5, 16: 2, 64: 0}).length_at(20)
    2
    """

    table: Mapping[int, int]

    def __post_init__(self) -> None:
        if not self.table or min(self.table) != 1:
            raise ValueError(f"the table needs an entry for batches from size 1 on, got {dict(self.table)}")
        for length in self.table.values():
            _check_length(length)

    @classmethod
    def ranges(cls, rows: Sequence[Sequence[int]]) -> ByBatch:
        """From rows of first size, last size and length, as vLLM takes them.

        Beyond the last row its length stays.

        Raises
        ------
        ValueError
            If rows do not follow each other from 1 on.

        Examples
        --------
        >>> ByBatch.ranges([[1, 64, 3], [65, 128, 1], [129, 512, 0]]).length_at(100)
        1
        """
        expected = 1
        for first, last, _ in rows:
            if first != expected or last < first:
                raise ValueError(f"rows of sizes must follow each other from 1 on, got {list(rows)}")
            expected = last + 1
        return cls({first: length for first, _, length in rows})

    def length_at(self, size: int) -> int:
        """Length for a batch size."""
        return self.table[max(start for start in self.table if start <= max(size, 1))]

    def lengths(self, batch: Batch, /) -> Counts:
        """The table's length for this size."""
        return _cut(np.full(batch.size, self.length_at(batch.size)), batch)


@dataclass(frozen=True)
class SpreadByBatch:
    """As many drafts as a table says, the likeliest of the batch (after vLLM's adaptive verification).

    Parameters
    ----------
    table
        Mean drafts a request for batches from each size on.
    most
        Most drafts of a request.
    """

    table: ByBatch
    most: int = 8

    def __post_init__(self) -> None:
        _check_length(self.most)

    def lengths(self, batch: Batch, /) -> Counts:
        """As many drafts in all as the table says, where the gains are largest."""
        return _largest(batch.gains(self.most), batch.size * self.table.length_at(batch.size))


@dataclass(frozen=True)
class Goodput:
    """The one length for all requests that gives the most expected tokens a second (SmartSpec, TurboSpec).

    Parameters
    ----------
    most
        Largest length tried.
    """

    most: int = 8

    def __post_init__(self) -> None:
        _check_length(self.most)

    def lengths(self, batch: Batch, /) -> Counts:
        """The best uniform length; the shorter of equals."""
        best, rate = 0, -np.inf
        gains = np.cumsum(batch.gains(self.most).sum(axis=0)) if self.most else np.zeros(0)
        room = batch.room()
        for length in range(self.most + 1):
            sizes = np.minimum(length, room)
            tokens = batch.size + (gains[length - 1] if length else 0.0)
            value = float(tokens / batch.seconds(int(sizes.sum()), batch.steps(Plan(sizes))))
            if value > rate:
                best, rate = length, value
        return _cut(np.full(batch.size, best), batch)


@dataclass(frozen=True)
class Allocation:
    """The lengths that give the most expected tokens a second: exact for affine costs.

    One sort of the gains gives, for each depth limit, the best tokens for every number of drafts, hence the
    best rate. The published relatives fix the number of drafts (TETRIS) or a uniform length (SmartSpec).

    Parameters
    ----------
    most
        Largest length of a request.

    Notes
    -----
    The time of a step depends on the number of drafts and on the deepest of them, so the maximum over
    both is the optimum. Cost: a sort of ``B * most`` gains and ``most`` running sums.
    """

    most: int = 8

    def __post_init__(self) -> None:
        _check_length(self.most)

    def lengths(self, batch: Batch, /) -> Plan:
        """The optimal lengths, or trees."""
        best, rate = Plan(np.zeros(batch.size, dtype=np.int64)), float(batch.size / batch.seconds(0, 0))
        for depth, falling, owners in batch.by_depth(self.most):
            tokens = batch.size + np.cumsum(falling)
            rates = tokens / batch.seconds(np.arange(1, tokens.size + 1), depth)
            place = int(np.argmax(rates)) if rates.size else 0
            if rates.size and rates[place] > rate:
                rate = float(rates[place])
                best = Plan(np.bincount(owners[: place + 1], minlength=batch.size), depth)
        return best


@dataclass(frozen=True)
class Tetris:
    """The most likely drafts of the whole batch, up to a number of them (TETRIS).

    Parameters
    ----------
    capacity
        Draft tokens a step, over the batch.
    most
        Largest length of a request.
    """

    capacity: int
    most: int = 8

    def __post_init__(self) -> None:
        _check_length(self.most)
        if self.capacity < 0:
            raise ValueError(f"capacity must be a number of draft tokens, got {self.capacity}")

    def lengths(self, batch: Batch, /) -> Counts:
        """Lengths that hold the largest gains."""
        return _largest(batch.gains(self.most), self.capacity)


@dataclass(frozen=True)
class ForSlo:
    """Requests that are behind their objective first, then the best of the rest (after AdaServe).

    A request that is late by t seconds gets drafts until its expected tokens make up for it, the latest
    first; what is left of the capacity goes to the largest gains. With menus of trees these are AdaServe's
    trees, with chains a simpler relative.

    Parameters
    ----------
    capacity
        Draft tokens a step.
    pace
        Seconds a token that requests are promised.
    most
        Largest length of a request.
    """

    capacity: int
    pace: float
    most: int = 8

    def __post_init__(self) -> None:
        _check_length(self.most)
        if self.capacity < 0 or not self.pace > 0:
            raise ValueError(f"capacity is 0 or more and pace positive, got {self.capacity}, {self.pace}")

    def lengths(self, batch: Batch, /) -> Counts:
        """What the late need, then the largest gains."""
        gains = batch.gains(self.most)
        left, needed = self.capacity, np.zeros(batch.size, dtype=np.int64)
        for row in np.argsort(-batch.late, kind="stable").tolist():
            if batch.late[row] <= 0 or left == 0:
                break
            wanted = batch.late[row] / self.pace
            count = int(np.searchsorted(np.cumsum(gains[row]), wanted)) + 1
            needed[row] = min(count, left, int(np.count_nonzero(gains[row])))
            left -= int(needed[row])
        free = np.where(np.arange(self.most) < needed[:, None], 0.0, gains)
        return needed + _largest(free, left)


def _largest(gains: Floats, capacity: int) -> Counts:
    """How many entries of each row are among the largest ones; rows fall, so they are prefixes."""
    flat = gains.ravel()
    order = np.argsort(-flat, kind="stable")[: min(capacity, np.count_nonzero(flat))]
    if not gains.shape[1]:
        return np.zeros(gains.shape[0], dtype=np.int64)
    return np.bincount(order // gains.shape[1], minlength=gains.shape[0])


def _cut(lengths: Counts, batch: Batch) -> Counts:
    return np.minimum(lengths, batch.room())


def _check_length(length: int) -> None:
    if length < 0:
        raise ValueError(f"a draft length is 0 or more, got {length}")
