"""Making a counterexample readable: the same failure on distributions of the smallest denominators.

Hypothesis shrinks the choices that made a case; a failing 'nearly equal' pair therefore stays a pair of
millionths. Here plain pairs of small fractions are tried from the smallest on, and the first that fails
alike is taken.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from specsim.testing.cases import Case, NodeCase, TreeCase
from specsim.testing.tables import TableModel
from theory.simplex import Array

#: Denominators up to this are small enough to be left alone.
SMALL = 6


def simplified(case: Case, fails_alike: Callable[[Case], bool], *, tries: int) -> Case:
    """A case of small fractions that fails alike, or the case itself if none of the first ``tries`` does."""
    if _size(case) <= SMALL:
        return case
    return next((other for other in itertools.islice(_smaller(case), tries) if fails_alike(other)), case)


def _size(case: Case) -> int:
    """The largest denominator of a case."""
    rows = [case.p, *case.drafters] if isinstance(case, NodeCase) else _rows(case)
    return max(Fraction(entry).denominator for row in rows for entry in row)


def _rows(case: TreeCase) -> list[Array]:
    return [*case.target.rows.values(), *case.draft.rows.values()]


def _smaller(case: Case) -> Iterator[Case]:
    vocabulary = case.p.size if isinstance(case, NodeCase) else case.target.vocabulary
    support = _support(case)
    for p, q in _small_pairs(vocabulary):
        if np.count_nonzero(q > 0) >= support:
            if isinstance(case, NodeCase):
                yield _node(case, p, q)
            else:
                target, draft = TableModel.constant(p), TableModel.constant(q)
                yield TreeCase(target, draft, case.drafting, case.rounds)


def _node(case: NodeCase, p: Array, q: Array) -> NodeCase:
    assert case.family is not None
    copies = tuple(q.copy() for _ in case.drafters)
    return NodeCase.of(case.family, case.law.k, p=p.copy(), drafters=copies)


def _support(case: Case) -> int:
    if isinstance(case, TreeCase):
        return case.drafting.support
    return case.family.support(case.law.k) if case.family else 1


@lru_cache(maxsize=8)
def _small_pairs(vocabulary: int) -> tuple[tuple[Array, Array], ...]:
    """Pairs of distributions with denominators up to 4, the smallest first."""
    rows = _small_distributions(vocabulary)
    pairs = itertools.product(rows, rows)
    return tuple(sorted(pairs, key=lambda pair: _denominator(pair[0]) + _denominator(pair[1])))


def _small_distributions(vocabulary: int) -> list[Array]:
    found: dict[tuple[Fraction, ...], None] = {}
    for total in range(1, 5):
        for weights in itertools.product(range(total + 1), repeat=vocabulary):
            if sum(weights) == total:
                found[tuple(Fraction(weight, total) for weight in weights)] = None
    return [_as_row(entries) for entries in found]


def _as_row(entries: tuple[Any, ...]) -> Array:
    row = np.array(entries, dtype=object)
    row.flags.writeable = False
    return row


def _denominator(row: Array) -> int:
    return max(int(entry.denominator) for entry in row)
