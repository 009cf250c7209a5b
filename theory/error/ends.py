r"""Bands of acceptance for i.i.d. drafts, top-k plus sample, and point masses, p and q known with error.

With :math:`M(a) = \sum_x (p_x - a q_x)_+ = 1 - a - \min_G [p(G) - a q(G)]`:

- one draft: overlap :math:`1 + \min_H [p(H) - q(H)]`; k i.i.d. drafts: :math:`1 + \min_H [p(H) - q(H)^k]`;
- K-SEQ at its best factor accepts :math:`1 - (1 - \beta)^k` where :math:`M(\rho) = (1 - \beta)^k` and
  :math:`\rho = (1 - (1 - \beta)^k) / \beta`. As :math:`\beta` grows the left side grows and the right one
  falls: any :math:`\beta` at which all M are at most (at least) the right side is a lower (upper) end;
- recursive rejection accepts :math:`1 - M(a_{k+1})`, :math:`a_1 = 0`, :math:`a_{j+1} = a_j + M(a_j)`;
  :math:`a + M(a)` never falls, so ends of a follow from ends of M;
- the top k - 1 tokens T of q and a sample:
  :math:`1 + \min_{H \supseteq T} [p(H) - q(H \setminus T) / q(V \setminus T)]`.

Bands hold for every pair (p, q) in the regions, and say at which confidence the regions hold the truth.
Rules are taken to run with the *true* p and q.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations
from math import comb, expm1, log1p
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from theory.error.band import Band, jointly
from theory.error.regions import Region, check_regions, exact_region, region_of
from theory.error.scan import Found, Growth, highest, lowest
from theory.laws.base import check_k, check_tokens
from theory.simplex import Array

_STEPS, _NARROW, _TOO_MANY_TOPS = 40, 1e-8, 64


def overlap_band(*, p: Region | ArrayLike, q: Region | ArrayLike) -> Band:
    r"""Band of :math:`\sum_x \min(p_x, q_x)`, the acceptance of one draft (one minus total variation).

    Parameters
    ----------
    p, q
        What is known of target and draft: a `Ball`, `Box` or `Weights`, or a distribution, shape ``(V,)``.

    Raises
    ------
    ValueError
        If the vocabularies differ.

    Examples
    --------
    >>> from theory.error import Ball
    >>> p, q = np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.25, 0.5])
    >>> band = overlap_band(p=Ball(p, 0.0625), q=Ball(q, 0.125))
    >>> round(band.lower, 9), round(band.upper, 9)
    (0.5625, 0.9375)
    """
    return optimal_iid_band(p=p, q=q, k=1)


def optimal_iid_band(*, p: Region | ArrayLike, q: Region | ArrayLike, k: int) -> Band:
    """Band of the best acceptance that any lossless rule has on k i.i.d. drafts.

    The lower end is attained (up to how far the search went, see ``inner``), the upper one for `Ball` and
    `Box`.

    Examples
    --------
    >>> from theory.error import Box
    >>> p, q = np.array([1, 1, 4]) / 6, np.full(3, 1 / 3)
    >>> band = optimal_iid_band(p=Box(p * 0.99, p * 1.01), q=q, k=2)
    >>> round(band.lower, 6), round(band.upper, 6)
    (0.885556, 0.892222)
    """
    target, draft = check_regions(p, q)
    growth = Growth(power=check_k(k))
    return _band(target, draft, lowest(target, draft, growth), highest(target, draft, growth))


def top_k_plus_sample_band(
    *, p: Region | ArrayLike, q: Region | ArrayLike, k: int, top: Iterable[int] | None = None
) -> Band:
    """Band of the best acceptance for q's top k - 1 tokens and one sample of its others.

    Parameters
    ----------
    p, q
        What is known of target and draft.
    k
        Number of drafts; with 2 these are SpecHub's drafts too.
    top
        The k - 1 tokens that are always drafted, if known. If None, all sets that may be the top of q are
        tried; if there are more than 64, a coarser band is given: at least that of one draft, at most 1.

    Raises
    ------
    ValueError
        If vocabularies differ, or ``top`` does not hold k - 1 different tokens.

    Examples
    --------
    >>> from theory.error import Ball
    >>> p, q = np.array([0.5, 0.25, 0.25]), np.array([0.5, 0.25, 0.25])
    >>> band = top_k_plus_sample_band(p=Ball(p, 0.0625), q=q, k=2)
    >>> round(band.lower, 9), round(band.upper, 9)
    (0.9375, 1.0)
    """
    target, draft = check_regions(p, q)
    certain, tops = _tops(draft, check_k(k) - 1, top)
    if tops is None:
        single = overlap_band(p=target, q=draft)
        held = point_band(p=target, tokens=certain).lower if certain else single.lower
        return Band(max(single.lower, held), single.upper * 0 + 1, single.confidence)
    bands = [_with_top(target, draft, np.array(each, dtype=np.intp)) for each in tops]
    inner = (min(band.inner[0] for band in bands), max(band.inner[1] for band in bands))
    return Band(
        min(band.lower for band in bands),
        max(band.upper for band in bands),
        bands[0].confidence,
        inner if len(bands) == 1 else (np.nan, np.nan),
    )


def point_band(*, p: Region | ArrayLike, tokens: Iterable[int]) -> Band:
    """Band of p(S), the acceptance of fixed drafts S; attained.

    Examples
    --------
    >>> from theory.error import Ball
    >>> band = point_band(p=Ball(np.array([0.5, 0.25, 0.25]), 0.125), tokens=[0, 2])
    >>> round(band.lower, 9), round(band.upper, 9)
    (0.625, 0.875)
    """
    target = region_of(p)
    ids = np.unique(check_tokens(np.array(list(tokens), dtype=np.intp), target.size, what="tokens"))
    if ids.size == 0:
        raise ValueError("tokens is empty; name the tokens that are drafted")
    low, high = (end[-1] for end in target.ends_along(ids))
    if exact_region(target):
        return Band(low, high, target.confidence, (low, high))
    slack = 2.0**-52 * (target.size + 32)
    return Band(*_outward(float(low), float(high), slack), target.confidence, (float(low), float(high)))


def k_seq_band(*, p: Region | ArrayLike, q: Region | ArrayLike, k: int) -> Band:
    r"""Band of the acceptance of K-SEQ at its best factor, for k i.i.d. drafts; floats.

    :math:`\beta` is bracketed to 1e-8, always on the safe side.

    Examples
    --------
    >>> from theory.error import Box
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> band = k_seq_band(p=p, q=q, k=2)  # 0.791355 for these
    >>> round(band.lower, 6), round(band.upper, 6)
    (0.791355, 0.791355)
    >>> band = k_seq_band(p=Box(p * 0.99, p * 1.01), q=q, k=2)
    >>> round(band.lower, 4), round(band.upper, 4)
    (0.7872, 0.7955)
    """
    target, draft = check_regions(p, q)
    if check_k(k) == 1:
        return overlap_band(p=target, q=draft)
    low, high = _curves(target, draft)
    lower = _crossing(lambda beta: float(high(_factor(beta, k))) - (1 - beta) ** k)[0]
    upper = _crossing(lambda beta: float(low(_factor(beta, k))) - (1 - beta) ** k)[1]
    ends = _outward(_accepted(lower, k), _accepted(upper, k), 1e-13 * k)
    return Band(*ends, jointly(target.confidence, draft.confidence))


def recursive_band(*, p: Region | ArrayLike, q: Region | ArrayLike, k: int) -> Band:
    """Band of the acceptance of recursive rejection (SpecInfer) on k i.i.d. drafts.

    Ends of the ratios and of M are combined, so that for two or more drafts neither end need be attained.

    Examples
    --------
    >>> from theory.error import Box
    >>> p, q = np.array([1, 1, 4]) / 6, np.full(3, 1 / 3)
    >>> band = recursive_band(p=p, q=q, k=2)
    >>> round(band.lower, 6), round(band.upper, 6)
    (0.777778, 0.777778)
    >>> band = recursive_band(p=Box(p * 0.99, p * 1.01), q=q, k=2)
    >>> round(band.lower, 4), round(band.upper, 4)
    (0.7733, 0.7822)
    """
    target, draft = check_regions(p, q)
    best = optimal_iid_band(p=target, q=draft, k=k)
    if check_k(k) == 1:
        return best
    low, high = _curves(target, draft)
    one = best.lower * 0 + 1
    least, most = one, one  # the second ratio: M(0) is one
    for _ in range(k - 1):
        least, most = least + low(least), most + high(most)
    lower = max(1 - high(least), best.lower * 0)
    return Band(lower, max(lower, min(1 - low(most), best.upper)), best.confidence)


def _band(p: Region, q: Region, low: Found, high: Found) -> Band:
    """One plus both ends, within [0, 1]."""
    one = low.end * 0 + 1
    lower, upper = max(one + low.end, one * 0), min(one + high.end, one)
    return Band(
        lower if lower <= upper else upper,
        upper,
        jointly(p.confidence, q.confidence),
        (min(one + low.reached, one), min(one + high.reached, one)),
    )


def _with_top(p: Region, q: Region, top: Array) -> Band:
    off = q.off(top)
    found = [search(p, off, Growth(), first=top) for search in (lowest, highest)]
    return _band(p, q, *found)


def _tops(q: Region, count: int, top: Iterable[int] | None) -> tuple[list[int], list[tuple[int, ...]] | None]:
    """Tokens that are certainly in the top, and all sets that may be it; None if those are too many."""
    if top is not None:
        ids = tuple(
            int(token) for token in check_tokens(np.array(list(top), dtype=np.intp), q.size, what="top")
        )
        if len(set(ids)) != count or len(ids) != count:
            raise ValueError(f"top must hold {count} different tokens, one fewer than drafts; got {ids}")
        return list(ids), [ids]
    low, high = q.token_ends
    if count == 0:
        return [], [()]
    # a token is certain if fewer than `count` others may reach it, possible unless that many are above it
    reach, above = np.sort(high), np.sort(low)
    rivals = q.size - np.searchsorted(reach, low, side="left") - 1
    ahead = q.size - np.searchsorted(above, high, side="right")
    certain = np.flatnonzero(rivals < count).tolist()
    possible = [token for token in np.flatnonzero(ahead < count).tolist() if token not in certain]
    missing = count - len(certain)
    if comb(len(possible), missing) > _TOO_MANY_TOPS:
        return certain, None
    return certain, [(*certain, *some) for some in combinations(possible, missing)]


def _curves(p: Region, q: Region) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Lower and upper ends of M(a) over the regions."""

    def low(ratio: Any) -> Any:
        return max(1 - ratio - highest(p, q, Growth(ratio)).end, 1 - ratio, ratio * 0)

    def high(ratio: Any) -> Any:
        return min(1 - ratio - lowest(p, q, Growth(ratio)).end, ratio * 0 + 1)

    return low, high


def _crossing(growing: Callable[[float], float]) -> tuple[float, float]:
    """Where a growing function turns positive, from both sides; by secants, kept in brackets."""
    low, high, at_low, at_high = 0.0, 1.0, -1.0, 1.0
    for step in range(_STEPS):
        share = at_low / (at_low - at_high) if step % 3 < 2 else 0.5
        middle = low + (high - low) * min(max(share, 0.01), 0.99)
        if high - low <= _NARROW or not low < middle < high:
            break
        value = growing(middle)
        if value <= 0:
            low, at_low = middle, min(value, -1e-300)
        else:
            high, at_high = middle, value
    return low, high


def _accepted(beta: float, k: int) -> float:
    return 1.0 if beta >= 1 else -expm1(k * log1p(-beta))


def _factor(beta: float, k: int) -> float:
    return _accepted(beta, k) / beta


def _outward(lower: float, upper: float, slack: float) -> tuple[float, float]:
    return max(lower - slack, 0.0), min(upper + slack, 1.0)
