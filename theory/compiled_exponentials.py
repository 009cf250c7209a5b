r"""Exponentials for vector units: :math:`e^x = 2^n e^r`, with n the integer next to :math:`x / \log 2`.

The rest r is at most :math:`\frac12 \log 2` from zero, where 14 terms of the series are right to the last
bit; :math:`2^n` is put together from its bits. No branches, blocks that stay in the nearest cache. Import
this module only when needed, and use it only where :data:`theory.kernels.COMPILED`; see there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np

from theory import kernels
from theory.arrays import Array

_Function = TypeVar("_Function", bound=Callable[..., object])
_BLOCK = 1024
_PER_LOG = 1.4426950408889634  # 1 / log 2
_LOG_HIGH, _LOG_LOW = (
    6.93147180369123816490e-01,
    1.90821492927058770002e-10,
)  # log 2, cut to 33 bits; the rest
_ROUNDER = 6755399441055744.0  # 1.5 * 2**52: added, it leaves an integer in the lowest bits
_BIAS = 1023


def _in_order(function: _Function) -> _Function:
    """The function as machine code where numba is installed; sums keep their order: rounding relies on it."""
    if not kernels.COMPILED:
        return function
    import numba

    return cast(_Function, numba.njit(fastmath={"contract", "nnan"}, cache=True)(function))


@_in_order
def _one_block(scores: Array, peak: float, temperature: float, rest: Array, whole: Array, out: Array) -> None:
    for i in range(scores.size):
        x = (np.float64(scores[i]) - peak) / temperature
        shifted = x * _PER_LOG + _ROUNDER
        n = shifted - _ROUNDER
        whole[i] = shifted
        rest[i] = (x - n * _LOG_HIGH) - n * _LOG_LOW
    bits = whole.view(np.int64)
    for i in range(scores.size):
        bits[i] = (bits[i] + _BIAS) << 52
    for i in range(scores.size):
        r = rest[i]
        series = 1 / 6227020800.0
        series = series * r + 1 / 479001600.0
        series = series * r + 1 / 39916800.0
        series = series * r + 1 / 3628800.0
        series = series * r + 1 / 362880.0
        series = series * r + 1 / 40320.0
        series = series * r + 1 / 5040.0
        series = series * r + 1 / 720.0
        series = series * r + 1 / 120.0
        series = series * r + 1 / 24.0
        series = series * r + 1 / 6.0
        series = series * r + 0.5
        series = series * r + 1.0
        series = series * r + 1.0
        out[i] = whole[i] * series


@_in_order
def _one_row(scores: Array, peak: float, temperature: float, out: Array) -> None:
    whole, rest = np.empty(_BLOCK), np.empty(_BLOCK)
    for start in range(0, scores.size, _BLOCK):
        end = min(start + _BLOCK, scores.size)
        _one_block(scores[start:end], peak, temperature, rest, whole, out[start:end])


def of_rows(scores: Array, peak: Array, temperature: float) -> Array:
    """As :func:`theory.exponentials.exponentials`, of rows whose weights are all normal floats.

    Examples
    --------
    >>> of_rows(np.array([[-1.0, 0.0]]), np.array([0.0]), 2.0).round(6)
    array([[0.606531, 1.      ]])
    """
    out = np.empty(scores.shape)
    rows, peaks = scores.reshape(-1, scores.shape[-1]), np.reshape(peak, -1)
    for row, most, into in zip(rows, peaks, out.reshape(rows.shape), strict=True):
        _one_row(kernels.read_only(row), float(most), temperature, into)
    return out
