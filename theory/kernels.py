r"""Passes over large vocabularies, compiled where numba is installed.

Without numba the same functions run as plain Python: right, and far too slow for large vocabularies. So
:data:`COMPILED` says whether it is worth calling them, and each user has another way in numpy. Import this
module only when needed: numba takes more than half a second to import, and compiles at the first call after
an installation.

The loops are written for vector units: no branches, several sums at once, blocks whose sums are added up
afterwards, so that a sum of V terms rounds like one of V / 2048.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np

from theory.arrays import Array

_Function = TypeVar("_Function", bound=Callable[..., object])
_BLOCK = 2048
_MARKED = 4096  # pairs whose marks stay in the nearest cache

try:
    import numba
except ImportError:
    #: Whether the passes are machine code.
    COMPILED = False
else:
    COMPILED = True


def compiled(function: _Function) -> _Function:
    """The function as machine code where numba is installed, else as it is; it must be given no NaN.

    Its sums may be taken in any order.
    """
    if not COMPILED:
        return function
    flags = {"reassoc", "nnan", "nsz", "contract"}
    return cast(_Function, numba.njit(fastmath=flags, cache=True)(function))


def compiled_for_anything(function: _Function) -> _Function:
    """The same for functions that may meet NaN and infinity."""
    if not COMPILED:
        return function
    return cast(_Function, numba.njit(fastmath={"reassoc", "contract"}, cache=True)(function))


def read_only(values: Array) -> Array:
    """A contiguous read-only array of the values: one kind of arrays, so that nothing is compiled twice.

    Examples
    --------
    >>> read_only(np.arange(4.0)[::2]).flags.writeable
    False
    """
    view = np.ascontiguousarray(values).view()
    view.flags.writeable = False
    return view


@compiled_for_anything
def _total(values: Array) -> tuple[float, float]:
    total = negative = 0.0
    for i in range(values.size):
        x = values[i]
        total += x
        negative += 1.0 if x < 0 else 0.0
    return total, negative


@compiled_for_anything
def total(values: Array) -> tuple[float, float]:
    """The sum of an array, not finite if an entry is not, and the number of its negative entries.

    Examples
    --------
    >>> total(np.array([0.5, -0.25, 0.25]))
    (0.5, 1.0)
    """
    whole = negative = 0.0
    for start in range(0, values.size, _BLOCK):
        part = _total(values[start : min(start + _BLOCK, values.size)])
        whole += part[0]
        negative += part[1]
    return float(whole), float(negative)


@compiled
def _six(
    p: Array, q: Array, a: float, b: float, c: float, d: float, e: float, f: float
) -> tuple[float, float, float, float, float, float, float]:
    sum_a = sum_b = sum_c = sum_d = sum_e = sum_f = mass = 0.0
    for i in range(p.size):
        x, y = p[i], q[i]
        sum_a += min(x, a * y)
        sum_b += min(x, b * y)
        sum_c += min(x, c * y)
        sum_d += min(x, d * y)
        sum_e += min(x, e * y)
        sum_f += min(x, f * y)
        mass += y
    return sum_a, sum_b, sum_c, sum_d, sum_e, sum_f, mass


@compiled
def six_overlaps(p: Array, q: Array, levels: Array, step: int, width: int) -> Array:
    r""":math:`\sum_x \min(p_x, \lambda q_x)` for six levels, and :math:`\sum_x q_x`.

    Over the first ``width`` of each ``step`` tokens.

    Examples
    --------
    >>> p, q = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    >>> six_overlaps(p, q, np.array([0.0, 1.0, 2.0, 4.0, 0.0, 0.0]), 2048, 2048).tolist()
    [0.0, 0.75, 1.0, 1.0, 0.0, 0.0, 1.0]
    """
    out = np.zeros(7)
    a, b, c, d, e, f = levels[0], levels[1], levels[2], levels[3], levels[4], levels[5]
    for start in range(0, p.size, step):
        stop = min(start + width, p.size)
        part = _six(p[start:stop], q[start:stop], a, b, c, d, e, f)
        out[0] += part[0]
        out[1] += part[1]
        out[2] += part[2]
        out[3] += part[3]
        out[4] += part[4]
        out[5] += part[5]
        out[6] += part[6]
    return out


@compiled
def _mark(p: Array, q: Array, low: float, high: float, marks: Array, inside: Array) -> tuple[float, float]:
    sum_p = sum_q = 0.0
    for i in range(p.size):
        x, y = p[i], q[i]
        below = 1.0 if x <= low * y else 0.0
        marks[i] = (1.0 if x <= high * y else 0.0) - below
        inside[i] = (x <= low * y) & (y > 0)
        sum_p += below * x
        sum_q += below * y
    return sum_p, sum_q


@compiled
def _list_marked(marks: Array, first: int, words: Array, tokens: Array, count: int) -> int:
    """Write down where the marks are one and not zero; the new number of tokens.

    First the words of eight marks that are not all zero, then their bytes: no branch, what does not count
    is overwritten by the next. Places are unsigned, so that none is taken for one counted from the end.
    """
    eight, some = marks.view(np.uint64), np.uint64(0)
    for i in range(eight.size):
        words[some] = i
        some += np.uint64(eight[i] != 0)
    place = np.uint64(count)
    for i in range(some):
        word = eight[words[i]]
        for j in range(8):
            tokens[place] = first + 8 * words[i] + j
            place += word >> np.uint64(8 * j) & np.uint64(1)
    return int(np.int64(place))


@compiled
def collect(
    p: Array, q: Array, low: float, high: float, inside: Array
) -> tuple[Array, Array, Array, float, float]:
    r"""The entries with :math:`\ell q_x < p_x \le h q_x`, their tokens; p and q of those before them.

    Writes down the set :math:`\{x : p_x \le \ell q_x, q_x > 0\}`.

    Examples
    --------
    >>> inside = np.empty(3, dtype=bool)
    >>> x, y, tokens, *sums = collect(np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5]), 0.5, 1.0, inside)
    >>> x.tolist(), y.tolist(), tokens.tolist(), [float(value) for value in sums], inside.tolist()
    ([0.3], [0.3], [1], [0.2, 0.5], [False, False, True])
    """
    tokens, marks = np.empty(p.size + 1, dtype=np.int32), np.zeros(_MARKED, dtype=np.uint8)
    words = np.empty(_MARKED // 8 + 1, dtype=np.int32)
    sum_p, sum_q, count = 0.0, 0.0, 0
    for start in range(0, p.size, _MARKED):
        stop = min(start + _MARKED, p.size)
        part = _mark(p[start:stop], q[start:stop], low, high, marks, inside[start:stop])
        sum_p += part[0]
        sum_q += part[1]
        marks[stop - start :] = 0
        count = _list_marked(marks, start, words, tokens, count)
    to_p, to_q = np.empty(count), np.empty(count)
    for i in range(count):
        to_p[i], to_q[i] = p[tokens[i]], q[tokens[i]]
    return to_p, to_q, tokens[:count], sum_p, sum_q


@compiled
def put_below(x: Array, y: Array, tokens: Array, level: float, inside: Array) -> tuple[float, float]:
    r"""Add the collected tokens with :math:`x \le \lambda y`, y > 0, to a set without them; their sums.

    Examples
    --------
    >>> inside = np.zeros(4, dtype=bool)
    >>> put_below(np.array([0.5, 0.25]), np.array([0.25, 0.75]), np.array([3, 1]), 1.0, inside)
    (0.25, 0.75)
    >>> inside.tolist()
    [False, True, False, False]
    """
    sum_p = sum_q = 0.0
    for i in range(x.size):
        below = (x[i] <= level * y[i]) & (y[i] > 0)
        weight = 1.0 if below else 0.0
        inside[tokens[i]] = below
        sum_p += weight * x[i]
        sum_q += weight * y[i]
    return sum_p, sum_q


@compiled
def _between(p: Array, q: Array, low: float, high: float) -> float:
    count = 0.0
    for i in range(p.size):
        count += (1.0 if p[i] <= high * q[i] else 0.0) - (1.0 if p[i] <= low * q[i] else 0.0)
    return count


@compiled
def count_between(p: Array, q: Array, low: float, high: float, step: int, width: int) -> float:
    r"""Number of tokens with :math:`\ell q_x < p_x \le h q_x` among the first ``width`` of each ``step``.

    Examples
    --------
    >>> float(count_between(np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5]), 0.5, 1.0, 8, 8))
    1.0
    """
    count = 0.0
    for start in range(0, p.size, step):
        stop = min(start + width, p.size)
        count += _between(p[start:stop], q[start:stop], low, high)
    return count


@compiled
def _below(p: Array, q: Array, level: float, out: Array) -> tuple[float, float, float]:
    sum_p = sum_q = mass = 0.0
    for i in range(p.size):
        x, y = p[i], q[i]
        below = x <= level * y
        out[i] = below & (y > 0)
        weight = 1.0 if below else 0.0
        sum_p += weight * x
        sum_q += weight * y
        mass += y
    return sum_p, sum_q, mass


@compiled
def fill_below(p: Array, q: Array, level: float, out: Array) -> tuple[float, float, float]:
    r"""Write down the set :math:`\{x : p_x \le \lambda q_x, q_x > 0\}`; its p and q, and all q.

    Examples
    --------
    >>> inside = np.empty(2, dtype=bool)
    >>> sums = fill_below(np.array([0.5, 0.5]), np.array([0.25, 0.75]), 1.0, inside)
    >>> [float(value) for value in sums], inside.tolist()
    ([0.5, 0.75, 1.0], [False, True])
    """
    sum_p = sum_q = mass = 0.0
    for start in range(0, p.size, _BLOCK):
        stop = min(start + _BLOCK, p.size)
        part = _below(p[start:stop], q[start:stop], level, out[start:stop])
        sum_p += part[0]
        sum_q += part[1]
        mass += part[2]
    return sum_p, sum_q, mass
