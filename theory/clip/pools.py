r"""Pools of cells: the scores that drafts get, the trades between pools, and who trades how often.

A pool is a run of cells with one wanted slope. :mod:`theory.clip.swaps` trades scores between pools so that
each pool as a whole gets its mass. **Inside of a pool the trades can be shared unevenly.** A token of pool i
that trades with probability w has the slope :math:`(1 - w) c_i + w c'_i`, with :math:`c'_i` the mean score
slope of i's partners. Any slope r between :math:`c_i` and :math:`c'_i` can so be had, by
:math:`w = (c_i - r) / (c_i - c'_i)`; it is linear in r, so the pool as a whole trades as much as before. A
bin of many ratios is therefore served token by token without being sorted, unless its own score slope lies
inside of its range of ratios (or its partners' does): such a bin is *unsettled*. Its tokens get the mean
slope until it is opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from theory.clip.cells import Cells
from theory.clip.law import ClipLaw, chord_slopes, power
from theory.clip.swaps import Swaps, match_swaps, run_starts
from theory.simplex import Array, is_exact

#: A better cut by less than this is not looked for in floats.
_TOLERANCE = 2e-15
#: Largest draft mass that tokens of a bin may trade beside what the bin should, in floats.
_OFF = 1e-15
#: If more bins than this are to be opened, the one before each of them is, too.
_MANY = 64


@dataclass(frozen=True, eq=False)
class Pools:
    """Pools, best first.

    Attributes
    ----------
    of_cell
        Pool of each cell, -1 for cells that are never drafted.
    slopes
        Slope of g's chord over each pool: what one unit of draft mass with its score is worth.
    low, high
        Ends of the slopes that a pool serves token by token; equal in a pool of one slope.
    swaps
        The trades.
    starts
        Where each pool starts in the order of cells.
    """

    of_cell: Array
    slopes: Array
    low: Array
    high: Array
    swaps: Swaps
    starts: Array

    @classmethod
    def of(cls, solved: ClipLaw, cells: Cells, k: int) -> Self:
        """Pools for a law that was solved for these cells."""
        starts = run_starts(solved.slopes)
        bounds = np.append(starts, solved.slopes.size)
        ends, outside = bounds[1:], solved.outside[bounds]
        chords = chord_slopes(outside[:-1], outside[1:], k)
        masses = np.add.reduceat(solved.masses, starts)
        swaps = match_swaps(masses, chords, solved.slopes[starts])
        share, others = swaps.share, swaps.partner_slopes
        even = (1 - share) * chords + share * others
        first = solved.order[starts]
        low, high = cells.low[first], cells.high[first]
        served = _free_bins(solved, low, high, starts, ends)
        served &= (np.minimum(chords, others) <= low) & (high <= np.maximum(chords, others))
        # what tokens trade by themselves has to be what the pool trades, or scores would change their law
        off = np.abs(chords - solved.slopes[starts] - share * (chords - others)) * masses
        served &= off <= (0 if is_exact(chords) else _OFF) * np.abs(chords - others)
        low, high = np.where(served, low, even), np.where(served, high, even)
        pool = np.full(cells.q.size, -1)
        pool[solved.order] = np.repeat(np.arange(starts.size), ends - starts)
        return cls(pool, chords, low, high, swaps, starts)

    def trading(self, pool: Array, ratio: Array) -> Array:
        """Probability that tokens of these pools and ratios p / q trade their score; elementwise."""
        own, other = self.slopes[pool], self.swaps.partner_slopes[pool]
        low, high = self.low[pool], self.high[pool]
        wanted = np.minimum(np.maximum(ratio, low), high)
        share = self.swaps.share[pool]
        served = (low < high) & (own != other)
        apart = np.where(served, own - other, 1)
        some = np.where(served, (own - wanted) / apart, share)
        result: Array = np.minimum(np.maximum(some, 0), 1)
        return result

    def slope(self, pool: Array, ratio: Array) -> Array:
        """``y / q`` of tokens of these pools and ratios; elementwise.

        It is what :meth:`trading` was solved for, or what the trades of a pool come to in the mean.
        """
        result: Array = np.minimum(np.maximum(ratio, self.low[pool]), self.high[pool])
        return result


def _free_bins(solved: ClipLaw, low: Array, high: Array, starts: Array, ends: Array) -> Array:
    """Pools that are one bin of several ratios, neither capped nor raised."""
    free = (starts >= solved.capped) & (ends <= solved.order.size - solved.lifted)
    result: Array = free & (ends - starts == 1) & (low < high)
    return result


def unsettled(pools: Pools, solved: ClipLaw, cells: Cells, k: int) -> Array:
    """Bins that have to be opened for the exact law, boolean, one a cell.

    Those that A might end inside of, those that lambda or mu is inside of, and those whose tokens do not get
    their own slopes. If they are many, the one before each too: it is often the next to be unsettled, and
    another round over many cells costs more than the tokens of a few more bins.
    """
    low, high = cells.low[solved.order], cells.high[solved.order]
    hidden = _better_cut_inside(solved, cells.p[solved.order], low, high, k) | _crossed(solved, low, high)
    starts = pools.starts
    bins = _free_bins(solved, low[starts], high[starts], starts, np.append(starts[1:], solved.order.size))
    hidden[starts[bins & (pools.low == pools.high)]] = True
    if np.count_nonzero(hidden) > _MANY:
        hidden[:-1] |= hidden[1:] & (low[:-1] < high[:-1])
    out = np.zeros(cells.q.size, dtype=bool)
    out[solved.order[hidden]] = True
    return out


def _crossed(solved: ClipLaw, low: Array, high: Array) -> Array:
    """Bins that lambda or mu is inside of."""
    out = np.zeros(low.size, dtype=bool)
    if solved.capped:
        level = solved.slopes[0]
        out[: solved.cut] = (low[: solved.cut] < level) & (level < high[: solved.cut])
    if solved.lifted:
        level = solved.slopes[-1]
        out[solved.cut :] = (low[solved.cut :] < level) & (level < high[solved.cut :])
    return out


def _better_cut_inside(solved: ClipLaw, held: Array, low: Array, high: Array, k: int) -> Array:
    """Bins inside of which A might end better than at the best end of a bin.

    The p taken with a draft mass z of the bin is at most high z, and at most what leaves low times the rest;
    the bound is at least its value at the ends of the bin or where the two meet.
    """
    wide = low < high
    width = np.where(wide, high - low, 1)
    meet = np.minimum(np.maximum((held - low * solved.masses) / width, 0), solved.masses)
    taken = np.minimum(high * meet, held)
    floor = solved.left[:-1] - taken - power(solved.outside[:-1] - meet, k)
    tolerance = 0 if is_exact(low) else _TOLERANCE
    result: Array = wide & (floor < solved.optimum - 1 - tolerance)
    return result
