r"""The optimum for i.i.d. drafts from a few overlaps: no sort, no histogram.

As :math:`s^k` is convex it is the largest of its tangents, so with :math:`\lambda = k \sigma^{k-1}`

.. math:: \min_H \bigl[p(H) - q(H)^k\bigr] = \min_{\lambda} \bigl[G(\lambda) + (k-1)\,\sigma^k\bigr], \qquad
          G(\lambda) = \min_H [p(H) - \lambda q(H)] = \sum_x \min(p_x, \lambda q_x) - \lambda q(V) .

One pass over the vocabulary gives G at six levels. G is concave and the other term convex, so between two
levels the objective is at least the *chord* of G plus that term, which is least where
:math:`\sigma = (G_0 - G_1) / (\lambda_1 - \lambda_0)`, or at an end. Six levels about the optimum mostly
exclude all but a gap that holds the ratio :math:`p_x / q_x` of one token in ten, or fewer. These are
*collected*: between two levels
:math:`G(\lambda) = p(B) - \lambda q(B) + \sum_x [\min(p_x, \lambda q_x) - \lambda q_x]`, with B the tokens
below the gap and x over the tokens in it, so all further passes are over them only. The gap is divided until
few tokens are left, which are sorted and tried one after the other. Nothing is assumed of p and q: a gap that
can't be excluded is divided or sorted.

Where to put the first levels is guessed from a sixteenth of the tokens. A wrong guess costs passes, not
exactness. Functions that start with an underscore are compiled where numba is installed
(:mod:`theory.kernels`).
"""

from __future__ import annotations

import numpy as np

from theory.kernels import collect, compiled, count_between, fill_below, put_below, read_only, six_overlaps
from theory.simplex import SUM_TOLERANCE, Array

_LEVELS = 6  # of one pass
_FEW = 128  # so many tokens are sorted
_WHOLE_ROUNDS = 8  # passes over all tokens, at most
_ROUNDS = 40  # and over those collected
_LIMIT = 8 + _LEVELS * (_WHOLE_ROUNDS + _ROUNDS)
_TOLERANCE = 1e-13
_ALL = (2048, 2048)
_SAMPLE = (1024, 64)
_HUGE = 1e300
# levels of the first pass, as multiples of the expected one; or masses of q, if that is near an end
_ABOUT = (0.6, 0.9, 0.97, 1.03, 1.1, 1.6)
_LOW, _HIGH = (0.04, 0.2, 0.4, 0.65, 0.88, 0.985), (0.4, 0.6, 0.8, 0.9, 0.96, 0.99)


@compiled
def _sigma(level: float, k: int) -> float:
    """The mass at which the tangent of ``s^k`` has the slope ``level``."""
    return float((level / k) ** (1.0 / (k - 1)))


@compiled
def _objective(level: float, value: float, k: int) -> float:
    return float(value + (k - 1) * _sigma(level, k) ** k)


@compiled
def _floor(known: Array, gap: int, k: int) -> float:
    """A lower bound of the objective strictly between two levels; infinite if it is least at one of them."""
    low, high, value = known[0, gap], known[0, gap + 1], known[1, gap]
    mass = (value - known[1, gap + 1]) / (high - low)
    level = k * mass ** (k - 1)
    if level <= low or level >= high:
        return _HUGE
    return float(value + low * mass - mass**k)


@compiled
def _start(k: int, mass: float) -> Array:
    """Levels, ascending from 0 to the largest that can matter; G there, or (the last) a lower bound."""
    known = np.zeros((2, _LIMIT))
    known[0, 1] = k * (1.0 + 2 * SUM_TOLERANCE) ** (k - 1)
    known[1, 1] = -known[0, 1] * mass
    return known


@compiled
def _insert(known: Array, size: int, level: float, value: float, mass: float) -> int:
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
def _divide(known: Array, size: int, k: int, limit: float, out: Array) -> tuple[int, int]:
    """Six levels in the gaps that are not excluded; the first of these gaps, and the end of the last."""
    is_open = np.zeros(size, dtype=np.bool_)
    first, last, number, count = 0, 0, 0, 0
    for gap in range(size - 1):
        if _floor(known, gap, k) < limit:
            is_open[gap] = True
            first = first if number else gap
            last = gap + 1
            number += 1
    share = max(1, _LEVELS // max(number, 1))
    for gap in range(first, last):
        if is_open[gap] and count < _LEVELS:
            stop = min(count + share, _LEVELS)
            _put(known[0, gap], known[0, gap + 1], out[count:stop])
            count = stop
    for i in range(count, _LEVELS):
        out[i] = 0.0
    if number == last - first and 0 < number < 3 and size > 4:
        _aim(_crossing(known, size, k), known[0, first], known[0, last], out)
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
        for i in range(_LEVELS):
            distance = width / (50.0, 50.0, 12.0, 12.0, 4.0, 4.0)[i] * (1 if i % 2 else -1)
            edge = high if i % 2 else low
            # a distance too far is cut to half of the way
            inside = low < expected + distance < high
            out[i] = expected + distance if inside else (expected + edge * (i // 2)) / (1 + i // 2)


@compiled
def _crossing(known: Array, size: int, k: int) -> float:
    """Where the mean masses of the gaps, joined by lines, say that the optimum is: next to the best level."""
    best, target = _HUGE, 0.0
    for i in range(size - 1):
        objective = _objective(known[0, i], known[1, i], k)
        if objective < best:
            best, target = objective, known[0, i]
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
def _first_levels(expected: float, k: int, out: Array) -> None:
    """Six levels about the expected one, or over all of the range if that is at an end of it."""
    if 1e-3 * k <= expected <= 0.95 * k:
        for i in range(_LEVELS):
            out[i] = expected * _ABOUT[i]
            if out[i] >= k:
                out[i] = expected * 0.6 ** (i - 2)
        return
    masses = _LOW if expected < 1e-3 * k else _HIGH
    for i in range(_LEVELS):
        out[i] = k * masses[i] ** (k - 1.0)


@compiled
def _sampled_overlaps(p: Array, q: Array, levels: Array) -> Array:
    """Overlaps and mass of q, estimated from the first tokens and a sixteenth of the others."""
    step, width = _SAMPLE
    first = six_overlaps(p[:step], q[:step], levels, step, step)
    return first + step / width * six_overlaps(p[step:], q[step:], levels, step, width)


@compiled
def _guess(p: Array, q: Array, k: int) -> float:
    """The level of the optimum, from a sixteenth of the tokens."""
    levels, scaled = np.full(_LEVELS, _HUGE), np.zeros(_LEVELS)
    sums = _sampled_overlaps(p, q, levels)
    mass_p, mass_q = sums[0], sums[_LEVELS]
    if mass_p == 0 or mass_q == 0:
        return k / 2
    known, size = _start(k, 1.0), 2
    for attempt in range(3):
        for i in range(_LEVELS):
            levels[i] = k * ((2 * i + 1 + attempt) / (2 * _LEVELS)) ** (k - 1)
        if attempt == 2:
            _first_levels(_crossing(known, size, k), k, levels)
        for i in range(_LEVELS):
            scaled[i] = levels[i] * mass_p / mass_q
        sums = _sampled_overlaps(p, q, scaled)
        for i in range(_LEVELS):
            size = _insert(known, size, levels[i], sums[i] / mass_p - levels[i], 1.0)
    return _crossing(known, size, k)


@compiled
def _record(known: Array, size: int, levels: Array, sums: Array, base: Array, best: Array, k: int) -> int:
    """Put the results of a pass in their places; the number of levels.

    ``base`` holds p and q below the tokens passed over, and the mass of q; ``best`` the least objective so
    far and its level.
    """
    for i in range(_LEVELS):
        level = levels[i]
        if level > 0:
            value = sums[i] - level * sums[_LEVELS] + base[0] - level * base[1]
            size = _insert(known, size, level, value, base[2])
            objective = _objective(level, value, k)
            if objective < best[0]:
                best[0], best[1] = objective, level
    return size


def _search(p: Array, q: Array, k: int, inside: Array) -> tuple[float, float, float]:
    """Write down the best set of tokens; its p and q, and all q.

    Not compiled itself: inside of one large function the passes come out slower.
    """
    step, width = _ALL
    known, size, levels = _start(k, 1.0), 2, np.zeros(_LEVELS)
    base, best = np.zeros(3), np.zeros(2)
    _first_levels(_guess(p, q, k), k, levels)
    first, last = 0, 1
    for attempt in range(_WHOLE_ROUNDS):
        sums = six_overlaps(p, q, levels, step, width)
        if attempt == 0:
            base[2] = sums[_LEVELS]
            known[1, 1] = -known[0, 1] * sums[_LEVELS]
        size = _record(known, size, levels, sums, base, best, k)
        first, last = _divide(known, size, k, best[0] - _TOLERANCE, levels)
        if first == last:
            return fill_below(p, q, float(best[1]), inside)
        many = count_between(p, q, known[0, first], known[0, last], *_SAMPLE)
        if many * 128 <= p.size:  # an eighth of the sample
            break
    low, high = known[0, first], known[0, last]
    x, y, tokens, held_p, held_q = collect(p, q, low, high, inside)
    base[0], base[1] = held_p, held_q
    level = _among(x, y, known[:, first : last + 1], levels, base, best, k)
    if not low <= level <= high:
        return fill_below(p, q, level, inside)
    more_p, more_q = put_below(x, y, tokens, level, inside)
    return held_p + more_p, held_q + more_q, float(base[2])


@compiled
def _among(x: Array, y: Array, gaps: Array, levels: Array, base: Array, best: Array, k: int) -> float:
    """The best level, if it is not the best so far, among collected tokens."""
    step, width = _ALL
    known, size = np.zeros((2, _LIMIT)), gaps.shape[1]
    known[:, :size] = gaps
    for _ in range(_ROUNDS):
        if x.size <= _FEW:
            break
        sums = six_overlaps(x, y, levels, step, width)
        size = _record(known, size, levels, sums, base, best, k)
        first, last = _divide(known, size, k, best[0] - _TOLERANCE, levels)
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
