r"""Expected accepted drafts of known rules in closed form: no enumeration of the drafted trees.

A node that is handed the budget b ends the round at or below itself with probability b, so the expected
number of accepted drafts is the sum, over all nodes below the root, of the probability that a node is tried
times its budget. For i.i.d. paths that is a recursion over prefixes. All functions take fractions (and are
then exact) or floats; the bonus is not counted. The tests hold every one of them against enumeration of the
rule itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import comb
from typing import Any

import numpy as np

from theory.couplings.base import ratio_capped
from theory.couplings.selections.priority import falling_ratio
from theory.laws import Tokens
from theory.simplex import Array, residual
from theory.walks import named
from theory.walks.base import Model, keep_probability
from theory.walks.named import LawOf
from theory.walks.scores import NodePlan, ScoreLaw

#: Token, how many paths carry it, probability: one way for a selection to go on.
Ways = Iterator[tuple[int, int, Any]]


def path_levels(count: int, length: int) -> tuple[LawOf, ...]:
    """The levels of i.i.d. paths that start together."""
    return (named.iid(count), *[named.iid(1)] * (length - 1))


def top_down_length(*, target: Model, draft: Model, levels: Sequence[LawOf]) -> Any:
    """Recursive rejection at a node, then at the accepted child (SpecInfer, RSD); any laws.

    Parameters
    ----------
    target, draft
        Models over prefixes.
    levels
        For each level the law of a node's children, as for :class:`~theory.walks.Levels`.

    Examples
    --------
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> models = {"target": lambda s: p, "draft": lambda s: q}
    >>> round(float(top_down_length(**models, levels=path_levels(1, 2))), 6)
    1.19
    """

    def value(prefix: Tokens) -> Any:
        if len(prefix) == len(levels):
            return 0
        law = levels[len(prefix)](draft(prefix))
        found: dict[int, Any] = {}

        def below(token: int) -> Any:
            if token not in found:
                found[token] = value((*prefix, token))
            return found[token]

        def tried(drawn: Tokens, left: Array) -> Any:
            if len(drawn) == law.k:
                return 0
            q = law.conditional(drawn)
            owed = residual(left, q)
            rest = owed / owed.sum() if owed.sum() > 0 else left
            total = q[0] * 0
            for token in np.flatnonzero(q > 0).tolist():
                kept = ratio_capped(left[token], q[token])
                if kept > 0:
                    total += q[token] * kept * (1 + below(token))
                if kept < 1:
                    total += q[token] * (1 - kept) * tried((*drawn, token), rest)
            return total

        return tried((), target(prefix))

    return value(())


def traversal_length(*, target: Model, draft: Model, levels: Sequence[LawOf]) -> Any:
    """Traversal verification; any laws. With one path it is block verification.

    Parameters
    ----------
    target, draft, levels
        As for :func:`top_down_length`.

    Examples
    --------
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> models = {"target": lambda s: p, "draft": lambda s: q}
    >>> round(float(traversal_length(**models, levels=path_levels(1, 2))), 6)
    1.25
    """

    def value(prefix: Tokens, budget: Any) -> Any:
        if len(prefix) == len(levels):
            return 0
        law = levels[len(prefix)](draft(prefix))

        def tried(drawn: Tokens, left: Array, budget: Any) -> Any:
            if len(drawn) == law.k:
                return 0
            q = law.conditional(drawn)
            owed = residual(budget * left, q)
            surplus = owed.sum()
            rest = owed / surplus if surplus > 0 else left
            total = q[0] * 0
            for token in np.flatnonzero(q > 0).tolist():
                kept = ratio_capped(budget * left[token], q[token])
                if kept > 0:
                    total += q[token] * (kept + value((*prefix, token), kept))
                if kept < 1:
                    again = tried((*drawn, token), rest, keep_probability(surplus, budget))
                    total += q[token] * (1 - kept) * again
            return total

        return tried((), target(prefix), budget)

    return value((), 1)


def selected_length(
    *, target: Model, draft: Model, count: int, length: int, ways: Callable[..., Ways]
) -> Any:
    """Multi-path block verification: a level's selection, budgets, all paths of the picked token.

    Parameters
    ----------
    ways
        :func:`pooled_ways` or :func:`priority_ways`.

    Examples
    --------
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> models = {"target": lambda s: p, "draft": lambda s: q}
    >>> round(float(selected_length(**models, count=2, length=1, ways=pooled_ways)), 6)
    0.86
    """

    def value(prefix: Tokens, budget: Any, paths: int) -> Any:
        if len(prefix) == length:
            return 0
        p, q = target(prefix), draft(prefix)
        found = list(ways(budget * p, q, paths))
        law = q * 0
        for token, _, mass in found:
            law[token] += mass
        total = q[0] * 0
        for token, some, mass in found:
            below = ratio_capped(budget * p[token], law[token])
            if below > 0:
                total += mass * (below + value((*prefix, token), below, some))
        return total

    return value((), 1, count)


def surviving_length(
    *, target: Model, draft: Model, count: int, length: int, ways: Callable[..., Ways]
) -> Any:
    """Surviving prefixes (SpecTr) with an optimal rule a level: the pick is accepted or the round is over.

    Examples
    --------
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> models = {"target": lambda s: p, "draft": lambda s: q}
    >>> round(float(surviving_length(**models, count=2, length=1, ways=pooled_ways)), 6)
    0.86
    """

    def value(prefix: Tokens, paths: int) -> Any:
        if len(prefix) == length:
            return 0
        p, q = target(prefix), draft(prefix)
        found = list(ways(p, q, paths))
        law = q * 0
        for token, _, mass in found:
            law[token] += mass
        total = q[0] * 0
        for token, some, mass in found:
            kept = mass * ratio_capped(p[token], law[token])
            if kept > 0:
                total += kept * (1 + value((*prefix, token), some))
        return total

    return value((), count)


def foresight_length(*, target: Model, draft: Model, count: int, length: int) -> Any:
    """Foresight block verification (:class:`~theory.walks.Foresight`).

    Examples
    --------
    >>> p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    >>> models = {"target": lambda s: p, "draft": lambda s: q}
    >>> round(float(foresight_length(**models, count=2, length=1)), 6)
    0.86
    """

    def value(prefix: Tokens, budget: Any, scores: ScoreLaw) -> Any:
        if len(prefix) == length:
            return 0
        p, q = target(prefix), draft(prefix)
        plan = NodePlan.of(p=budget * p, q=q, scores=scores)
        total = q[0] * 0
        for token in plan.order:
            mass = plan.law[token]
            below = ratio_capped(budget * p[token], mass)
            if below > 0:
                total += mass * (below + value((*prefix, token), below, plan.below(token)))
        return total

    return value((), 1, ScoreLaw.whole(count))


def pooled_ways(p: Array, q: Array, paths: int) -> Ways:
    """The clip law's pools: a fair slot of the best pool, with all paths that carry its token."""
    plan = NodePlan.of(p=p, q=q, scores=ScoreLaw.whole(paths))
    for weight, cut in plan.cuts:
        for start, end in pairwise(cut):
            rest, mass = plan.behind[end], plan.masses[start:end].sum()
            for place in range(start, end):
                own = plan.masses[place]
                for some in range(1, paths + 1):
                    chance = _fair(paths, some, rest=rest, pool=mass, own=own)
                    if chance > 0:
                        yield plan.order[place], some, weight * chance


def _fair(paths: int, some: int, *, rest: Any, pool: Any, own: Any) -> Any:
    """Probability that no path is before the pool, so many carry the token, and a fair slot is theirs."""
    return sum(
        comb(paths, n)
        * comb(n, some)
        * own**some
        * (pool - own) ** (n - some)
        * rest ** (paths - n)
        * some
        / (own * 0 + n)
        for n in range(some, paths + 1)
    )


def priority_ways(p: Array, q: Array, paths: int) -> Ways:
    """The strict order by falling p / q of greedy multi-path block verification."""
    for token in np.flatnonzero(q > 0).tolist():
        worse = _worse(p, q, token)
        for some in range(1, paths + 1):
            mass = comb(paths, some) * q[token] ** some * worse ** (paths - some)
            if mass > 0:
                yield token, some, mass


def _worse(p: Array, q: Array, token: int) -> Any:
    order = list(falling_ratio(p, q))
    return sum((q[other] for other in order[order.index(token) + 1 :]), q[token] * 0)
