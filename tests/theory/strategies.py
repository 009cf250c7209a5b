"""Hypothesis strategies: adversarial pairs (p, q) of fractions, and laws of drafts over them.

Every array handed out is read-only: code that writes into its inputs fails at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st

from theory.laws import HubPair, Iid, Independent, Law, Point, Tokens, TopKPlusSample, WithoutReplacement
from theory.laws.base import SequentialLaw
from theory.simplex import Array

#: Short, for arithmetic.
F = Fraction


def frozen(array: Any) -> Array:
    """A read-only array."""
    result = np.asarray(array)
    result.flags.writeable = False
    return result


def fractions(weights: Sequence[Any]) -> Array:
    """Weights over their total, as a read-only vector of fractions."""
    total = sum(F(weight) for weight in weights)
    return frozen(np.array([F(weight) / total for weight in weights], dtype=object))


def floats(values: Any) -> Array:
    """A read-only float64 copy."""
    return frozen(np.array(values, dtype=np.float64))


@cache
def weights(size: int, support: int) -> st.SearchStrategy[list[int]]:
    """Small integers with at least ``support`` positive ones: zeros and ties are common.

    Cached, like the strategies below: building one costs more than drawing from it.
    """
    few = st.lists(st.integers(0, 6), min_size=size, max_size=size)
    flat = st.lists(st.integers(0, 1), min_size=size, max_size=size)
    peaked = st.lists(st.sampled_from([0, 1, 10**3, 10**9]), min_size=size, max_size=size)
    return st.one_of(few, few, flat, peaked).filter(lambda w: sum(x > 0 for x in w) >= support)


@cache
def distributions(size: int, support: int = 1) -> st.SearchStrategy[Array]:
    """One distribution of fractions over ``size`` tokens."""
    return weights(size, support).map(fractions)


@cache
def one_of(choices: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    """One of the given values."""
    return st.sampled_from(choices)


KINDS = ("free", "free", "near", "equal", "disjoint", "one-hot", "swapped")


@cache
def pairs(*, size: int, support: int = 1) -> st.SearchStrategy[tuple[Array, Array]]:
    """A target and a draft; the draft's support has at least ``support`` tokens."""
    return _pairs(size, support)


@st.composite
def _pairs(draw: st.DrawFn, size: int, support: int) -> tuple[Array, Array]:
    q = draw(weights(size, support))
    other = draw(weights(size, 1))
    return fractions(_target(draw(one_of(KINDS)), q, other)), fractions(q)


def _target(kind: str, q: list[int], other: list[int]) -> Sequence[Any]:
    if kind == "near":
        tiny = F(1, 10**9)
        return [F(a, sum(q)) * (1 - tiny) + F(b, sum(other)) * tiny for a, b in zip(q, other, strict=True)]
    if kind == "equal":
        return q
    if kind == "disjoint" and 0 in q:
        return [int(a == 0) for a in q]
    if kind == "one-hot":
        best = other.index(max(other))
        return [int(token == best) for token in range(len(q))]
    if kind == "swapped":
        return q[::-1]
    return other


@dataclass(frozen=True, eq=False)
class Correlated(SequentialLaw):
    """A made-up law of two drafts: the second is drawn from a row chosen by the first."""

    first: Array
    second: Array

    @property
    def k(self) -> int:
        return 2

    @property
    def vocabulary(self) -> int:
        return int(self.first.shape[-1])

    def conditional(self, drawn: Tokens) -> Array:
        row: Array = self.second[drawn[0]] if drawn else self.first
        return row


def _correlated(q: Array, k: int, others: list[Array]) -> Law:
    rows = [np.roll(others[0], shift) for shift in range(q.size)]
    return Correlated(q, frozen(np.array(rows, dtype=object)))


#: How to make each law from a draft, the number of drafts, and further drafts.
MAKERS: dict[str, Callable[[Array, int, list[Array]], Law]] = {
    "iid": lambda q, k, others: Iid(q, k),
    "without replacement": lambda q, k, others: WithoutReplacement(q, k),
    "top k plus sample": lambda q, k, others: TopKPlusSample(q, k),
    "hub pair": lambda q, k, others: HubPair(q),
    "point": lambda q, k, others: Point.top(q, k),
    "independent": lambda q, k, others: Independent(tuple([q, *others][:k])),
    "correlated": _correlated,
}
LAWS = tuple(MAKERS)
_PAIRS_ONLY = ("hub pair", "correlated")
_NEEDS_SUPPORT = ("without replacement", "top k plus sample", "hub pair", "point")


@st.composite
def problems(
    draw: st.DrawFn,
    *,
    law: str,
    sizes: Sequence[int] = (3, 4),
    drafts: Sequence[int] = (1, 2, 3),
) -> tuple[Array, Law]:
    """A target and a law of drafts of the named kind, in fractions."""
    size = draw(one_of(tuple(sizes)))
    k = 2 if law in _PAIRS_ONLY else draw(one_of(tuple(k for k in drafts if k <= size)))
    p, q = draw(pairs(size=size, support=k if law in _NEEDS_SUPPORT else 1))
    others = [draw(distributions(size)) for _ in range(2)] if law in ("independent", "correlated") else []
    return p, MAKERS[law](q, k, others)


def as_floats(law: Law) -> Law:
    """The same law over float64 distributions."""
    if isinstance(law, Point):
        return law
    if isinstance(law, Independent):
        return Independent(tuple(floats(q) for q in law.drafters))
    if isinstance(law, Correlated):
        return Correlated(floats(law.first), floats(law.second))
    if isinstance(law, HubPair):
        return HubPair(floats(law.q))
    assert isinstance(law, Iid | WithoutReplacement | TopKPlusSample)
    return type(law)(floats(law.q), law.k)
