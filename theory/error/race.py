r"""Bands of the best acceptance without replacement, p and q known with error.

**Lower end.** Let :math:`\alpha^*` be at least :math:`1 - m` at the centres: :math:`p(H) - Q(H) \ge -m` for
every H. Elsewhere in the regions p'(H) is at least :math:`\phi(p(H))` (the region's ``floor``) and
:math:`Q'(H) \le Q(H)^\gamma` (:mod:`theory.error.stability`), so

.. math:: \alpha^* \ge 1 + \min_{m \le x \le 1} [\phi(x - m) - x^\gamma] ,

(below m the first term is least at 0 and the second falls), a convex function of one number. The bound for
i.i.d. drafts is a lower end as well: :math:`Q(H) \le q(H)^k`. The larger one counts.

**Upper end.** For the set H that proves the bound at the centres: 1 plus the largest p(H) minus the least
Q(H), which has the lowest rates in H and the highest ones outside.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from theory.bounds.optimal import optimal_without_replacement
from theory.error.band import Band, jointly
from theory.error.ends import optimal_iid_band, point_band
from theory.error.regions import Ball, Region, check_regions, exact_region
from theory.laws.base import check_k
from theory.race import containment_interval
from theory.simplex import Array

_PIECES, _ROUNDS = 512, 4

Curve = Callable[[Array], Array]


def optimal_without_replacement_band(*, p: Region | ArrayLike, q: Region | ArrayLike, k: int) -> Band:
    """Band of the best acceptance that any lossless rule has on k drafts without replacement; floats.

    Rigorous; for two or more drafts neither end is known to be attained.

    Parameters
    ----------
    p, q
        What is known of target and draft. Of q ratios are needed: a `Weights` or `Box` region with positive
        lower ends, or a distribution; of a `Ball` the bound of i.i.d. drafts is all that is used.
    k
        Number of drafts, at most the number of tokens that the centre of q can draw.

    Raises
    ------
    ValueError
        If vocabularies differ, or k different tokens cannot be drawn.

    Notes
    -----
    Cost: the bound at the centres, that of :func:`optimal_iid_band`, and one race.

    Examples
    --------
    >>> from theory.error import Weights
    >>> p, q = np.array([0.1, 0.3, 0.6]), np.array([0.5, 0.3, 0.2])
    >>> known = optimal_without_replacement_band(p=p, q=q, k=2)
    >>> round(known.lower, 9), round(known.upper, 9)
    (0.885714286, 0.885714286)
    >>> band = optimal_without_replacement_band(p=p, q=Weights(q * 0.99, q * 1.01), k=2)
    >>> round(band.lower, 4), round(band.upper, 4)
    (0.8784, 0.8914)
    """
    target, draft = check_regions(p, q)
    if exact_region(target):
        raise ValueError("this band is computed with floats; give p and q as floats")
    simple = optimal_iid_band(p=target, q=draft, k=check_k(k))
    if k == 1:
        return simple
    (center,) = optimal_without_replacement(target.center, draft.center, (k,))
    gamma = _exponent(draft)
    missed = max(0.0, 1.0 - float(center.lower) + 1e-12)
    near = 1.0 + _least(target.floor, missed, gamma) if gamma > 0 else 0.0
    lower = max(near - 1e-12, simple.lower)
    upper = _upper(target, draft, center.dual_set, k)
    confidence = jointly(target.confidence, draft.confidence)
    return Band(min(lower, upper), upper, confidence, (float(center.value), float(center.value)))


def _exponent(q: Region) -> float:
    """The least ratio of any two weights' ratios to the centre; 0 if nothing is known of them."""
    if isinstance(q, Ball):
        return float(q.radius == 0)
    low, high = q.token_ends
    drawn = high > 0
    if np.any(low[drawn] == 0):
        return 0.0
    center = q.center[drawn]
    return float((low[drawn] / center).min() / (high[drawn] / center).max()) * (1 - 1e-14)


def _least(floor: Curve, missed: float, gamma: float) -> float:
    """A lower end of the least ``floor(x - missed) - x**gamma`` over [missed, 1].

    The function is convex, so that between two points it is above the lines through two points on either
    side.
    """
    low, high = min(missed, 1.0), 1.0
    for _ in range(_ROUNDS):
        x = np.linspace(low, high, _PIECES + 1)
        value = floor(np.clip(x - missed, 0, 1)) - x**gamma
        left = np.append(-2.0, np.minimum(value[1:-1], 2 * value[1:-1] - value[:-2]))
        right = np.append(np.minimum(value[1:-1], 2 * value[1:-1] - value[2:]), -2.0)
        below = np.maximum(left, right)
        # rounding can bend a nearly straight line the other way
        open_ = np.flatnonzero(below <= value.min() + 1e-14)
        if open_.size == 0:
            break
        low, high = float(x[max(open_[0] - 1, 0)]), float(x[min(open_[-1] + 2, _PIECES)])
    return float(min(below.min(), value.min())) - 1e-14


def _upper(p: Region, q: Region, inside: Array, k: int) -> float:
    """One plus the largest p(H) minus the least Q(H); one for the empty set."""
    if not inside.any() or (isinstance(q, Ball) and q.radius > 0):
        return 1.0
    held = 1.0 if inside.all() else point_band(p=p, tokens=np.flatnonzero(inside)).upper
    low, high = (q.center, q.center) if isinstance(q, Ball) else q.token_ends
    rates = np.where(inside, low, high)
    if np.count_nonzero(rates) < k:
        return 1.0
    return float(min(1.0, 1.0 + held - float(containment_interval(rates, inside, k)[0]) + 1e-12))
