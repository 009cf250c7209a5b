"""Every rule and every bound for a batch of pairs (p, q).

Where q has fewer than k tokens of positive probability (after top-k filters, at temperature zero), k
different tokens can't be drafted. Then min(k, support) are, which is what any implementation is left with;
the cell's ``drafts`` says so, and results count such positions. Drafts with replacement need no such care.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from specsim.report.audit import Audit, Tally, compare, verify_certificate
from specsim.report.cells import CELL, Cells, bound_cells, exact_cells
from specsim.report.demand import Demand, Pairs
from specsim.report.methods import BOUND, Method, ks_of, methods
from specsim.report.race_estimates import race_estimates
from theory.bounds import Bound, optimal_acceptance, optimal_iid, optimal_without_replacement
from theory.couplings import Coupling, KSeq, Maximal, Recursive, SampleAndMatch
from theory.laws import HubPair, Iid, Law, Point, TopKPlusSample, WithoutReplacement
from theory.simplex import check_pair

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Verdict:
    """The bound of one law and number of drafts, and what its rules reach."""

    name: str
    k: int
    law: Law
    bound: Bound
    rules: Mapping[str, Cells]


def evaluate_pairs(
    *,
    p: ArrayLike,
    q: ArrayLike,
    demand: Demand,
    rows: ArrayLike | None = None,
    label: str = "",
    certify: ArrayLike | None = None,
) -> tuple[Cells, Audit]:
    """Acceptance of every method for each pair, and what the checks found.

    Parameters
    ----------
    p, q
        Distributions, shape ``(n, V)``.
    demand
        Numbers of drafts, samples, seed.
    rows, label
        What fixes the random numbers of each pair; the pair's place in the batch by default.
    certify
        Boolean, shape ``(n,)``: pairs whose certificates without replacement are evaluated anew; all by
        default. Those of the other laws always are.

    Returns
    -------
    tuple
        Cells of shape ``(n, len(methods(demand.ks)))`` and an :class:`~specsim.report.audit.Audit`.

    Raises
    ------
    ValueError
        If a row is not a distribution, or a certificate does not prove its bound.
    RuleAboveBound
        If an exact acceptance exceeds its bound.

    Notes
    -----
    About 60 ms a pair at 49,152 tokens and 1, 2, 4, 8 drafts, and the estimates. Exact but for three or more
    drafts without replacement (recursive rejection) and two or more (sample and match).

    Examples
    --------
    >>> cells, audit = evaluate_pairs(p=[[0.5, 0.3, 0.2]], q=[[0.2, 0.3, 0.5]], demand=Demand(ks=(1, 2)))
    >>> place = methods((1, 2)).index(Method("iid", "recursive", 2))
    >>> round(float(cells["value"][0, place]), 6), audit.certificates["iid"].checked
    (0.76, 1)
    """
    target, draft = check_pair(p, q)
    if target.ndim != 2:
        raise ValueError(f"p must have the shape (n, V), got {target.shape}")
    numbers = np.arange(len(target)) if rows is None else np.asarray(rows)
    mask = np.ones(len(target), dtype=bool) if certify is None else np.asarray(certify, dtype=bool)
    pairs = Pairs(target, draft, numbers, label, mask)
    order = {method: place for place, method in enumerate(methods(demand.ks))}
    cells, audit = np.zeros((len(target), len(order)), dtype=CELL), Audit()
    for index, fits in _groups((draft > 0).sum(axis=-1), demand.ks):
        part = pairs.take(index)
        for find in _LAWS:
            for verdict in find(part, fits, demand):
                columns, found = _columns(verdict, part)
                audit += found
                for rule, column in columns.items():
                    cells[index, order[Method(verdict.name, rule, verdict.k)]] = column
    return cells, audit


def _groups(support: Array, ks: Sequence[int]) -> Iterator[tuple[Array, dict[int, int]]]:
    """Pairs that can be drafted alike: indices, and how many different drafts each k really gives."""
    possible = np.minimum(np.asarray(ks), support[:, None])
    kinds, member = np.unique(possible, axis=0, return_inverse=True)
    for number, kind in enumerate(kinds):
        yield np.flatnonzero(member.ravel() == number), dict(zip(ks, map(int, kind), strict=True))


def _columns(verdict: Verdict, pairs: Pairs) -> tuple[dict[str, Cells], Audit]:
    """Cells of each rule and the bound, checked against each other."""
    bound = bound_cells(verdict.bound, drafts=verdict.law.k)
    comparisons = Tally()
    for rule, cells in verdict.rules.items():
        what = f"{rule} with {verdict.k} drafts of the law {verdict.name} ({pairs.label})"
        comparisons += compare(cells, bound, pairs.rows, what=what)
    audit = Audit({verdict.name: _certified(verdict, pairs)}, comparisons)
    return {**verdict.rules, BOUND: bound}, audit


def _certified(verdict: Verdict, pairs: Pairs) -> Tally:
    bound, mask = verdict.bound, pairs.certify
    if not isinstance(verdict.law, WithoutReplacement) or mask is None or mask.all():
        return verify_certificate(bound, pairs.p, verdict.law)
    skipped = Tally(0, int((~mask).sum()))
    if not mask.any():
        return skipped
    part = Bound(bound.lower[mask], bound.upper[mask], bound.kind, bound.dual_set[mask], bound.k)
    law = WithoutReplacement(pairs.q[mask], bound.k)
    return verify_certificate(part, pairs.p[mask], law) + skipped


def _exact(rule: Coupling, pairs: Pairs, law: Law) -> Cells:
    return exact_cells(rule.acceptance(p=pairs.p, law=law), drafts=law.k)


def _with_replacement(pairs: Pairs, fits: Mapping[int, int], demand: Demand) -> Iterator[Verdict]:
    """One draft, and several i.i.d. ones."""
    ks = tuple(fits)
    for k, bound in zip(ks, optimal_iid(pairs.p, pairs.q, ks), strict=True):
        law = Iid(pairs.q, k)
        match = _exact(SampleAndMatch(), pairs, law)
        if k == 1:
            rules = {"maximal": _exact(Maximal(), pairs, law), "sample-and-match": match}
            yield Verdict("single", k, law, bound, rules)
            continue
        rules = {"recursive": _exact(Recursive(), pairs, law), "k-seq": _exact(KSeq(), pairs, law)}
        yield Verdict("iid", k, law, bound, rules | {"sample-and-match": match})


def _without_replacement(pairs: Pairs, fits: Mapping[int, int], demand: Demand) -> Iterator[Verdict]:
    """Bounds and estimates of all numbers of drafts share their work."""
    name = "without-replacement"
    counts = tuple(sorted({fits[k] for k in ks_of(name, tuple(fits))}))
    several = tuple(count for count in counts if count > 1)
    bounds = (
        dict(zip(several, optimal_without_replacement(pairs.p, pairs.q, several), strict=True))
        if several
        else {}
    )
    estimates = race_estimates(pairs, several, demand)
    rules = {count: _race_rules(pairs, count, estimates) for count in counts}
    for k in ks_of(name, tuple(fits)):
        law = WithoutReplacement(pairs.q, fits[k])
        bound = bounds.get(fits[k]) or optimal_iid(pairs.p, pairs.q, (1,))[0]
        yield Verdict(name, k, law, bound, rules[fits[k]])


def _race_rules(pairs: Pairs, drafts: int, estimates: Mapping[tuple[str, int], Cells]) -> dict[str, Cells]:
    """Recursive rejection, exact for up to two drafts; sample and match, exact for one."""
    law = WithoutReplacement(pairs.q, drafts)
    exact: dict[str, tuple[Coupling, int]] = {
        "recursive": (Recursive(), 2),
        "sample-and-match": (SampleAndMatch(), 1),
    }
    return {
        name: _exact(rule, pairs, law) if drafts <= most else estimates[name, drafts]
        for name, (rule, most) in exact.items()
    }


def _top_k_plus_sample(pairs: Pairs, fits: Mapping[int, int], demand: Demand) -> Iterator[Verdict]:
    """The greedy-draft rule accepts as often as its bound says: its acceptance is defined by it."""
    for k in ks_of("top-k-plus-sample", tuple(fits)):
        law = TopKPlusSample(pairs.q, fits[k])
        bound = optimal_acceptance(p=pairs.p, law=law)
        greedy = exact_cells(bound.value, drafts=law.k)
        rules = {"greedy-draft": greedy, "recursive": _exact(Recursive(), pairs, law)}
        yield Verdict("top-k-plus-sample", k, law, bound, rules)


def _hub_pair(pairs: Pairs, fits: Mapping[int, int], demand: Demand) -> Iterator[Verdict]:
    """SpecHub's pair, optimal as well; on a one-token support it is one draft and the maximal coupling."""
    for k in ks_of("hub-pair", tuple(fits)):
        law: Law = HubPair(pairs.q) if fits[k] == 2 else Iid(pairs.q, 1)
        bound = optimal_acceptance(p=pairs.p, law=law)
        yield Verdict("hub-pair", k, law, bound, {"spec-hub": exact_cells(bound.value, drafts=law.k)})


def _point(pairs: Pairs, fits: Mapping[int, int], demand: Demand) -> Iterator[Verdict]:
    for k in ks_of("point", tuple(fits)):
        law = Point.top(pairs.q, fits[k])
        lumped = Point(np.broadcast_to(np.arange(law.k), law.tokens.shape), law.k + 1)
        value = Recursive().acceptance(p=_lumped(pairs.p, law.tokens), law=lumped)
        rules = {"recursive": exact_cells(value, drafts=law.k)}
        yield Verdict("point", k, law, optimal_acceptance(p=pairs.p, law=law), rules)


def _lumped(p: Array, tokens: Array) -> Array:
    """The target on some tokens, and all others as one: point masses treat those alike."""
    others = p.copy()
    np.put_along_axis(others, tokens, 0.0, axis=-1)
    held = np.take_along_axis(p, tokens, axis=-1)
    return np.concatenate([held, others.sum(axis=-1, keepdims=True)], axis=-1)


_LAWS: tuple[Callable[[Pairs, Mapping[int, int], Demand], Iterator[Verdict]], ...] = (
    _with_replacement,
    _without_replacement,
    _top_k_plus_sample,
    _hub_pair,
    _point,
)
