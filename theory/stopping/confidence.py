r"""The problem: positions have a type, seen once they are drafted, that says how sure a draft is.

Types :math:`s \in \{0 \dots S-1\}` follow each other along the text as a Markov chain M; a draft at a
position of type s is accepted with probability :math:`a_s`, independently given the types, if those before
it in the round were. A round starts behind a committed position of known type. Drafting a position costs
the draft time and shows its type; then one decides whether to draft another. The first rejected position is
where the next round starts (its type is known); if all were accepted, the bonus token is one step of M
further.

Given the types, what is still open in a round is only whether all drafts so far are accepted: the *belief*
:math:`P = \prod_i a_{s_i}`. It depends on how many drafts of each type there were, so a round lives on the
**lattice of counts**, which is exact: nothing is rounded to a grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from theory.stopping.times import Times, check_limit

Array = np.ndarray[Any, np.dtype[Any]]

#: Most lattice states: types times counts times limit.
STATE_LIMIT = 20_000_000


@dataclass(frozen=True, eq=False)
class Confidence:
    """Types of positions, how sure each is, how they follow each other, and what drafting costs.

    Parameters
    ----------
    acceptance
        For each type the probability that a draft is accepted, shape ``(S,)``, in [0, 1].
    moves
        ``moves[s, t]``: probability that a position of type t follows one of type s, shape ``(S, S)``;
        positive, so that the types mix under every policy.
    times
        Times of draft step and target call.
    limit
        Most drafts a round, at least 0.

    Raises
    ------
    ValueError
        If shapes or ranges are wrong, a row does not sum to 1 within 1e-9, or the lattice would be too large.

    Examples
    --------
    >>> problem = Confidence.mixed(acceptance=[0.9, 0.4], shares=[0.5, 0.5], persistence=0.2,
    ...                            times=Times(draft_time=0.1, target_time=1.0), limit=8)
    >>> problem.moves.round(6).tolist()
    [[0.6, 0.4], [0.4, 0.6]]
    """

    acceptance: Array
    moves: Array
    times: Times
    limit: int

    def __init__(self, *, acceptance: ArrayLike, moves: ArrayLike, times: Times, limit: int) -> None:
        check_limit(limit)
        rates, table = np.array(acceptance, dtype=np.float64), np.array(moves, dtype=np.float64)
        _check_rates(rates)
        _check_moves(table, rates.size)
        if rates.size * (limit + 1) ** rates.size > STATE_LIMIT:
            raise ValueError(
                f"{rates.size} types and a limit of {limit} make more than {STATE_LIMIT} states; "
                "take fewer types or a smaller limit"
            )
        for array in (rates, table):
            array.setflags(write=False)
        for name, value in zip(
            ("acceptance", "moves", "times", "limit"), (rates, table, times, int(limit)), strict=True
        ):
            object.__setattr__(self, name, value)

    @classmethod
    def iid(cls, *, acceptance: ArrayLike, shares: ArrayLike, times: Times, limit: int) -> Confidence:
        """Types that are drawn anew at every position."""
        row = np.array(shares, dtype=np.float64)
        return cls(acceptance=acceptance, moves=np.tile(row, (row.size, 1)), times=times, limit=limit)

    @classmethod
    def mixed(
        cls, *, acceptance: ArrayLike, shares: ArrayLike, persistence: float, times: Times, limit: int
    ) -> Confidence:
        """Types that stay with probability ``persistence``, else are drawn anew from ``shares``."""
        if not 0 <= persistence < 1:
            raise ValueError(f"persistence must be in [0, 1), got {persistence}")
        row = np.array(shares, dtype=np.float64)
        moves = persistence * np.eye(row.size) + (1 - persistence) * row
        return cls(acceptance=acceptance, moves=moves, times=times, limit=limit)

    def believing(self, acceptance: ArrayLike) -> Confidence:
        """The same problem with other acceptance probabilities (what a mis-calibrated head believes)."""
        return Confidence(acceptance=acceptance, moves=self.moves, times=self.times, limit=self.limit)

    @property
    def types(self) -> int:
        """Number of types."""
        return int(self.acceptance.size)

    @property
    def shares(self) -> Array:
        """Stationary shares of the types along the text."""
        return stationary(self.moves)

    def beliefs(self, drafted: int) -> Array:
        """P after so many drafts, over the counts of all types but the last: ``(drafted + 1,) * (S - 1)``.

        Entries whose counts exceed ``drafted`` are no states; they hold numbers that nothing reads.
        """
        return self._layers[drafted]

    @cached_property
    def _layers(self) -> tuple[Array, ...]:
        return tuple(self._layer(drafted) for drafted in range(self.limit + 1))

    def _layer(self, drafted: int) -> Array:
        grid = counts(drafted, self.types)
        rest = np.maximum(drafted - sum(grid, np.zeros((), dtype=np.int64)), 0)
        result = np.asarray(self._powers[-1][rest])
        for row, count in zip(self._powers, grid, strict=False):
            result = result * row[count]
        result.setflags(write=False)
        return result

    @cached_property
    def _powers(self) -> Array:
        return self.acceptance[:, None] ** np.arange(self.limit + 1)


def counts(drafted: int, types: int) -> Sequence[Array]:
    """Counts of all types but the last, as open grids."""
    axes = [np.arange(drafted + 1)] * (types - 1)
    return list(np.ix_(*axes)) if axes else []


def real(drafted: int, types: int) -> Array:
    """Which entries of a layer are states: counts that sum to at most ``drafted``."""
    total = sum(counts(drafted, types), np.zeros((), dtype=np.int64))
    return np.asarray(total <= drafted)


def after(layer: Array, kind: int, drafted: int, types: int) -> Array:
    """Entries of the next layer that one more draft of a type leads to.

    ``layer`` ends with the axes of counts and of the last type; axes before are kept.
    """
    index = tuple(slice(int(axis == kind), int(axis == kind) + drafted + 1) for axis in range(types - 1))
    place: tuple[Any, ...] = (..., *index, kind)
    return np.asarray(layer[place])


def stationary(moves: Array) -> Array:
    """The stationary distribution of a chain with one recurrent class."""
    size = moves.shape[0]
    system = np.vstack([moves.T - np.eye(size), np.ones(size)])
    solution: Array = np.linalg.lstsq(system, np.append(np.zeros(size), 1.0), rcond=None)[0]
    return solution


def _check_rates(rates: Array) -> None:
    if rates.ndim != 1 or rates.size < 1:
        raise ValueError(
            f"acceptance needs one number for each of at least one type, got shape {rates.shape}"
        )
    if not np.all((rates >= 0) & (rates <= 1)):
        raise ValueError(f"acceptance must be probabilities in [0, 1], got {rates.tolist()}")


def _check_moves(moves: Array, types: int) -> None:
    if moves.shape != (types, types):
        raise ValueError(f"moves must have shape {(types, types)}, one row for each type, got {moves.shape}")
    if not np.all(moves > 0):
        raise ValueError("moves must be positive, so that types mix; give rare moves a small probability")
    if np.abs(moves.sum(axis=1) - 1).max() > 1e-9:
        raise ValueError(f"each row of moves must sum to 1, got {moves.sum(axis=1).tolist()}")
