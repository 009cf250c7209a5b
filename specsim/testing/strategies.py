"""Hypothesis strategies: adversarial distributions, laws, trees and table models, all of exact fractions.

What rules are wrong about is rarely a typical pair of distributions: zeros, ties, one-hot vectors, disjoint
supports, p equal to q, p within a millionth of q, and q a permutation of p are all drawn often, with small
denominators (good to read, and full of ties) and large ones (generic). Everything shrinks towards few tokens
of positive probability and small whole-number weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from specsim.testing.cases import Drafting, Level, NodeCase, TreeCase
from specsim.testing.families import Family, chosen_families
from specsim.testing.tables import TableModel, contexts
from theory.laws import Law
from theory.simplex import Array
from theory.tree import DraftTree

#: How far apart 'nearly equal' distributions are, relative to the mass that is moved.
NEAR = Fraction(1, 10**6)

_RELATIONS = st.sampled_from(["free", "equal", "near", "permuted", "disjoint", "inside"])
_SMALL_WEIGHT, _LARGE_WEIGHT, _POSITIVE_WEIGHT = st.integers(0, 4), st.integers(0, 10**6), st.integers(1, 4)
_STYLES = st.sampled_from(["small", "large", "one-hot", "peaked"])

Kinds = str | Sequence[str] | None


def fractions_of(weights: Sequence[int]) -> Array:
    """Whole-number weights as an array of fractions that sum to one.

    Examples
    --------
    >>> fractions_of([1, 0, 2]).tolist()
    [Fraction(1, 3), Fraction(0, 1), Fraction(2, 3)]
    """
    total = sum(weights)
    return np.array([Fraction(weight, total) for weight in weights], dtype=object)


def distributions(vocabulary: int = 3, *, support: int = 1) -> SearchStrategy[Array]:
    """Distributions of fractions, shape ``(vocabulary,)``.

    Parameters
    ----------
    vocabulary
        Number of tokens, at least 2; use 3 or more, since two tokens leave a residual only one place to go
        and hide whole classes of mistakes.
    support
        The fewest tokens of positive probability.

    Raises
    ------
    ValueError
        If the vocabulary has less than two tokens, or less than the support.

    Examples
    --------
    >>> distributions(3, support=4)
    Traceback (most recent call last):
        ...
    ValueError: distributions need at least 2 tokens and a support of 1 to 3 of them, got 3 and 4
    """
    if vocabulary < 2 or not 1 <= support <= vocabulary:
        raise ValueError(
            f"distributions need at least 2 tokens and a support of 1 to {vocabulary} of them, "
            f"got {vocabulary} and {support}"
        )
    return _distributions(vocabulary, support)


def pairs(vocabulary: int = 3, *, support: int = 1) -> SearchStrategy[tuple[Array, Array]]:
    """A target and a draft, ``(p, q)``, of shape ``(vocabulary,)`` each.

    Parameters
    ----------
    vocabulary
        Number of tokens.
    support
        The fewest tokens of positive probability in q.
    """
    return _pairs(vocabulary, support)


def laws(vocabulary: int = 3, *, drafts: int = 2, kinds: Kinds = None) -> SearchStrategy[Law]:
    """Laws of some drafts at one node.

    Parameters
    ----------
    vocabulary, drafts
        Their sizes.
    kinds
        Names of families (``specsim.testing.FAMILIES``); None for all that have so many drafts.

    Raises
    ------
    ValueError
        If none of the families has so many drafts.
    """
    families = [f for f in chosen_families(kinds) if f.counts(drafts) and f.support(drafts) <= vocabulary]
    if not families:
        raise ValueError(f"no law of {kinds or 'any kind'} has {drafts} drafts over {vocabulary} tokens")
    return st.one_of(*(node_cases(family, drafts, vocabulary) for family in families)).map(lambda x: x.law)


def node_cases(family: Family, k: int, vocabulary: int = 3) -> SearchStrategy[NodeCase]:
    """One node: a target, and a law of k drafts of the family."""
    return _node_cases(family, k, vocabulary)


def table_models(vocabulary: int = 3, *, order: int = 2, support: int = 1) -> SearchStrategy[TableModel]:
    """Language models that are tables over every context of at most ``order`` tokens."""
    return _table_pairs(vocabulary, order, support).map(lambda models: models[1])


def table_pairs(
    vocabulary: int = 3, *, order: int = 2, support: int = 1
) -> SearchStrategy[tuple[TableModel, TableModel]]:
    """A target and a draft table model: each context has one of up to four adversarial pairs."""
    return _table_pairs(vocabulary, order, support)


def tree_cases(
    drafting: Drafting | Sequence[Level], vocabulary: int = 3, *, rounds: int = 1
) -> SearchStrategy[TreeCase]:
    """A pair of table models, to draft trees from for some rounds."""
    how = drafting if isinstance(drafting, Drafting) else Drafting.by_levels(drafting)
    models = _table_pairs(vocabulary, how.depth, how.support)
    return models.map(lambda pair: TreeCase(*pair, how, rounds))


def branchings(
    *, depth: int = 2, width: int = 2, kinds: Kinds = ("iid", "without-replacement")
) -> SearchStrategy[tuple[Level, ...]]:
    """Levels of trees up to a depth and a width: how the children of each node are drawn."""
    options = [
        Level(family, k)
        for k in range(1, width + 1)
        for family in chosen_families(kinds)
        if family.counts(k) and family.drafters(k) == 1
    ]
    return st.lists(st.sampled_from(options), min_size=1, max_size=depth).map(tuple)


def trees(vocabulary: int = 3, *, depth: int = 2, width: int = 2) -> SearchStrategy[DraftTree]:
    """Drafted trees with their laws recorded; every drafted token had positive probability."""
    return _trees(vocabulary, depth, min(width, vocabulary))


@cache
def _distributions(vocabulary: int, support: int) -> SearchStrategy[Array]:
    return _weights(vocabulary, support).map(fractions_of)


@st.composite
def _weights(draw: DrawFn, vocabulary: int, support: int) -> list[int]:
    style = draw(_STYLES)
    if style in ("one-hot", "peaked"):
        token = draw(_tokens(vocabulary))
        low, high = (0, 1) if style == "one-hot" and support == 1 else (1, 10**6)
        return [high if i == token else low for i in range(vocabulary)]
    weight = _SMALL_WEIGHT if style == "small" else _LARGE_WEIGHT
    weights = [draw(weight) for _ in range(vocabulary)]
    while sum(w > 0 for w in weights) < support:
        weights[weights.index(0)] = 1
    return weights


@cache
def _tokens(vocabulary: int) -> SearchStrategy[int]:
    return st.integers(0, vocabulary - 1)


@cache
def _orders(vocabulary: int) -> SearchStrategy[Any]:
    return st.permutations(range(vocabulary))


@cache
def _pairs(vocabulary: int, support: int) -> SearchStrategy[tuple[Array, Array]]:
    return _pair(vocabulary, support)


@st.composite
def _pair(draw: DrawFn, vocabulary: int, support: int) -> tuple[Array, Array]:
    q = draw(distributions(vocabulary, support=support))
    relation = draw(_RELATIONS)
    if relation == "equal":
        return q.copy(), q
    if relation == "near":
        return _moved(draw, q), q
    if relation == "permuted":
        return q[draw(_orders(vocabulary))], q
    if relation in ("disjoint", "inside"):
        return _restricted(draw, q, keep=relation == "inside"), q
    return draw(distributions(vocabulary)), q


def _moved(draw: DrawFn, q: Array) -> Array:
    """q with a millionth of one token's mass moved to another."""
    live = np.flatnonzero(q > 0)
    source = int(live[draw(_tokens(live.size))])
    goal = (source + 1 + draw(_tokens(q.size - 1))) % q.size
    p = q.copy()
    p[goal] += p[source] * NEAR
    p[source] -= p[source] * NEAR
    return p


def _restricted(draw: DrawFn, q: Array, *, keep: bool) -> Array:
    """A distribution inside q's support, or outside of it (anywhere, if nothing is outside)."""
    allowed = [token for token in range(q.size) if (q[token] > 0) == keep]
    if not allowed:
        return draw(distributions(q.size))
    full = [draw(_POSITIVE_WEIGHT) if token in allowed else 0 for token in range(q.size)]
    return fractions_of(full)


@cache
def _node_cases(family: Family, k: int, vocabulary: int) -> SearchStrategy[NodeCase]:
    return _node_case(family, k, vocabulary)


@st.composite
def _node_case(draw: DrawFn, family: Family, k: int, vocabulary: int) -> NodeCase:
    p, q = draw(pairs(vocabulary, support=family.support(k)))
    others = [draw(distributions(vocabulary)) for _ in range(family.drafters(k) - 1)]
    return NodeCase.of(family, k, p=p, drafters=(q, *others))


@cache
def _table_pairs(vocabulary: int, order: int, support: int) -> SearchStrategy[tuple[TableModel, TableModel]]:
    pool = st.lists(pairs(vocabulary, support=support), min_size=1, max_size=4)
    return _table_pair(pool, tuple(contexts(vocabulary, order)))


@st.composite
def _table_pair(draw: DrawFn, pool: Any, places: tuple[Any, ...]) -> tuple[TableModel, TableModel]:
    chosen = draw(pool)
    last = _tokens(len(chosen))
    which = [draw(last) if len(chosen) > 1 else 0 for _ in places]
    target, draft = (
        TableModel({place: chosen[index][side] for place, index in zip(places, which, strict=True)})
        for side in (0, 1)
    )
    return target, draft


@st.composite
def _trees(draw: DrawFn, vocabulary: int, depth: int, width: int) -> DraftTree:
    levels = draw(branchings(depth=depth, width=width))
    case = draw(tree_cases(levels, vocabulary))
    return case.grow(_Picking(draw), draft=case.draft)


class _Picking:
    """A chance whose answers are hypothesis's choices among those of positive probability."""

    def __init__(self, draw: DrawFn) -> None:
        self._draw = draw

    def flip(self, probability: Any, *, stream: str) -> bool:
        options = [answer for answer, mass in ((True, probability), (False, 1 - probability)) if mass > 0]
        return self._draw(st.sampled_from(options))

    def draw(self, weights: Any, *, stream: str) -> int:
        return self._draw(st.sampled_from([int(i) for i in np.flatnonzero(np.asarray(weights) > 0)]))
