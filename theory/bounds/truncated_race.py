r"""Rigorous ends for drafts without replacement when only the likeliest tokens of p and q are known.

**Lower end: that of i.i.d. drafts.** Without replacement all drafts are in H less often: :math:`Q(H) \le
q(H)^k`, as after j drafts in H the next one is in H with probability :math:`(q(H) - m) / (1 - m) \le q(H)`,
m being the mass drawn before. So the optimum is at least that of i.i.d. drafts, at every completion.

**Upper end: listed sets.** Q(H) depends on q within H and on the *total* outside of H (all clocks outside
together are one), so for a set of tokens that q lists it is known, whatever the completion. And p(H) is at
most :math:`p_{\max}(H)`, see :mod:`theory.bounds.completions`. Prefixes of the list of q by (largest) ratio
p / q are tried, the empty one among them (which gives 1).

Neither end is known to be attained.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate

import numpy as np

from theory.bounds.truncated import Ends, Truncated
from theory.bounds.truncated_ends import optimal_iid_ends
from theory.laws.base import check_k
from theory.race import RaceScan
from theory.simplex import Array


def without_replacement_ends(*, p: Truncated, q: Truncated, k: int) -> Ends:
    """Ends of the best acceptance that any lossless rule has on k drafts without replacement.

    Rigorous for every completion of which k different tokens can be drafted; not tight for two or more drafts
    (``attained`` is NaN then). Floats.

    Parameters
    ----------
    p, q
        What is known of target and draft, over one vocabulary.
    k
        Number of drafts.

    Raises
    ------
    ValueError
        If the vocabularies differ or k is not a positive integer.

    Notes
    -----
    Cost: that of :func:`optimal_iid_ends` and one race over the list of q.

    Examples
    --------
    >>> p = Truncated.top([5, 6], [0.625, 0.25], vocabulary=100)
    >>> q = Truncated.top([0, 1], [0.625, 0.25], vocabulary=100)
    >>> ends = without_replacement_ends(p=p, q=q, k=2)
    >>> round(ends.lower, 6), round(ends.upper, 6)
    (0.0, 0.5)
    """
    simple = optimal_iid_ends(p=p, q=q, k=k)
    if check_k(k) == 1:
        return simple
    lower = float(np.nextafter(float(simple.lower), -np.inf))
    nothing = float("nan")
    return Ends(max(lower, 0.0), max(_upper(p, q, k), lower), False, (nothing, nothing))


def _upper(p: Truncated, q: Truncated, k: int) -> float:
    """The least ``1 + p_max(H) - Q(H)`` over prefixes of q's list; rounded up."""
    ranked = sorted((token for token in q.known if q.known[token]), key=lambda token: _ratio(p, q, token))
    rates = np.array([float(q.known[token]) for token in [*ranked]] + [float(q.rest)] * bool(q.rest))
    if np.count_nonzero(rates) < k:
        return 1.0
    held = _most(p, ranked)
    missed = _containment(rates, len(ranked), k)
    return float(min(1.0, (1.0 + held - missed).min() + 1e-15))


def _ratio(p: Truncated, q: Truncated, token: int) -> tuple[Fraction, int]:
    return p.known.get(token, p.largest) / q.known[token], token


def _most(p: Truncated, ranked: list[int]) -> Array:
    """The largest p-mass of each prefix, rounded up."""
    known = accumulate((p.known.get(token, Fraction(0)) for token in ranked), initial=Fraction(0))
    unlisted = accumulate((token not in p.known for token in ranked), initial=0)
    most = [mass + min(p.rest, p.largest * count) for mass, count in zip(known, unlisted, strict=True)]
    result: Array = np.nextafter(np.array([float(value) for value in most]), np.inf)
    return result


def _containment(rates: Array, count: int, k: int) -> Array:
    """Lower ends of Q for all prefixes of the list.

    Rounding the rates to floats, of which all sums here are within 1e-14, is covered by 1e-12.
    """
    lower = RaceScan(rates, k).interval(np.arange(count + 1), k)[0]
    result: Array = np.clip(lower - 1e-12, 0.0, 1.0)
    return result
