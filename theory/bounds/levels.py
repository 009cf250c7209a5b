r"""The optimum for i.i.d. drafts from a few overlaps: no sort, no histogram.

As :math:`s^k` is convex it is the largest of its tangents, so with :math:`\lambda = k \sigma^{k-1}`

.. math:: \min_H \bigl[p(H) - q(H)^k\bigr] = \min_{\lambda} \bigl[G(\lambda) + (k-1)\,\sigma^k\bigr], \qquad
          G(\lambda) = \min_H [p(H) - \lambda q(H)] = \sum_x \min(p_x, \lambda q_x) - \lambda q(V) .

One pass over the vocabulary gives G at six levels. G is concave and the other term convex, so between two
levels the objective is at least the *chord* of G plus that term, which is least where
:math:`\sigma = (G_0 - G_1) / (\lambda_1 - \lambda_0)`, or at an end. Six levels about the optimum mostly
exclude all but a gap (:mod:`theory.bounds.chords`) that holds the ratio :math:`p_x / q_x` of one token in
ten, or fewer. These are *collected*, or only those of a *window* about the place where the optimum should
be: that gives G at its ends, and with them the rest of the gap is mostly excluded. Between two levels
:math:`G(\lambda) = p(B) - \lambda q(B) + \sum_x [\min(p_x, \lambda q_x) - \lambda q_x]`, with B the tokens
below the gap and x over the tokens in it, so all further passes are over them only. The gap is divided until
few tokens are left, which are sorted and tried one after the other. Nothing is assumed of p and q: a gap that
can't be excluded is divided or sorted.

Where to put the first levels is guessed from a sixteenth of the tokens, where to put the window from the
levels known. A wrong guess costs passes, not exactness. Functions that start with an underscore are compiled
where numba is installed (:mod:`theory.kernels`).
"""

from __future__ import annotations

import numpy as np

from theory.bounds.chords import (
    HUGE,
    LEVELS,
    LIMIT,
    ROUNDS,
    WHOLE_ROUNDS,
    crossing,
    divide,
    first_and_last,
    insert,
    value_at,
    window,
)
from theory.kernels import collect, compiled, count_between, fill_below, put_below, read_only, six_overlaps
from theory.simplex import Array

_FEW = 128  # so many tokens are sorted
_TOLERANCE = 1e-13
_ALL = (2048, 2048)
_SAMPLE = (1024, 64)
_TOO_MANY, _WORTH = 128, 1024  # an eighth of the sample, and so many that it is worth to look closer
_NARROW = 3.0  # the ratio of levels between which the masses may be taken for a line
# levels of the first pass, as multiples of the expected one; or masses of q, if that is near an end
_ABOUT, _ABOUT_HIGH = (0.6, 0.9, 0.97, 1.03, 1.2, 1.65), (0.6, 0.9, 0.97, 1.03, 1.1, 1.6)
_NEAR_ZERO = 0.04  # a mass of q
_LOW, _HIGH = (0.1, 0.17, 0.28, 0.46, 0.7, 0.9), (0.4, 0.6, 0.8, 0.9, 0.96, 0.99)


@compiled
def _first_levels(expected: float, k: int, out: Array) -> None:
    """Six levels about the expected one, or over all of the range if that is at an end of it."""
    lowest = k * max(1e-3, _NEAR_ZERO ** (k - 1.0))
    if lowest <= expected <= 0.95 * k:
        about = _ABOUT if expected * _ABOUT[-1] < k else _ABOUT_HIGH
        for i in range(LEVELS):
            out[i] = expected * about[i]
        for i in range(LEVELS - 1, 0, -1):
            if out[i] >= k:  # next to k in place of beyond it; below all if one is there already
                out[i] = 0.2 * expected if out[i - 1] > 0.94 * k else k - 0.6 * (k - out[i - 1])
        return
    masses = _LOW if expected < lowest else _HIGH
    for i in range(LEVELS):
        out[i] = k * masses[i] ** (k - 1.0)


@compiled
def _sampled_overlaps(p: Array, q: Array, levels: Array) -> Array:
    """Overlaps and mass of q, estimated from the first tokens and a sixteenth of the others."""
    step, width = _SAMPLE
    first = six_overlaps(p[:step], q[:step], levels, step, step)
    return first + step / width * six_overlaps(p[step:], q[step:], levels, step, width)


@compiled
def _guess(p: Array, q: Array, k: int) -> float:
    """The level of the optimum, from a sixteenth of the tokens; -1 if none of them has both p and q."""
    levels, scaled = np.full(LEVELS, HUGE), np.zeros(LEVELS)
    sums = _sampled_overlaps(p, q, levels)
    mass_p, mass_q = sums[0], sums[LEVELS]
    if mass_p == 0 or mass_q == 0:
        return -1.0
    known, size = first_and_last(k, 1.0), 2
    for attempt in range(3):
        for i in range(LEVELS):
            levels[i] = k * ((2 * i + 1 + attempt) / (2 * LEVELS)) ** (k - 1)
        if attempt == 2:
            _first_levels(crossing(known, size, k), k, levels)
        for i in range(LEVELS):
            scaled[i] = levels[i] * mass_p / mass_q
        sums = _sampled_overlaps(p, q, scaled)
        for i in range(LEVELS):
            size = insert(known, size, levels[i], sums[i] / mass_p - levels[i], 1.0)
    return crossing(known, size, k)


@compiled
def _record(known: Array, size: int, levels: Array, sums: Array, base: Array, best: Array, k: int) -> int:
    """Put the results of a pass in their places; the number of levels.

    ``base`` holds p and q below the tokens passed over, and the mass of q; ``best`` the least objective so
    far and its level.
    """
    for i in range(LEVELS):
        level = levels[i]
        if level > 0:
            value = sums[i] - level * sums[LEVELS] + base[0] - level * base[1]
            size = insert(known, size, level, value, base[2])
            objective = value_at(level, value, k)
            if objective < best[0]:
                best[0], best[1] = objective, level
    return size


@compiled
def _to_collect(
    p: Array, q: Array, known: Array, size: int, first: int, last: int, k: int, out: Array
) -> None:
    """Between which levels the tokens are to be collected; 0 and 0 if they are too many."""
    low, high = known[0, first], known[0, last]
    many = count_between(p, q, low, high, *_SAMPLE)
    if many * _WORTH > p.size and high < _NARROW * low:
        near, far = window(known, size, first, last, k)
        fewer = count_between(p, q, near, far, *_SAMPLE)
        if 4 * fewer < 3 * many:
            low, high, many = near, far, fewer
    too_many = many * _TOO_MANY > p.size
    out[0], out[1] = (0.0, 0.0) if too_many else (low, high)


@compiled
def _ends(
    x: Array, y: Array, ends: Array, known: Array, size: int, levels: Array, base: Array, best: Array, k: int
) -> tuple[int, int, int]:
    """Put the values at both ends of what was collected in their places; their number, and as divide."""
    mass_p, mass_q = base[0], base[1]
    for i in range(2):
        value = mass_p - ends[i] * mass_q
        size = insert(known, size, ends[i], value, base[2])
        objective = value_at(ends[i], value, k)
        if objective < best[0]:
            best[0], best[1] = objective, ends[i]
        mass_p += x.sum()
        mass_q += y.sum()
    first, last = divide(known, size, k, best[0] - _TOLERANCE, levels)
    return size, first, last


def _search(p: Array, q: Array, k: int, inside: Array) -> tuple[float, float, float]:
    """Write down the best set of tokens; its p and q, and all q.

    Not compiled itself: inside of one large function the passes come out slower.
    """
    known, size, levels = first_and_last(k, 1.0), 2, np.zeros(LEVELS)
    base, best, ends = np.zeros(3), np.zeros(2), np.zeros(2)
    expected = _guess(p, q, k)
    if expected < 0:
        held = fill_below(p, q, 0.0, inside)
        if held[1] == held[2]:  # no token at all has both: the bound is 0, the least there is
            return held
    _first_levels(expected, k, levels)
    for attempt in range(WHOLE_ROUNDS):
        sums = six_overlaps(p, q, levels, *_ALL)
        if attempt == 0:
            base[2] = sums[LEVELS]
            known[1, 1] = -known[0, 1] * sums[LEVELS]
        size = _record(known, size, levels, sums, base, best, k)
        first, last = divide(known, size, k, best[0] - _TOLERANCE, levels)
        if first == last:
            break
        _to_collect(p, q, known, size, first, last, k, ends)
        if attempt + 1 == WHOLE_ROUNDS:
            ends[:] = known[0, first], known[0, last]
        if ends[1] == 0:
            continue
        x, y, tokens, base[0], base[1] = collect(p, q, ends[0], ends[1], inside)
        held_p, held_q = float(base[0]), float(base[1])
        size, first, last = _ends(x, y, ends, known, size, levels, base, best, k)
        if first < last and not ends[0] <= known[0, first] < known[0, last] <= ends[1]:
            base[:2] = 0
            continue
        level = best[1]
        if first < last:
            level = _among(x, y, known[:, first : last + 1], levels, base, best, k)
        if not ends[0] <= level <= ends[1]:
            return fill_below(p, q, float(level), inside)
        more_p, more_q = put_below(x, y, tokens, level, inside)
        return held_p + more_p, held_q + more_q, float(base[2])
    return fill_below(p, q, float(best[1]), inside)


@compiled
def _among(x: Array, y: Array, gaps: Array, levels: Array, base: Array, best: Array, k: int) -> float:
    """The best level, if it is not the best so far, among collected tokens."""
    step, width = _ALL
    known, size = np.zeros((2, LIMIT)), gaps.shape[1]
    known[:, :size] = gaps
    for _ in range(ROUNDS):
        if x.size <= _FEW:
            break
        sums = six_overlaps(x, y, levels, step, width)
        size = _record(known, size, levels, sums, base, best, k)
        first, last = divide(known, size, k, best[0] - _TOLERANCE, levels)
        if first == last:
            return float(best[1])
        low, high = known[0, first], known[0, last]
        if 2 * count_between(x, y, low, high, step, width) <= x.size:
            x, y, _, below_p, below_q = collect(x, y, low, high, np.empty(x.size, dtype=np.bool_))
            base[0] += below_p
            base[1] += below_q
            size = last + 1 - first
            for i in range(size):
                known[0, i], known[1, i] = known[0, first + i], known[1, first + i]
    return _one_by_one(x, y, known[0, 0], known[0, size - 1], base, best, k)


@compiled
def _order(ratio: Array) -> Array:
    """What sorts an array (Shell's method: short to compile)."""
    order, gap = np.arange(ratio.size), ratio.size
    while gap > 1:
        gap = max(1, int(gap / 2.3))
        for i in range(gap, order.size):
            token, j = order[i], i
            while j >= gap and ratio[order[j - gap]] > ratio[token]:
                order[j] = order[j - gap]
                j -= gap
            order[j] = token
    return order


@compiled
def _one_by_one(x: Array, y: Array, low: float, high: float, base: Array, best: Array, k: int) -> float:
    """The best level of all: that so far, or one before, between or behind the tokens left."""
    ratio = x / y
    order = _order(ratio)
    mass_p, mass_q, before = base[0], base[1], low
    least, found = best[0], best[1]
    for i in range(order.size + 1):
        after = ratio[order[i]] if i < order.size else high
        value = mass_p - mass_q**k
        if value < least and (before < after or i == order.size):
            least, found = value, (before + after) / 2
        if i < order.size:
            mass_p += x[order[i]]
            mass_q += y[order[i]]
        before = after
    return float(found)


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
    Cost: mostly two passes, one for six levels and one that writes the set down but for the tokens that it
    collects.

    Examples
    --------
    >>> value, inside = optimum(np.array([1, 1, 4]) / 6, np.full(3, 1 / 3), 2)
    >>> round(value, 6), inside.tolist()
    (0.888889, [True, True, False])
    """
    p, q = read_only(p), read_only(q)
    inside = np.empty(p.size, dtype=bool)
    held_p, held_q, mass = fill_below(p, q, 1.0, inside) if k == 1 else _search(p, q, k, inside)
    return float(mass**k - held_q**k + held_p), inside
