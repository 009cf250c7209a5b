r"""Bounds of a batch of pairs (p, q) under several laws, with thresholds as certificates.

For i.i.d. drafts and drafts without replacement the proving set is :math:`H = \{x : p_x / q_x \le t\}`, so
one number a bound is enough to find it again: the *threshold* t (-1: the empty set; tokens of q = 0 have an
infinite ratio). For the other laws the set follows from p and q alone and the threshold is NaN:
for top-k plus sample the top tokens and those with :math:`p_x < q_x / z`, for point the drafted tokens.

Where q has fewer than k tokens of positive probability, k different ones can't be drafted; that many are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specsim.report.audit import Audit, Tally, verify_certificate
from specsim.report.cells import CELL, INTERVAL, Cells, bound_cells
from theory.bounds import (
    Bound,
    Ends,
    Truncated,
    optimal_acceptance,
    optimal_iid,
    optimal_iid_ends,
    optimal_without_replacement,
    point_ends,
    top_k_plus_sample_ends,
    without_replacement_ends,
)
from theory.bounds.iid import ratios
from theory.laws import Iid, Law, Point, TopKPlusSample, WithoutReplacement
from theory.simplex import check_pair

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class PairBounds:
    """Bounds of n pairs under M laws and numbers of drafts.

    Attributes
    ----------
    cells
        Structured array of shape ``(n, M)``, see :mod:`specsim.report.cells`.
    thresholds
        float64, shape ``(n, M)``; NaN where the set follows from p and q, or there is none (truncated lists).
    sets
        The proving sets, boolean, shape ``(n, M, V)``; None if they were not asked for.
    audit
        What the checks of the certificates found.
    """

    cells: Cells
    thresholds: Array
    sets: Array | None
    audit: Audit


def bound_pairs(
    *,
    p: Array,
    q: Array,
    laws: Sequence[str],
    ks: Sequence[int],
    certify: Array | None = None,
    sets: bool = False,
) -> PairBounds:
    """The best possible acceptance for each pair, law and number of drafts.

    Parameters
    ----------
    p, q
        Distributions, float64 of shape ``(n, V)``.
    laws, ks
        Of :data:`specsim.bounding.LAWS`, and numbers of drafts; the last axis of the result has all
        combinations, laws outermost.
    certify
        Boolean, shape ``(n,)``: pairs whose certificate without replacement is evaluated anew; all by
        default. Those of the other laws always are.
    sets
        Whether to return the proving sets.

    Raises
    ------
    ValueError
        If a row is not a distribution, or a certificate does not prove its bound.

    Examples
    --------
    >>> p, q = np.array([[1, 1, 4]]) / 6, np.full((1, 3), 1 / 3)
    >>> found = bound_pairs(p=p, q=q, laws=("iid",), ks=(1, 2))
    >>> found.cells["value"].round(6).tolist(), found.thresholds.tolist()
    ([[0.666667, 0.888889]], [[0.5, 0.5]])
    """
    target, draft = check_pair(p, q)
    mask = np.ones(len(target), dtype=bool) if certify is None else np.asarray(certify, dtype=bool)
    places = {method: at for at, method in enumerate((law, k) for law in laws for k in ks)}
    n, width = target.shape[0], len(places)
    out = PairBounds(
        np.zeros((n, width), dtype=CELL),
        np.full((n, width), np.nan),
        np.zeros((n, width, target.shape[1]), dtype=bool) if sets else None,
        Audit(),
    )
    audit = out.audit
    for index, fits in _groups((draft > 0).sum(axis=-1), ks):
        pairs = target[index], draft[index]
        for name in laws:
            for k, law, bound in _BOUNDS[name](*pairs, fits):
                at = places[name, k]
                out.cells[index, at] = bound_cells(bound, drafts=law.k)
                out.thresholds[index, at] = _thresholds(*pairs, law, bound)
                if out.sets is not None:
                    out.sets[index, at] = bound.dual_set
                audit += Audit({name: _verified(pairs[0], law, bound, mask[index])})
    return PairBounds(out.cells, out.thresholds, out.sets, audit)


def proving_set(*, p: Array, q: Array, law: str, k: int, threshold: float) -> Array:
    """The proving set of one pair from its threshold, boolean of shape ``(V,)``.

    Examples
    --------
    >>> p, q = np.array([1, 1, 4]) / 6, np.full(3, 1 / 3)
    >>> proving_set(p=p, q=q, law="iid", k=2, threshold=0.5).tolist()
    [True, True, False]
    """
    if np.isfinite(threshold):
        inside: Array = ratios(p, q) <= threshold
        return inside
    if law == "point":
        inside = np.zeros(p.shape, dtype=bool)
        inside[Point.top(q, k).tokens] = True
        return inside
    drafts = TopKPlusSample(q, k)
    inside = p < drafts.rest
    inside[drafts.top] = True
    return inside


def truncated_cells(*, p: Truncated, q: Truncated, laws: Sequence[str], ks: Sequence[int]) -> Cells:
    """Intervals for one pair of which only the likeliest tokens are known, shape ``(M,)``.

    Raises
    ------
    ValueError
        If the tokens that a law drafts are not all in the list of q.

    Examples
    --------
    >>> p = Truncated.top([0, 1], [0.5, 0.25], vocabulary=100)
    >>> q = Truncated.top([0, 1], [0.375, 0.5], vocabulary=100)
    >>> truncated_cells(p=p, q=q, laws=("iid",), ks=(1, 2))["lower"].tolist()
    [0.625, 0.75]
    """
    ends = [_ends_of(name, p, q, k) for name in laws for k in ks]
    out = np.zeros(len(ends), dtype=CELL)
    out["lower"] = [float(end.lower) for end in ends]
    out["upper"] = [float(end.upper) for end in ends]
    out["value"] = (out["lower"] + out["upper"]) / 2
    out["kind"] = INTERVAL
    out["drafts"] = np.tile(ks, len(laws))
    return out


def _ends_of(name: str, p: Truncated, q: Truncated, k: int) -> Ends:
    if name == "iid":
        return optimal_iid_ends(p=p, q=q, k=k)
    if name == "without-replacement":
        return without_replacement_ends(p=p, q=q, k=k)
    if name == "top-k-plus-sample":
        return top_k_plus_sample_ends(p=p, q=q, k=k)
    ranked = sorted(q.known, key=lambda token: (-q.known[token], token))[:k]
    if len(ranked) < k:
        raise ValueError(f"the top {k} tokens of q are not all known: it lists {len(ranked)}")
    return point_ends(p=p, tokens=ranked)


_Found = Iterator[tuple[int, Law, Bound]]


def _iid(p: Array, q: Array, fits: Mapping[int, int]) -> _Found:
    for k, bound in zip(fits, optimal_iid(p, q, tuple(fits)), strict=True):
        yield k, Iid(q, k), bound


def _race(p: Array, q: Array, fits: Mapping[int, int]) -> _Found:
    several = sorted({count for count in fits.values() if count > 1})
    found = dict(zip(several, optimal_without_replacement(p, q, several), strict=True)) if several else {}
    for k, count in fits.items():
        bound = found.get(count) or optimal_iid(p, q, (1,))[0]
        yield k, WithoutReplacement(q, count), bound


def _top_k_plus_sample(p: Array, q: Array, fits: Mapping[int, int]) -> _Found:
    for k, count in fits.items():
        law = TopKPlusSample(q, count)
        yield k, law, optimal_acceptance(p=p, law=law)


def _point(p: Array, q: Array, fits: Mapping[int, int]) -> _Found:
    for k, count in fits.items():
        law = Point.top(q, count)
        yield k, law, optimal_acceptance(p=p, law=law)


_BOUNDS = {
    "iid": _iid,
    "without-replacement": _race,
    "top-k-plus-sample": _top_k_plus_sample,
    "point": _point,
}


def _groups(support: Array, ks: Sequence[int]) -> Iterator[tuple[Array, dict[int, int]]]:
    """Pairs that can be drafted alike: indices, and how many different drafts each k really gives."""
    possible = np.minimum(np.asarray(ks), support[:, None])
    kinds, member = np.unique(possible, axis=0, return_inverse=True)
    for number, kind in enumerate(kinds):
        yield np.flatnonzero(member.ravel() == number), dict(zip(ks, map(int, kind), strict=True))


def _verified(p: Array, law: Law, bound: Bound, mask: Array) -> Tally:
    if not isinstance(law, WithoutReplacement) or law.k == 1 or mask.all():
        return verify_certificate(bound, p, law)
    skipped = Tally(0, int((~mask).sum()))
    if not mask.any():
        return skipped
    part = Bound(bound.lower[mask], bound.upper[mask], bound.kind, bound.dual_set[mask], bound.k)
    return verify_certificate(part, p[mask], WithoutReplacement(law.q[mask], law.k)) + skipped


def _thresholds(p: Array, q: Array, law: Law, bound: Bound) -> Array:
    if not isinstance(law, Iid | WithoutReplacement):
        return np.full(len(p), np.nan)
    found = [
        _threshold(ratios(*pair), inside)
        for pair, inside in zip(zip(p, q, strict=True), bound.dual_set, strict=True)
    ]
    return np.array(found)


def _threshold(ratio: Array, inside: Array) -> float:
    """The finite ratio up to which tokens are in the set; -1 for none.

    A prefix may end within a run of equal ratios. Along a run p(H) is linear and Q(H) convex in the mass
    that is taken, so p(H) - Q(H) is least at an end of the run: where the set is optimal, both ends are. And
    tokens of q = 0 add nothing to Q, so that without them the set proves as much or more.
    """
    return float(ratio[inside & np.isfinite(ratio)].max(initial=-1.0))
