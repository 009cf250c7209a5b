r"""Reaching a law by exchanging scores: which pools trade how much.

Cut the order of falling p / q into pools at every change of the wanted slope. *The pool rule*: every draft
has as its score the place of its pool, and one with the best score is picked, by a fair draw among equals.
A token of pool i is then picked with probability :math:`q_x c_i`, with :math:`c_i` the slope of g's chord
over the pool. Wanted is :math:`q_x r_i`, which favours the first pools less.

So let tokens trade scores. If a mass :math:`e_{ij}` of pool i (out of its :math:`Q_i`) shows the score j
instead, and the same mass of pool j shows the score i, scores have the same law as before, and

.. math:: q_x \Bigl[ c_i - \sum_j \tfrac{e_{ij}}{Q_i} (c_i - c_j) \Bigr]

is what a token of pool i gets. Pools with a surplus :math:`d_i = Q_i (c_i - r_i) > 0` have to give it to
pools that lack: match them first come, first served along the order, :math:`m_{ij}` from i to j, and trade
:math:`e_{ij} = m_{ij} / (c_i - c_j)`. That the wanted law is within reach says that surplus is never behind
lack, so i is before j; and then :math:`c_j < r_j \le r_i` makes
:math:`\sum_j e_{ij} < \sum_j m_{ij} / (c_i - r_i) = Q_i`: no pool trades more than it has.
``docs/clipping.md`` has the proof in full. There are fewer trades than pools, and all of them come from two
cumulative sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.simplex import Array


@dataclass(frozen=True, eq=False)
class Swaps:
    """Trades of score between pools.

    Attributes
    ----------
    better, worse
        The two pools of each trade, shape ``(m,)``, both never falling.
    mass
        The draft mass that either of them trades, shape ``(m,)``.
    share
        How much of its mass each pool trades, in [0, 1], shape ``(pools,)``.
    partner_slopes
        The mean chord slope that each pool gets for it: a mean with the weights that partners are drawn by.
        Its own slope where it trades nothing.
    """

    better: Array
    worse: Array
    mass: Array
    share: Array
    partner_slopes: Array

    def partners(self, pool: int) -> tuple[Array, Array]:
        """The pools that one trades with, and the masses; O(log m)."""
        for mine, theirs in ((self.better, self.worse), (self.worse, self.better)):
            first, last = np.searchsorted(mine, [pool, pool + 1])
            if first < last:
                return theirs[first:last], self.mass[first:last]
        return self.better[:0], self.mass[:0]


def match_swaps(masses: Array, chords: Array, slopes: Array) -> Swaps:
    """The trades that turn the chord slopes of pools into the wanted slopes.

    Parameters
    ----------
    masses
        Draft mass of each pool, best first, shape ``(n,)``.
    chords
        Slope of g's chord over each pool, falling.
    slopes
        Wanted slopes, falling, within reach: their running mass is never above the chords'.

    Returns
    -------
    Swaps
        With fractions they reach the wanted slopes exactly. With floats a surplus that is behind a lack, or
        that no trade can move, is rounding, and is left where it is.

    Examples
    --------
    >>> swaps = match_swaps(np.array([0.5, 0.5]), np.array([1.5, 0.5]), np.array([1.25, 0.75]))
    >>> swaps.better.tolist(), swaps.worse.tolist(), swaps.mass.tolist()
    ([0], [1], [0.125])
    >>> swaps.share.tolist(), swaps.partner_slopes.tolist()
    ([0.25, 0.25], [0.5, 1.5])
    """
    surplus = masses * (chords - slopes)
    giving, lacking = np.flatnonzero(surplus > 0), np.flatnonzero(surplus < 0)
    giver, taker, moved = _first_come_first_served(surplus[giving], -surplus[lacking])
    better, worse = giving[giver], lacking[taker]
    apart = chords[better] - chords[worse]
    real = (better < worse) & (apart > 0)
    if not real.all():
        better, worse, moved, apart = better[real], worse[real], moved[real], apart[real]
    pairs = _Pairs.of(better, worse)
    with np.errstate(over="ignore"):
        traded = pairs.sums(moved / apart, moved / apart, masses)
        if not np.any(traded > masses):
            return _swaps(pairs, moved / apart, masses, chords)
        # rounding: no pool trades more than it has
        shared = pairs.sums(moved, moved, masses)
        most = np.minimum(masses[better] / shared[better], masses[worse] / shared[worse])
        return _swaps(pairs, moved * np.minimum(1 / apart, most), masses, chords)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Trading pools, and where the runs of each start."""

    better: Array
    worse: Array
    better_starts: Array
    worse_starts: Array

    @classmethod
    def of(cls, better: Array, worse: Array) -> _Pairs:
        return cls(better, worse, run_starts(better), run_starts(worse))

    def sums(self, to_better: Array, to_worse: Array, like: Array) -> Array:
        """Sums over each pool's trades, shape of ``like``."""
        out = like * 0
        if self.better.size:
            out[self.better[self.better_starts]] = np.add.reduceat(to_better, self.better_starts)
            out[self.worse[self.worse_starts]] = np.add.reduceat(to_worse, self.worse_starts)
        return out


def _swaps(pairs: _Pairs, mass: Array, masses: Array, chords: Array) -> Swaps:
    traded = pairs.sums(mass, mass, masses)
    gained = pairs.sums(mass * chords[pairs.worse], mass * chords[pairs.better], masses)
    some = traded > 0
    partners = np.where(some, gained / np.where(some, traded, 1), chords)
    return Swaps(pairs.better, pairs.worse, mass, np.minimum(traded / masses, 1), partners)


def _first_come_first_served(given: Array, lack: Array) -> tuple[Array, Array, Array]:
    """Fill the lacks in order from the gifts in order; who gives to whom how much."""
    ends = np.concatenate([np.cumsum(given), np.cumsum(lack)])
    order = np.argsort(ends, kind="stable")
    is_gift = order < given.size
    gift: Array = np.cumsum(is_gift) - is_gift
    taker = np.arange(ends.size) - gift
    ends = ends[order]
    moved = ends.copy()
    moved[1:] -= ends[:-1]
    some = (moved > 0) & (gift < given.size) & (taker < lack.size)
    gift, taker = gift[some], taker[some]
    # a small gift or lack drowns in the rounding of the sums
    return gift, taker, np.minimum(moved[some], np.minimum(given[gift], lack[taker]))


def run_starts(values: Array) -> Array:
    """Where runs of equal values start.

    Examples
    --------
    >>> run_starts(np.array([4, 4, 7, 9, 9])).tolist()
    [0, 2, 3]
    """
    first = np.ones(values.size, dtype=bool)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return np.flatnonzero(first)
