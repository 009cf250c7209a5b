"""Power sums of many small rates, for :mod:`theory.race`.

A token is *light* if x, its rate times the last time looked at, is at most :data:`LIGHT`. Its generating
function then enters through the powers of x, up to :data:`SERIES` of them; what is left out is bounded here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from theory.simplex import Array

#: A token is light if its rate times the last node is at most this.
LIGHT = 0.25
#: Power sums kept for light tokens.
SERIES = 22
_FAINT = 1 / 32  # a light token is faint if its rate is at most this part of the largest light one
_FAINT_SERIES = 8  # power sums kept for faint tokens
_BLOCK = 128  # tokens in a block of sums


@lru_cache(maxsize=32)
def cut_off(orders: int, kept: int, largest: float) -> Array:
    """For each m a bound of the terms of (e^x - 1)^m / m beyond x^kept at the largest x, by Cauchy.

    Examples
    --------
    >>> bool(cut_off(7, SERIES, LIGHT).sum() < 1e-14)
    True
    """
    radius = np.geomspace(0.02, 8.0, 400)
    radius = radius[radius > 1.5 * largest]
    ratio = largest / radius
    return np.array(
        [np.min(np.expm1(radius) ** m / m * ratio ** (kept + 1) / (1 - ratio)) for m in range(1, orders + 1)]
    )


@dataclass(frozen=True, eq=False)
class LightRates:
    """Power sums over prefixes of many small rates.

    Most tokens are *faint*: so light that their first few powers are enough. Those are summed by blocks, and
    a prefix adds its last block up token by token. The others keep all powers, in running sums.

    Parameters
    ----------
    rates
        Shape ``(V,)``, in [0, 1]: over the rate of the heaviest light token.

    Examples
    --------
    >>> sums, cut = LightRates(np.array([0.5, 0.0, 1.0])).power_sums(np.array([1, 3]), 2)
    >>> sums[:, :2].tolist(), bool(np.all(cut < 1e-15))
    ([[0.5, 0.25], [1.5, 1.25]], True)
    """

    rates: Array

    @cached_property
    def _bright(self) -> tuple[Array, Array]:
        """Positions of the tokens that are not faint, and their running power sums."""
        positions = np.flatnonzero(self.rates > _FAINT)
        rates = self.rates[positions]
        power, sums = np.ones_like(rates), np.zeros((SERIES, positions.size + 1))
        for n in range(SERIES):
            power *= rates
            np.cumsum(power, out=sums[n, 1:])
        return positions, sums.T

    @cached_property
    def _blocks(self) -> Array:
        """Faint rates in blocks, padded with zeros: shape ``(blocks + 1, block)``."""
        count = self.rates.size // _BLOCK + 1
        out = np.zeros(count * _BLOCK)
        out[: self.rates.size] = self.rates
        out[self._bright[0]] = 0.0
        return out.reshape(count, _BLOCK)

    @cached_property
    def _block_sums(self) -> Array:
        """Power sums of all blocks before each, shape ``(blocks + 2, faint series)``."""
        sums = np.zeros((self._blocks.shape[0] + 1, _FAINT_SERIES))
        for start in range(0, self._blocks.shape[0], 64):  # a piece that stays in the processor's cache
            blocks = self._blocks[start : start + 64]
            power = np.ones_like(blocks)
            for n in range(_FAINT_SERIES):
                power *= blocks
                sums[start + 1 : start + 65, n] = power.sum(axis=1)
        return np.cumsum(sums, axis=0, out=sums)

    def power_sums(self, sizes: Array, k: int) -> tuple[Array, Array]:
        """Power sums of prefixes, shape ``(J, series)``; and a bound for what counts below k are cut by."""
        block, rest = sizes // _BLOCK, sizes % _BLOCK
        last = np.where(np.arange(_BLOCK) < rest[:, None], self._blocks[block], 0.0)
        faint = self._block_sums[block]
        power = np.ones_like(last)
        for n in range(_FAINT_SERIES):
            power *= last
            faint[:, n] += power.sum(axis=1)
        positions, running = self._bright
        sums = running[np.searchsorted(positions, sizes)]
        # a token's cut-off is at most its share of the largest x allowed, times that x's cut-off
        bound = sums[:, 0] * cut_off(k - 1, SERIES, LIGHT).sum()
        bound += faint[:, 0] / _FAINT * cut_off(k - 1, _FAINT_SERIES, LIGHT * _FAINT).sum()
        sums[:, :_FAINT_SERIES] += faint
        return sums, bound
