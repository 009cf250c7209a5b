"""The pairs of distributions that a statistical test is run on.

The same mistake may be eighty times as visible on one pair as on another (draft and residual sharing one
Gumbel vector: a total variation of 0.001 on most ordinary pairs of three tokens, of 0.083 on the worst), so
a test that means something is run on many pairs. Structured ones come first: opposite, an overdrafted token
before equal deficits (where choices that share randomness show most), peaked against flat, zeros on either
side, near-equal; then random ones, of denominator 64 so that a report can state them exactly.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from specsim.testing.cases import Case, Drafting, NodeCase, TreeCase
from specsim.testing.families import Family
from specsim.testing.strategies import fractions_of
from specsim.testing.tables import TableModel, contexts
from theory.laws import Tokens
from theory.simplex import Array

_GRAIN = 64


def pairs_of(vocabulary: int, count: int, *, support: int, seed: int) -> list[tuple[Array, Array]]:
    """Pairs ``(p, q)`` of fractions; the structured ones first.

    Examples
    --------
    >>> p, q = pairs_of(3, 1, support=1, seed=0)[0]
    >>> print(*p, "|", *q)
    1/6 1/3 1/2 | 1/2 1/3 1/6
    """
    rng = np.random.default_rng(seed)
    pairs = [pair for pair in _structured(vocabulary) if np.count_nonzero(pair[1] > 0) >= support]
    while len(pairs) < count:
        concentration = rng.choice([0.3, 1.0, 3.0])
        pair = tuple(_random(vocabulary, concentration, rng) for _ in range(2))
        if np.count_nonzero(pair[1] > 0) >= support:
            pairs.append((pair[0], pair[1]))
    return pairs[:count]


def _structured(vocabulary: int) -> list[tuple[Array, Array]]:
    ramp = fractions_of(list(range(1, vocabulary + 1)))
    flat = fractions_of([1] * vocabulary)
    peaked = fractions_of([6 * vocabulary] + [1] * (vocabulary - 1))
    hollow = fractions_of([0] + [1] * (vocabulary - 1))
    nearly = ramp.copy()
    nearly[0], nearly[-1] = nearly[0] + Fraction(1, 100), nearly[-1] - Fraction(1, 100)
    back = ramp[::-1].copy()
    uneven = [30, 19] + [1] * (vocabulary - 2)
    scale = vocabulary - 1
    overdrafted = fractions_of([scale * weight for weight in uneven])
    owed = fractions_of([0] + [scale * weight + 30 for weight in uneven[1:]])
    return [
        (ramp, back),
        (owed, overdrafted),
        (flat, peaked),
        (peaked, flat),
        (hollow, peaked),
        (flat, hollow),
        (nearly, ramp),
        (peaked[::-1].copy(), peaked),
    ]


def _random(vocabulary: int, concentration: float, rng: np.random.Generator) -> Array:
    weights = rng.multinomial(_GRAIN, rng.dirichlet([concentration] * vocabulary))
    return fractions_of([int(weight) for weight in weights])


def node_portfolio(family: Family, k: int, *, vocabulary: int, count: int, seed: int) -> list[Case]:
    """Cases of one node."""
    pairs = pairs_of(vocabulary, count, support=family.support(k), seed=seed)
    drafters = family.drafters(k)
    return [
        NodeCase.of(family, k, p=p.copy(), drafters=tuple(q.copy() for _ in range(drafters)))
        for p, q in pairs
    ]


def tree_portfolio(drafting: Drafting, *, vocabulary: int, count: int, seed: int) -> list[Case]:
    """Cases over trees: each context has another pair of the portfolio."""
    places = contexts(vocabulary, drafting.depth)
    pairs = pairs_of(vocabulary, count + len(places), support=drafting.support, seed=seed)
    return [_tree_case(drafting, pairs[start : start + len(places)], places) for start in range(count)]


def _tree_case(drafting: Drafting, pairs: list[tuple[Array, Array]], places: list[Tokens]) -> TreeCase:
    target, draft = (
        TableModel({place: pair[side] for place, pair in zip(places, pairs, strict=True)}) for side in (0, 1)
    )
    return TreeCase(target, draft, drafting)
