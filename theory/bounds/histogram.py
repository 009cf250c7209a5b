r"""The optimum for i.i.d. drafts from a histogram of the ratios p / q, opened where that matters.

Put tokens into bins of the ratio (the leading bits of its float: sign, exponent and four bits of the
mantissa, bins 3 to 6% wide), sum p and q in each, and scan the bin edges. Within a bin the cumulative P is
convex as a function of the cumulative s and has slopes between the bin's edges, and :math:`-s^k` is concave,
so :math:`P - s^k` inside the bin is at least its value at the two ends or where the two outer tangents meet.
Only bins whose lower bound is below the best edge are opened and sorted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theory.simplex import Array

_SHIFT = 48
_CHUNK = 32768
_LOWEST, _HIGHEST = 2.0**-40, 2.0**12
_BASE = int(np.float64(_LOWEST).view(np.int64)) >> _SHIFT
_BINS = (int(np.float64(_HIGHEST).view(np.int64)) >> _SHIFT) - _BASE + 1
#: Ratios at the edges of the bins; the first and the last bin hold all that is beyond.
EDGES = np.concatenate([[0.0], ((np.arange(_BASE + 1, _BASE + _BINS)) << _SHIFT).view(np.float64), [np.inf]])


@dataclass(frozen=True, eq=False)
class Histogram:
    """One pair by bins of its ratio, ready to be asked for any number of drafts.

    Parameters
    ----------
    p, q
        Checked float64 arrays of shape ``(V,)``.

    Notes
    -----
    About as long as one sort at V = 128,000, of which a third for each further number of drafts. Chunks keep
    the work in the processor's cache, and the rounding of a sum that of one over a chunk.

    Examples
    --------
    >>> value, inside = Histogram(np.array([1, 1, 4]) / 6, np.full(3, 1 / 3)).optimum(2)
    >>> round(value, 6), inside.tolist()
    (0.888889, [True, True, False])
    """

    p: Array
    q: Array

    @cached_property
    def _binned(self) -> tuple[Array, Array]:
        """Bin of each token; cumulative p and q at the bin edges, from 0, shape ``(2, bins + 1)``."""
        bins = np.empty(self.q.size, dtype=np.int16)
        sums = np.zeros((2, _BINS))
        for start in range(0, self.q.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            p, q = self.p[part], self.q[part]
            index = _bin_of(p, q)
            bins[part] = index
            sums[0] += np.bincount(index, p, _BINS)
            sums[1] += np.bincount(index, q, _BINS)
        edges = np.zeros((2, _BINS + 1))
        np.cumsum(sums, axis=1, out=edges[:, 1:])
        return bins, edges

    def optimum(self, k: int) -> tuple[float, Array]:
        r""":math:`q(V)^k + \min_H [p(H) - q(H)^k]` and a set that attains it."""
        bins, (mass_p, mass_q) = self._binned
        at_edges = mass_p - mass_q**k
        best = int(np.argmin(at_edges))
        value, more = float(at_edges[best]), np.empty(0, dtype=np.intp)
        for bin_ in np.flatnonzero(_lower_bounds(mass_p, mass_q, k) < value - 1e-16):
            tokens, values = self._opened(int(bin_), k)
            count = int(np.argmin(values))
            if values[count] < value:
                value, best, more = float(values[count]), int(bin_), tokens[:count]
        inside = bins < best
        inside[more] = True
        held_p, held_q = _masked_sum(self.p, inside), _masked_sum(self.q, inside)
        return self._whole**k - held_q**k + held_p, inside

    @cached_property
    def _whole(self) -> float:
        return float(self.q.sum())

    def _opened(self, bin_: int, k: int) -> tuple[Array, Array]:
        """A bin's tokens by their ratio, and the objective with none, one, two ... of them."""
        bins, edges = self._binned
        tokens, ends = by_ratio(np.flatnonzero(bins == bin_), self.p, self.q)
        sums_p = edges[0, bin_] + np.append(0.0, np.cumsum(self.p[tokens]))
        sums_q = edges[1, bin_] + np.append(0.0, np.cumsum(self.q[tokens]))
        values = np.full(tokens.size + 1, np.inf)
        values[ends] = (sums_p - sums_q**k)[ends]
        return tokens, values


def by_ratio(tokens: Array, p: Array, q: Array) -> tuple[Array, Array]:
    """Tokens by ascending p / q, and how many there are up to the end of each run of equal ratios, from 0.

    Examples
    --------
    >>> order, ends = by_ratio(np.arange(3), np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.25, 0.5]))
    >>> order.tolist(), ends.tolist()
    ([2, 1, 0], [0, 1, 2, 3])
    """
    ratio = ratios(p[tokens], q[tokens])
    order = np.argsort(ratio)
    ratio = ratio[order]
    ends = np.append(0, np.flatnonzero(np.append(ratio[1:] != ratio[:-1], True)[: ratio.size]) + 1)
    return tokens[order], ends


def ratios(p: Array, q: Array) -> Array:
    """``p / q`` in floats, with infinity where q is zero."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio: Array = p / q
    if not np.all(q > 0):
        ratio[q == 0] = np.inf
    return ratio


def _masked_sum(values: Array, inside: Array) -> float:
    """The sum over a set, by pairs: for many drafts even the last digits of q(H) count."""
    parts = [slice(start, start + _CHUNK) for start in range(0, values.size, _CHUNK)]
    return float(sum(np.multiply(values[part], inside[part]).sum() for part in parts))


def _bin_of(p: Array, q: Array) -> Array:
    """The bin of each token's ratio."""
    index: Array = ratios(p, q).view(np.int64)
    index >>= _SHIFT
    index -= _BASE
    return np.clip(index, 0, _BINS - 1, out=index)


def _lower_bounds(mass_p: Array, mass_q: Array, k: int) -> Array:
    """For each bin a lower bound of P - s^k strictly inside of it."""
    width_p, width_q = np.diff(mass_p), np.diff(mass_q)
    low, high = EDGES[:-1], np.minimum(EDGES[1:], 1e300)
    with np.errstate(over="ignore"):
        meet = np.clip((high * width_q - width_p) / (high - low), 0.0, width_q)
    inner_p, inner_q = mass_p[:-1] + low * meet, mass_q[:-1] + meet
    bound: Array = np.where(width_q > 0, inner_p - inner_q**k, np.inf)
    return bound
