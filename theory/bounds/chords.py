r"""Chords of a concave function: where the optimum for i.i.d. drafts can still be.

``known`` holds levels in ascending order and the values of G there, from 0 to the largest level that can
matter (:mod:`theory.bounds.levels`). Between two of them the objective
:math:`G(\lambda) + (k-1)\,\sigma^k`, :math:`\lambda = k \sigma^{k-1}`, is at least the chord of G plus that
term. A gap where this is not below the least objective found is *excluded*, the others are *open*.

All functions are compiled where numba is installed (:mod:`theory.kernels`).
"""

from __future__ import annotations

import numpy as np

from theory.kernels import compiled
from theory.simplex import SUM_TOLERANCE, Array

LEVELS = 6  # of one pass
WHOLE_ROUNDS, ROUNDS = 8, 40  # passes over all tokens, at most, and over those collected
LIMIT = 8 + (LEVELS + 2) * (WHOLE_ROUNDS + ROUNDS)  # levels known, at most
HUGE = 1e300
_CARE, _MORE = 1.3, 0.05  # a window is wider than it would have to be if the guess were right


@compiled
def mass_at(level: float, k: int) -> float:
    """The mass at which the tangent of ``s^k`` has the slope ``level``."""
    return float((level / k) ** (1.0 / (k - 1)))


@compiled
def value_at(level: float, value: float, k: int) -> float:
    """The objective at a level, from the value of G there."""
    return float(value + (k - 1) * mass_at(level, k) ** k)


@compiled
def _floor(known: Array, gap: int, k: int) -> float:
    """A lower bound of the objective strictly between two levels; infinite if it is least at one of them."""
    low, high, value = known[0, gap], known[0, gap + 1], known[1, gap]
    mass = (value - known[1, gap + 1]) / (high - low)
    level = k * mass ** (k - 1)
    if level <= low or level >= high:
        return HUGE
    return float(value + low * mass - mass**k)


@compiled
def first_and_last(k: int, mass: float) -> Array:
    """Levels, ascending from 0 to the largest that can matter; G there, or (the last) a lower bound."""
    known = np.zeros((2, LIMIT))
    known[0, 1] = k * (1.0 + 2 * SUM_TOLERANCE) ** (k - 1)
    known[1, 1] = -known[0, 1] * mass
    return known


@compiled
def insert(known: Array, size: int, level: float, value: float, mass: float) -> int:
    """Put a level in its place; the new number of levels."""
    place = 0
    while known[0, place] < level:
        place += 1
    if known[0, place] != level:
        for i in range(size, place, -1):
            known[0, i], known[1, i] = known[0, i - 1], known[1, i - 1]
        size += 1
    known[0, place], known[1, place] = level, value
    # the overlap at the last level is at least that at the one before
    lowest = known[1, size - 2] - (known[0, size - 1] - known[0, size - 2]) * mass
    known[1, size - 1] = max(known[1, size - 1], lowest)
    return size


@compiled
def divide(known: Array, size: int, k: int, limit: float, out: Array) -> tuple[int, int]:
    """Six levels in the gaps that are not excluded; the first of these gaps, and the end of the last."""
    is_open = np.zeros(size, dtype=np.bool_)
    first, last, number, count = 0, 0, 0, 0
    for gap in range(size - 1):
        if _floor(known, gap, k) < limit:
            is_open[gap] = True
            first = first if number else gap
            last = gap + 1
            number += 1
    share = max(1, LEVELS // max(number, 1))
    for gap in range(first, last):
        if is_open[gap] and count < LEVELS:
            stop = min(count + share, LEVELS)
            _put(known[0, gap], known[0, gap + 1], out[count:stop])
            count = stop
    for i in range(count, LEVELS):
        out[i] = 0.0
    if number == last - first and 0 < number < 3 and size > 4:
        _aim(crossing(known, size, k), known[0, first], known[0, last], out)
    return first, last


@compiled
def _put(low: float, high: float, out: Array) -> None:
    """Levels inside of a gap, at even ratios."""
    start = max(low, high / 256)
    for i in range(out.size):
        out[i] = start * (high / start) ** ((i + 1) / (out.size + 1.0))


@compiled
def _aim(expected: float, low: float, high: float, out: Array) -> None:
    """Levels close around the expected one, if it is inside of a gap."""
    width = high - low
    if low + width / 50 < expected < high - width / 50:
        for i in range(LEVELS):
            distance = width / (50.0, 50.0, 12.0, 12.0, 4.0, 4.0)[i] * (1 if i % 2 else -1)
            edge = high if i % 2 else low
            # a distance too far is cut to half of the way
            inside = low < expected + distance < high
            out[i] = expected + distance if inside else (expected + edge * (i // 2)) / (1 + i // 2)


@compiled
def crossing(known: Array, size: int, k: int) -> float:
    """Where the mean masses of the gaps, joined by lines, say that the optimum is: next to the best level."""
    best, target = HUGE, 0.0
    for i in range(size - 1):
        objective = value_at(known[0, i], known[1, i], k)
        if objective < best:
            best, target = objective, known[0, i]
    found, distance, before, place = target, np.inf, -1.0, 0.0
    for gap in range(size):
        middle, excess = known[0, size - 1], 1.0
        if gap < size - 1:
            middle = (known[0, gap] + known[0, gap + 1]) / 2
            slope = (known[1, gap] - known[1, gap + 1]) / (known[0, gap + 1] - known[0, gap])
            excess = mass_at(middle, k) - slope
        if before < 0 <= excess:
            # beyond the first and the last middle there is nothing to interpolate
            level = place + (middle - place) * before / (before - excess)
            level = middle if gap == size - 1 or gap == 0 else level
            if abs(level - target) < distance:
                found, distance = level, abs(level - target)
        before, place = excess, middle
    return float(found)


@compiled
def window(known: Array, size: int, first: int, last: int, k: int) -> tuple[float, float]:
    """The part of the open gaps that holds the optimum, if the masses of q grow by a line there.

    Chords of G from its ends to those of the gaps then exclude the rest. They do so where the mean mass
    over the rest has its tangent's level inside of the window: with rho for how fast that level grows with
    the level itself, where the distance to the optimum is at least rho / (2 - rho) of that to the gaps' end.
    """
    low, high = known[0, first], known[0, last]
    expected = crossing(known, size, k)
    if not low < expected < high:
        return low, high
    before, after = max(first - 1, 0), min(last, size - 2)
    left, right = (known[:, before] + known[:, before + 1]) / 2, (known[:, after] + known[:, after + 1]) / 2
    fall = (known[1, before] - known[1, before + 1]) / (known[0, before + 1] - known[0, before])
    rise = (known[1, after] - known[1, after + 1]) / (known[0, after + 1] - known[0, after])
    slope = (rise - fall) / max(right[0] - left[0], 1e-300)
    rho = min(max(k * (k - 1) * mass_at(expected, k) ** (k - 2) * slope, 0.0), 1.0)
    share = min(1.0, _CARE * rho / (2 - rho) + _MORE)
    return expected - share * (expected - low), expected + share * (high - expected)
