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

from theory.simplex import Array

_Function = TypeVar("_Function", bound=Callable[..., object])
_BLOCK = 2048
_FEW = 64

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
def _four(
    p: Array, q: Array, a: float, b: float, c: float, d: float
) -> tuple[float, float, float, float, float]:
    sum_a = sum_b = sum_c = sum_d = mass = 0.0
    for i in range(p.size):
        x, y = p[i], q[i]
        sum_a += min(x, a * y)
        sum_b += min(x, b * y)
        sum_c += min(x, c * y)
        sum_d += min(x, d * y)
        mass += y
    return sum_a, sum_b, sum_c, sum_d, mass


@compiled
def four_overlaps(p: Array, q: Array, levels: Array, step: int, width: int) -> Array:
    r""":math:`\sum_x \min(p_x, \lambda q_x)` for four levels, and :math:`\sum_x q_x`.

    Over the first ``width`` of each ``step`` tokens.

    Examples
    --------
    >>> p, q = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    >>> four_overlaps(p, q, np.array([0.0, 1.0, 2.0, 4.0]), 2048, 2048).tolist()
    [0.0, 0.75, 1.0, 1.0, 1.0]
    """
    out = np.zeros(5)
    a, b, c, d = levels[0], levels[1], levels[2], levels[3]
    for start in range(0, p.size, step):
        stop = min(start + width, p.size)
        part = _four(p[start:stop], q[start:stop], a, b, c, d)
        out[0] += part[0]
        out[1] += part[1]
        out[2] += part[2]
        out[3] += part[3]
        out[4] += part[4]
    return out


@compiled
def sums_between(p: Array, q: Array, low: float, high: float) -> tuple[float, float, float]:
    r"""p and q of :math:`\{x : p_x \le \ell q_x\}`; number of tokens with :math:`\ell q_x < p_x \le h q_x`.

    Examples
    --------
    >>> sums_between(np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5]), 0.5, 1.0)
    (0.2, 0.5, 1.0)
    """
    sum_p = sum_q = between = 0.0
    for i in range(p.size):
        x, y = p[i], q[i]
        weight = 1.0 if x <= low * y else 0.0
        sum_p += x * weight
        sum_q += y * weight
        between += (1.0 if x <= high * y else 0.0) - weight
    return float(sum_p), float(sum_q), float(between)


@compiled
def fill_below(p: Array, q: Array, level: float, out: Array) -> None:
    r"""Write the set :math:`\{x : p_x \le \lambda q_x, q_x > 0\}` into a boolean array.

    Examples
    --------
    >>> inside = np.empty(2, dtype=bool)
    >>> fill_below(np.array([0.5, 0.5]), np.array([0.25, 0.75]), 1.0, inside)
    >>> inside.tolist()
    [False, True]
    """
    for i in range(p.size):
        out[i] = (p[i] <= level * q[i]) & (q[i] > 0)


@compiled
def _append_between(
    p: Array, q: Array, low: float, high: float, first: int, tokens: Array, count: int
) -> int:
    for start in range(0, p.size, _FEW):
        stop = min(start + _FEW, p.size)
        if sums_between(p[start:stop], q[start:stop], low, high)[2] > 0:
            for i in range(start, stop):
                tokens[count] = first + i  # overwritten by the next unless it counts
                count += (p[i] > low * q[i]) & (p[i] <= high * q[i])
    return count


@compiled
def split(
    p: Array, q: Array, low: float, high: float, inside: Array, tokens: Array
) -> tuple[float, float, int]:
    r"""Write down the set :math:`\{x : p_x \le \ell q_x, q_x > 0\}` and the tokens up to a second level.

    The array of tokens needs room for one more than there are. Returns p and q of the first set and the
    number of tokens written, those with :math:`\ell q_x < p_x \le h q_x`.

    Examples
    --------
    >>> inside, tokens = np.empty(3, dtype=bool), np.empty(4, dtype=np.intp)
    >>> split(np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5]), 0.5, 1.0, inside, tokens)
    (0.2, 0.5, 1)
    >>> inside.tolist(), int(tokens[0])
    ([False, False, True], 1)
    """
    sum_p, sum_q, count = 0.0, 0.0, 0
    for start in range(0, p.size, _BLOCK):
        stop = min(start + _BLOCK, p.size)
        x, y = p[start:stop], q[start:stop]
        part = sums_between(x, y, low, high)
        sum_p += part[0]
        sum_q += part[1]
        fill_below(x, y, low, inside[start:stop])
        if part[2] > 0:
            count = _append_between(x, y, low, high, start, tokens, count)
    return float(sum_p), float(sum_q), int(count)
