r"""Regions from rounded numbers: logits, log-probabilities or probabilities in a short float format.

A number x that was rounded to a float format is within half a unit in the last place of the stored one (a
whole unit if it was cut off). For logits that is an additive error :math:`d_x`, so a *factor* between
:math:`e^{-d_x / T}` and :math:`e^{d_x / T}` of the weight at temperature T: a `Weights` region. All d alike,
it is in TV within :math:`\tanh(d / 2T)` of its centre (:mod:`theory.error.stability`).

========= ==== ================================= ============================================
format    bits error of a logit of 16 to 32      error of a normal number, as a share of it
========= ==== ================================= ============================================
float16   11   0.0078                            0.0005
bfloat16  8    0.0625                            0.004
float32   24   9.5e-7                            6e-8
========= ==== ================================= ============================================
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from theory.error.regions import Box, Weights
from theory.simplex import Array, check_weights

#: Explicit bits of the mantissa and smallest exponent of a normal number.
FORMATS = {"float16": (10, -14), "bfloat16": (7, -126), "float32": (23, -126)}
_WIDER = 2.0**-48  # exp, and the products around it, are good to a few units of 2^-52


def logits_region(logits: ArrayLike, *, stored: str, temperature: float = 1.0, units: float = 0.5) -> Weights:
    """What rounded logits (or log-probabilities) say about a distribution.

    Parameters
    ----------
    logits
        Shape ``(V,)``, as stored; minus infinity is a token of probability zero.
    stored
        ``"float16"``, ``"bfloat16"`` or ``"float32"``: the format they were rounded to.
    temperature
        Above 0, applied after the rounding.
    units
        How many units in the last place the stored number may be off: 0.5 for rounding to the nearest, 1 for
        cutting off, more to allow for the arithmetic before.

    Raises
    ------
    ValueError
        For NaN or plus infinity, numbers that the format cannot hold, no finite logit, an unknown format,
        or a parameter out of its range.

    Examples
    --------
    >>> from theory.error import overlap_band
    >>> p = logits_region(np.float16([20.0, 19.5, 3.0]), stored="float16")
    >>> q = logits_region(np.float16([20.0, 18.5, 3.0]), stored="float16")
    >>> band = overlap_band(p=p, q=q)
    >>> round(band.lower, 4), round(band.upper, 4)
    (0.7989, 0.8109)
    """
    values = _stored(logits, stored, "logits", units)
    if not (0 < temperature < np.inf):
        raise ValueError(f"temperature must be finite and above 0, got {temperature}")
    if np.isnan(values).any() or (values == np.inf).any() or not np.isfinite(values).any():
        raise ValueError("logits must be finite or minus infinity, and one of them finite")
    finite = np.isfinite(values)
    error = np.where(finite, _unit(np.where(finite, values, 0), stored) * units, 0)
    peak = values[finite].max()
    ends = [np.exp((values - peak + sign * error) / temperature) for sign in (-1, 1)]
    return Weights(ends[0] * (1 - _WIDER), ends[1] * (1 + _WIDER))


def probabilities_region(p: ArrayLike, *, stored: str, units: float = 0.5) -> Box:
    """What rounded probabilities say about a distribution.

    Parameters
    ----------
    p
        Shape ``(V,)``, as stored; they need not sum to one.
    stored, units
        As for :func:`logits_region`.

    Raises
    ------
    ValueError
        As there, or if no distribution rounds to these numbers.

    Examples
    --------
    >>> box = probabilities_region(np.float16([0.7, 0.2, 0.1]), stored="float16")
    >>> bool((box.lower <= [0.7, 0.2, 0.1]).all() and (box.upper >= [0.7, 0.2, 0.1]).all())
    True
    """
    values = check_weights(_stored(p, stored, "p", units), name="p")
    error = _unit(values, stored) * units
    return Box(np.maximum(values - error, 0) * (1 - _WIDER), np.minimum(values + error, 1))


def _stored(values: ArrayLike, stored: str, name: str, units: float) -> Array:
    if stored not in FORMATS:
        raise ValueError(f"stored is one of {', '.join(FORMATS)}, got {stored!r}")
    if not units > 0:
        raise ValueError(f"units must be above 0, got {units}")
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "fiu":
        raise ValueError(f"{name} must be numbers of shape (V,), got {array.shape} of {array.dtype}")
    wide = array.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    unit = _unit(finite, stored)
    if np.any(np.remainder(finite, unit) != 0):
        raise ValueError(f"{name} holds numbers that {stored} cannot hold; say the format they are in")
    return wide


def _unit(values: Array, stored: str) -> Array:
    """The unit in the last place of each number, the larger one where it is between two."""
    bits, least = FORMATS[stored]
    exponent = np.where(values == 0, least, np.maximum(np.frexp(np.abs(values))[1] - 1, least))
    result: Array = np.ldexp(1.0, exponent - bits)
    return result
