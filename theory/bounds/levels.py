r"""The optimum for i.i.d. drafts from a few overlaps: no sort, no histogram.

As :math:`s^k` is convex it is the largest of its tangents, so with :math:`\lambda = k \sigma^{k-1}`

.. math:: \min_H \bigl[p(H) - q(H)^k\bigr] = \min_{\lambda} \bigl[G(\lambda) + (k-1)\,\sigma^k\bigr], \qquad
          G(\lambda) = \min_H [p(H) - \lambda q(H)] = \sum_x \min(p_x, \lambda q_x) - \lambda q(V) .

One pass over the vocabulary gives G at four levels. G is concave and the other term convex, so between two
levels the objective is at least the *chord* of G plus that term, which is least where
:math:`\sigma = (G_0 - G_1) / (\lambda_1 - \lambda_0)`, or at an end. Levels at distances
from the optimum that grow by a factor of about five are enough to exclude everything but a narrow gap; the
few tokens whose ratio :math:`p_x / q_x` lies in the gap are sorted and tried one after the other. Nothing
is assumed of p and q: a gap not excluded is divided or opened.

Where to put the levels is guessed from a sixteenth of the tokens. A wrong guess costs passes, not exactness.
Functions that start with an underscore are compiled where numba is installed (:mod:`theory.kernels`).
"""

from __future__ import annotations

import numpy as np

from theory.bounds.histogram import by_ratio
from theory.kernels import compiled, fill_below, four_overlaps, read_only, split, sums_between
from theory.simplex import SUM_TOLERANCE, Array

_NARROW = 1.02  # a gap whose ends have at most this ratio is opened,
_FEW = 40  # and one that has at most so many tokens of the sample
_ROUNDS = 14
_LIMIT = 8 + 4 * _ROUNDS
_TOLERANCE = 1e-13
_ALL = (2048, 2048)
_SAMPLE = (1024, 64)
_HUGE = 1e300


@compiled
def _sigma(level: float, k: int) -> float:
    """The mass at which the tangent of ``s^k`` has the slope ``level``."""
    return float((level / k) ** (1.0 / (k - 1)))


@compiled
def _objective(level: float, value: float, k: int) -> float:
    return float(value + (k - 1) * _sigma(level, k) ** k)


@compiled
def _floor(known: Array, gap: int, k: int) -> float:
    """A lower bound of the objective between two levels."""
    low, high, value = known[0, gap], known[0, gap + 1], known[1, gap]
    slope = (value - known[1, gap + 1]) / (high - low)
    mass = min(max(slope, _sigma(low, k)), _sigma(high, k))
    level = min(max(k * mass ** (k - 1), low), high)
    return float(value - slope * (level - low) + (k - 1) * mass**k)


@compiled
def _best(known: Array, size: int, k: int) -> int:
    """The level of least objective; until it is evaluated, the last one's value is but a lower bound."""
    best = 0
    for i in range(size):
        if known[2, i] > 0 and _objective(known[0, i], known[1, i], k) < _objective(
            known[0, best], known[1, best], k
        ):
            best = i
    return best


@compiled
def _crossing(known: Array, size: int, k: int) -> float:
    """Where the mean masses of the gaps, joined by lines, say that the optimum is: next to the best level."""
    target = known[0, _best(known, size, k)]
    found, distance, before, place = target, np.inf, -1.0, 0.0
    for gap in range(size):
        middle, excess = known[0, size - 1], 1.0
        if gap < size - 1:
            middle = (known[0, gap] + known[0, gap + 1]) / 2
            slope = (known[1, gap] - known[1, gap + 1]) / (known[0, gap + 1] - known[0, gap])
            excess = _sigma(middle, k) - slope
        if before < 0 <= excess:
            # beyond the first and the last middle there is nothing to interpolate
            level = place + (middle - place) * before / (before - excess)
            level = middle if gap == size - 1 or gap == 0 else level
            if abs(level - target) < distance:
                found, distance = level, abs(level - target)
        before, place = excess, middle
    return float(found)


@compiled
def _insert(known: Array, size: int, level: float, overlap: float, mass: float) -> int:
    """Put a level in its place; the new number of levels."""
    place = 0
    while known[0, place] < level:
        place += 1
    if known[0, place] != level:
        for i in range(size, place, -1):
            for row in range(3):
                known[row, i] = known[row, i - 1]
        size += 1
    known[0, place], known[1, place], known[2, place] = level, overlap - level * mass, 1.0
    # the overlap at the last level is at least that at the one before
    lowest = known[1, size - 2] - (known[0, size - 1] - known[0, size - 2]) * mass
    known[1, size - 1] = max(known[1, size - 1], lowest)
    return size


@compiled
def _first_levels(expected: float, top: float, out: Array) -> None:
    """Four levels about the expected one, at distances that grow by a factor of eight."""
    out[0], out[1] = expected * np.exp(-0.05), expected * np.exp(-0.4)
    out[2], out[3] = min(expected * np.exp(0.05), top), min(expected * np.exp(0.4), top)
    if out[2] == top:
        out[3] = expected * np.exp(-1.0)


@compiled
def _next_levels(p: Array, q: Array, known: Array, size: int, k: int, out: Array) -> int:
    """Four levels in gaps that are neither excluded nor narrow; the number of such gaps."""
    best = _best(known, size, k)
    limit = _objective(known[0, best], known[1, best], k) - _TOLERANCE
    expected, wide, count = _crossing(known, size, k), 0, 0
    is_wide = np.zeros(size, dtype=np.bool_)
    for gap in range(size - 1):
        is_wide[gap] = _is_wide(p, q, known, gap, k, limit)
        wide += is_wide[gap]
    share = max(1, 4 // max(wide, 1))
    for gap in range(size - 1):
        if count < 4 and is_wide[gap]:
            count = _divide(known[0, gap], known[0, gap + 1], expected, share, out, count)
    for gap in range(size - 1):
        if 0 < count < 4 and known[0, gap] <= expected < known[0, gap + 1]:
            count = _divide(known[0, gap], known[0, gap + 1], expected, 4, out, count)
    for i in range(count, 4):
        out[i] = 0.0
    return wide


@compiled
def _is_wide(p: Array, q: Array, known: Array, gap: int, k: int, limit: float) -> bool:
    low, high = known[0, gap], known[0, gap + 1]
    if high <= low * _NARROW or high <= 1e-12 or _floor(known, gap, k) >= limit:
        return False
    between, (step, width) = 0.0, _SAMPLE
    for start in range(0, p.size, step):
        stop = min(start + width, p.size)
        between += sums_between(p[start:stop], q[start:stop], low, high)[2]
    return bool(between > _FEW)


@compiled
def _divide(low: float, high: float, expected: float, share: int, out: Array, count: int) -> int:
    """Levels inside of a gap: close around the expected one, or at even ratios."""
    last = min(count + share, 4)
    if low <= expected <= high:
        for offset in (0.005, -0.005, 0.04, -0.04):
            level = expected * np.exp(offset)
            new = True
            for i in range(count):
                new = new and out[i] != level
            if count < last and low < level < high and new:
                out[count] = level
                count += 1
        return count
    start = max(low, high / 256)
    for i in range(count, last):
        out[i] = start * (high / start) ** ((i - count + 1) / (last - count + 1.0))
    return last


@compiled
def _guess(p: Array, q: Array, k: int) -> float:
    """The level of the optimum, from a sixteenth of the tokens."""
    step, width = _SAMPLE
    levels, scaled = np.full(4, _HUGE), np.zeros(4)
    sums = four_overlaps(p, q, levels, step, width)
    mass_p, mass_q = sums[0], sums[4]
    if mass_p == 0 or mass_q == 0:
        return k / 2
    known, size = _start(k, 1.0), 2
    for attempt in range(3):
        for i in range(4):
            levels[i] = k * ((2 * i + 1 + attempt) / 8) ** (k - 1)
        if attempt == 2:
            _first_levels(_crossing(known, size, k), float(k), levels)
        for i in range(4):
            scaled[i] = levels[i] * mass_p / mass_q
        sums = four_overlaps(p, q, scaled, step, width)
        for i in range(4):
            size = _insert(known, size, levels[i], sums[i] / mass_p, 1.0)
    return _crossing(known, size, k)


@compiled
def _start(k: int, mass: float) -> Array:
    """Levels, ascending from 0 to the largest that can matter; G there, or a lower bound; which of both."""
    known = np.zeros((3, _LIMIT))
    known[2, 0] = 1.0
    known[0, 1] = k * mass ** (k - 1)
    known[1, 1] = -known[0, 1] * mass
    return known


@compiled
def _search(p: Array, q: Array, k: int) -> tuple[Array, float]:
    """Intervals of levels that may hold the optimum, shape ``(n, 2)``; and the mass of q."""
    step, width = _ALL
    known, size, levels = _start(k, 1.0 + SUM_TOLERANCE), 2, np.zeros(4)
    _first_levels(_guess(p, q, k), known[0, 1], levels)
    mass = 0.0
    for _ in range(_ROUNDS):
        sums = four_overlaps(p, q, levels, step, width)
        if size == 2:
            mass = sums[4]
            known[1, 1] = -known[0, 1] * mass
        for i in range(4):
            if levels[i] > 0:
                size = _insert(known, size, levels[i], sums[i], mass)
        if _next_levels(p, q, known, size, k, levels) == 0:
            break
    return _runs(known, size, k), mass


@compiled
def _runs(known: Array, size: int, k: int) -> Array:
    """The gaps left open, neighbours joined; the best level itself if none is."""
    best = _best(known, size, k)
    limit = _objective(known[0, best], known[1, best], k) - _TOLERANCE
    out, count, last = np.zeros((size, 2)), 0, -1
    for gap in range(size - 1):
        if _floor(known, gap, k) < limit:
            if last != gap - 1 or count == 0:
                out[count, 0] = known[0, gap]
                count += 1
            out[count - 1, 1] = known[0, gap + 1]
            last = gap
    if count == 0:
        out[0] = known[0, best]
        count = 1
    return out[:count]


def optimum(p: Array, q: Array, k: int) -> tuple[float, Array]:
    r""":math:`q(V)^k + \min_H [p(H) - q(H)^k]` and a set that attains it, for k drafts.

    Parameters
    ----------
    p, q
        Checked float64 arrays of shape ``(V,)``.
    k
        Number of drafts.

    Returns
    -------
    tuple
        The optimum, right to about 2e-13 (and for k beyond 20 to 1e-14 k), and the set as a boolean mask.

    Notes
    -----
    Cost: mostly one to three passes for four levels each, some over a sixteenth of the tokens, and one to
    write the set down.

    Examples
    --------
    >>> value, inside = optimum(np.array([1, 1, 4]) / 6, np.full(3, 1 / 3), 2)
    >>> round(value, 6), inside.tolist()
    (0.888889, [True, True, False])
    """
    p, q = read_only(p), read_only(q)
    if k == 1:
        inside = np.empty(p.size, dtype=bool)
        fill_below(p, q, 1.0, inside)
        return float(four_overlaps(p, q, np.ones(4), *_ALL)[0]), inside
    intervals, mass = _search(p, q, k)
    results = [_within(p, q, k, float(low), float(high)) for low, high in intervals]
    value, inside = min(results, key=lambda result: result[0])
    return float(mass**k + value), inside


def _within(p: Array, q: Array, k: int, low: float, high: float) -> tuple[float, Array]:
    """The best set among the thresholds of the ratio from ``low`` to ``high``."""
    inside, tokens = np.empty(p.size, dtype=bool), np.empty(p.size + 1, dtype=np.int32)
    mass_p, mass_q, count = split(p, q, low, high, inside, tokens)
    tokens, ends = by_ratio(tokens[:count], p, q)
    sums_p = mass_p + np.append(0.0, np.cumsum(p[tokens]))
    sums_q = mass_q + np.append(0.0, np.cumsum(q[tokens]))
    values = (sums_p - sums_q**k)[ends]
    best = int(np.argmin(values))
    inside[tokens[: ends[best]]] = True
    return float(values[best]), inside
