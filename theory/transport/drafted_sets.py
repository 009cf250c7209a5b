"""The law of the *set* of drafted tokens, merged from a law of tuples.

A law of tuples has up to V^k outcomes, but far fewer sets. Where the law of the next sibling depends at
most on which tokens were drawn (i.i.d., independent drafters, point masses, without replacement), sets are
grown token by token and merged at once; otherwise all tuples are enumerated.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from theory.chance import Enumerated, TooManyPaths
from theory.laws import Law, Tokens, WithoutReplacement

#: Most pairs (token, drafted set that holds it) of a problem; either solver takes seconds there.
SIZE_LIMIT = 100_000


def drafted_sets(law: Law, *, limit: int = SIZE_LIMIT) -> dict[Tokens, Any]:
    """Every set of tokens that is drafted with positive probability, with its probability.

    Parameters
    ----------
    law
        A law for one position, floats or fractions.
    limit
        Most pairs (token, set that holds it) allowed, and most tuples where tuples are enumerated.

    Raises
    ------
    ValueError
        Past the limit, or for a batch of laws.

    Examples
    --------
    >>> from theory.laws import Iid
    >>> drafted_sets(Iid(np.array([0.5, 0.5, 0.0]), 2))
    {(0,): 0.25, (0, 1): 0.5, (1,): 0.25}
    """
    shape = np.shape(law.conditional(()))
    if len(shape) != 1:
        raise ValueError(f"drafted sets are listed for one position, this law has the shape {shape}")
    if law.history_free or isinstance(law, WithoutReplacement):
        return _grown(law, limit)
    return _enumerated(law, limit)


def _grown(law: Law, limit: int) -> dict[Tokens, Any]:
    """Sets after one draft, two drafts, ...; a state is the set so far."""
    table: dict[Tokens, Any] = {(): 1}
    for count in range(law.k):
        step: dict[Tokens, Any] = {}
        pairs = 0
        for drawn, weight in table.items():
            # without replacement the set holds all drawn tokens; else only their number matters
            earlier = (0,) * count if law.history_free else drawn
            for token, share in _shares(law.conditional(earlier)):
                grown = drawn if token in drawn else tuple(sorted((*drawn, token)))
                pairs += 0 if grown in step else len(grown)
                step[grown] = step.get(grown, 0) + weight * share
            _check_size(pairs, limit, law)
        table = step
    return table


def _shares(weights: Any) -> list[tuple[int, Any]]:
    """Tokens of positive probability with it, as a draw has it: weights over their total."""
    live = np.flatnonzero(weights > 0).tolist()
    total = weights.sum()
    row = weights if total == 1 else weights / total
    return list(zip(live, row[live].tolist(), strict=True))


def _enumerated(law: Law, limit: int) -> dict[Tokens, Any]:
    try:
        tuples = Enumerated(limit=limit).law(law.sample)
    except TooManyPaths:
        raise _too_large(limit, law) from None
    table: dict[Tokens, Any] = {}
    for drafts, weight in tuples.items():
        key = tuple(sorted(set(drafts)))
        table[key] = table.get(key, 0) + weight
    _check_size(sum(map(len, table)), limit, law)
    return table


def _check_size(pairs: int, limit: int, law: Law) -> None:
    if pairs > limit:
        raise _too_large(limit, law)


def _too_large(limit: int, law: Law) -> ValueError:
    return ValueError(
        f"{type(law).__name__} with {law.k} drafts over {law.vocabulary} tokens is larger than {limit} pairs "
        "(token, drafted set); use fewer drafts or tokens, raise limit, or ask "
        "theory.bounds.optimal_acceptance for the value alone"
    )
