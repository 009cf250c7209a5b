r"""How many tokens to draft for each request of a batch.

Drafting k tokens for a request of acceptance a adds :math:`a + a^2 + \dots + a^k` expected tokens:
concave in k, so the best set of n draft tokens over a batch is that of the n largest gains :math:`a_i^j`.
A scheduler sees estimates, the numbers of tokens that are cached, and the costs; never what will be
accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from specsim.clocks import Affine
from specsim.serving.workload import Counts, Floats


@dataclass(frozen=True)
class Batch:
    """What a scheduler sees before a step.

    Attributes
    ----------
    acceptance
        Of each decoding request, shape ``(B,)``.
    remaining
        Tokens that each has still to emit, at least 1.
    cached
        Tokens in all caches.
    prefill
        Prompt tokens that the step reads besides.
    target, draft
        Costs.
    late
        Seconds by which each request is behind its time per token (negative: ahead); zeros without an
        objective.
    """

    acceptance: Floats
    remaining: Counts
    cached: int
    prefill: int
    target: Affine
    draft: Affine
    late: Floats

    @property
    def size(self) -> int:
        """Decoding requests."""
        return int(self.acceptance.size)

    def seconds(self, drafted: ArrayLike, steps: int) -> Floats:
        """Duration of a step with so many draft tokens, in so many draft steps."""
        fresh = self.size + self.prefill + np.asarray(drafted)
        verify = self.target.base + self.target.per_token * fresh + self.target.per_cached * self.cached
        each = self.draft.base + self.draft.per_cached * self.cached
        return np.asarray(verify + steps * each + self.draft.per_token * np.asarray(drafted))

    def gains(self, most: int) -> Floats:
        """Expected tokens that each request's j-th draft adds, ``(B, most)``; 0 past what it needs."""
        places = np.arange(1, most + 1)
        powers = self.acceptance[:, None] ** places
        return np.where(places < self.remaining[:, None], powers, 0.0)


class Scheduler(Protocol):
    """Chooses draft lengths."""

    def lengths(self, batch: Batch, /) -> Counts:
        """Drafts for each request of the batch, shape ``(B,)``."""
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

    def length_at(self, size: int) -> int:
        """Length for a batch size."""
        return self.table[max(start for start in self.table if start <= max(size, 1))]

    def lengths(self, batch: Batch, /) -> Counts:
        """The table's length for this size."""
        return _cut(np.full(batch.size, self.length_at(batch.size)), batch)


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
        for length in range(self.most + 1):
            drafted = int(np.minimum(length, batch.remaining - 1).sum())
            tokens = batch.size + (gains[length - 1] if length else 0.0)
            value = float(tokens / batch.seconds(drafted, length))
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

    def lengths(self, batch: Batch, /) -> Counts:
        """The optimal lengths."""
        gains = batch.gains(self.most)
        best, rate = np.zeros(batch.size, dtype=np.int64), float(batch.size / batch.seconds(0, 0))
        order = np.argsort(-gains.ravel(), kind="stable")[: np.count_nonzero(gains)]
        if not order.size:
            return best
        places, falling = order % self.most, gains.ravel()[order]
        for depth in range(1, int(places.max()) + 2):
            within = places < depth
            tokens = batch.size + np.cumsum(falling[within])
            rates = tokens / batch.seconds(np.arange(1, tokens.size + 1), depth)
            place = int(np.argmax(rates))
            if rates[place] > rate:
                rate = float(rates[place])
                best = np.bincount(order[within][: place + 1] // self.most, minlength=batch.size)
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
    first; what is left of the capacity goes to the largest gains. Single chains here, where AdaServe
    selects trees.

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
    return np.minimum(lengths, batch.remaining - 1)


def _check_length(length: int) -> None:
    if length < 0:
        raise ValueError(f"a draft length is 0 or more, got {length}")
