r"""The best acceptance probability that any lossless rule can reach: :math:`\alpha^*(p, \text{law})`.

For drafts of a given law, choosing an output token of law p that is among the drafts as often as possible
is an optimal-transport problem with membership cost (SpecTr). Its dual has an integral optimum (Hu et al.
2025):

.. math:: \alpha^* = 1 + \min_{H \subseteq V} \bigl[p(H) - Q(H)\bigr], \qquad
          Q(H) = \Pr(\text{all drafts} \in H).

Each law has its own way to the minimum:

===================== ==================================================== =====================
law                   minimiser                                            kind
===================== ==================================================== =====================
``Iid``               smallest ratios p / q; histogram or sort             exact
``WithoutReplacement``smallest ratios p / q; exponential-race integral     interval, about 1e-10
``TopKPlusSample``    :math:`p(T) + \sum_{x \notin T} \min(p_x, q_x / z)`  exact
``HubPair``           the same with k = 2                                  exact
``Point``             :math:`p(S)`                                         exact
``Independent``       thresholds of the slopes; branch and bound           interval, about 1e-12
any other             all subsets, up to 20 tokens                         exact
===================== ==================================================== =====================

Independent drafters in fractions are 'any other'. For floats 'exact' means a closed form in float64: relative
rounding of about 1e-14, no truncation.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from theory.bounds import independent
from theory.bounds.iid import IidScan
from theory.bounds.result import Bound, dual_value
from theory.bounds.without_replacement import RaceBound
from theory.laws import HubPair, Iid, Independent, Law, Point, TopKPlusSample, WithoutReplacement
from theory.laws.base import rows
from theory.laws.fits import fitted
from theory.simplex import Array, check_distribution, is_exact

_ALL_SUBSETS_LIMIT = 20


def optimal_acceptance(*, p: ArrayLike, law: Law) -> Bound:
    """The largest probability with which any lossless rule accepts a draft of this law.

    Parameters
    ----------
    p
        Target distribution, shape ``(V,)`` or a batch ``(..., V)`` that matches the law's.
    law
        How the drafts were drawn: :class:`~theory.laws.Iid`, :class:`~theory.laws.WithoutReplacement`,
        :class:`~theory.laws.TopKPlusSample`, :class:`~theory.laws.HubPair`, :class:`~theory.laws.Point`,
        :class:`~theory.laws.Independent` (one for all positions); other laws over at most 20 tokens.

    Returns
    -------
    Bound
        Ends, kind and the dual set H. With fractions, exact fractions.

    Raises
    ------
    ValueError
        If p is not a distribution, vocabularies or batch shapes differ, or the law has no method at this
        vocabulary.

    Notes
    -----
    Cost for one position of V tokens: i.i.d. about one sort, a third of it at large V where numba is
    installed; without replacement one sort and some 25 passes; independent drafters a hundred passes; the
    others a few.

    Examples
    --------
    >>> from theory.laws import Iid
    >>> bound = optimal_acceptance(p=np.array([1, 1, 4]) / 6, law=Iid(np.full(3, 1 / 3), 2))
    >>> round(bound.value, 6), bound.kind, bound.dual_set.tolist()
    (0.888889, 'exact', [True, True, False])
    """
    target = check_distribution(p, name="p")
    law = fitted(target, law)
    if isinstance(law, Iid):
        return _iid_bounds(target, law.q, (law.k,))[0]
    if isinstance(law, WithoutReplacement):
        return _race_bounds(target, law.q, (law.k,))[0]
    if isinstance(law, TopKPlusSample):
        return _hub_bound(target, law.rest, law.top, law.k)
    if isinstance(law, HubPair):
        return _hub_bound(target, law.rest, np.expand_dims(law.hub, -1), 2)
    if isinstance(law, Point):
        return _point_bound(target, law)
    if isinstance(law, Independent) and not is_exact(target):
        return _independent_bounds(target, law)
    return _all_subsets(target, law)


def optimal_iid(p: ArrayLike, q: ArrayLike, ks: Sequence[int]) -> list[Bound]:
    """Bounds of i.i.d. drafts for several numbers of drafts, sharing the work on each pair.

    Raises
    ------
    ValueError
        As :func:`optimal_acceptance`.
    """
    target = check_distribution(p, name="p")
    laws = [fitted(target, Iid(np.asarray(q), k)) for k in ks]
    return _iid_bounds(target, laws[0].q, [law.k for law in laws]) if laws else []


def optimal_without_replacement(p: ArrayLike, q: ArrayLike, ks: Sequence[int]) -> list[Bound]:
    """Bounds of drafts without replacement for several numbers of drafts, sharing the work.

    Raises
    ------
    ValueError
        As :func:`optimal_acceptance`.
    """
    target = check_distribution(p, name="p")
    laws = [fitted(target, WithoutReplacement(np.asarray(q), k)) for k in ks]
    return _race_bounds(target, laws[0].q, [law.k for law in laws]) if laws else []


def _iid_bounds(p: Array, q: Array, ks: Sequence[int]) -> list[Bound]:
    scans = [IidScan(target, draft) for target, draft in zip(rows(p), rows(q), strict=True)]
    bounds = []
    for k in ks:
        optima = [scan.optimum(k) for scan in scans]
        value = _batched([optimum[0] for optimum in optima], p)
        inside = _stacked([optimum[1] for optimum in optima], q)
        bounds.append(Bound(value, value, "exact", inside, k))
    return bounds


def _race_bounds(p: Array, q: Array, ks: Sequence[int]) -> list[Bound]:
    scans = [RaceBound(target, draft, max(ks)) for target, draft in zip(rows(p), rows(q), strict=True)]
    kind = "exact" if is_exact(q) else "interval"
    bounds = []
    for k in ks:
        optima = [scan.optimum(k) for scan in scans]
        lower, upper = (_batched([optimum[end] for optimum in optima], p) for end in (0, 1))
        inside = _stacked([optimum[2] for optimum in optima], q)
        bounds.append(Bound(lower, upper, "exact" if kind == "exact" else "interval", inside, k))
    return bounds


def _batched(values: list[Any], p: Array) -> Any:
    if p.ndim == 1:
        return values[0]
    return np.array(values, dtype=p.dtype).reshape(p.shape[:-1])


def _stacked(sets: list[Array], q: Array) -> Array:
    """The sets of all positions, in the shape of q; that of one position is not copied."""
    return (sets[0] if len(sets) == 1 else np.array(sets)).reshape(q.shape)


def _hub_bound(p: Array, rest: Array, top: Array, k: int) -> Bound:
    """Top tokens certain, one sample from the rest: p(T) plus the overlap with the rest."""
    held = np.take_along_axis(p, top, axis=-1).sum(axis=-1)
    outside = p.copy()
    np.put_along_axis(outside, top, 0, axis=-1)
    value = held + np.minimum(outside, rest).sum(axis=-1)
    inside = outside < rest
    np.put_along_axis(inside, top, True, axis=-1)
    return Bound(value, value, "exact", inside, k)


def _point_bound(p: Array, law: Point) -> Bound:
    value = np.take_along_axis(p, law.tokens, axis=-1).sum(axis=-1)
    inside = np.zeros(p.shape, dtype=bool)
    np.put_along_axis(inside, law.tokens, True, axis=-1)
    return Bound(value, value, "exact", inside, law.k)


def _independent_bounds(p: Array, law: Independent) -> Bound:
    drafters = np.stack(law.drafters)
    optima = [independent.optimum(target, drafters) for target in rows(p)]
    lower, upper = (_batched([optimum[end] for optimum in optima], p) for end in (0, 1))
    return Bound(lower, upper, "interval", _stacked([optimum[2] for optimum in optima], p), law.k)


def _all_subsets(p: Array, law: Law) -> Bound:
    size = p.shape[-1]
    if size > _ALL_SUBSETS_LIMIT or p.ndim > 1:
        raise ValueError(
            f"{type(law).__name__} has no closed form here; all subsets are tried for one position of at "
            f"most {_ALL_SUBSETS_LIMIT} tokens, got shape {p.shape}. Merge tokens, or use theory.transport"
        )
    best: Any = None
    for tokens in chain.from_iterable(combinations(range(size), n) for n in range(size + 1)):
        inside = np.zeros(size, dtype=bool)
        inside[list(tokens)] = True
        value = dual_value(p, law, inside)
        if best is None or value < best[0]:
            best = (value, inside)
    return Bound(best[0], best[0], "exact", best[1], law.k)
