r"""Tokens put into cells: bins of the ratio p / q, opened where it matters.

A bin holds the tokens whose ratio starts with the same bits, so a token finds its bin without a search:
:math:`2^{b}` bins for each doubling of the ratio, from :math:`2^{-40}` up to k, one for what lies between
zero and the first, one for p = 0, one for all from k on (no slope of the law is above k), and one for the
tokens that are never drafted. *Opening* a bin makes each of its tokens a cell of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.simplex import Array, is_exact

_MANTISSA = 52
_LOWEST = 2.0**-40
_NO_END = 2.0**1000  # of the ratios in the last bin


@dataclass(frozen=True, eq=False)
class Cells:
    """A partition of the tokens.

    Attributes
    ----------
    cell
        The cell of each token, shape ``(V,)``.
    p, q
        Sums over each cell, shape ``(cells,)``. A cell that has been opened has none left.
    low, high
        Ends that the ratios p / q of a cell's tokens lie between; equal where there is one ratio.
    """

    cell: Array
    p: Array
    q: Array
    low: Array
    high: Array

    def opened(self, which: Array, *, p: Array, q: Array) -> Cells:
        """The same with every token of the marked cells in a cell of its own.

        Parameters
        ----------
        which
            Boolean, shape ``(cells,)``.
        p, q
            The tokens' weights, shape ``(V,)``.

        Examples
        --------
        >>> p, q = np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.25, 0.5])
        >>> cells = Cells(np.zeros(3, dtype=int), *np.array([[1.0], [1.0], [0.5], [2.0]])).opened(
        ...     np.array([True]), p=p, q=q
        ... )
        >>> cells.cell.tolist(), cells.q.tolist(), cells.low.tolist()
        ([1, 2, 3], [0.0, 0.25, 0.25, 0.5], [0.5, 2.0, 1.0, 0.5])
        """
        tokens = np.flatnonzero(which[self.cell])
        cell = self.cell.copy()
        cell[tokens] = np.arange(self.q.size, self.q.size + tokens.size)
        kept_p, kept_q = (np.where(which, 0, sums) for sums in (self.p, self.q))
        ratio = _finite(ratio_of(p[tokens], q[tokens]))
        return Cells(
            cell,
            np.concatenate([kept_p, p[tokens]]),
            np.concatenate([kept_q, q[tokens]]),
            np.concatenate([self.low, ratio]),
            np.concatenate([self.high, ratio]),
        )


def every_token(p: Array, q: Array) -> Cells:
    """Each token a cell of its own."""
    ratio = _finite(ratio_of(p, q))
    return Cells(np.arange(q.size), p, q, ratio, ratio)


def ratio_of(p: Array, q: Array) -> Array:
    """p / q, and zero where q is zero: a token that is never drafted has no part in the law.

    Examples
    --------
    >>> ratio_of(np.array([0.5, 0.5]), np.array([1.0, 0.0])).tolist()
    [0.5, 0.0]
    """
    live = q > 0
    with np.errstate(over="ignore"):
        ratio: Array = p / q if live.all() else np.where(live, p, 0) / np.where(live, q, 1)
    return ratio


def binned(p: Array, q: Array, k: int, *, bits: int) -> Cells:
    """Tokens in ``2**bits`` bins a doubling of p / q.

    Parameters
    ----------
    p, q
        Target and draft weights, shape ``(V,)``. With fractions sums and ends are exact, and bins are chosen
        by the nearest floats.
    k
        Number of drafts.
    bits
        From 0 to 16.

    Examples
    --------
    >>> cells = binned(np.array([0.25, 0.25, 0.5, 0.0]), np.array([0.5, 0.25, 0.0, 0.25]), 2, bits=0)
    >>> cells.cell.tolist(), cells.low[41:].tolist(), cells.p[[0, 41, 42]].tolist()
    ([41, 42, 44, 0], [0.5, 1.0, 2.0, 0.0], [0.0, 0.25, 0.25])
    """
    if not 0 <= bits <= 16:
        raise ValueError(f"bits must be in 0..16 (2**bits bins a doubling of p / q), got {bits}")
    shift = _MANTISSA - bits
    first, last = (int(np.float64(edge).view(np.int64)) >> shift for edge in (_LOWEST, float(k)))
    ratio = ratio_of(p.astype(np.float64, copy=False), q.astype(np.float64, copy=False))
    cell = ratio.view(np.int64) >> shift
    cell -= first - 2
    count = last - first + 4
    np.clip(cell, 1, count - 2, out=cell)
    if ratio.min() == 0:
        cell[ratio == 0] = 0
    if not np.all(q > 0):
        cell[q <= 0] = count - 1
    sums_p, sums_q = _sums(cell, p, count), _sums(cell, q, count)
    if is_exact(q):
        return Cells(cell, sums_p, sums_q, *_exact_ends(cell, p, q, count))
    edges = (np.arange(first, last + 1) << shift).view(np.float64)
    low = np.concatenate([[0.0, 0.0], edges, [0.0]])
    high = np.concatenate([[0.0], edges, [_NO_END, 0.0]])
    return Cells(cell, sums_p, sums_q, low, high)


def _finite(ratio: Array) -> Array:
    """Ratios of which a subnormal q has made none infinite."""
    return ratio if is_exact(ratio) else np.minimum(ratio, _NO_END)


def _sums(cell: Array, values: Array, count: int) -> Array:
    if not is_exact(values):
        return np.bincount(cell, values, count)
    out: Array = np.zeros(count, dtype=object) + values[0] * 0
    np.add.at(out, cell, values)
    return out


def _exact_ends(cell: Array, p: Array, q: Array, count: int) -> tuple[Array, Array]:
    """Smallest and largest ratio of each bin."""
    low, high = (np.zeros(count, dtype=object) + p[0] * 0 for _ in range(2))
    live = np.flatnonzero(q > 0)
    ratio = p[live] / q[live]
    low[cell[live]] = high[cell[live]] = ratio
    np.minimum.at(low, cell[live], ratio)
    np.maximum.at(high, cell[live], ratio)
    return low, high
